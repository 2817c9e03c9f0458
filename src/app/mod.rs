//! The engine behind menu and commands.
//!
//! [`background`] is the agent's loop: it takes the watcher's updates, writes the history, runs the user's [`hook`],
//! reloads the settings and carries out [`actions`]; [`coverage`] says which spans it observed. [`messages`] is what it
//! and the user interface send each other. The other modules are plain calls with typed results that the menu and the
//! command line share: [`job_files`], [`diagnostics`], [`record`], [`open`]. [`engine`] holds what all of them start
//! from: settings, places and the language.

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
