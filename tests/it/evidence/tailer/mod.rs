//! The tailer against real files: a model of what must be seen, and every odd thing that can stand in a log's place.
#![allow(clippy::format_collect)]

mod cases;
mod model;
