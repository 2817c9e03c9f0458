//! Several links of a platform whose lines name neither profile nor connection. Each link that is down is kept apart, so
//! that the return of one does not hide that another is down.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::attempts::Attempts;
use super::lost::{LONGEST_CONNECT, Line, Lost, SAME_ATTEMPT, Standing, Step};
use crate::health::link::{Link, Said, View, Written};
use crate::health::names::ProfileName;
use crate::health::platform::Rules;
use crate::health::proof::Proof;
use crate::health::reason::Reason;
use crate::health::signal::{LinkWord, Repeats, Session};
use crate::health::state_file::{EntryState, PlatformEntry};
use crate::health::timer::{Earliest, Timer, after};

/// Most links that are kept: more than any gateway has bots.
const MAX_LOST: usize = 64;

/// A client that replaces its connection has the new one within this time (Slack: 6 ms, measured).
const RENEWAL: Duration = Duration::from_secs(10);

/// What is shown of one of them.
pub(super) struct LostView<'a> {
    pub view: View<'a>,
    /// The light would rest on missing lines alone.
    pub unconfirmed: bool,
    /// It was refused or ended for good.
    pub is_final: bool,
}

/// What is known of a link that `gateway.run` names.
pub(super) enum Attributed {
    /// It is this one, about which this line is the newest.
    Whole(Box<Link>, Said),
    /// It has been down for so long that it is red.
    Red,
}

/// The links of one platform in one process that are known to be down.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Unnamed {
    lost: Vec<Lost>,
    /// Since when clients replace their connections.
    renewals: Vec<Timestamp>,
    /// The link that the newest proof answered, and until when it still counts as down. In a box because it is rare and large.
    answered: Option<Box<(Timestamp, Lost)>>,
    newest_proof: Option<Proof>,
    /// The newest number of an attempt that failed.
    newest_attempt: Option<u16>,
    /// The state entry that they share, and when it was written.
    entry: Option<(EntryState, Option<Timestamp>)>,
    /// The client logs each attempt, so that a link without one is not back.
    logs_attempts: bool,
}

impl Unnamed {
    /// The newest proof that a link is up.
    pub(super) fn newest_proof(&self) -> Option<&Proof> {
        self.newest_proof.as_ref()
    }

    /// Whether a link was lost that is not known to be back.
    pub(super) fn any_lost(&self) -> bool {
        !self.lost.is_empty()
    }

    /// The links that are down, in the order in which they were lost.
    pub(super) fn down(&self, now: Timestamp) -> Vec<LostView<'_>> {
        let held = self.answered.as_deref().filter(|(until, _)| now < *until).map(|(_, lost)| lost);
        let down = self.lost.iter().chain(held).filter(|lost| lost.is_down(now));
        let down = down.filter(|lost| lost.named_until().is_none_or(|until| now >= until));
        let shown = down.filter_map(|lost| {
            let unconfirmed = lost.link.is_unconfirmed(now);
            Some(LostView {
                view: lost.link.view(now, None)?,
                unconfirmed,
                is_final: lost.standing >= Standing::Refused,
            })
        });
        shown.collect()
    }

    /// Takes in a line that names no profile. `total`: how many links there are. `retried`: `gateway.run` tries to
    /// connect another link, so a proof may be about that one, which is known a moment later.
    pub(super) fn apply(&mut self, line: &Line<'_>, (total, retried): (usize, bool), rules: &Arc<Rules>) {
        let said = line.said;
        self.lost.retain(|lost| lost.is_down(said.at));
        match said.word {
            LinkWord::Renewing => self.renewals.push(said.at),
            LinkWord::Attempt => self.attempt(said),
            LinkWord::Proof | LinkWord::Claim | LinkWord::Announced | LinkWord::Reannounced => {
                self.answer(line, (total, retried));
            }
            word if word.is_trouble() => {
                if !self.lost.iter().any(|lost| lost.step == Step::Tries) {
                    self.renewals.pop();
                }
                self.trouble(line, total, rules);
            }
            _ => {}
        }
        self.renewals.retain(|since| said.at <= after(*since, RENEWAL));
        self.renewals.truncate(MAX_LOST);
    }

    /// Takes in that a link tries to connect.
    fn attempt(&mut self, said: &Said) {
        self.logs_attempts = true;
        // after equal pauses the one that failed first tries first
        let candidates = self.lost.iter_mut().filter(|lost| lost.may_try(said));
        match candidates.min_by_key(|lost| (lost.standing == Standing::Claimed, lost.newest.at)) {
            Some(lost) => lost.step = Step::Tries,
            // a link that nobody missed replaces its connection
            None => self.renewals.push(said.at),
        }
    }

    /// Takes in that a link is up. It answers the oldest loss that was not refused, and a refused one last. Nothing in
    /// this process brings back a link that ended for good. One that names an attempt answers the link that made it. A session
    /// that goes on may be that of a link that nobody missed: then it only claims that the one that was lost is back.
    fn answer(&mut self, line: &Line<'_>, (total, retried): (usize, bool)) {
        let resumes = line.hints.session == Some(Session::GoesOn);
        let is_sure = !resumes || self.lost.len() >= total;
        let is_proof = line.said.word == LinkWord::Proof && is_sure;
        let word = if is_sure { line.said.word } else { LinkWord::Claim };
        let said = &Said { word, ..line.said.clone() };
        if line.said.word == LinkWord::Proof {
            self.newest_proof = Some(said.proof.clone());
        }
        // It replaces a connection that nobody missed.
        if !said.word.is_announcement() && self.renewals.pop().is_some() {
            return;
        }
        let of_account = |lost: &&mut Lost| said.connection.is_none() || lost.may_be_of(said);
        let distance = |lost: &Lost| line.hints.attempt.map_or(0, |attempt| lost.attempts.distance(attempt));
        let (logs_attempts, names_account) = (self.logs_attempts, said.connection.is_some());
        let may_answer = |lost: &&mut Lost| {
            let tried = lost.step == Step::Tries || !logs_attempts || names_account;
            let is_anothers = resumes && (lost.session_is_over || lost.waits_until_after(said));
            tried && lost.standing < Standing::Ended && !is_anothers
        };
        let open = self.lost.iter_mut().filter(may_answer).filter(of_account);
        let is_other = |lost: &Lost| lost.account != said.connection;
        let lost = open.min_by_key(|lost| {
            let (tries, waits) = (lost.step == Step::Tries, lost.waits_until_after(said));
            (is_other(lost), !tries, distance(lost), waits, lost.standing)
        });
        let Some(lost) = lost else { return };
        let was_red = lost.link.is_red(said.at);
        let before = lost.clone();
        lost.claim(said);
        let is_its_own = said.connection.is_some() && before.account == said.connection;
        if is_proof {
            let until = if retried && !is_its_own { after(said.at, SAME_ATTEMPT) } else { said.at };
            self.answered = Some(Box::new((until, before)));
        }
        self.lost.retain(|lost| !lost.link.is_up(said.at));
        // Once red, the light stays red until no link is down.
        let others = self.lost.iter_mut().filter(|lost| lost.newest != *said);
        if was_red && let Some(next) = others.min_by_key(|lost| lost.standing) {
            next.link.turn_red(said.at);
        }
    }

    /// Takes in that no link is down since a loss before this time.
    pub(super) fn answer_lost_before(&mut self, since: Timestamp, said: &Said) {
        let is_over = |lost: &&mut Lost| lost.newest.at < since && lost.standing < Standing::Ended;
        for lost in self.lost.iter_mut().filter(is_over) {
            lost.claim(said);
        }
        self.lost.retain(|lost| !lost.link.is_up(said.at));
    }

    fn trouble(&mut self, line: &Line<'_>, total: usize, rules: &Arc<Rules>) {
        let is_full = self.lost.len() >= total.clamp(1, MAX_LOST);
        if !is_full {
            self.tell_apart(line);
        }
        let place = self.of_trouble(line, rules);
        let place = place.or_else(|| if is_full { self.newest(line.said.stamp, |_| true) } else { None });
        let place = place.unwrap_or_else(|| {
            let inferred = matches!(line.hints.repeats, Repeats::After { .. })
                && self.lost.iter().any(|lost| lost.may_ever_log(line));
            self.lost.push(Lost::new(line.said, rules, inferred));
            self.lost.len() - 1
        });
        if self.are_told_apart(place, line.hints.attempt) {
            self.lost[place].inferred = false;
        }
        self.newest_attempt = line.hints.attempt.or(self.newest_attempt);
        self.lost[place].apply(line, rules);
        let mut others = self.lost.iter().enumerate().filter(|(other, _)| *other != place);
        let may_be_up = |lost: &Lost| lost.inferred || lost.standing == Standing::Claimed;
        if self.lost[place].standing >= Standing::Refused || others.all(|(_, lost)| may_be_up(lost)) {
            self.move_doubt(place);
        }
    }

    /// Whether the number goes on with the count of this link and not with the newest number, so that another link logged that.
    fn are_told_apart(&self, place: usize, attempt: Option<u16>) -> bool {
        attempt.is_some_and(|attempt| {
            self.lost[place].attempts.goes_on(attempt)
                && self.newest_attempt.is_some_and(|newest| newest.checked_add(1) != Some(attempt))
        })
    }

    /// This link is down for sure, so it is another one that may never have been.
    fn move_doubt(&mut self, sure: usize) {
        if !self.lost[sure].inferred {
            return;
        }
        let is_open = |lost: &&mut Lost| !lost.inferred && lost.standing < Standing::Refused;
        if let Some(other) = self.lost.iter_mut().find(is_open) {
            other.inferred = true;
        }
        self.lost[sure].inferred = false;
    }

    /// If the line goes on with a count after another one began, they are those of two links: from now on they are kept apart.
    fn tell_apart(&mut self, line: &Line<'_>) {
        let Some(attempt) = line.hints.attempt else { return };
        if self.lost.iter().any(|lost| lost.attempts.goes_on(attempt)) {
            return;
        }
        let other = self.lost.iter_mut().find_map(|lost| {
            let attempts = lost.attempts.split_off(attempt)?;
            Some(Lost { attempts, ..lost.clone() })
        });
        self.lost.extend(other);
    }

    /// The link that the line is about, if it is one of those that are down.
    fn of_trouble(&self, line: &Line<'_>, rules: &Rules) -> Option<usize> {
        let said = line.said;
        if said.connection.is_some() {
            let known = self.lost.iter().position(|lost| lost.account == said.connection);
            return known.or_else(|| self.lost.iter().position(|lost| lost.may_be_of(said)));
        }
        let active = |lost: &Lost| lost.may_ever_log(line) && !lost.link.rests(said.at);
        // A refusal is repeated by the link that was refused, unless only another one tries.
        let tries = |lost: &Lost| lost.step == Step::Tries;
        let any_tries = self.lost.iter().any(tries);
        let repeats = |lost: &Lost| lost.standing == Standing::Refused && tries(lost) == any_tries;
        if said.word.is_refusal()
            && let Some(refused) = self.lost.iter().position(|lost| repeats(lost) && active(lost))
        {
            return Some(refused);
        }
        let goes_on = |lost: &Lost| line.hints.attempt.is_some_and(|attempt| lost.attempts.goes_on(attempt));
        self.newest(said.stamp, |lost| active(lost) && goes_on(lost))
            .or_else(|| self.newest(said.stamp, |lost| active(lost) && lost.may_log(line, rules)))
    }

    /// The link of these that a line with this stamp is about: the one that logged another at that moment, or tries to connect, or
    /// logged something last. One that claims to be back or was refused comes after the others.
    fn newest(&self, stamp: Option<DateTime>, of: impl Fn(&Lost) -> bool) -> Option<usize> {
        let key = |lost: &Lost| {
            let at_once = stamp.is_some() && lost.newest.stamp == stamp;
            (at_once, lost.step == Step::Tries, Reverse(lost.standing), lost.newest.at)
        };
        let of = self.lost.iter().enumerate().filter(|(_, lost)| of(lost));
        of.max_by_key(|(_, lost)| key(lost)).map(|(place, _)| place)
    }

    /// Takes in a line that names this profile, or its account. If it is about a failure, what the adapter logged just before was
    /// about that link, which is judged by its own lines, unless those of another link may be among them. `was_down`: the named
    /// lines said before that it is down. `told`: when they last did, if that was just before: then only an attempt to connect that
    /// failed since is about that link.
    pub(super) fn attribute(
        &mut self,
        said: &Said,
        owner: &ProfileName,
        (was_down, told): (bool, Option<Written>),
    ) -> Option<Attributed> {
        if said.word.is_announcement() {
            let claim = Said { word: LinkWord::Claim, ..said.clone() };
            let of_owner = |lost: &&mut Lost| lost.owner.as_ref() == Some(owner);
            self.lost.iter_mut().filter(of_owner).for_each(|lost| lost.link.apply(&claim));
            return None;
        }
        if !said.word.is_trouble() {
            return None;
        }
        let is_within = |line: Written, span| {
            line.until(said.written()) <= span && told.is_none_or(|told| line.is_after(told))
        };
        let is_near = |line: Written| is_within(line, SAME_ATTEMPT);
        let is_newest = |lost: &Lost| lost.account.is_none() && is_near(lost.newest.written());
        // The losses of others may have begun at the same time. `gateway.run` names the profile when it gives up.
        let is_of_attempt = |line: Written| is_within(line, LONGEST_CONNECT);
        let failed = |lost: &Lost| {
            let is_nobodys = lost.account.is_none() && lost.owner.is_none();
            is_nobodys && lost.step == Step::FailedToConnect && is_of_attempt(lost.newest.written())
        };
        let connected = self.newest(said.stamp, failed);
        let began = match connected {
            Some(place) => connected.filter(|_| is_of_attempt(self.lost[place].since)),
            None if told.is_some() => return None,
            None => self.newest(said.stamp, |lost| is_near(lost.since) && lost.account.is_none()),
        };
        let place = began.or(connected).or_else(|| self.newest(said.stamp, is_newest))?;
        if began.is_some() || (!was_down && self.lost.len() == 1) {
            let Lost { link, newest, .. } = self.lost.remove(place);
            return Some(Attributed::Whole(Box::new(link), newest));
        }
        let lost = &mut self.lost[place];
        lost.owner = Some(Arc::clone(owner));
        // `gateway.run` connects it anew, and it counts anew
        lost.attempts = Attempts::default();
        lost.link.is_red(said.at).then_some(Attributed::Red)
    }

    /// Takes in a state entry that several links share: it shows that one of them is down, never that all are up. `is_told`: lines
    /// that name a profile have said whose link is down. `hidden`: the log level hides that a link is back.
    pub(super) fn read_entry(
        &mut self,
        at: Timestamp,
        entry: &PlatformEntry,
        grace: Option<Timestamp>,
        (is_told, hidden): (bool, bool),
        rules: &Arc<Rules>,
    ) {
        let written = Some((entry.state, entry.updated_at));
        let is_known = entry.updated_at.is_some() && self.entry == written;
        self.entry = written;
        // no link's `fatal` outlives it in the file
        if entry.state != EntryState::Fatal {
            self.lost.iter_mut().for_each(|lost| lost.link.end_fatal(entry));
        }
        // The file is rewritten for any change in it, and the link that wrote this may be back.
        if is_told || (is_known && entry.state.is_negative()) {
            return;
        }
        self.lost.retain(|lost| lost.is_down(at));
        if !entry.state.is_negative() {
            if entry.state == EntryState::Connected {
                self.lost.iter_mut().for_each(|lost| lost.link.replace_entry(at, entry));
            }
            return;
        }
        if hidden {
            // those may be back: this is another loss
            self.lost.retain(|lost| !lost.link.is_unconfirmed(at));
        }
        if self.lost.is_empty() {
            let said = Said::of_entry(at, entry, entry.word(), grace);
            self.lost.push(Lost::new(&said, rules, false));
        }
        if let Some(place) = self.newest(None, |_| true) {
            self.lost[place].link.read_entry(at, entry, grace);
        }
        self.lost.retain(|lost| lost.link.exists());
    }

    pub(super) fn links(&self) -> impl Iterator<Item = &Link> {
        self.lost.iter().map(|lost| &lost.link)
    }

    pub(super) fn links_mut(&mut self) -> impl Iterator<Item = &mut Link> {
        self.lost.iter_mut().map(|lost| &mut lost.link)
    }

    /// The timers that silence ends.
    pub(super) fn timers_mut(&mut self) -> impl Iterator<Item = &mut Timer> {
        self.lost.iter_mut().map(|lost| &mut lost.silence)
    }

    pub(super) fn deadlines(&self, due: &mut Earliest) {
        due.add(self.answered.as_deref().map(|(until, _)| *until));
        due.add(self.lost.iter().filter_map(Lost::doubtful_at));
        due.add(self.lost.iter().filter_map(Lost::named_until));
    }
}

/// Whether a reason is shown under its own name although other links of the platform are up.
pub(super) fn is_shown_alone(reason: Reason) -> bool {
    matches!(reason, Reason::AuthRejected | Reason::AppInUse | Reason::ConnectionLimit)
}
