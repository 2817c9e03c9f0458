//! What people see and press: icon, menu, notices.
//!
//! Everything that decides is a plain value made by a pure function: [`notices`] (what is told, and when), [`menu`]
//! (what the menu shows), [`icon`] (how a light is drawn). What touches the desktop is thin: [`tray`], [`notify`],
//! [`open`], [`login`], [`instance`]. [`app`] joins them.

pub mod notices;
