//! What is decided about the menu bar of macOS: whether there can be an icon, whether it can be seen and why not, what
//! opening the app a second time means, and whether notifications may be shown. Pure: facts in, decision out. The tables
//! of the tests are reports from real Macs, each named by its report; the thin layer that gathers the facts is
//! [`super::tray`].

pub(crate) mod bundle;
pub(crate) mod login_item;
pub(crate) mod looks;
pub(crate) mod permission;
pub(crate) mod reopen;
pub(crate) mod session;
pub(crate) mod visibility;
