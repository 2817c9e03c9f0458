//! Time lines, incidents and figures of a history: pure functions over its rows.

mod figures;
mod incidents;
mod marks;
mod timeline;

pub use figures::{Cause, Figures};
pub use incidents::{End, Incident, STILL_OBSERVED, incidents};
pub use marks::{Mark, MarkKind, marks};
pub use timeline::{Span, Window, timeline, unseen};

use super::{ChangeRow, Observed, ProfileRecord};

/// Most links of a profile that are analysed.
const MAX_LINKS: usize = 16;

/// Time line, incidents and figures of one profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysis {
    /// What was shown when.
    pub spans: Vec<Span>,
    /// The incidents.
    pub incidents: Vec<Incident>,
    /// The figures.
    pub figures: Figures,
}

/// Analyses one profile in this window.
pub fn analyse(profile: &ProfileRecord, observed: &[Observed], window: Window) -> Analysis {
    let spans = timeline(&profile.changes, observed, window);
    let incidents = incidents(profile, &spans);
    let figures = Figures::new(&profile.changes, window, &spans, &incidents);
    Analysis { spans, incidents, figures }
}

/// Analyses each link of a profile with several, by platform.
pub fn analyse_links(
    profile: &ProfileRecord,
    observed: &[Observed],
    window: Window,
) -> Vec<(String, Analysis)> {
    let link = |(platform, changes): (&String, &Vec<ChangeRow>)| {
        let alone = ProfileRecord { changes: changes.clone(), ..ProfileRecord::default() };
        (platform.clone(), analyse(&alone, observed, window))
    };
    profile.links.iter().take(MAX_LINKS).map(link).collect()
}

#[cfg(test)]
pub(crate) mod tests;
