//! The engine behind the menu and the commands.

pub mod actions;
pub mod agent;
pub mod background;
pub mod coverage;
pub mod descriptors;
pub mod diagnostics;
pub mod engine;
pub mod hook;
pub mod instance;
pub mod job_files;
pub mod offline;
pub mod open;
pub mod record;
