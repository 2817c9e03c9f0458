//! The history: changes of lights, restarts, and which spans the agent actually observed.
//!
//! [`store`] keeps it in SQLite. [`stats`] turns a [`Record`] into time lines, incidents and figures; a record comes
//! from the store or from the replay of old logs. [`export`] writes JSON and CSV, [`render`] text for a terminal.
//!
//! Codes and values are stored, not sentences, so that a history can be read in any language. Time that was not
//! observed (the machine asleep, the agent not running) is unknown; it never counts as up.

pub mod export;
pub(crate) mod queue;
mod record;
pub mod render;
pub mod stats;
pub mod store;

use jiff::SignedDuration;

pub use record::{ChangeRow, MAX_LINE, Observed, ProfileRecord, Record, RestartResult, RestartRow};
pub(crate) use record::{Row, clean_proof};
pub use stats::{End, Figures, Incident, Mark, MarkKind, Span, Window, unseen};
pub use store::{Reader, SetAside, Store, StoreError};

/// How long history is kept by default.
pub const KEEP: SignedDuration = SignedDuration::from_hours(90 * 24);
