//! What is said of a link, and what it amounts to.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::health::proof::Proof;
use crate::health::reason::{Light, Reason};
use crate::health::signal::LinkWord;

/// Something said of a link, with what it needs to be judged by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    /// When it was read.
    pub at: Timestamp,
    /// The stamp of its line.
    pub stamp: Option<DateTime>,
    /// What it says.
    pub word: LinkWord,
    /// The connection that it names.
    pub connection: Option<Arc<str>>,
    /// The process that it names.
    pub other_pid: Option<u32>,
    /// It was written at INFO.
    pub at_info: bool,
    /// What showed it.
    pub proof: Proof,
    /// The end of the grace after waking, if it is not over.
    pub grace: Option<Timestamp>,
}

/// What a link amounts to at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct View {
    /// The reason.
    pub reason: Reason,
    /// What showed it.
    pub proof: Option<Proof>,
    /// Since when it has been so.
    pub since: Timestamp,
    /// Another process that matters.
    pub other_pid: Option<u32>,
}

impl View {
    /// The light that the reason puts on.
    pub(crate) fn light(&self) -> Light {
        self.reason.light()
    }
}
