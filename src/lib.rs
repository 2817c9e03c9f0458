//! Gatelight: a green or red light for every Hermes Gateway profile on the machine.
//!
//! Evidence goes in, a verdict comes out. Code that reads files, logs and processes makes no decisions; code that
//! decides reads nothing from outside, not even the clock.
//!
//! # The modules, from top to bottom; each uses only those below it
//!
//! - [`cli`]: arguments, output, exit codes. One file per command.
//! - [`ui`]: icon, menu and notifications. The menu is a value, built by a pure function and diffed.
//! - [`app`]: the engine behind menu and commands: the agent's loop, actions with typed results.
//! - `demo`: simulated gateways and their service manager.
//! - [`channels`]: messages to services outside this machine, and the heartbeat: queues, requests, curl.
//! - [`serve`] (metrics), [`report`] (a page), [`diagnose`] (a report for an issue), [`postmortem`] (old logs),
//!   [`history`] (SQLite, figures).
//! - [`alerts`]: decides when to notify (pure): incidents, grouping, flapping, inhibition, reminders.
//! - [`restart`]: restarts, for menu and command line alike: the permit (lease, question, limit), the ledger, the three
//!   proofs.
//! - [`doctor`]: mistakes in job files, and their repair.
//! - [`watcher`]: the loop: events, scans, job polling; publishes [`watcher::Update`]s.
//! - [`recording`]: evidence to and from JSON Lines.
//! - [`supervisor`]: launchd and systemd behind one trait.
//! - [`evidence`]: reads logs, state files and processes into [`health::Evidence`].
//! - [`profile`]: finds what can be watched: job files, units, Hermes homes.
//! - [`config`], `log`, [`terminal`], `lock`, `files`, `runtime`, `worker`: settings, our own log, colours and questions,
//!   file locks, bounded reads, signals, threads that restart after a panic.
//! - [`redact`]: removes secrets from every line that leaves.
//! - [`text`]: every text that users read, in both languages.
//! - [`health`]: the pure core, from evidence and time to verdicts on links, gateways and profiles. The properties of a
//!   platform are data: `resources/platforms/`.
//! - `order`: sorting, compiled once.
//!
//! # From a log line to the icon
//!
//! 1. [`evidence::watch`] (inotify, kqueue) reports that a log file changed.
//! 2. [`evidence::tail`] reads the new bytes, across rotation and truncation.
//! 3. [`evidence::logbook`] splits them into records and matches the [`evidence::patterns`]: a signal with its proof.
//! 4. [`evidence::collector`] drops copies of it in other files and passes it on as [`health::Evidence`].
//! 5. [`watcher`] passes it to the gateway's [`health::Core`], with the time.
//! 6. The core updates the state of the link and its gateway, and judges each profile that the gateway serves: a
//!    [`health::Verdict`] with reason, platform and proof.
//! 7. If light or reason differ, the core returns a [`health::Change`].
//! 8. [`watcher`] publishes an [`watcher::Update`]: the snapshot, and the changes since the previous one.
//! 9. `app::background` writes the changes to the [`history`], runs the user's [`app::hook`], and sends the update on.
//! 10. [`ui::app`] asks the [`alerts`] policy for notices and builds the [`ui::menu`].
//! 11. [`ui::tray`] draws what differs: the icon and the menu's rows.
//! 12. [`ui::notify`] delivers the notices; `app::channels` asks a policy for each channel, [`channels`] delivers.

pub mod alerts;
pub mod app;
pub mod channels;
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
pub(crate) mod order;
pub mod postmortem;
pub mod profile;
pub mod recording;
pub mod redact;
pub mod report;
pub mod restart;
pub(crate) mod runtime;
pub mod serve;
pub mod supervisor;
pub mod terminal;
pub mod text;
pub mod ui;
pub mod watcher;
pub(crate) mod worker;
