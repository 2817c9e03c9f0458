//! The world → `Evidence`: files, lines and processes read, nothing judged.

pub mod redact;
