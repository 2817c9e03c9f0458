//! The world, read: files, processes, the system's wake-ups. Nothing here decides anything.

pub mod tail;
