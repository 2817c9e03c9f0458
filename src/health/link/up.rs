//! A link that is up.

use std::sync::Arc;

use jiff::Timestamp;

use super::said::{Said, View};
use crate::health::platform::Times;
use crate::health::proof::Proof;
use crate::health::reason::Reason;
use crate::health::timer::after;

/// A link that is proven, or claimed without a later problem.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Up {
    /// Since when.
    since: Timestamp,
    /// The claim, or the newest proof.
    pub(super) proof: Proof,
    /// It counts from this time on.
    pub(super) from: Timestamp,
    /// The connection that is up, where lines name connections.
    connection: Option<Arc<str>>,
}

impl Up {
    /// A link that this line claims to be up.
    pub(super) fn claimed(said: &Said, times: &Times) -> Self {
        let from = after(said.at, times.start_settle);
        Self { since: said.at, proof: said.proof.clone(), from, connection: None }
    }

    /// A link that this line proves. `since`: since when it has been up.
    pub(super) fn proven(said: &Said, since: Timestamp) -> Self {
        Self { since, proof: said.proof.clone(), from: said.at, connection: said.connection.clone() }
    }

    /// Takes in a proof that it is still up.
    pub(super) fn prove(&mut self, said: &Said) {
        let connection = said.connection.clone().or_else(|| self.connection.take());
        *self = Self { connection, ..Self::proven(said, self.since) };
    }

    /// Whether the line is about another connection than the one that is up.
    pub(super) fn is_of_another(&self, said: &Said) -> bool {
        matches!((&self.connection, &said.connection), (Some(up), Some(named)) if up != named)
    }

    /// The view of the link. `refused`: the API refuses what is sent. `flaps`: it was lost and back too often.
    pub(super) fn view<'a>(&'a self, now: Timestamp, refused: Option<&'a Proof>, flaps: bool) -> View<'a> {
        let (reason, proof, since) = match refused.filter(|_| now >= self.from) {
            Some(refused) => (Reason::AuthRejected, refused, refused.at),
            None if now < self.from => (Reason::Starting, &self.proof, self.since),
            None if flaps => (Reason::Flapping, &self.proof, self.since),
            None => (Reason::Connected, &self.proof, self.since),
        };
        View { reason, proof: Some(proof), since, other_pid: None }
    }
}
