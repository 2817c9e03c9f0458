//! The history file. The agent writes it, `gatelight restart` adds its restarts, others read.
//!
//! SQLite with a write-ahead log: readers never wait for a writer, writers wait for each other ([`file::BUSY`]). A killed
//! writer leaves whole transactions; a full disk fails one call and damages nothing. Calls block for milliseconds: keep
//! them off the event loop.

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
