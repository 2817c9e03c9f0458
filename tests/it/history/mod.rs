//! The history file, its report page, and what old logs say.

mod postmortem;
mod report_page;
mod store;
