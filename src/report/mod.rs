//! One page that shows what happened: self-contained, without scripts, legible without colour.
//!
//! [`render`] is a pure function: from the history and from the replay of old logs alike. [`strip`] draws, [`html`]
//! writes and escapes.

mod html;
mod make;
mod strip;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::history::{Record, Window};
use crate::text::Lang;

pub(crate) use make::{Request, Source, write_private};

/// All that the page is made of.
#[derive(Debug, Clone)]
pub struct ReportInput {
    /// What is known; see [`Record::from_changes`] for old logs.
    pub record: Record,
    /// The incidents listed: of this window. The strips end where it ends.
    pub window: Window,
    /// When the page is made. For old logs, their end.
    pub made_at: Timestamp,
    /// It tells of old logs, not of what Gatelight watched.
    pub from_logs: bool,
    /// The language.
    pub lang: Lang,
    /// The zone in which times are shown.
    pub zone: TimeZone,
    /// The version of Gatelight.
    pub version: String,
}

/// Most profiles on one page.
pub const PROFILES_MAX: usize = 100;
/// Most incidents listed of one profile.
pub const INCIDENTS_MAX: usize = 200;

/// The page, whole and self-contained.
pub fn render(input: &ReportInput) -> String {
    html::page(input)
}
