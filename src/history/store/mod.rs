//! The history file. The agent writes it, `gatelight restart` adds its restarts, others read.
//!
//! SQLite with a write-ahead log: readers never wait for a writer, writers wait for each other
//! ([`file::BUSY_TIMEOUT`]). A killed writer leaves complete transactions; a full disk makes a call fail and damages
//! nothing. Calls block for milliseconds.

mod error;
mod file;
mod migrate;
mod old_wordings;
mod read;
mod retention;
mod rows;
mod write;

pub use error::StoreError;
pub use file::SetAside;
pub use read::Reader;
pub use write::Store;
