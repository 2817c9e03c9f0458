//! Attacks: `cargo test --test it -- hostile::` runs them all.

#![allow(clippy::format_push_string)]

#[cfg(target_os = "linux")]
mod channel_secrets;
#[cfg(target_os = "linux")]
mod dead_volume;
mod environment;
mod first_look;
mod first_look_after_restart;
mod fuzz_targets;
mod job_file_shapes;
mod kills;
mod leaks;
mod locked_history;
#[cfg(target_os = "linux")]
mod no_desktop;
mod odd_files;
mod private_words;
mod repairs;
mod requests;
mod secrets;
mod slow_clients;
mod strangers;
mod unanswered_prompt;
