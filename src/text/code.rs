//! Phrases with a code. The code is stored, not the phrase.

use super::Phrase;

/// A phrase with a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Never changes: it is stored.
    pub id: &'static str,
    /// The wording, which may change; its `{names}` are stored.
    pub phrase: Phrase,
}

/// A phrase with a code, for tables.
pub(crate) const fn code(id: &'static str, phrase: Phrase) -> Code {
    Code { id, phrase }
}
