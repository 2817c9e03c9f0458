//! The rules of admission: pure, with time as an argument.
//!
//! A reason that a restart does not clear needs the user's confirmation. At most [`LIMIT`] restarts of a profile within
//! [`WINDOW`] without force: a restart storm does more harm than a red light (field report #7213: a watchdog restarted
//! its gateway every 3 minutes). Gatelight restarts automatically only if the user enabled that.

use jiff::{SignedDuration, Timestamp};

use crate::health::{Light, Reason, RestartHelps, Verdict};
use crate::order::Order as _;

/// Most restarts of one profile within [`WINDOW`] without force.
pub const LIMIT: usize = crate::config::MAX_RESTARTS_PER_HOUR;

/// The sliding window of [`LIMIT`].
pub const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// Shortest time between two automatic restarts of one profile: long enough to see whether the first one worked.
pub const AUTO_COOLDOWN: SignedDuration = SignedDuration::from_mins(5);

/// The limit of restarts within the window is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// Restarts within [`WINDOW`].
    pub count: usize,
    /// When the next one is allowed.
    pub again_at: Timestamp,
}

/// Why the user has to confirm a restart; `None`: no confirmation is needed.
pub fn needs_confirmation(reason: Reason) -> Option<RestartHelps> {
    reason.restart().filter(|helps| !helps.now())
}

/// Whether one more restart after these, in any order, exceeds the limit.
pub fn too_many(history: &[Timestamp], now: Timestamp) -> Option<TooMany> {
    let mut recent: Vec<Timestamp> = history.iter().copied().filter(|at| is_recent(*at, now)).collect();
    recent.order();
    let count = recent.len();
    let freed = *recent.get(count.checked_sub(LIMIT)?)?;
    Some(TooMany { count, again_at: freed.checked_add(WINDOW).unwrap_or(now) })
}

/// Whether a restart at this time counts. After the clock was set back a time may lie in the future: it counts too, up
/// to [`WINDOW`] ahead.
pub fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at).abs() < WINDOW
}

/// Whether Gatelight restarts automatically now. `per_hour`: the most restarts that the user's settings allow; `None`:
/// automatic restarts are off, the default.
///
/// Only for a red light whose reason a restart clears, and never twice within [`AUTO_COOLDOWN`]. The restart then needs a
/// permit as any other.
pub fn restarts_automatically(
    per_hour: Option<usize>,
    verdict: &Verdict,
    history: &[Timestamp],
    now: Timestamp,
) -> bool {
    let recent = history.iter().filter(|at| is_recent(**at, now)).count();
    per_hour.is_some_and(|most| recent < most.min(LIMIT))
        && verdict.light() == Light::Red
        && verdict.reason.restart().is_some_and(RestartHelps::now)
        && history.iter().all(|at| now.duration_since(*at).abs() >= AUTO_COOLDOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn a_reason_needs_confirmation_exactly_where_a_restart_does_not_help() {
        for reason in Reason::all() {
            let expected = match reason.restart() {
                None | Some(RestartHelps::Yes | RestartHelps::ByForce) => None,
                helps => helps,
            };
            assert_eq!(needs_confirmation(reason), expected, "{reason:?}");
        }
    }

    #[test]
    fn the_limit_rolls() {
        let history: Vec<Timestamp> = (0..6).map(|i| at(i * 100)).collect();
        for (now, again_at) in [(600, Some(3600)), (3599, Some(3600)), (3600, None)] {
            let expected = again_at.map(|s| TooMany { count: 6, again_at: at(s) });
            assert_eq!(too_many(&history, at(now)), expected, "{now}");
        }
        assert_eq!(too_many(&history[1..], at(600)), None);
        // forced ones count as well: with seven in the window, two have to leave it
        let seven: Vec<Timestamp> = (0..7).map(|i| at(i * 100)).collect();
        assert_eq!(too_many(&seven, at(700)), Some(TooMany { count: 7, again_at: at(3700) }));
    }

    #[test]
    fn a_clock_set_back_blocks_nothing_for_ever() {
        assert_eq!(too_many(&[at(86_400); 9], at(0)), None);
    }

    #[test]
    fn automatic_restarts_only_where_enabled_and_useful() {
        let verdict = |reason| Verdict { reason, ..Verdict::unknown(at(0)) };
        for reason in Reason::all() {
            let useful = reason.light() == Light::Red && reason.restart().is_some_and(RestartHelps::now);
            assert_eq!(restarts_automatically(Some(6), &verdict(reason), &[], at(0)), useful, "{reason:?}");
            assert!(!restarts_automatically(None, &verdict(reason), &[], at(0)), "{reason:?}");
        }
        let dead = verdict(Reason::ExecutorShutdown);
        assert!(!restarts_automatically(Some(6), &dead, &[at(0)], at(299)));
        assert!(restarts_automatically(Some(6), &dead, &[at(0)], at(300)));
        let six: Vec<Timestamp> = (0..6).map(|i| at(i * 300)).collect();
        assert!(!restarts_automatically(Some(6), &dead, &six, at(1900)));
        assert!(restarts_automatically(Some(6), &dead, &six, at(3600)));
        // the user's own limit, and never more than the common one
        assert!(restarts_automatically(Some(3), &dead, &six[..2], at(1900)));
        assert!(!restarts_automatically(Some(2), &dead, &six[..2], at(1900)));
        assert!(!restarts_automatically(Some(60), &dead, &six, at(1900)));
    }
}
