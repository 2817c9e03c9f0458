//! Bad input, lack of resources, secrets.

mod environment;
mod fuzz_targets;
mod locked_history;
mod odd_files;
mod secrets;
