//! Gatelight: a green or red light for every Hermes Gateway profile on the machine.
//!
//! Evidence in, verdict out, people told, one click to mend. A thing that reads the world never decides; a thing that
//! decides never reads the world, nor the clock.
//!
//! The tour: [`profile`] finds what is watched; [`health`] judges (pure); [`supervisor`] restarts; [`text`] speaks both
//! languages; [`snapshot`] is what everybody shows.

pub mod agent;
pub mod cli;
pub mod config;
pub mod diagnose;
pub mod doctor;
pub mod evidence;
pub mod health;
pub mod history;
pub mod hook;
pub mod postmortem;
pub mod profile;
pub mod recording;
pub mod report;
pub mod serve;
pub mod snapshot;
pub mod supervisor;
pub mod text;
pub mod ui;
pub mod watcher;
