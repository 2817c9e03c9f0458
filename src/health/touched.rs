//! Which rows may be judged differently than they were.

use std::collections::BTreeSet;

use super::names::ProfileName;

/// Which rows may be judged differently since they were last judged.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Touched {
    /// Every row.
    All,
    /// Those of these profiles.
    Rows(BTreeSet<ProfileName>),
}

impl Touched {
    /// No row.
    pub(crate) const NONE: Self = Self::Rows(BTreeSet::new());

    /// Adds a row.
    pub(crate) fn add(&mut self, profile: ProfileName) {
        if let Self::Rows(rows) = self {
            rows.insert(profile);
        }
    }

    /// Adds these rows.
    pub(crate) fn add_all(&mut self, others: Self) {
        match (&mut *self, others) {
            (Self::All, _) => {}
            (_, Self::All) => *self = Self::All,
            (Self::Rows(rows), Self::Rows(mut others)) => rows.append(&mut others),
        }
    }

    /// Takes the rows out.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::NONE)
    }
}
