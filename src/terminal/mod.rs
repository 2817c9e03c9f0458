//! Output on a terminal.

pub mod style;
