//! The tailer against real files: a model of what must be seen, and every odd thing that can stand in a log's place.

#[path = "tailer/cases.rs"]
mod cases;
#[path = "tailer/model.rs"]
mod model;
