//! A window in figures.

use jiff::SignedDuration;

use super::incidents::{End, Incident};
use super::timeline::{Span, Window};
use crate::health::{Light, Reason};
use crate::history::ChangeRow;
use crate::order::Order as _;

/// One cause of incidents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The reason.
    pub reason: Reason,
    /// The platform whose link it is about; `None`: the gateway itself, or not stored.
    pub platform: Option<String>,
    /// How many incidents it caused.
    pub incidents: usize,
    /// How long these were observed, in total.
    pub seen: SignedDuration,
}

/// The figures of one profile in one window.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// The window.
    pub window: Window,
    /// Time with each light: green, grey, amber, red.
    pub lights: [SignedDuration; 4],
    /// Time in which the gateway worked: [`Reason::works`].
    pub working: SignedDuration,
    /// Time without a known state.
    pub unknown: SignedDuration,
    /// Number of incidents.
    pub incidents: usize,
    /// Mean time between failures: working time per incident. `None` without an incident, and where it never worked.
    pub mtbf: Option<SignedDuration>,
    /// Mean time to recovery, over the incidents whose recovery was observed. `None` without one.
    pub mttr: Option<SignedDuration>,
    /// Sorted by number of incidents, then by observed time, descending.
    pub causes: Vec<Cause>,
}

impl Figures {
    pub(super) fn new(changes: &[ChangeRow], window: Window, spans: &[Span], incidents: &[Incident]) -> Self {
        let mut lights = [SignedDuration::ZERO; 4];
        let (mut working, mut unknown) = (SignedDuration::ZERO, SignedDuration::ZERO);
        for span in spans {
            match span.change.and_then(|i| changes.get(i)) {
                Some(change) => {
                    lights[change.light() as usize] += span.length();
                    if change.to.works() {
                        working += span.length();
                    }
                }
                None => unknown += span.length(),
            }
        }
        let recovered: Vec<SignedDuration> =
            incidents.iter().filter(|i| i.end == End::Recovered).map(|i| i.seen).collect();
        Self {
            window,
            lights,
            working,
            unknown,
            incidents: incidents.len(),
            mtbf: mean(working, incidents.len()).filter(SignedDuration::is_positive),
            mttr: mean(recovered.iter().fold(SignedDuration::ZERO, |sum, l| sum + *l), recovered.len()),
            causes: causes(incidents),
        }
    }

    /// Time with a known state.
    pub fn known(&self) -> SignedDuration {
        self.lights.iter().fold(SignedDuration::ZERO, |sum, l| sum + *l)
    }

    /// Time with this light.
    pub fn with(&self, light: Light) -> SignedDuration {
        self.lights[light as usize]
    }

    /// Green time as a share of the known time, 0 to 1; `None` where nothing is known.
    pub fn share_green(&self) -> Option<f64> {
        let known = self.known().as_secs_f64();
        (known > 0.0).then(|| self.with(Light::Green).as_secs_f64() / known)
    }
}

fn mean(sum: SignedDuration, n: usize) -> Option<SignedDuration> {
    i32::try_from(n).ok().filter(|n| *n > 0).and_then(|n| sum.checked_div(n))
}

fn causes(incidents: &[Incident]) -> Vec<Cause> {
    let mut causes: Vec<Cause> = Vec::new();
    for incident in incidents {
        let same = |cause: &&mut Cause| cause.reason == incident.cause && cause.platform == incident.platform;
        match causes.iter_mut().find(same) {
            Some(cause) => {
                cause.incidents += 1;
                cause.seen += incident.seen;
            }
            None => causes.push(Cause {
                reason: incident.cause,
                platform: incident.platform.clone(),
                incidents: 1,
                seen: incident.seen,
            }),
        }
    }
    causes.order_by(|a, b| {
        let rank = |cause: &Cause| (std::cmp::Reverse((cause.incidents, cause.seen)), cause.reason);
        rank(a).cmp(&rank(b)).then_with(|| a.platform.cmp(&b.platform))
    });
    causes
}
