//! Counts the missing links of a platform whose log lines name connections but not profiles: losses that no later
//! `connected` has answered, and links that ended for good.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::health::link::Said;
use crate::health::platform::Times;
use crate::health::proof::Proof;
use crate::health::reason::Reason;
use crate::health::signal::LinkWord;
use crate::health::timer::{Timer, after};

/// Most connections that are kept: more than any gateway has bots.
const MAX_CONNECTIONS: usize = 64;

/// A link that is down.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Missing {
    /// Since when.
    pub since: Timestamp,
    /// When the newest line about it was read.
    newest: Timestamp,
    /// Some missing links are amber while it runs, then red.
    pub patience: Timer,
    /// Its connection, if the log named it.
    connection: Option<Arc<str>>,
    /// The newest line about it.
    pub proof: Proof,
    /// Why it was refused.
    pub refused: Option<Reason>,
    /// Why it ended for good.
    pub ended: Option<Reason>,
    /// Its client closed the connection, and so lives: it connects again, even after an error that ends most.
    closed: bool,
    /// An attempt failed on the network.
    pub unreachable: bool,
}

/// What is known of links that have no entry in [`Connections`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Unlogged<'a> {
    /// The number of claimed links whose connection was never logged.
    pub unannounced: usize,
    /// The times of the platform.
    pub times: &'a Times,
}

/// The connections of one platform in one process.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Connections {
    up: BTreeSet<Arc<str>>,
    /// Connections that are known to be down: further lines about them change nothing.
    past: VecDeque<Arc<str>>,
    missing: Vec<Missing>,
    /// The most connections that were up at once.
    most_up: usize,
    /// Attempts to reconnect under way. The first attempt of a link is not logged.
    attempts: usize,
    newest: Option<Proof>,
}

impl Missing {
    /// A link of which only this line is known.
    fn new(said: &Said, red_after: Duration) -> Self {
        Self {
            since: said.at,
            newest: said.at,
            patience: Timer::start(said.at, red_after, said.grace),
            connection: None,
            proof: said.proof.clone(),
            refused: None,
            ended: None,
            closed: false,
            unreachable: false,
        }
    }

    /// Takes in that its connection is lost. `ended`: why it seems to be for good.
    fn lose(&mut self, said: &Said, ended: Option<Reason>) {
        self.closed |= said.word == LinkWord::Lost;
        self.newest = said.at;
        if self.closed && ended.or(self.ended) == Some(Reason::WrongEventLoop) {
            self.ended = None;
        } else if self.ended.is_none() && ended.is_some() {
            self.ended = ended;
            self.proof = said.proof.clone();
        }
    }

    /// Whether it was refused or ended for good.
    pub(super) fn is_final(&self) -> bool {
        self.refused.is_some() || self.ended.is_some()
    }

    /// Whether no line shows that it is still down. At log level WARNING its return is hidden.
    pub(super) fn is_unconfirmed(&self, now: Timestamp, times: &Times) -> bool {
        let confirmed = self.unreachable || self.newest >= after(self.since, times.red_after / 2);
        let is_late = self.patience.over(now) && !confirmed;
        !self.is_final() && (is_late || now >= self.unconfirmed_at(times))
    }

    /// When its newest line is too old to show that it is still down: by then its client would have failed again.
    pub(super) fn unconfirmed_at(&self, times: &Times) -> Timestamp {
        let retry = if self.unreachable { times.retry } else { Duration::ZERO };
        after(self.newest, retry.max(times.red_after * 3 / 2))
    }
}

impl Connections {
    /// The links that are known to be down, oldest first.
    pub(super) fn missing(&self) -> &[Missing] {
        &self.missing
    }

    /// How many connections are up.
    pub(super) fn up(&self) -> usize {
        self.up.len()
    }

    /// The smallest possible number of links: the most connections that were up at once.
    pub(super) fn known(&self) -> usize {
        self.most_up
    }

    /// The newest proof that a link is up.
    pub(super) fn newest(&self) -> Option<&Proof> {
        self.newest.as_ref()
    }

    /// All timers, for restarting after a sleep of the machine.
    pub(super) fn timers_mut(&mut self) -> impl Iterator<Item = &mut Timer> {
        self.missing.iter_mut().map(|link| &mut link.patience)
    }

    /// Takes in a line that names no profile.
    pub(super) fn apply(&mut self, said: &Said, unlogged: Unlogged<'_>) {
        let Unlogged { unannounced, times } = unlogged;
        let red_after = times.red_after;
        if said.blind && said.word.is_trouble() {
            // those may be back: what follows is another loss
            self.missing.retain(|link| !link.is_unconfirmed(said.at, times));
        }
        match said.word {
            LinkWord::Attempt => self.attempts = (self.attempts + 1).min(MAX_CONNECTIONS),
            LinkWord::Proof => self.announce(said, unannounced),
            LinkWord::Lost | LinkWord::LostByError => self.lose(said, None, red_after),
            LinkWord::WrongLoop if said.connection.is_some() => {
                self.lose(said, Some(Reason::WrongEventLoop), red_after);
            }
            LinkWord::Ended => self.lose(said, Some(Reason::LinkEnded), red_after),
            LinkWord::RefusedEnded => self.lose(said, Some(Reason::AuthRejected), red_after),
            LinkWord::Refused => self.refuse(said, Reason::AuthRejected, unlogged),
            LinkWord::Limit => self.refuse(said, Reason::ConnectionLimit, unlogged),
            LinkWord::InUse => self.refuse(said, Reason::AppInUse, unlogged),
            LinkWord::Unreachable | LinkWord::AttemptFailed | LinkWord::Failed => {
                self.fail(said, unlogged);
            }
            _ => {}
        }
    }

    /// Takes in `connected`. It answers the oldest loss that was not refused; otherwise a link that was claimed and
    /// whose connection was never logged, which has no entry here; otherwise a refused one ([`Self::settle`]). Without
    /// an attempt to reconnect it is the first connection of a claimed link.
    fn announce(&mut self, said: &Said, unannounced: usize) {
        let is_first = self.end_attempt(said, unannounced);
        self.newest = Some(said.proof.clone());
        let connection = said.connection.clone().unwrap_or_else(|| "".into());
        if !self.up.insert(connection) {
            return;
        }
        self.most_up = self.most_up.max(self.up.len());
        let answered = self.missing.iter().position(|link| link.ended.is_none() && link.refused.is_none());
        if let Some(answered) = answered.filter(|_| !is_first) {
            let answered = self.missing.remove(answered);
            // Once red, the light stays red until no link is missing: the others inherit the clock of the answered
            // one.
            if answered.patience.over(said.at)
                && let Some(next) = self.missing.first_mut()
            {
                next.since = next.since.min(answered.since);
                next.patience = answered.patience;
            }
        }
        if self.up.len() > MAX_CONNECTIONS
            && let Some(oldest) = self.up.iter().next().cloned()
        {
            self.up.remove(&oldest);
        }
    }

    /// Forgets the link that was refused last before this time. Returns whether there was one, and none is missing any more.
    pub(super) fn forget_refused_before(&mut self, at: Timestamp) -> bool {
        let refused = |link: &Missing| link.refused.is_some() && link.newest < at;
        let Some(place) = self.missing.iter().rposition(refused) else { return false };
        self.missing.remove(place);
        self.missing.is_empty()
    }

    /// Ends the time for which the link that was lost first is only amber.
    pub(super) fn turn_red(&mut self, now: Timestamp) {
        if let Some(link) = self.missing.first_mut() {
            link.patience = Timer::start(now, Duration::ZERO, None);
        }
    }

    /// Answers a refused link, or else one that ended, if more connections are known than there are links. `links`:
    /// how many there are.
    pub(super) fn settle(&mut self, links: usize) {
        while self.up.len() + self.missing.len() > links.max(self.most_up) {
            let gone = |(_, link): &(usize, &Missing)| link.refused.is_some() || link.ended.is_some();
            let gone = self.missing.iter().enumerate().filter(gone);
            let Some((answered, _)) = gone.min_by_key(|(_, link)| link.ended.is_some()) else { return };
            self.missing.remove(answered);
        }
    }

    fn lose(&mut self, said: &Said, ended: Option<Reason>, red_after: Duration) {
        let known = match &said.connection {
            Some(named) if self.up.remove(named) => {
                self.note_past(named);
                None
            }
            Some(named) => {
                let known = self.missing.iter().position(|link| link.connection.as_ref() == Some(named));
                if known.is_none() && self.past.contains(named) {
                    return;
                }
                self.note_past(named);
                known
            }
            None if self.up.len() == 1 && self.missing.is_empty() => {
                self.up.clear();
                None
            }
            None => self.missing.len().checked_sub(1),
        };
        let Some(known) = known else {
            let connection = said.connection.clone();
            let mut lost = Missing { connection, ..Missing::new(said, red_after) };
            lost.lose(said, ended);
            self.missing.push(lost);
            self.missing.truncate(MAX_CONNECTIONS);
            return;
        };
        self.missing[known].lose(said, ended);
    }

    /// Takes in a refusal, which belongs to a missing link. Further refusals are the same link trying again.
    fn refuse(&mut self, said: &Said, reason: Reason, unlogged: Unlogged<'_>) {
        if let Some(known) = self.missing.iter_mut().find(|link| link.refused.is_some()) {
            self.attempts = self.attempts.saturating_sub(1);
            known.refused = Some(reason);
            known.newest = said.at;
            known.proof = said.proof.clone();
            return;
        }
        if let Some(link) = self.attempting(said, unlogged) {
            link.refused = Some(reason);
            link.newest = said.at;
            link.proof = said.proof.clone();
        }
    }

    fn fail(&mut self, said: &Said, unlogged: Unlogged<'_>) {
        if self.missing.iter().any(|link| link.refused.is_some()) && unlogged.unannounced == 0 {
            return;
        }
        if let Some(link) = self.attempting(said, unlogged) {
            link.unreachable = true;
            link.newest = said.at;
            link.proof = said.proof.clone();
        }
    }

    /// The link that tries to connect: the oldest loss, or one that was claimed and whose connection was never
    /// logged.
    fn attempting(&mut self, said: &Said, unlogged: Unlogged<'_>) -> Option<&mut Missing> {
        let Unlogged { unannounced, times } = unlogged;
        let is_first = self.end_attempt(said, unannounced);
        let lost = self.missing.iter().position(|link| link.ended.is_none() && link.refused.is_none());
        let place = match lost.filter(|_| !is_first) {
            Some(lost) => lost,
            None if unannounced > 0 || self.up.is_empty() => {
                self.missing.push(Missing::new(said, times.red_after));
                self.missing.len() - 1
            }
            None => return None,
        };
        self.missing.get_mut(place)
    }

    /// Ends an attempt. Returns whether it can only have been the first one of a claimed link: the log would show any other.
    fn end_attempt(&mut self, said: &Said, unannounced: usize) -> bool {
        let is_first = self.attempts == 0 && unannounced > 0 && !said.blind;
        self.attempts = self.attempts.saturating_sub(1);
        is_first
    }

    fn note_past(&mut self, connection: &Arc<str>) {
        if self.past.len() >= MAX_CONNECTIONS {
            self.past.pop_front();
        }
        self.past.push_back(Arc::clone(connection));
    }
}
