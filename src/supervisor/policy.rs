//! Whether a restart may begin: pure rules, time as an argument.
//!
//! One action at a time for a profile; a second request joins the first; what an older action says late is dropped. A
//! reason that a restart does not clear wants a word first. No more than [`LIMIT`] restarts of a profile within
//! [`WINDOW`] without force: a restart storm hurts more than a red light (field report #7213: a gateway restarted every
//! 3 minutes by its watchdog). By itself Gatelight restarts only where the user turned that on.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::health::{Light, Reason, RestartHelps, Verdict};

/// Most restarts of one profile within [`WINDOW`] without force.
pub const LIMIT: usize = 6;

/// The rolling window of [`LIMIT`].
pub const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// Shortest time between the starts of two automatic restarts of one profile: the first has had its chance by then.
pub const AUTO_PAUSE: SignedDuration = SignedDuration::from_mins(5);

/// An action that has not ended by now never will: its owner died. Above every limit of a verified restart together.
pub const LONGEST: SignedDuration = SignedDuration::from_mins(30);

/// Names one action of one profile. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u64);

/// A request for a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// What is wrong (or not) at this time.
    pub reason: Reason,
    /// The user was told that it may not help, and wants it.
    pub yes: bool,
    /// The user wants it above the limit.
    pub force: bool,
}

/// What is to be done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Begin: this is the action's name.
    Begin(Generation),
    /// One is under way: its outcome is the answer to this request too.
    Join(Generation),
    /// A restart does not help: ask first.
    Confirm(RestartHelps),
    /// Too many in the last hour.
    TooMany {
        /// How many there were.
        count: usize,
        /// When the next one is allowed.
        again_at: Timestamp,
    },
}

/// The actions under way, one for a profile.
#[derive(Debug, Default)]
pub struct Desk {
    last: u64,
    under_way: HashMap<String, (Generation, Timestamp)>,
}

impl Desk {
    /// Decides on a request. `history`: when this profile was restarted before, in any order.
    pub fn ask(&mut self, profile: &str, ask: Ask, history: &[Timestamp], now: Timestamp) -> Decision {
        if let Some(generation) = self.under_way(profile, now) {
            return Decision::Join(generation);
        }
        if let Some(helps) = ask.reason.restart().filter(|helps| !helps.now() && !ask.yes) {
            return Decision::Confirm(helps);
        }
        if let Some(too_many) = too_many(history, now).filter(|_| !ask.force) {
            return too_many;
        }
        self.last += 1;
        let generation = Generation(self.last);
        self.under_way.insert(profile.to_owned(), (generation, now));
        Decision::Begin(generation)
    }

    /// The action of this profile that is under way.
    pub fn under_way(&self, profile: &str, now: Timestamp) -> Option<Generation> {
        let (generation, since) = self.under_way.get(profile)?;
        // A clock that was set back must not hold an action for ever: its distance counts, not its direction.
        (now.duration_since(*since).abs() < LONGEST).then_some(*generation)
    }

    /// Whether a word of this action still counts; that of an older one is dropped.
    pub fn is_current(&self, profile: &str, generation: Generation) -> bool {
        self.under_way.get(profile).is_some_and(|(current, _)| *current == generation)
    }

    /// Ends an action. `false`: it is not the one under way, and its outcome is dropped.
    pub fn finish(&mut self, profile: &str, generation: Generation) -> bool {
        let current = self.is_current(profile, generation);
        if current {
            self.under_way.remove(profile);
        }
        current
    }
}

/// The answer to one more restart after these, without force; `None` where it is allowed.
pub fn too_many(history: &[Timestamp], now: Timestamp) -> Option<Decision> {
    let mut recent: Vec<Timestamp> = history.iter().copied().filter(|at| is_recent(*at, now)).collect();
    recent.sort_unstable();
    let count = recent.len();
    let freed = *recent.get(count.checked_sub(LIMIT)?)?;
    Some(Decision::TooMany { count, again_at: freed.checked_add(WINDOW).unwrap_or(now) })
}

/// Whether a restart at this time counts. One "in the future" counts too (the clock was set back), unless it lies
/// further off than the window.
pub fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at).abs() < WINDOW
}

/// Whether Gatelight restarts by itself now. `per_hour`: the most that the user's settings allow, `None` where they do
/// not allow it at all, which is the default.
///
/// Only for a red light whose reason a restart clears, and never twice within [`AUTO_PAUSE`]; the limit and everything
/// else hold as for any request, which [`Desk::ask`] decides afterwards.
pub fn by_itself(per_hour: Option<usize>, verdict: &Verdict, history: &[Timestamp], now: Timestamp) -> bool {
    let recent = history.iter().filter(|at| is_recent(**at, now)).count();
    per_hour.is_some_and(|most| recent < most.min(LIMIT))
        && verdict.light() == Light::Red
        && verdict.reason.restart().is_some_and(RestartHelps::now)
        && history.iter().all(|at| now.duration_since(*at).abs() >= AUTO_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn ask(reason: Reason) -> Ask {
        Ask { reason, yes: false, force: false }
    }

    #[test]
    fn a_second_request_joins_the_first_and_late_words_are_dropped() {
        let mut desk = Desk::default();
        let Decision::Begin(first) = desk.ask("work", ask(Reason::ExecutorShutdown), &[], at(0)) else {
            panic!()
        };
        assert_eq!(desk.ask("work", ask(Reason::ExecutorShutdown), &[], at(1)), Decision::Join(first));
        // joining needs neither a confirmation nor the limit
        assert_eq!(desk.ask("work", ask(Reason::AuthRejected), &[at(0); 9], at(1)), Decision::Join(first));
        // another profile has its own
        assert!(
            matches!(desk.ask("default", ask(Reason::NotRunning), &[], at(1)), Decision::Begin(g) if g > first)
        );
        assert!(desk.is_current("work", first));
        // its owner died: a new one begins, and the old one's late words are dropped
        let late = at(LONGEST.as_secs());
        let Decision::Begin(second) = desk.ask("work", ask(Reason::NotRunning), &[], late) else { panic!() };
        assert!(second > first && !desk.is_current("work", first) && !desk.finish("work", first));
        assert_eq!(desk.under_way("work", late), Some(second));
        assert!(desk.finish("work", second));
        assert!(!desk.finish("work", second), "an action ends once");
        assert_eq!(desk.under_way("work", late), None);
    }

    #[test]
    fn a_clock_set_back_holds_nothing_for_ever() {
        let mut desk = Desk::default();
        desk.ask("work", ask(Reason::NotRunning), &[], at(86_400));
        assert!(matches!(desk.ask("work", ask(Reason::NotRunning), &[], at(0)), Decision::Begin(_)));
        assert_eq!(too_many(&[at(86_400); 9], at(0)), None);
    }

    #[test]
    fn each_reason_asks_first_exactly_where_a_restart_does_not_help() {
        for reason in Reason::all() {
            let decision = Desk::default().ask("work", ask(reason), &[], at(0));
            match reason.restart() {
                None | Some(RestartHelps::Yes | RestartHelps::ByForce) => {
                    assert!(matches!(decision, Decision::Begin(_)), "{reason:?}");
                }
                Some(helps) => assert_eq!(decision, Decision::Confirm(helps), "{reason:?}"),
            }
            let sure = Ask { yes: true, ..ask(reason) };
            assert!(
                matches!(Desk::default().ask("work", sure, &[], at(0)), Decision::Begin(_)),
                "{reason:?}"
            );
        }
    }

    #[test]
    fn the_limit_rolls() {
        let history: Vec<Timestamp> = (0..6).map(|i| at(i * 100)).collect();
        let mut asked = ask(Reason::ReconnectStalled);
        for (now, again_at) in [(600, Some(3600)), (3599, Some(3600)), (3600, None)] {
            let decision = Desk::default().ask("work", asked, &history, at(now));
            match again_at {
                Some(s) => assert_eq!(decision, Decision::TooMany { count: 6, again_at: at(s) }, "{now}"),
                None => assert!(matches!(decision, Decision::Begin(_)), "{now}"),
            }
        }
        assert_eq!(too_many(&history[1..], at(600)), None);
        // forced ones count as well: with seven in the window, two have to leave it
        let seven: Vec<Timestamp> = (0..7).map(|i| at(i * 100)).collect();
        assert_eq!(too_many(&seven, at(700)), Some(Decision::TooMany { count: 7, again_at: at(3700) }));
        asked.yes = true;
        assert!(matches!(Desk::default().ask("work", asked, &history, at(600)), Decision::TooMany { .. }));
        asked.force = true;
        assert!(matches!(Desk::default().ask("work", asked, &history, at(600)), Decision::Begin(_)));
    }

    #[test]
    fn by_itself_only_where_allowed_and_useful() {
        let verdict = |reason| Verdict { reason, ..Verdict::unknown(at(0)) };
        for reason in Reason::all() {
            let useful = reason.light() == Light::Red && reason.restart().is_some_and(RestartHelps::now);
            assert_eq!(by_itself(Some(6), &verdict(reason), &[], at(0)), useful, "{reason:?}");
            assert!(!by_itself(None, &verdict(reason), &[], at(0)), "{reason:?}");
        }
        let dead = verdict(Reason::ExecutorShutdown);
        assert!(!by_itself(Some(6), &dead, &[at(0)], at(299)));
        assert!(by_itself(Some(6), &dead, &[at(0)], at(300)));
        let six: Vec<Timestamp> = (0..6).map(|i| at(i * 300)).collect();
        assert!(!by_itself(Some(6), &dead, &six, at(1900)));
        assert!(by_itself(Some(6), &dead, &six, at(3600)));
        // the user's own limit, and never more than everybody's
        assert!(by_itself(Some(3), &dead, &six[..2], at(1900)));
        assert!(!by_itself(Some(2), &dead, &six[..2], at(1900)));
        assert!(!by_itself(Some(60), &dead, &six, at(1900)));
    }
}
