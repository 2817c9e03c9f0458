//! Incidents: times in which a gateway did not work and its light was red at least once. Reconnects that stay amber are
//! not incidents.

use jiff::{SignedDuration, Timestamp};

use super::timeline::Span;
use crate::health::{Light, Proof, Reason};
use crate::history::{ProfileRecord, RestartRow};

/// How an incident ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The gateway works again.
    Recovered,
    /// The gateway was stopped on purpose.
    Stopped,
    /// It ended while nothing was observed.
    Unseen,
    /// It has not ended.
    Ongoing,
}

impl End {
    /// The stable code, as in JSON.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::Stopped => "stopped",
            Self::Unseen => "unseen",
            Self::Ongoing => "ongoing",
        }
    }
}

/// One incident of one profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    /// When it began by its evidence, which may be before the window and before Gatelight observed it.
    pub began: Timestamp,
    /// When it was first observed in the window.
    pub from: Timestamp,
    /// When it was last observed.
    pub to: Timestamp,
    /// How long it was observed.
    pub seen: SignedDuration,
    /// The red reason that held longest.
    pub cause: Reason,
    /// The platform whose link the cause is about; `None`: the gateway itself, or not stored.
    pub platform: Option<String>,
    /// All its reasons, in the order of their first occurrence.
    pub reasons: Vec<Reason>,
    /// The other red reasons with their platforms, in the order of their first occurrence.
    pub others: Vec<(Reason, Option<String>)>,
    /// The proof of the cause.
    pub evidence: Option<Proof>,
    /// How it ended.
    pub end: End,
    /// Restarts by Gatelight during the incident.
    pub restarts: Vec<RestartRow>,
    /// How many new processes appeared.
    pub new_processes: usize,
}

/// The agent extends its observed span once a minute: what it saw less than this ago is still being observed.
pub const STILL_OBSERVED: SignedDuration = SignedDuration::from_secs(150);

/// The incidents of a time line, in order and without overlaps.
pub fn incidents(profile: &ProfileRecord, spans: &[Span]) -> Vec<Incident> {
    let mut found = Vec::new();
    let mut builder = Builder::default();
    for span in spans {
        let Some(change) = span.change.and_then(|i| profile.changes.get(i)) else {
            builder.lost_sight.get_or_insert(span.from);
            continue;
        };
        let end = if change.to.works() {
            Some(End::Recovered)
        } else if change.light() == Light::Grey {
            Some(End::Stopped)
        } else {
            None
        };
        match end {
            None => builder.spans.push(*span),
            Some(end) => {
                let end = if builder.lost_sight.is_some() { End::Unseen } else { end };
                found.extend(std::mem::take(&mut builder).finish(profile, end));
            }
        }
        builder.lost_sight = None;
    }
    let now = spans.last().map(|span| span.to);
    let lost =
        builder.lost_sight.zip(now).is_some_and(|(lost, now)| now.duration_since(lost) > STILL_OBSERVED);
    found.extend(builder.finish(profile, if lost { End::Unseen } else { End::Ongoing }));
    found
}

/// An incident under construction.
#[derive(Default)]
struct Builder {
    /// Spans in which the gateway did not work.
    spans: Vec<Span>,
    /// Since when nothing has been observed.
    lost_sight: Option<Timestamp>,
}

/// One red reason of an incident.
struct RedReason {
    reason: Reason,
    platform: Option<String>,
    length: SignedDuration,
    first_change: usize,
}

impl Builder {
    /// `None` if it was never red.
    fn finish(self, profile: &ProfileRecord, end: End) -> Option<Incident> {
        let (first, last) = (self.spans.first()?, self.spans.last()?);
        let mut reds: Vec<RedReason> = Vec::new();
        let mut reasons = Vec::new();
        let mut pids: Vec<u32> = Vec::new();
        for span in &self.spans {
            let i = span.change?;
            let change = profile.changes.get(i)?;
            if !reasons.contains(&change.to) {
                reasons.push(change.to);
            }
            pids.extend(change.pid.filter(|pid| !pids.contains(pid)));
            if change.light() == Light::Red {
                let same = |red: &&mut RedReason| red.reason == change.to && red.platform == change.platform;
                match reds.iter_mut().find(same) {
                    Some(red) => red.length += span.length(),
                    None => reds.push(RedReason {
                        reason: change.to,
                        platform: change.platform.clone(),
                        length: span.length(),
                        first_change: i,
                    }),
                }
            }
        }
        // reversed, because `max_by_key` takes the last of equally long ones, and the first is wanted
        let longest = (0..reds.len()).rev().max_by_key(|i| reds[*i].length)?;
        let cause = reds.remove(longest);
        let first_change = profile.changes.get(first.change?)?;
        let pid_before =
            first.change?.checked_sub(1).and_then(|i| profile.changes.get(i)).and_then(|change| change.pid);
        let during = |restart: &&RestartRow| restart.asked_at < last.to && restart.ended_at >= first.from;
        Some(Incident {
            began: if first_change.at <= first.from {
                first_change.since.min(first.from)
            } else {
                first.from
            },
            from: first.from,
            to: last.to,
            seen: self.spans.iter().fold(SignedDuration::ZERO, |sum, span| sum + span.length()),
            cause: cause.reason,
            platform: cause.platform,
            reasons,
            others: reds.into_iter().map(|red| (red.reason, red.platform)).collect(),
            evidence: profile.changes.get(cause.first_change)?.evidence.clone(),
            end,
            restarts: profile.restarts.iter().filter(during).cloned().collect(),
            new_processes: pids
                .iter()
                .enumerate()
                .filter(|(n, pid)| pid_before != Some(**pid) && !(*n == 0 && pid_before.is_none()))
                .count(),
        })
    }
}
