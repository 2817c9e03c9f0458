//! The command line: one file a command, exit codes, nothing decided.

pub mod diagnose;
pub mod generate;
pub mod history;
pub mod logs;
pub mod record;
pub mod replay;
pub mod report;
pub mod restart;
pub mod serve;
pub mod swiftbar;
