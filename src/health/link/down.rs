//! A loss: its cause, its timers, and claims that it is over.

use std::time::Duration;

use jiff::Timestamp;

use super::said::{SAME_ATTEMPT, Said, View, Written};
use super::tally::CONFLICT_WINDOW;
use super::{INBOUND_TAIL, SAME_MOMENT};
use crate::health::platform::{Announcement, Rules, Settled, Times};
use crate::health::proof::{Proof, Source};
use crate::health::reason::Reason;
use crate::health::signal::LinkWord;
use crate::health::time::Slept;
use crate::health::timer::{Earliest, Timer, after};

/// A claim younger than this changes neither light nor reason: the next line often contradicts it.
pub(super) const CLAIM_STANDS: Duration = Duration::from_secs(5);

/// No client waits longer between two attempts, unless its platform's file says so (hermes-agent 0.19, gateway/run.py: the
/// longest pause of `gateway.run`; those of the SDKs are shorter).
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Why a link is down, in rising order: a later cause replaces an equal or weaker one only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// Lost, or an attempt failed for an unknown reason.
    Lost,
    /// Paused by somebody.
    Paused,
    /// Network, DNS, proxy, time-out, busy server.
    Unreachable,
    /// Another client of the same account.
    Conflict,
    /// Refused, with the reason.
    Refused(Reason),
    /// Ended for good, with the reason.
    Ended(Reason),
}

impl Cause {
    /// The reason of this cause, if it does not depend on timers.
    /// The reason while no claim stands.
    pub(super) fn reason(self) -> Option<Reason> {
        match self {
            Self::Refused(reason) | Self::Ended(reason) => Some(reason),
            Self::Conflict => Some(Reason::LinkConflict),
            Self::Lost | Self::Paused | Self::Unreachable => None,
        }
    }

    /// Whether it is shown even within the grace period after waking.
    fn is_certain(self) -> bool {
        matches!(self, Self::Refused(_) | Self::Ended(_))
    }
}

/// A claim that a loss is over.
#[derive(Debug, Clone, PartialEq)]
struct Claim {
    /// While it runs, the claim changes nothing.
    stands: Timer,
    /// The claim is believed when it is over. Only time awake counts.
    settles: Timer,
    proof: Proof,
}

/// A link that is down.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Down {
    /// When the loss began.
    pub(super) since: Timestamp,
    /// The newest line about the problem.
    pub(super) newest: Written,
    /// Whether that line ends a connection that was up.
    closed: bool,
    /// The proof.
    pub(super) proof: Proof,
    /// Why.
    pub(super) cause: Cause,
    /// The process that the line names.
    pub(super) other_pid: Option<u32>,
    /// The link is amber while it runs, then red.
    pub(super) patience: Timer,
    /// An attempt failed, which is shown at once.
    failed: bool,
    /// For how long a line may follow a failure that says that it is another link's.
    in_doubt: Duration,
    /// A failure is shown when it is over: another line may say that it is another link's. Within the grace period after waking, it
    /// has to hold until the end of the period.
    shown: Timer,
    /// Whether it was red when the current attempt began.
    stalled: bool,
    /// The first claim since the newest line about the problem.
    claim: Option<Claim>,
    /// The problem is over when this timer is.
    heals: Option<Timer>,
    /// Until then its client logs nothing: it was refused.
    rests_until: Option<Timestamp>,
    /// Until then a message may be logged that was in transit when the link broke.
    tail_until: Timestamp,
    /// The newest refusal, and the longest time between two of them: the client tries again.
    refusals: Option<(Timestamp, Duration)>,
}

impl Down {
    /// A new loss. `in_doubt`: for how long it may turn out to be another link's.
    pub(super) fn begin(cause: Cause, said: &Said, times: &Times, in_doubt: Duration) -> Self {
        Self {
            since: said.at,
            newest: said.written(),
            closed: said.closes(),
            proof: said.proof.clone(),
            cause,
            other_pid: said.other_pid,
            patience: Timer::start(said.at, times.red_after, said.grace),
            failed: false,
            in_doubt,
            shown: shows(cause, said, in_doubt),
            stalled: false,
            claim: None,
            heals: heals(cause, cause, said, times),
            rests_until: rests_until(cause, said, times),
            tail_until: after(said.at, INBOUND_TAIL),
            refusals: None,
        }
    }

    /// Why it ended for good, and the proof.
    pub(super) fn ended(&self) -> Option<(Reason, &Proof)> {
        match self.cause {
            Cause::Ended(reason) => Some((reason, &self.proof)),
            _ => None,
        }
    }

    /// A refused start, for which the gateway may end.
    pub(super) fn refused_start(&self) -> Option<(Reason, &Proof, Option<u32>)> {
        match self.cause {
            Cause::Refused(reason @ (Reason::AppInUse | Reason::AdapterMissing | Reason::ConfigError)) => {
                Some((reason, &self.proof, self.other_pid))
            }
            _ => None,
        }
    }

    /// Takes in another line about the problem. A claim that did not stand for the settle time is void: the loss
    /// keeps its start and its timers.
    pub(super) fn add(&mut self, cause: Cause, said: &Said, times: &Times) {
        let claimed = self.claim.take().is_some_and(|claim| claim.stands.over(said.at));
        if self.tries_again(cause, said) {
            self.cause = Cause::Refused(Reason::AuthRejected);
        } else if claimed && self.is_refused() {
            // The server let it in since: what follows is no refusal, unless the line says so.
            self.cause = Cause::Lost;
            self.end_wait(Timer::start(self.since, times.red_after, said.grace));
        }
        self.newest = said.written();
        self.tail_until = after(said.at, INBOUND_TAIL);
        self.closed = said.closes();
        if cause >= self.cause {
            self.cause = cause;
            self.proof = said.proof.clone();
            self.other_pid = said.other_pid;
            // What was shown before the machine slept is not hidden again.
            let shown = shows(cause, said, self.in_doubt);
            if !self.shown.over(said.at) && shown.due() < self.shown.due() {
                self.shown = shown;
            }
        }
        let heals = heals(self.cause, cause, said, times);
        // An error that comes during the pause after a refusal is not its client's: the pause ends no sooner.
        let later = self
            .heals
            .filter(|before| self.rests(said.at) && heals.is_some_and(|new| before.due() > new.due()));
        self.heals = later.or(heals);
        self.rests_until = rests_until(cause, said, times).or(self.rests_until);
    }

    /// Whether this line shows that the client tries again although it gave up when it was refused: it is about a later failure.
    fn tries_again(&self, cause: Cause, said: &Said) -> bool {
        self.cause == Cause::Ended(Reason::AuthRejected)
            && !matches!(cause, Cause::Ended(_))
            && said.proof.source != Source::StateFile
            && self.newest.until(said.written()) >= SAME_ATTEMPT
    }

    /// It is known to be this link's, about which this line is the newest.
    pub(super) fn end_doubt(&mut self, newest: &Said) {
        let shown = shows(self.cause, newest, Duration::ZERO);
        if shown.due() < self.shown.due() {
            self.shown = shown;
        }
    }

    /// Whether its client logs nothing at this time, because it was refused.
    pub(super) fn rests(&self, at: Timestamp) -> bool {
        self.rests_until.is_some_and(|until| at < until)
    }

    /// Whether this message may have been in transit when the link broke.
    pub(super) fn may_be_in_transit(&self, said: &Said) -> bool {
        said.at < self.tail_until || self.newest.is_within(INBOUND_TAIL, said.written())
    }

    /// The machine slept, which is no part of its client's pause.
    pub(super) fn postpone_rest(&mut self, slept: &Slept) {
        self.rests_until = self.rests_until.map(|until| slept.postpone(until));
    }

    /// The machine slept or the process was suspended: what was in transit still is.
    pub(super) fn postpone_tail(&mut self, slept: &Slept) {
        self.tail_until = slept.postpone(self.tail_until);
    }

    /// A single conflict waits for the other session to expire, however long that takes.
    pub(super) fn wait_for_session(&mut self, said: &Said) {
        if self.cause == Cause::Conflict && !self.patience.over(said.at) {
            let standing = said.word == LinkWord::ConflictAgain;
            let span = if standing { Duration::ZERO } else { CONFLICT_WINDOW };
            self.patience = Timer::start(self.since, span, said.grace);
        }
    }

    /// Something else failed, so nothing waits for another session to expire any more: a conflict is a loss like any other.
    pub(super) fn end_conflict(&mut self, said: &Said, times: &Times) {
        if self.cause != Cause::Conflict {
            return;
        }
        self.cause = Cause::Lost;
        self.end_wait(Timer::start(said.at, times.red_after, said.grace));
    }

    /// Nothing waits for another session to expire any more: the link is amber for no longer than this timer runs.
    fn end_wait(&mut self, patience: Timer) {
        if patience.due() < self.patience.due() {
            self.patience = patience;
        }
    }

    /// The problem is over when this timer is, and never red before.
    pub(super) fn heal_after(&mut self, healed: Timer) {
        self.heals = Some(healed);
        if self.patience.due() < healed.due() {
            self.patience = healed;
        }
    }

    /// Whether it was refused.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self.cause, Cause::Refused(_))
    }

    /// Takes in a failed attempt. Where another is expected within `retry`: red at once, and the newest one names the cause.
    pub(super) fn fail(&mut self, said: &Said, retry: Duration) {
        if retry.is_zero() || matches!(self.cause, Cause::Ended(_)) {
            return;
        }
        self.cause = Cause::Unreachable;
        self.proof = said.proof.clone();
        if !self.failed {
            self.shown = Timer::start(said.at, Duration::ZERO, said.grace);
        }
        self.failed = true;
        self.patience = Timer::start(said.at, retry, said.grace);
    }

    /// Takes in a refusal: the newest one names the reason.
    pub(super) fn refuse(&mut self, reason: Reason, said: &Said) {
        let (before, longest) = self.refusals.unwrap_or((said.at, Duration::ZERO));
        let pause = said.at.duration_since(before).unsigned_abs();
        // one refusal may be told by several lines and by the state file
        let longest = if pause > SAME_MOMENT { longest.max(pause) } else { longest };
        self.refusals = Some((said.at, longest));
        if self.is_refused() {
            self.cause = Cause::Refused(reason);
            self.proof = said.proof.clone();
        }
    }

    /// Takes in the start of an attempt. Red stays red until the link is proven.
    pub(super) fn attempt(&mut self, said: &Said, span: Duration) {
        self.claim = None;
        self.stalled |= !self.failed && self.patience.over(said.at);
        self.patience = Timer::start(said.at, span, said.grace);
        if !self.failed {
            self.proof = said.proof.clone();
        }
    }

    /// Takes in a claim that the loss is over, which proves nothing.
    pub(super) fn claim(&mut self, said: &Said, times: &Times) {
        if !matches!(self.cause, Cause::Ended(_)) {
            self.claim.get_or_insert_with(|| Claim {
                stands: Timer::start(said.at, CLAIM_STANDS, None),
                settles: Timer::start(said.at, times.settle, None),
                proof: said.proof.clone(),
            });
        }
    }

    /// Whether it was over at this time: then another line is a new loss.
    pub(super) fn is_over(&self, at: Timestamp, settled: Settled) -> bool {
        let claimed = self.claim.as_ref().is_some_and(|claim| claim.settles.over(at));
        (claimed && settled == Settled::Green) || self.heals.is_some_and(|timer| timer.over(at))
    }

    /// Whether no log line shows that the link is still down. At log level WARNING a recovery is invisible, so a loss that
    /// no further error confirms proves nothing after a while.
    pub(super) fn is_unconfirmed(&self, now: Timestamp, rules: &Rules) -> bool {
        let is_loss = matches!(self.cause, Cause::Lost | Cause::Unreachable) && !self.stalled && !self.failed;
        let confirmed = !is_loss || self.newest.at >= after(self.since, rules.times.red_after / 2);
        self.is_stale(now, rules) || (!confirmed && self.patience.over(now))
    }

    /// Whether its newest error is too old to show that the link is still down.
    fn is_stale(&self, now: Timestamp, rules: &Rules) -> bool {
        match self.cause {
            Cause::Ended(_) | Cause::Paused => false,
            _ if self.stalled => false,
            Cause::Refused(_) if rules.refusal_ends && self.pause().is_zero() => false,
            // A client that has stopped its refused attempts may be back, or have given up.
            Cause::Refused(_) => now >= self.unconfirmed_at(&rules.times),
            _ if self.failed => self.patience.over(now),
            // The client repeats its attempts, also those after a conflict.
            Cause::Lost | Cause::Unreachable | Cause::Conflict => now >= self.unconfirmed_at(&rules.times),
        }
    }

    /// Whether this line is about the same loss. `denied`: the entry in the state file says that the link is down.
    pub(super) fn goes_on(&self, said: &Said, rules: &Rules, denied: bool) -> bool {
        !self.is_over(said.at, rules.settled) && (denied || !self.was_back_before(said, rules))
    }

    /// Whether the link was back before this line, at a log level that hides it.
    fn was_back_before(&self, said: &Said, rules: &Rules) -> bool {
        // Between two closed connections the client connected. That proves that the link was back, where it is no mere claim.
        let was_proven = self.closed && rules.announcement == Announcement::Proof;
        let pause = if was_proven { SAME_MOMENT } else { rules.times.settle };
        let ends_another = said.closes()
            && !matches!(self.cause, Cause::Ended(_))
            && self.newest.until(said.written()) >= pause;
        said.blind && (ends_another || self.is_stale(said.at, rules))
    }

    /// When the newest error is too old to show that the link is still down. The longest pause between two attempts of a
    /// client is about as long as `red_after`, and an attempt takes up to half of that.
    fn unconfirmed_at(&self, times: &Times) -> Timestamp {
        after(self.newest.at, (times.red_after * 3 / 2).max(self.silence_after_refusal(times)))
    }

    /// For how long it may log nothing after a refusal, until it is refused again.
    fn silence_after_refusal(&self, times: &Times) -> Duration {
        match self.pause() {
            Duration::ZERO if self.is_refused() => times.refusal_pause.max(LONGEST_PAUSE) * 3 / 2,
            // the pause may double each time
            pause => pause * 3,
        }
    }

    /// The longest time between two refusals; zero if there was only one.
    fn pause(&self) -> Duration {
        self.refusals.map_or(Duration::ZERO, |(_, longest)| longest)
    }

    /// The view of the link. `conflicts`: there are too many for a leftover of a restart.
    pub(super) fn view(&self, now: Timestamp, settled: Settled, conflicts: bool) -> View<'_> {
        let other_pid = self.other_pid;
        let view = |reason, proof, since| View { reason, proof: Some(proof), since, other_pid };
        if let Some(healed) = self.heals.filter(|timer| timer.over(now)) {
            return view(Reason::Connected, &self.proof, healed.due());
        }
        if let Some(Claim { stands, settles, proof }) =
            self.claim.as_ref().filter(|claim| claim.stands.over(now))
        {
            return match settled {
                Settled::Grey => view(Reason::NoEvidence, proof, stands.since),
                Settled::Green if settles.over(now) => view(Reason::Connected, proof, stands.since),
                Settled::Green => view(Reason::Recovering, &self.proof, self.since),
            };
        }
        view(self.reason(now, conflicts), &self.proof, self.since)
    }

    pub(super) fn reason(&self, now: Timestamp, conflicts: bool) -> Reason {
        let shown = self.shown.over(now);
        let overdue = self.patience.over(now);
        match self.cause {
            Cause::Ended(reason) => reason,
            Cause::Refused(reason) if shown => reason,
            Cause::Unreachable if self.failed && overdue => Reason::ReconnectStalled,
            Cause::Unreachable if shown && (self.failed || overdue) => Reason::NetworkUnreachable,
            Cause::Conflict if overdue || conflicts => Reason::LinkConflict,
            Cause::Paused => Reason::LinkPaused,
            Cause::Lost if self.stalled || overdue => Reason::ReconnectStalled,
            Cause::Conflict | Cause::Refused(_) | Cause::Unreachable | Cause::Lost => Reason::Reconnecting,
        }
    }

    /// Every moment at which the view may change without new evidence.
    pub(super) fn deadlines(&self, times: &Times, due: &mut Earliest) {
        let claim = self.claim.as_ref();
        let all = [
            Some(self.patience.due()),
            Some(self.shown.due()),
            Some(self.unconfirmed_at(times)),
            self.heals.map(|timer| timer.due()),
            claim.map(|claim| claim.stands.due()),
            claim.map(|claim| claim.settles.due()),
        ];
        due.add(all.into_iter().flatten());
    }

    /// All timers, for restarting after a sleep of the machine.
    pub(super) fn timers_mut(&mut self) -> impl Iterator<Item = &mut Timer> {
        let others = [&mut self.patience, &mut self.shown];
        let settles = self.claim.as_mut().map(|claim| &mut claim.settles);
        others.into_iter().chain(self.heals.as_mut()).chain(settles)
    }

    /// The timers for which silence counts.
    pub(super) fn silence_timers_mut(&mut self) -> impl Iterator<Item = &mut Timer> {
        let settles = self.claim.as_mut().map(|claim| &mut claim.settles);
        self.heals.as_mut().into_iter().chain(settles)
    }
}

/// The timer after which a failure is shown. `in_doubt`: for how long it may be another link's.
fn shows(cause: Cause, said: &Said, in_doubt: Duration) -> Timer {
    let uncertain = said.grace.filter(|_| !cause.is_certain());
    Timer::start(said.at, said.doubt(in_doubt), uncertain)
}

/// The timer after which silence shows that the problem is over. `line`: the cause that the newest line names.
fn heals(cause: Cause, line: Cause, said: &Said, times: &Times) -> Option<Timer> {
    let by_silence = match cause {
        Cause::Lost | Cause::Unreachable => true,
        // If the attempt after the pause succeeds, the client logs nothing.
        Cause::Refused(Reason::AuthRejected) => !times.refusal_pause.is_zero(),
        _ => false,
    };
    let pause = if matches!(line, Cause::Refused(_)) { times.refusal_pause } else { Duration::ZERO };
    (by_silence && !times.heals.is_zero()).then(|| Timer::start(said.at, pause + times.heals, said.grace))
}

/// The end of the pause that a client makes after this line.
fn rests_until(line: Cause, said: &Said, times: &Times) -> Option<Timestamp> {
    let pauses = matches!(line, Cause::Refused(_)) && !times.refusal_pause.is_zero();
    pauses.then(|| after(said.at, times.refusal_pause))
}
