//! The tailer with real files: a model of what must be read, and everything that can be in a log's place.
#![allow(clippy::format_collect)]

mod cases;
mod model;
