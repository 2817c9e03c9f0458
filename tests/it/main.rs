//! The integration tests: one binary, because each one more would link the whole crate again. A module is a room of
//! `src/lib.rs`, or what goes through several of them.
//!
//! Tests share this process and run side by side: what changes the process as a whole (environment, resource limits,
//! signals) belongs into a child process, as in `history::store`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests are tests

mod support;

mod architecture;
#[cfg(target_os = "linux")]
mod channels;
mod cli;
#[cfg(target_os = "linux")]
mod desktop;
mod doctor;
mod evidence;
mod health;
mod history;
mod hostile;
mod manager;
mod serve;
