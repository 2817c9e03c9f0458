//! The values of arguments.

use std::fmt;
use std::net::SocketAddr;

use crate::text::{Phrase, help as words};

/// What an argument's value has to be. `Display` is English, as the rest of clap's error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Expected(pub(super) Phrase);

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0[0])
    }
}

impl std::error::Error for Expected {}

/// A number that counts something.
pub(super) fn count(text: &str) -> Result<usize, Expected> {
    text.parse().map_err(|_| Expected(words::A_COUNT))
}

/// An address with a port.
pub(super) fn address(text: &str) -> Result<SocketAddr, Expected> {
    text.parse().map_err(|_| Expected(words::AN_ADDRESS))
}
