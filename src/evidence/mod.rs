//! The world → `Evidence`: files, lines and processes read, nothing judged.

pub mod clock;
pub mod process;
mod ready;
pub mod tail;
pub mod watch;
