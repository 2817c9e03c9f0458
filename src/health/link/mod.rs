//! One link: the connection of one platform for one profile. The code is the same for every platform; what differs is
//! data ([`Rules`]).
//!
//! The state holds what lines and files said, with their times. What is shown at a moment ([`Link::view`]) is
//! computed from it, so the passing of time changes no state.

mod down;
mod entry;
mod expected;
mod fatal;
mod files;
mod said;
mod sends;
mod tally;
mod timers;
mod up;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use self::down::{Cause, Down};
use self::entry::OwnEntry;
use self::expected::Expected;
pub(crate) use self::said::{SAME_ATTEMPT, Said, View, Written};
use self::sends::RefusedSend;
use self::tally::Tally;
use self::up::Up;
use super::platform::{Announcement, Rules, Times};
use super::proof::{Proof, Source};
use super::reason::{Light, Reason};
use super::signal::LinkWord;
use super::timer::Timer;

/// Messages that were in transit when the link broke may be logged for this long: they prove nothing.
const INBOUND_TAIL: Duration = Duration::from_secs(2);

/// Lines and files that are written within this time belong to one event.
pub(super) const SAME_MOMENT: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, PartialEq)]
enum State {
    /// Nothing is known yet.
    Silent,
    /// Proven, or claimed without a later problem.
    Up(Box<Up>),
    /// Lost, refused, paused or ended.
    Down(Box<Down>),
}

/// What the lines about a link show of INFO records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Info {
    Unknown,
    /// They are read.
    Shown,
    /// A loss was logged by an error alone.
    Hidden,
}

/// One link. There are several for each platform of each gateway, so what is rarely there is in a box.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Link {
    rules: Arc<Rules>,
    state: State,
    /// Set once the gateway is known to have this link configured.
    expected: Option<Expected>,
    was_proven: bool,
    entry: OwnEntry,
    refused_send: Option<Box<RefusedSend>>,
    conflicts: Tally,
    losses: Tally,
    last_message: Option<Timestamp>,
    /// What its lines show of INFO records about it, such as a recovery. An SDK may print them itself.
    info: Info,
    /// For how long a failure may turn out to be that of another link, which no line tells from this one.
    in_doubt: Duration,
    /// The proof that the platform calls the gateway (webhook), so that there is no link to watch.
    webhook: Option<Box<Proof>>,
}

impl Link {
    /// A link of which nothing is known.
    pub(crate) fn new(rules: Arc<Rules>) -> Self {
        Self {
            rules,
            state: State::Silent,
            expected: None,
            was_proven: false,
            entry: OwnEntry::default(),
            refused_send: None,
            conflicts: Tally::of_conflicts(),
            losses: Tally::of_losses(),
            last_message: None,
            info: Info::Unknown,
            in_doubt: Duration::ZERO,
            webhook: None,
        }
    }

    /// One of several links that lines do not tell apart.
    pub(crate) fn of_several(rules: Arc<Rules>) -> Self {
        Self { in_doubt: SAME_ATTEMPT, ..Self::new(rules) }
    }

    /// Sets other rules.
    pub(crate) fn set_rules(&mut self, rules: Arc<Rules>) {
        self.rules = rules;
    }

    /// Whether there is such a link, as far as is known.
    pub(crate) fn exists(&self) -> bool {
        let seen = self.expected.is_some() || !matches!(self.state, State::Silent) || self.entry.says_fatal();
        seen && self.webhook.is_none()
    }

    /// Whether it is expected, and no line about it was read.
    pub(crate) fn is_silent(&self) -> bool {
        self.exists() && matches!(self.state, State::Silent)
    }

    /// The proof that the platform calls the gateway (webhook).
    pub(crate) fn webhook(&self) -> Option<&Proof> {
        self.webhook.as_deref()
    }

    /// Whether it is proven, or claimed without a later problem.
    pub(crate) fn is_up(&self, now: Timestamp) -> bool {
        self.view(now, None).is_some_and(|view| view.reason == Reason::Connected)
    }

    /// Whether it is lost, refused, paused or ended, and not yet back.
    pub(crate) fn is_down(&self) -> bool {
        matches!(self.state, State::Down(_))
    }

    /// When a line last said that it is down, if it is.
    pub(crate) fn newest_trouble(&self) -> Option<Written> {
        self.down().map(|down| down.newest)
    }

    /// Whether its client logs nothing at this time, because it was refused.
    pub(crate) fn rests(&self, at: Timestamp) -> bool {
        self.down().is_some_and(|down| down.rests(at))
    }

    /// Whether it was ever proven.
    pub(crate) fn was_proven(&self) -> bool {
        self.was_proven
    }

    /// When the newest message arrived.
    pub(crate) fn last_message(&self) -> Option<Timestamp> {
        self.last_message
    }

    /// Whether INFO records of its SDK are hidden.
    pub(crate) fn info_hidden(&self) -> bool {
        self.info == Info::Hidden
    }

    /// Whether INFO records about it are read.
    pub(crate) fn info_shown(&self) -> bool {
        self.info == Info::Shown
    }

    /// A fault that lasts as long as the process.
    pub(crate) fn lasting_fault(&self, now: Timestamp) -> Option<(Reason, &Proof)> {
        let ended = self.down().and_then(Down::ended);
        ended.or_else(|| Some((Reason::AuthRejected, self.refused_send.as_ref()?.holds(now)?)))
    }

    /// A refused start, for which the gateway may end.
    pub(crate) fn refused_start(&self) -> Option<(Reason, &Proof, Option<u32>)> {
        self.down()?.refused_start()
    }

    /// The process starts again: everything known of the connection is dropped.
    pub(crate) fn reset_connection(&mut self) {
        self.state = State::Silent;
    }

    /// Notes that there is such a link.
    pub(crate) fn expect(&mut self, at: Timestamp, grace: Option<Timestamp>) {
        self.expected.get_or_insert_with(|| Expected::new(at, self.rules.times.red_after, grace));
    }

    /// Notes a message that may have arrived on another link.
    pub(crate) fn note_message(&mut self, at: Timestamp) {
        self.last_message = Some(at);
    }

    /// Takes in a line.
    pub(crate) fn apply(&mut self, said: &Said) {
        use LinkWord as W;
        // a message is logged by the adapter, whatever is hidden of its SDK
        if said.at_info && said.word.is_of_link() && said.word != W::Inbound {
            self.info = Info::Shown;
        }
        match said.word {
            W::Expected => self.expect(said.at, said.grace),
            W::Webhook => self.webhook = Some(Box::new(said.proof.clone())),
            W::Announced => self.announced(said),
            W::Reannounced => self.announced_again(said),
            W::Claim => self.claim(said),
            W::Proof => self.prove(said),
            W::Inbound => self.receive(said),
            W::Attempt => self.attempt(said),
            W::Lost | W::LostByError => {
                if said.word == W::LostByError {
                    self.info = Info::Hidden;
                }
                self.lose(Cause::Lost, said);
            }
            W::Failed => self.trouble(Cause::Lost, said),
            W::AttemptFailed if self.down().is_some_and(Down::is_refused) => self.trouble(Cause::Lost, said),
            W::Unreachable | W::AttemptFailed => self.unreachable(said),
            W::Refused => self.refused(Reason::AuthRejected, said),
            W::Limit => self.refused(Reason::ConnectionLimit, said),
            W::InUse => self.refused(Reason::AppInUse, said),
            W::AdapterMissing => self.refused(Reason::AdapterMissing, said),
            W::ConfigError => self.refused(Reason::ConfigError, said),
            W::Conflict | W::ConflictAgain => self.conflict(said),
            W::WrongLoop => self.lose(Cause::Ended(Reason::WrongEventLoop), said),
            W::Ended => self.trouble(Cause::Ended(Reason::LinkEnded), said),
            W::ConflictEnded => self.trouble(Cause::Ended(Reason::LinkConflict), said),
            W::RefusedEnded => self.trouble(Cause::Ended(Reason::AuthRejected), said),
            W::Blip => self.blip(said),
            W::Paused => self.trouble(Cause::Paused, said),
            W::Resumed => self.resume(said),
            W::Renewing => {}
            W::Sending => {
                if let Some(refused) = &mut self.refused_send {
                    refused.send(said);
                }
            }
            W::SendRefused => {
                self.expect(said.at, said.grace);
                self.refused_send = Some(Box::new(RefusedSend::new(said)));
            }
        }
    }

    /// A loss turns out to be this link's. `newest`: the last line about it.
    pub(crate) fn take_over(&mut self, lost: &Self, newest: &Said) {
        let was_down = self.is_down();
        self.apply(newest);
        if !was_down && lost.is_down() {
            self.state = lost.state.clone();
        }
        self.end_doubt(newest);
    }

    /// Its failure is its own: this line says so.
    pub(crate) fn end_doubt(&mut self, said: &Said) {
        if let State::Down(down) = &mut self.state {
            down.end_doubt(said);
        }
    }

    /// Ends the time for which a loss is only amber.
    pub(crate) fn turn_red(&mut self, now: Timestamp) {
        if let State::Down(down) = &mut self.state {
            down.patience = Timer::start(now, Duration::ZERO, None);
        }
    }

    /// What to show now. `start`: how long a link without a line may be starting. `None`: nothing yet.
    pub(crate) fn view(&self, now: Timestamp, start: Option<&Timer>) -> Option<View<'_>> {
        if let Some(fatal) = self.entry.view(now, self.down()) {
            return Some(fatal);
        }
        let send = self.refused_send.as_ref().and_then(|send| send.holds(now));
        match &self.state {
            State::Silent => Some(self.expected.filter(|_| self.webhook.is_none())?.view(now, start?)),
            State::Up(up) => Some(up.view(now, send, self.losses.is_full(now))),
            State::Down(down) => Some(down.view(now, self.rules.settled, self.conflicts.is_full(now))),
        }
    }

    /// Whether it is red; one of which no line tells yet is not.
    pub(crate) fn is_red(&self, now: Timestamp) -> bool {
        self.view(now, None).is_some_and(|view| view.light() == Light::Red)
    }

    /// Whether it is red, or was until it claimed to be back, which has not stood for long enough.
    pub(crate) fn is_red_but_for_a_claim(&self, now: Timestamp) -> bool {
        let lost = self.down().filter(|down| !down.is_over(now, self.rules.settled));
        self.is_red(now) || lost.is_some_and(|down| down.reason(now, false).light() == Light::Red)
    }

    /// Whether a red light would rest on missing log lines alone, which prove nothing where INFO records are hidden.
    pub(crate) fn is_unconfirmed(&self, now: Timestamp) -> bool {
        match &self.state {
            State::Silent => !self.entry.says_fatal(),
            State::Up(_) => false,
            State::Down(_) if self.info_shown() => false,
            State::Down(down) => !self.entry.confirms_loss(now) && down.is_unconfirmed(now, &self.rules),
        }
    }

    fn down(&self) -> Option<&Down> {
        if let State::Down(down) = &self.state { Some(down) } else { None }
    }

    fn up(&self) -> Option<&Up> {
        if let State::Up(up) = &self.state { Some(up) } else { None }
    }

    /// When it was last proven or claimed, if it is up.
    fn proven_at(&self) -> Option<Timestamp> {
        self.up().map(|up| up.proof.at)
    }

    fn announced(&mut self, said: &Said) {
        self.expect(said.at, said.grace);
        match self.rules.announcement {
            Announcement::Proof => self.prove(said),
            Announcement::Claim => self.claim(said),
            Announcement::Promise => {}
        }
    }

    fn announced_again(&mut self, said: &Said) {
        if self.rules.announcement == Announcement::Promise && self.down().is_some() {
            self.claim(said);
        } else {
            self.announced(said);
        }
    }

    fn claim(&mut self, said: &Said) {
        self.expect(said.at, said.grace);
        match &mut self.state {
            State::Silent => self.state = State::Up(Box::new(Up::claimed(said, &self.rules.times))),
            State::Up(_) => {}
            State::Down(down) => down.claim(said, &self.rules.times),
        }
    }

    fn prove(&mut self, said: &Said) {
        self.expect(said.at, said.grace);
        self.was_proven = true;
        self.entry.clear_fatal();
        let shown = self.view(said.at, None).filter(|view| view.reason == Reason::Connected);
        let since = shown.map_or(said.at, |view| view.since);
        match &mut self.state {
            State::Up(up) => up.prove(said),
            state => *state = State::Up(Box::new(Up::proven(said, since))),
        }
        if said.word != LinkWord::Inbound {
            self.conflicts.clear();
        }
    }

    fn receive(&mut self, said: &Said) {
        self.last_message = Some(said.at);
        if !self.down().is_some_and(|down| down.may_be_in_transit(said)) {
            self.prove(said);
        }
    }

    fn attempt(&mut self, said: &Said) {
        self.expect(said.at, said.grace);
        let span = self.rules.times.attempt;
        if span.is_zero() {
            return;
        }
        if self.down().is_none() {
            self.begin_loss(Cause::Lost, said);
        }
        if let State::Down(down) = &mut self.state {
            down.attempt(said, span);
        }
    }

    /// Takes in the loss of a connection. A line about another connection than the one that is up is late and changes
    /// nothing.
    fn lose(&mut self, cause: Cause, said: &Said) {
        if !self.up().is_some_and(|up| up.is_of_another(said)) {
            self.trouble(cause, said);
        }
    }

    /// Begins a loss or continues the current one.
    fn trouble(&mut self, cause: Cause, said: &Said) {
        self.expect(said.at, said.grace);
        let times = self.times(said);
        match &mut self.state {
            State::Down(down) if down.goes_on(said, &self.rules, self.entry.is_negative()) => {
                if matches!(cause, Cause::Lost | Cause::Unreachable) && !self.conflicts.is_full(said.at) {
                    down.end_conflict(said, &times);
                }
                down.add(cause, said, &times);
            }
            _ => self.begin_loss(cause, said),
        }
    }

    /// The times that hold after this line. Silence shows that a client works again only if the client runs: the gateway
    /// dropped one that failed to connect, or whose entry in the state file says that it is down.
    fn times(&self, said: &Said) -> Times {
        let runs = said.word != LinkWord::Failed
            && said.proof.source != Source::StateFile
            && !self.entry.is_negative();
        let heals = if runs { self.rules.times.heals } else { Duration::ZERO };
        Times { heals, ..self.rules.times }
    }

    fn begin_loss(&mut self, cause: Cause, said: &Said) {
        if !matches!(self.state, State::Silent) && !self.rules.reconnects_often {
            self.losses.count(said.at);
        }
        // `gateway.run` does not connect a link that is up
        let in_doubt = if self.up().is_some() { SAME_ATTEMPT } else { self.in_doubt };
        self.state = State::Down(Box::new(Down::begin(cause, said, &self.times(said), in_doubt)));
    }

    /// Takes in the platform's own line about a failed attempt.
    fn unreachable(&mut self, said: &Said) {
        self.trouble(Cause::Unreachable, said);
        if let State::Down(down) = &mut self.state {
            down.fail(said, self.rules.times.retry);
        }
    }

    fn refused(&mut self, reason: Reason, said: &Said) {
        self.trouble(Cause::Refused(reason), said);
        if let State::Down(down) = &mut self.state {
            down.refuse(reason, said);
        }
    }

    fn conflict(&mut self, said: &Said) {
        self.conflicts.count(said.at);
        self.trouble(Cause::Conflict, said);
        if let State::Down(down) = &mut self.state {
            down.wait_for_session(said);
        }
    }

    /// A paused link is tried again: from now on it is lost like any other.
    fn resume(&mut self, said: &Said) {
        if self.down().is_some_and(|down| down.cause == Cause::Paused) {
            self.state =
                State::Down(Box::new(Down::begin(Cause::Lost, said, &self.times(said), Duration::ZERO)));
        }
    }

    /// A problem that often heals without a line, whatever the platform's rule: never red by itself.
    fn blip(&mut self, said: &Said) {
        if self.down().is_some_and(|down| !down.is_over(said.at, self.rules.settled)) {
            return;
        }
        let healed = Timer::start(said.at, self.rules.times.probe, said.grace);
        self.begin_loss(Cause::Lost, said);
        if let State::Down(down) = &mut self.state {
            down.heal_after(healed);
        }
    }
}
