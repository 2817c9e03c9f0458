//! What is read from files and processes.

mod file_events;
mod processes;
mod tailer;
