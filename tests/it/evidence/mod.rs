//! Evidence from files and processes.

mod file_events;
mod live_facts;
mod log_order;
mod processes;
mod rotated_past;
mod tailer;
