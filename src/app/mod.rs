//! The engine behind menu and commands.
//!
//! [`background`] is the agent's loop: it receives the watcher's updates, writes the history, runs the user's [`hook`],
//! reloads the settings and carries out [`actions`]; [`coverage`] tracks which spans it observed. [`messages`] are the
//! messages between it and the user interface. The other modules are plain functions with typed results that the menu
//! and the command line share: [`job_files`], [`diagnostics`], [`record`], [`open`]. [`engine`] contains what all of
//! them need: settings, places and the language.

pub(crate) mod actions;
pub(crate) mod background;
mod channels;
mod clipboard;
mod coverage;
pub(crate) mod descriptors;
pub(crate) mod diagnostics;
pub(crate) mod engine;
mod heartbeat;
mod history_writer;
pub mod hook;
pub mod instance;
pub(crate) mod job_files;
pub mod messages;
mod offline;
pub(crate) mod open;
pub mod record;
mod settings_edit;
pub(crate) mod silences;
mod timers;
pub(crate) mod user_files;
mod wait;
mod watchdog;
pub mod watching;
mod wrong_light;
