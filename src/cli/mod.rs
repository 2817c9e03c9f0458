//! The command line: one file per command.

pub mod diagnose;
pub mod generate;
pub mod history;
pub mod report;
pub mod serve;
pub mod swiftbar;
