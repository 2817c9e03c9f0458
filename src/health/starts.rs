//! Starts and takeovers across processes: crash loops and replace loops.

use std::time::Duration;

use jiff::Timestamp;

use super::evidence::Proof;
use super::settings::Deadlines;
use super::timer::{Earliest, after, before};
use crate::order::Order as _;

/// Most start times and takeovers that are kept: more than any threshold needs.
const MAX_TIMES: usize = 256;

/// Times of one start differ by at most this much between sources.
const SAME_START: Duration = Duration::from_secs(5);

/// How long an exiting process may go on logging while its successor runs.
pub(super) const LONGEST_OVERLAP: Duration = Duration::from_secs(60);

/// A restart that Gatelight asked for has begun within this time: a throttled job waits 30 s, an old process 60 s.
const OWN_RESTART: Duration = Duration::from_secs(180);

/// A restart that Gatelight asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Asked {
    at: Timestamp,
    /// The start that followed it is known.
    answered: bool,
}

impl Asked {
    fn is_answered_by(&self, start: Timestamp) -> bool {
        !self.answered && (self.at..=after(self.at, OWN_RESTART)).contains(&start)
    }
}

/// All known starts, and which of them may follow a crash.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Starts {
    /// Starts seen as processes, log lines, or in the manager's counter. Sorted by time, as all lists here.
    seen: Vec<Timestamp>,
    /// From `gateway-starts.log`.
    recorded: Vec<Timestamp>,
    /// Intended starts: after a run that worked and was ended on purpose or taken over. No crash came before them.
    meant: Vec<Timestamp>,
    /// The starts of both lists that may follow a crash. Kept up to date because every event needs them.
    unmeant: [Vec<Timestamp>; 2],
    takeovers: Vec<(Timestamp, Proof)>,
    storm: Option<(Timestamp, Proof)>,
    /// Restarts that Gatelight asked for.
    asked: Vec<Asked>,
    /// The last reading of the manager's counter of starts.
    counter: Option<(Timestamp, u64)>,
}

impl Starts {
    /// Counts a start. `meant`: it follows a run that was ended on purpose.
    pub(super) fn count(&mut self, at: Timestamp, meant: bool, now: Timestamp, deadlines: &Deadlines) {
        self.forget_old(now, deadlines);
        insert_in_order(&mut self.seen, at);
        if meant || (!self.was_meant(at) && self.answers(at)) {
            self.note_meant(at);
        } else if !self.was_meant(at) {
            insert_in_order(&mut self.unmeant[0], at);
        }
    }

    /// Takes in that Gatelight asked for a restart: the next start is intended. Start and restart may be known
    /// already.
    pub(super) fn note_asked(&mut self, at: Timestamp) {
        if self.asked.iter().any(|asked| asked.at == at) {
            return;
        }
        let asked = Asked { at, answered: false };
        let known = self.seen.iter().chain(&self.recorded).copied();
        let start = known.filter(|start| asked.is_answered_by(*start) && !self.was_meant(*start)).min();
        push_bounded(&mut self.asked, Asked { answered: start.is_some(), ..asked });
        self.asked.order_by_key(|asked| asked.at);
        if let Some(start) = start {
            self.note_meant(start);
        }
    }

    /// Whether this start is the first one after a restart that Gatelight asked for.
    fn answers(&mut self, start: Timestamp) -> bool {
        let asked = self.asked.iter_mut().find(|asked| asked.is_answered_by(start));
        asked.map(|asked| asked.answered = true).is_some()
    }

    /// Takes in the start records. Returns the newest, if it was not known before.
    pub(super) fn read(&mut self, times: Vec<Timestamp>) -> Option<Timestamp> {
        let known = self.recorded.last().copied();
        let skip = times.len().saturating_sub(MAX_TIMES);
        self.recorded = times.into_iter().skip(skip).collect();
        self.recorded.order();
        for start in self.recorded.clone() {
            if !self.was_meant(start) && self.answers(start) {
                self.note_meant(start);
            }
        }
        let unmeant = self.recorded.iter().filter(|start| !self.was_meant(**start));
        self.unmeant[1] = unmeant.copied().collect();
        self.recorded.last().copied().filter(|newest| known.is_none_or(|known| *newest > known))
    }

    /// Takes in the manager's counter. Starts that were not seen are placed between the two readings. Returns whether
    /// it rose.
    pub(super) fn read_counter(&mut self, counter: u64, now: Timestamp, deadlines: &Deadlines) -> bool {
        let Some((then, old)) = self.counter.replace((now, counter)) else { return false };
        let rose = usize::try_from(counter.saturating_sub(old)).unwrap_or(usize::MAX);
        let from = self.seen.partition_point(|start| *start <= then);
        let unseen = rose.saturating_sub(self.seen.len() - from).min(MAX_TIMES);
        let span = Duration::try_from(now.duration_since(then)).unwrap_or_default();
        for i in 0..unseen {
            let at = after(then, span.mul_f64((i + 1) as f64 / (unseen + 1) as f64));
            self.count(at, false, now, deadlines);
        }
        rose > 0
    }

    /// Marks a start as intended, from whichever source it is known.
    pub(super) fn note_meant(&mut self, at: Timestamp) {
        insert_in_order(&mut self.meant, at);
        let (from, to) = (before(at, SAME_START), after(at, SAME_START));
        for starts in &mut self.unmeant {
            starts.retain(|start| *start < from || *start > to);
        }
    }

    /// Takes in that another instance took over.
    pub(super) fn note_takeover(&mut self, at: Timestamp, proof: Proof) {
        self.add_takeover(at, proof);
        // The new instance was started before the takeover was logged.
        let newest = self.seen.last().copied();
        if let Some(start) = newest.filter(|start| at < after(*start, LONGEST_OVERLAP)) {
            self.note_meant(start);
        }
    }

    /// Takeovers of former processes.
    pub(super) fn note_past_takeovers(&mut self, proofs: Vec<Proof>) {
        for proof in proofs {
            self.add_takeover(proof.at, proof);
        }
    }

    /// Adds a takeover by its time: a clock that was set back makes later ones earlier.
    fn add_takeover(&mut self, at: Timestamp, proof: Proof) {
        push_bounded(&mut self.takeovers, (at, proof));
        self.takeovers.order_by_key(|(at, _)| *at);
    }

    /// Takes in the gateway's own report that it was started too often.
    pub(super) fn note_storm(&mut self, at: Timestamp, proof: Proof) {
        self.storm = Some((at, proof));
    }

    /// The number of unintended starts within the window, 0 where they are too few for a crash loop; and the gateway's own
    /// report of a start storm in it.
    pub(super) fn crashes(&self, now: Timestamp, deadlines: &Deadlines) -> (usize, Option<&Proof>) {
        let window = deadlines.crash_window;
        let count = |starts: &Vec<Timestamp>| {
            // Every judgement asks.
            if starts.len() > deadlines.crash_starts { within(starts, now, window) } else { 0 }
        };
        let [seen, recorded] = self.unmeant.each_ref().map(count);
        let storm = self.storm.as_ref().filter(|(at, _)| after(*at, window) > now);
        (seen.max(recorded), storm.map(|(_, proof)| proof))
    }

    /// The newest takeover, if there are enough of them for a loop.
    pub(super) fn replace_loop(&self, now: Timestamp, deadlines: &Deadlines) -> Option<&Proof> {
        if self.takeovers.len() < deadlines.replace_takeovers {
            return None;
        }
        let floor = before(now, deadlines.replace_window);
        let newest = self.takeovers.iter().rev().take(deadlines.replace_takeovers);
        let many = newest.filter(|(at, _)| *at > floor).count() >= deadlines.replace_takeovers;
        self.takeovers.last().filter(|_| many).map(|(_, proof)| proof)
    }

    /// When a process that works ends a crash loop: half a window after its start.
    pub(super) fn settles_at(&self, deadlines: &Deadlines) -> Timestamp {
        let newest = self.seen.last().max(self.recorded.last());
        after(newest.copied().unwrap_or(Timestamp::MIN), deadlines.crash_window / 2)
    }

    /// Whether enough starts are kept for a crash loop, or the gateway reported one.
    fn may_loop(&self, deadlines: &Deadlines) -> bool {
        self.storm.is_some() || self.unmeant.iter().any(|starts| starts.len() > deadlines.crash_starts)
    }

    /// Every moment at which a count changes without new evidence.
    pub(super) fn deadlines(&self, deadlines: &Deadlines, due: &mut Earliest) {
        let nth_takeover = self.takeovers.len().checked_sub(deadlines.replace_takeovers.max(1));
        let takeover = nth_takeover.and_then(|i| self.takeovers.get(i));
        let all = [
            self.storm.as_ref().map(|(at, _)| after(*at, deadlines.crash_window)),
            takeover.map(|(at, _)| after(*at, deadlines.replace_window)),
            Some(self.settles_at(deadlines)).filter(|_| self.may_loop(deadlines)),
        ];
        due.add(all.into_iter().flatten());
        // Where the clock was set back, a start may count only from its own time on.
        let enough = |starts: &&Vec<Timestamp>| starts.len() > deadlines.crash_starts;
        let counted = self.unmeant.iter().filter(enough).flatten();
        due.add(counted.flat_map(|at| [*at, after(*at, deadlines.crash_window)]));
    }

    fn was_meant(&self, start: Timestamp) -> bool {
        let place = self.meant.partition_point(|meant| *meant < before(start, SAME_START));
        self.meant.get(place).is_some_and(|meant| *meant <= after(start, SAME_START))
    }

    /// Drops starts that are too old to be counted.
    fn forget_old(&mut self, now: Timestamp, deadlines: &Deadlines) {
        let floor = before(now, deadlines.crash_window.max(LONGEST_OVERLAP) + SAME_START);
        for starts in [&mut self.seen, &mut self.meant, &mut self.unmeant[0]] {
            starts.retain(|start| *start > floor);
        }
    }
}

/// How many of these sorted times lie within the window that ends now.
fn within(times: &[Timestamp], now: Timestamp, window: Duration) -> usize {
    let floor = before(now, window);
    let until = |end: Timestamp| times.partition_point(|at| *at <= end);
    until(now).saturating_sub(until(floor))
}

/// Inserts a time into a sorted list; the place is nearly always the end.
fn insert_in_order(times: &mut Vec<Timestamp>, at: Timestamp) {
    if times.len() >= MAX_TIMES {
        times.remove(0);
    }
    let place = times.partition_point(|other| *other <= at);
    times.insert(place, at);
}

fn push_bounded<T>(list: &mut Vec<T>, item: T) {
    if list.len() >= MAX_TIMES {
        list.remove(0);
    }
    list.push(item);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Starts arrive late and out of order, and may be marked as intended before or after they are known. The
        /// running count equals a full recount.
        #[test]
        fn starts_that_were_not_meant_are_counted(steps in proptest::collection::vec((0_u8..4, 0_u64..40, 0_u64..20), 0..60)) {
            let deadlines = Deadlines::default();
            let window = deadlines.crash_window;
            let (mut starts, mut now) = (Starts::default(), Timestamp::UNIX_EPOCH);
            for (kind, later, ago) in steps {
                now = after(now, Duration::from_secs(later));
                let at = before(now, Duration::from_secs(ago));
                match kind {
                    0 | 1 => starts.count(at, false, now, &deadlines),
                    2 => starts.note_meant(at),
                    _ => {
                        let mut recorded = starts.recorded.clone();
                        recorded.push(at);
                        starts.read(recorded);
                    }
                }
                let floor = before(now, window);
                let meant = |start: Timestamp| starts.meant.iter().any(|meant| meant.duration_since(start).unsigned_abs() <= SAME_START);
                for (all, unmeant) in [&starts.seen, &starts.recorded].into_iter().zip(&starts.unmeant) {
                    let counted = all.iter().filter(|start| **start > floor && !meant(**start)).count();
                    prop_assert_eq!(within(unmeant, now, window), counted);
                    prop_assert!(unmeant.is_sorted());
                }
            }
        }
    }

    #[test]
    fn a_rising_counter_counts_as_unseen_starts() {
        let deadlines = Deadlines::default();
        let at = |s| after(Timestamp::UNIX_EPOCH, Duration::from_secs(s));
        let mut starts = Starts::default();
        assert!(!starts.read_counter(17_169, at(1000), &deadlines), "the first reading says nothing of when");
        for (i, runs) in (17_170..17_176).enumerate() {
            let now = at(1010 + 10 * i as u64);
            assert!(starts.read_counter(runs, now, &deadlines));
        }
        assert_eq!(starts.crashes(at(1060), &deadlines).0, 6);
    }

    #[test]
    fn restarts_of_our_own_are_no_crashes() {
        let deadlines = Deadlines::default();
        let at = |s| after(Timestamp::UNIX_EPOCH, Duration::from_secs(s));
        let mut starts = Starts::default();
        for i in 0..9 {
            starts.note_asked(at(20 * i));
            starts.count(at(20 * i + 5), false, at(20 * i + 5), &deadlines);
        }
        assert_eq!(starts.crashes(at(170), &deadlines).0, 0);
        // the same if the restarts become known after the starts, and are reported repeatedly
        let mut starts = Starts::default();
        for i in 0..6 {
            starts.count(at(20 * i + 5), false, at(20 * i + 5), &deadlines);
            for asked in 0..=i {
                starts.note_asked(at(20 * asked));
            }
        }
        assert_eq!(starts.crashes(at(110), &deadlines).0, 0);
        for i in 0..6 {
            starts.count(at(121 + i), false, at(121 + i), &deadlines);
        }
        assert_eq!(starts.crashes(at(130), &deadlines).0, 6, "nobody asked for these");
    }
}
