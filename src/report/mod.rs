//! One page that shows what happened: self-contained, without scripts, legible without colour.
//!
//! [`make`] reads the history or replays old logs; [`render`] is pure: [`strip`] draws, [`html`] writes, [`escape`]
//! makes text from outside safe.

mod escape;
mod html;
mod make;
mod strip;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::history::{Record, Window};
use crate::text::Lang;

pub(crate) use make::{Request, Source, check_replaceable, write_private};

/// What a page is made of.
#[derive(Debug, Clone)]
pub struct ReportInput {
    /// Changes, restarts and watched times; see [`Record::from_changes`] for old logs.
    pub record: Record,
    /// Incidents of this window are listed. The strips end where it ends.
    pub window: Window,
    /// When the page is made; for old logs, their end.
    pub made_at: Timestamp,
    /// The record comes from old logs, not from what Gatelight watched.
    pub from_logs: bool,
    /// The language.
    pub lang: Lang,
    /// The zone in which times are shown.
    pub zone: TimeZone,
    /// The version of Gatelight.
    pub version: String,
}

/// Most profiles on one page.
const MAX_PROFILES: usize = 100;
/// Most incidents listed of one profile.
const MAX_INCIDENTS: usize = 200;

/// The page as one HTML document.
pub fn render(input: &ReportInput) -> String {
    html::page(input)
}
