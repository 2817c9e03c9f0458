//! The integration tests, in one binary: each further one would link the whole crate again. A module tests a room of
//! `src/lib.rs`, or several of them together.
//!
//! The tests share this process and run in parallel: what changes the whole process (environment, resource limits, signals)
//! belongs in a child process, as in `history::store`.

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
