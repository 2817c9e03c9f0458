//! Reads files, log lines and processes into `Evidence`, without judging.

mod accounts;
pub mod alarm;
pub mod anonymise;
pub mod carriers;
pub mod clean_lines;
pub mod clock;
pub mod collector;
mod cron;
pub mod deduplicator;
mod forged;
mod hermes_config;
mod identity;
pub mod line;
pub mod locks;
pub mod log_event;
pub mod logbook;
pub mod patterns;
pub mod process;
mod ready;
mod records;
pub mod state_files;
pub mod tail;
mod update;
pub(crate) mod version;
pub mod volume;
pub mod watch;
