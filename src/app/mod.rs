//! The engine behind the menu and the commands.

pub mod actions;
pub mod agent;
pub mod background;
pub mod coverage;
pub mod descriptors;
pub mod engine;
pub mod hook;
pub mod instance;
pub mod offline;
