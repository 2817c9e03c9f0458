//! The tailer against real files: a model of what must be seen, and every odd thing that can stand in a log's place.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::format_collect)]

#[path = "tailer/cases.rs"]
mod cases;
#[path = "tailer/model.rs"]
mod model;
