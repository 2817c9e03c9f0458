//! A link that is down, as far as lines tell that name neither its profile nor its connection.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::attempts::Attempts;
pub(in crate::health) use crate::health::link::SAME_ATTEMPT;
use crate::health::link::{Link, Said, Written};
use crate::health::names::ProfileName;
use crate::health::platform::Rules;
use crate::health::proof::Source;
use crate::health::signal::{Hints, Phase, Repeats, Session};
use crate::health::timer::{Timer, after};

/// What a client logs of one attempt that failed is written within this time; before the next one it waits longer.
const SAME_FAILURE: Duration = Duration::from_secs(1);

/// `gateway.run` gives an attempt to connect 30 s (hermes-agent 0.19, gateway/run.py:69), and logs the failure within a second.
pub(in crate::health) const LONGEST_CONNECT: Duration = Duration::from_secs(31);

/// A line that names neither profile nor connection.
pub(super) struct Line<'a> {
    pub said: &'a Said,
    pub hints: Hints,
}

/// What the lines about a link that is down promise, in the order in which a proof that names none of them answers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    /// It was lost.
    Open,
    /// It claims to be back.
    Claimed,
    /// It was refused.
    Refused,
    /// Nothing in this process brings it back.
    Ended,
}

/// What a link that is down did last, as far as lines say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It logged something else.
    Waits,
    /// It began an attempt of which no result was logged.
    Tries,
    /// It failed in a way that only a link logs which `gateway.run` connects.
    FailedToConnect,
}

/// A link that is down, or was a moment ago.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lost {
    pub link: Link,
    pub since: Written,
    /// The newest line about it.
    pub newest: Said,
    /// The lines that it repeats only after some time: when it last logged each of them, and that time.
    pub lines: Vec<(u16, Written, Duration)>,
    /// Since when its client waits before it tries again, and how long.
    pub waits: Option<(Written, Duration)>,
    /// The attempts that failed since its connection ended, as far as they are known.
    pub failures: usize,
    pub account: Option<Arc<str>>,
    pub attempts: Attempts,
    /// Its session is over: one that goes on is another link's.
    pub session_is_over: bool,
    /// Only the time between two lines shows that there is such a link besides the others.
    pub inferred: bool,
    /// Over when its client has been silent for longer than one that tries again.
    pub silence: Timer,
    pub standing: Standing,
    /// The profile that `gateway.run` named after a line about it. Unless that line names the account, those about another link may
    /// be among its lines.
    pub owner: Option<ProfileName>,
    pub step: Step,
}

impl Lost {
    pub(super) fn new(said: &Said, rules: &Arc<Rules>, inferred: bool) -> Self {
        Self {
            link: Link::of_several(Arc::clone(rules)),
            since: said.written(),
            newest: said.clone(),
            lines: Vec::new(),
            waits: None,
            failures: 0,
            account: said.connection.clone(),
            attempts: Attempts::default(),
            session_is_over: false,
            inferred,
            silence: Timer::start(said.at, longest_pause(rules), None),
            standing: Standing::Open,
            owner: None,
            step: Step::Waits,
        }
    }

    /// Takes in that it is up again.
    pub(super) fn claim(&mut self, said: &Said) {
        self.standing = self.standing.max(Standing::Claimed);
        self.note_newest(said);
        self.step = Step::Waits;
        self.attempts.note_claim();
        self.link.apply(said);
    }

    pub(super) fn apply(&mut self, line: &Line<'_>, rules: &Rules) {
        let said = line.said;
        if let Some(attempt) = line.hints.attempt {
            self.attempts.count(attempt);
        }
        if let Some(span) = line.hints.waits.or_else(|| self.backs_off(line, rules)) {
            self.waits = Some((said.written(), span));
        }
        self.account = self.account.take().or_else(|| said.connection.clone());
        self.session_is_over |= line.hints.session == Some(Session::Over);
        self.note_newest(said);
        let connects = line.hints.phase == Some(Phase::Connects);
        self.step = if connects { Step::FailedToConnect } else { Step::Waits };
        self.standing = match (said.word, self.standing) {
            (word, _) if word.is_end() => Standing::Ended,
            (_, Standing::Ended) => Standing::Ended,
            (word, _) if word.is_refusal() => Standing::Refused,
            (_, Standing::Refused) => Standing::Refused,
            _ => Standing::Open,
        };
        if let Repeats::After { line, seconds } = line.hints.repeats {
            self.lines.retain(|(known, ..)| *known != line);
            self.lines.push((line, said.written(), Duration::from_secs(seconds.into())));
        }
        self.link.apply(said);
    }

    fn note_newest(&mut self, said: &Said) {
        self.newest = said.clone();
        self.silence = self.silence.begun(said.at);
    }

    /// How long its client waits after this line, if the platform's data say it.
    fn backs_off(&mut self, line: &Line<'_>, rules: &Rules) -> Option<Duration> {
        let last = rules.backoff.len().checked_sub(1)?;
        if line.said.closes() || line.hints.repeats == Repeats::Never {
            self.failures = 0;
        } else if self.newest.written().until(line.said.written()) >= SAME_FAILURE {
            self.failures += 1;
        }
        Some(Duration::from_secs(rules.backoff[self.failures.min(last)].into()))
    }

    /// Whether it may be the link of the account that the line names: the state file, which names none, may be read first.
    pub(super) fn may_be_of(&self, said: &Said) -> bool {
        let is_by_entry = self.account.is_none() && self.newest.proof.source == Source::StateFile;
        is_by_entry || self.account == said.connection
    }

    /// Whether it may be this link that logs such a line at some time: it has not ended, it does not try to connect while the line
    /// says that a connection ends, its client does not wait while the line says that an attempt ends, and `gateway.run` connects
    /// it if only such a link logs the line.
    pub(super) fn may_ever_log(&self, line: &Line<'_>) -> bool {
        let is_by_entry = self.newest.proof.source == Source::StateFile;
        let is_handed_over = self.owner.is_some() || self.session_is_over || is_by_entry;
        let ends_attempt = line.hints.phase == Some(Phase::Tries);
        let connected_by_runner = self.step == Step::FailedToConnect || is_handed_over;
        self.standing < Standing::Ended
            && !(self.step == Step::Tries && line.said.closes())
            && !(ends_attempt && self.waits_until_after(line.said))
            && (line.hints.phase != Some(Phase::Connects) || connected_by_runner)
    }

    /// Whether its client said before this line that it waits until after it.
    pub(super) fn waits_until_after(&self, said: &Said) -> bool {
        self.waits.is_some_and(|(since, span)| since.until(said.written()) < span)
    }

    /// Whether it may be this link that logs such a line.
    pub(super) fn may_log(&self, line: &Line<'_>, rules: &Rules) -> bool {
        let written = line.said.written();
        let is_silent = self.newest.written().until(written) >= longest_pause(rules);
        if line.hints.attempt.is_some_and(|attempt| self.attempts.contradict(attempt, is_silent)) {
            return false;
        }
        match line.hints.repeats {
            Repeats::AnyTime => true,
            Repeats::Never => false,
            Repeats::After { line, .. } => {
                let last = self.lines.iter().find(|(known, ..)| *known == line);
                last.is_none_or(|(_, last, pause)| last.until(written) >= *pause)
            }
        }
    }

    /// Whether it may be this link that begins an attempt.
    pub(super) fn may_try(&self, said: &Said) -> bool {
        let has_paused = self.lines.iter().all(|(_, last, pause)| last.until(said.written()) >= *pause);
        has_paused && self.step != Step::Tries && self.standing < Standing::Ended && !self.link.rests(said.at)
    }

    /// Until when `gateway.run` may still say whose link it failed to connect.
    pub(super) fn named_until(&self) -> Option<Timestamp> {
        let is_nobodys = self.owner.is_none() && self.account.is_none();
        (is_nobodys && self.step == Step::FailedToConnect).then(|| after(self.since.at, SAME_ATTEMPT))
    }

    /// When it counts as never having been there, unless another line about it comes.
    pub(super) fn doubtful_at(&self) -> Option<Timestamp> {
        self.inferred.then(|| self.silence.due())
    }

    pub(super) fn is_down(&self, now: Timestamp) -> bool {
        self.doubtful_at().is_none_or(|at| now < at) && !self.link.is_up(now)
    }
}

/// The longest time between two lines of a client that tries again.
fn longest_pause(rules: &Rules) -> Duration {
    rules.times.red_after * 3 / 2
}
