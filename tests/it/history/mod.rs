//! The history file, its report page, and old logs.

mod postmortem;
mod report_page;
mod store;
