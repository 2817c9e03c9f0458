//! The command line: one file per command.

pub mod history;
pub mod report;
pub mod serve;
