//! Gatelight: a green or red light for every Hermes Gateway profile on the machine.
//!
//! Evidence in, verdict out, people told, one click to mend. A thing that reads the world never decides; a thing that
//! decides never reads the world, nor the clock.
//!
//! The tour, with the evidence: [`profile`] finds what is watched, in job files and Hermes homes. [`evidence`] reads
//! the world: logs, state files, processes. [`supervisor`] asks launchd and systemd, and restarts. [`health`], the pure
//! core, makes verdicts of evidence and time. [`watcher`] joins them and publishes [`watcher::Update`]s, which everybody
//! shows: [`ui`] as icon, menu and notices (which [`alerts`] decides on), [`serve`] as metrics, [`cli`] on the terminal. [`app`] is what runs
//! behind the icon: the watcher, the [`history`] that it keeps, and the user's own program ([`app::hook`]). [`report`] draws
//! a page from the history, or from old logs that [`postmortem`] played through the same core; [`recording`] writes
//! evidence down and plays it again; [`diagnose`] puts all of it into a report for an issue. [`doctor`] finds and
//! repairs faults of job files. [`config`] holds the user's settings, [`text`] every word that users read, in both
//! languages; [`lock`] keeps two of our processes out of each other's way.

pub mod alerts;
pub mod app;
pub mod cli;
pub mod config;
pub(crate) mod demo;
pub mod diagnose;
pub mod doctor;
pub mod evidence;
pub(crate) mod files;
pub mod health;
pub mod history;
pub(crate) mod lock;
pub(crate) mod log;
pub mod postmortem;
pub mod profile;
pub mod recording;
pub mod report;
pub mod serve;
pub mod supervisor;
pub mod terminal;
pub mod text;
pub mod ui;
pub mod watcher;

pub use watcher::snapshot;
