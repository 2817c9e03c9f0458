//! The menu as a value: [`menu`] builds it from a snapshot, [`diff`] compares it with the one on the screen, and a thin
//! layer applies the difference.

mod build;
mod channels;
mod diff;
mod link;
mod profile;
mod row;
mod state;
mod summary;
mod texts;

pub use build::menu;
pub use diff::{Op, diff};
pub use row::{Menu, Row, RowKind};
pub use state::{LightPerProfile, Locale, Login, MenuState, Missed, MuteFor, Notifications};
pub use summary::{badge, tooltip};
pub(super) use summary::{head, line_of};

#[cfg(test)]
mod tests;
