//! The texts of the menu, and when they are out of date.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::row::Row;
use super::state::Locale;
use crate::evidence::line;
use crate::health::{Proof, Reason};
use crate::text::display::label;
use crate::text::reason::title;
use crate::text::{self, Phrase, fill, menu as say};

/// Minimum time between two updates of the menu: with many profiles, one of their durations changes every second or two, and
/// they are rounded anyway.
const MIN_REFRESH: SignedDuration = SignedDuration::from_secs(30);

/// Writes the sentences of one menu.
pub(super) struct Texts<'a> {
    pub(super) locale: &'a Locale,
    now: Timestamp,
    today: Date,
    stale_in: Option<SignedDuration>,
}

impl<'a> Texts<'a> {
    pub(super) fn new(locale: &'a Locale, now: Timestamp) -> Self {
        let today = now.to_zoned(locale.zone.clone());
        let midnight = today.tomorrow().and_then(|day| day.start_of_day()).ok();
        let stale_in = midnight.map(|at| at.timestamp().duration_since(now));
        Self { locale, now, today: today.date(), stale_in }
    }

    pub(super) fn pick(&self, phrase: Phrase) -> &'static str {
        self.locale.lang.pick(phrase)
    }

    pub(super) fn fill(&self, phrase: Phrase, values: &[(&str, &str)]) -> String {
        fill(self.pick(phrase), values)
    }

    pub(super) fn title(&self, reason: Reason, platform: Option<&str>) -> String {
        title(self.locale.lang, reason, platform)
    }

    /// The rounded time since `start`.
    pub(super) fn since(&mut self, start: Timestamp) -> String {
        let span = self.now.duration_since(start);
        let changes = say::roughly_changes_in(span);
        self.stale_in = Some(self.stale_in.map_or(changes, |stale| stale.min(changes)));
        say::roughly(self.locale.lang, span)
    }

    /// The rows of a verdict's evidence. Its time is the start of the verdict; without evidence, that has its own row.
    pub(super) fn proof(
        &self,
        key: impl Fn(&str) -> String,
        proof: Option<&Proof>,
        since: Timestamp,
    ) -> Vec<Row> {
        let mut rows: Vec<Row> =
            proof.map(|proof| Row::bounded(key("evidence"), &self.evidence(proof))).into_iter().collect();
        if proof.is_none_or(|proof| self.time(proof.at) != self.time(since)) {
            rows.push(Row::text(key("since"), self.fill(say::SINCE, &[("time", &self.time(since))])));
        }
        rows
    }

    /// The source and time of the evidence, and its message without timestamp, level and logger.
    pub(super) fn evidence(&self, proof: &Proof) -> String {
        let lang = self.locale.lang;
        let line = text::proof::line(lang, proof);
        let message = line::head(line.as_bytes()).map_or(line.as_bytes(), |head| head.message);
        // the head of a line ends at an ASCII character
        let message = str::from_utf8(message).unwrap_or(&line);
        let source = text::proof::source(lang, &proof.source);
        let values =
            [("source", &*label(source)), ("time", &self.time(proof.at)), ("line", &*label(message))];
        self.fill(say::EVIDENCE, &values)
    }

    /// A time of day, with its date unless it is today.
    pub(super) fn time(&self, at: Timestamp) -> String {
        let then = at.to_zoned(self.locale.zone.clone());
        let format = if then.date() == self.today { "%H:%M" } else { "%Y-%m-%d %H:%M" };
        then.strftime(format).to_string()
    }

    /// When the first of the texts so far is out of date.
    pub(super) fn stale_at(&self) -> Option<Timestamp> {
        self.stale_in.and_then(|span| self.now.checked_add(span.max(MIN_REFRESH)).ok())
    }
}
