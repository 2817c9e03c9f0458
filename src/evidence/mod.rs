//! The world, read: files, processes, the system's wake-ups. Nothing here decides anything.

pub mod clock;
pub mod process;
mod ready;
pub mod tail;
pub mod watch;
