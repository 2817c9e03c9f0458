//! What was shown when: changes and observed spans as one time line.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::health::Reason;
use crate::history::{ChangeRow, Observed};
use crate::order::Order as _;

/// The time span of a query: `from` included, `to` excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Start, included.
    pub from: Timestamp,
    /// End, excluded; not before the start.
    pub to: Timestamp,
}

impl Window {
    /// The `length` that ends at `to`.
    pub fn last(length: SignedDuration, to: Timestamp) -> Self {
        Self { from: to.saturating_sub(length).unwrap_or(Timestamp::MIN).min(to), to }
    }

    /// From start to end.
    pub fn length(self) -> SignedDuration {
        self.to.duration_since(self.from)
    }
}

/// A span in which a profile showed one verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Start.
    pub from: Timestamp,
    /// End, which is the start of the next span.
    pub to: Timestamp,
    /// Index of the change that holds in it; `None`: unknown.
    pub change: Option<usize>,
}

impl Span {
    /// From start to end.
    pub fn length(self) -> SignedDuration {
        self.to.duration_since(self.from)
    }
}

/// How much of the window no run observed.
pub fn unseen(observed: &[Observed], window: Window) -> SignedDuration {
    let mut spans: Vec<&Observed> = observed.iter().collect();
    spans.order_by_key(|span| span.from);
    let (mut unseen, mut end) = (SignedDuration::ZERO, window.from);
    for span in spans {
        unseen += span.from.min(window.to).duration_since(end).max(SignedDuration::ZERO);
        end = end.max(span.to.min(window.to));
    }
    unseen + window.to.duration_since(end)
}

/// The window as spans without gaps or overlaps. `changes` are sorted by time.
///
/// A span is unknown where no run observed anything, where the observing run has not reported on this profile yet, and
/// where it reported that it has no evidence. Where two runs observed the same time, the clock was set back between
/// them, and the later run counts.
pub fn timeline(changes: &[ChangeRow], observed: &[Observed], window: Window) -> Vec<Span> {
    let mut first_of_run: HashMap<i64, usize> = HashMap::new();
    for (i, change) in changes.iter().enumerate() {
        first_of_run.entry(change.run).or_insert(i);
    }
    let reported = |span: &Observed| span.from < span.to && first_of_run.contains_key(&span.run);
    let mut observed: Vec<Observed> = observed.iter().copied().filter(reported).collect();
    observed.order_by_key(|span| (span.from, span.run));
    let mut line = Line { changes, spans: Vec::new(), end: window.from };
    for (i, span) in observed.iter().enumerate() {
        let overlapping = observed[i + 1..].iter().take_while(|other| other.from < span.to);
        let later_run = overlapping.into_iter().find(|other| other.run > span.run);
        let to = later_run.map_or(span.to, |other| other.from).min(window.to);
        let from = span.from.max(line.end);
        if from < to {
            let first = first_of_run.get(&span.run).copied().unwrap_or(0);
            line.extend(Observed { run: span.run, from, to }, first);
        }
    }
    line.push(window.to, None);
    line.spans
}

/// A time line under construction.
struct Line<'a> {
    changes: &'a [ChangeRow],
    spans: Vec<Span>,
    end: Timestamp,
}

impl Line<'_> {
    /// Adds a span that one run observed; `first` is that run's first change.
    fn extend(&mut self, observed: Observed, first: usize) {
        self.push(observed.from, None);
        let inside = self.changes.partition_point(|change| change.at <= observed.from);
        let of_run = |change: &ChangeRow| change.run == observed.run;
        let earlier = self.changes.get(first..inside).unwrap_or_default();
        let mut holds = earlier.iter().rposition(of_run).and_then(|i| self.known(first + i));
        for (i, change) in self.changes.iter().enumerate().skip(inside) {
            if change.at >= observed.to {
                break;
            }
            if of_run(change) {
                self.push(change.at, holds);
                holds = self.known(i);
            }
        }
        self.push(observed.to, holds);
    }

    fn known(&self, i: usize) -> Option<usize> {
        (self.changes[i].to != Reason::NoEvidence).then_some(i)
    }

    /// Continues the line up to `to`.
    fn push(&mut self, to: Timestamp, change: Option<usize>) {
        let from = self.end;
        if from >= to {
            return;
        }
        self.end = to;
        match self.spans.last_mut() {
            Some(last) if last.change == change => last.to = to,
            _ => self.spans.push(Span { from, to, change }),
        }
    }
}
