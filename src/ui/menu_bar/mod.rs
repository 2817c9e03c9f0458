//! Decisions about the menu bar of macOS, as pure functions: whether an icon is possible, whether it is visible and why
//! not, what opening the app a second time means, and whether notifications are allowed. [`super::tray`] gathers the facts.
//! The test tables come from reports of real Macs, each named by its issue.

pub(crate) mod bundle;
pub(crate) mod checks;
pub(crate) mod login_item;
pub(crate) mod permission;
pub(crate) mod reopen;
pub(crate) mod session;
pub(crate) mod visibility;
