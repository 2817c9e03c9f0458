//! Quiet hours: spans of the week, in local time, without notifications.

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

const DAY: u16 = 24 * 60;
const WEEK: usize = 7 * DAY as usize;

/// Bound on spans that follow each other without a break. Some time of the week is outside them, so fewer do.
const MAX_IN_A_ROW: usize = 1_024;

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Spans of the week as the settings give them: one text or a list of texts like `22:00-07:00`, `mon-fri 12:30-13:30`
/// or `sat,sun 00:00-24:00`. A span that ends at or before its beginning ends on the next day; the days are those on
/// which it begins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(from = "Written", into = "Vec<String>")]
pub struct QuietHours {
    written: Vec<String>,
    spans: Vec<Span>,
}

/// The beginning of the `expecting` message of [`Written`]; an attribute takes no constant.
pub(super) const EXPECTED: &str = "a time span like";

#[derive(Deserialize)]
#[serde(untagged, expecting = "a time span like \"22:00-07:00\", or a list of them")]
enum Written {
    One(String),
    Several(Vec<String>),
}

/// Why [`QuietHours`] from the settings cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuietHoursError {
    /// The entry with this index is no span of time.
    Entry(usize),
    /// RestartGroup they leave no time at all.
    Always,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    /// The days on which it begins: bit 0 is Monday.
    days: u8,
    /// Minutes since midnight, below [`DAY`].
    from: u16,
    /// Minutes since the same midnight, above `from` and at most `from + DAY`.
    to: u16,
}

impl QuietHours {
    /// Checks all entries. One that cannot be parsed is never quiet.
    pub fn check(&self) -> Result<(), QuietHoursError> {
        if let Some(index) = self.written.iter().position(|entry| Span::parse(entry).is_none()) {
            return Err(QuietHoursError::Entry(index));
        }
        if self.covers_the_week() { Err(QuietHoursError::Always) } else { Ok(()) }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.written.len()
    }

    /// Whether there are no quiet hours.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    /// When the current quiet hours end in this time zone; `None` outside quiet hours.
    pub fn until(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut until = None;
        for _ in 0..MAX_IN_A_ROW {
            let Some(end) = self.end_of_spans_at(until.unwrap_or(now), zone) else { break };
            until = Some(end);
        }
        until
    }

    /// The latest end of the spans that contain `at`.
    fn end_of_spans_at(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let today = zone.to_datetime(at).date();
        // a span lasts a day at most
        let days = [today.yesterday().ok(), Some(today)];
        let spans = days.into_iter().flatten().flat_map(|day| {
            let begin_on = self.spans.iter().filter(move |span| span.begins_on(day.weekday()));
            begin_on
                .filter_map(move |span| Some((moment(day, span.from, zone)?, moment(day, span.to, zone)?)))
        });
        spans.filter(|(from, to)| *from <= at && at < *to).map(|(_, to)| to).max()
    }

    fn covers_the_week(&self) -> bool {
        let mut quiet = vec![false; WEEK];
        for span in &self.spans {
            for day in (0..7).filter(|day| span.days & (1 << day) != 0) {
                for minute in span.from..span.to {
                    quiet[(day * usize::from(DAY) + usize::from(minute)) % WEEK] = true;
                }
            }
        }
        quiet.into_iter().all(|quiet| quiet)
    }
}

/// The time `minutes` of local time after the midnight that begins `day`. A time that the clock skips is moved forward
/// by the gap; of one that it repeats, the first counts.
fn moment(day: Date, minutes: u16, zone: &TimeZone) -> Option<Timestamp> {
    let day = if minutes >= DAY { day.tomorrow().ok()? } else { day };
    let minutes = minutes % DAY;
    let (hour, minute) = (i8::try_from(minutes / 60).ok()?, i8::try_from(minutes % 60).ok()?);
    day.at(hour, minute, 0, 0).to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
}

impl Span {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (first, second) = (words.next()?, words.next());
        if words.next().is_some() {
            return None;
        }
        let (days, times) = match second {
            Some(times) => (parse_days(first)?, times),
            None => (0x7f, first),
        };
        let (from, to) = times.split_once('-')?;
        let (from, to) = (parse_time(from)?, parse_time(to)?);
        if from == to || from == DAY {
            return None;
        }
        Some(Self { days, from, to: if to > from { to } else { to + DAY } })
    }

    const fn begins_on(self, day: Weekday) -> bool {
        self.days & (1 << day.to_monday_zero_offset()) != 0
    }
}

/// `mon`, `sat,sun`, `mon-fri`, `fri-mon`.
fn parse_days(text: &str) -> Option<u8> {
    let mut days = 0;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last) = (parse_day(first)?, parse_day(last)?);
        days |= 1 << day;
        while day != last {
            day = (day + 1) % WEEKDAYS.len();
            days |= 1 << day;
        }
    }
    Some(days)
}

fn parse_day(text: &str) -> Option<usize> {
    WEEKDAYS.iter().position(|day| day.eq_ignore_ascii_case(text))
}

/// Minutes since midnight, from `00:00` to `24:00`.
fn parse_time(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |text: &str| text.len() <= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if minute.len() != 2 || !digits(hour) || !digits(minute) {
        return None;
    }
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    let minutes = hour * 60 + minute;
    (minute < 60 && minutes <= DAY).then_some(minutes)
}

impl From<Written> for QuietHours {
    fn from(written: Written) -> Self {
        let written = match written {
            Written::One(entry) => vec![entry],
            Written::Several(entries) => entries,
        };
        Self { spans: written.iter().filter_map(|entry| Span::parse(entry)).collect(), written }
    }
}

impl From<QuietHours> for Vec<String> {
    fn from(hours: QuietHours) -> Self {
        hours.written
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn hours(entries: &[&str]) -> QuietHours {
        Written::Several(entries.iter().map(|entry| (*entry).to_owned()).collect()).into()
    }

    fn local(text: &str, zone: &TimeZone) -> Timestamp {
        let time: jiff::civil::DateTime = text.parse().unwrap();
        time.to_zoned(zone.clone()).unwrap().timestamp()
    }

    #[test]
    fn quiet_hours_follow_the_wall_clock() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        // 2026-11-27 is a Friday; the clocks change on 2026-03-29 (02:00 to 03:00) and 2026-10-25 (03:00 to 02:00)
        let night = &["22:00-07:00"][..];
        let weekend = &["sat,sun 00:00-24:00", "22:00-07:00"][..];
        for (what, entries, now, expected) in [
            ("before", night, "2026-11-27T21:59", None),
            ("from", night, "2026-11-27T22:00", Some("2026-11-28T07:00")),
            ("after midnight", night, "2026-11-28T06:59", Some("2026-11-28T07:00")),
            ("to", night, "2026-11-28T07:00", None),
            ("a day on which it does not begin", &["fri 22:00-07:00"], "2026-11-28T23:00", None),
            ("the morning after such a day", &["fri 22:00-07:00"], "2026-11-27T06:00", None),
            ("the next morning", &["fri 22:00-07:00"], "2026-11-28T06:00", Some("2026-11-28T07:00")),
            ("joined over the weekend", weekend, "2026-11-27T23:00", Some("2026-11-30T07:00")),
            (
                "a range over the end of the week",
                &["sat-mon 12:00-13:00"],
                "2026-11-30T12:30",
                Some("2026-11-30T13:00"),
            ),
            ("not in that range", &["sat-mon 12:00-13:00"], "2026-12-01T12:30", None),
            ("the short night", night, "2026-03-28T23:00", Some("2026-03-29T07:00")),
            ("a beginning that is skipped", &["02:30-04:00"], "2026-03-29T03:40", Some("2026-03-29T04:00")),
            ("the long night", night, "2026-10-24T23:00", Some("2026-10-25T07:00")),
            ("capitals", &["Mon-FRI 9:00-17:30"], "2026-11-27T10:00", Some("2026-11-27T17:30")),
            ("none", &[], "2026-11-27T23:00", None),
        ] {
            let hours = hours(entries);
            assert_eq!(hours.check(), Ok(()), "{what}");
            let expected = expected.map(|end| local(end, &berlin));
            assert_eq!(hours.until(local(now, &berlin), &berlin), expected, "{what}");
        }
    }

    #[test]
    fn texts_that_are_not_spans_are_refused() {
        for wrong in [
            "",
            "night",
            "22:00",
            "22-07",
            "22:00-",
            "22:00-22:00",
            "24:00-07:00",
            "22:00-24:01",
            "22:60-23:00",
            "25:00-26:00",
            "2:5-3:00",
            "+2:00-3:00",
            "mon",
            "mon 22:00",
            "day 22:00-07:00",
            "mon- 22:00-07:00",
            "mon,,fri 22:00-07:00",
            "mon fri 22:00-07:00",
            "22:00 - 07:00",
            "22:00-07:00 mon",
            "022:00-07:00",
        ] {
            assert_eq!(hours(&["01:00-02:00", wrong]).check(), Err(QuietHoursError::Entry(1)), "{wrong}");
        }
        for always in [&["00:00-24:00"][..], &["00:00-12:00", "12:00-00:00"], &["12:00-11:59", "11:00-12:30"]]
        {
            assert_eq!(hours(always).check(), Err(QuietHoursError::Always), "{always:?}");
        }
        assert_eq!(hours(&["12:00-11:59"]).check(), Ok(()));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// The end is no quiet moment, and every moment before it is one with the same end.
        #[test]
        fn the_end_is_where_they_end(
            spans in prop::collection::vec((1_u8..128, 0_u16..DAY, 1_u16..DAY), 1..6),
            minute in 0_i64..(400 * 24 * 60),
            part in 0.0_f64..1.0,
        ) {
            let spans = spans.into_iter().map(|(days, from, length)| Span { days, from, to: from + length });
            let hours = QuietHours { written: vec![String::new()], spans: spans.collect() };
            prop_assume!(!hours.covers_the_week());
            let zone = TimeZone::get("America/New_York").unwrap();
            let start = date(2026, 1, 1).to_zoned(zone.clone()).unwrap().timestamp();
            let now = start + jiff::SignedDuration::from_mins(minute);
            if let Some(end) = hours.until(now, &zone) {
                prop_assert!(end > now);
                prop_assert_eq!(hours.until(end, &zone), None);
                let between = now + end.duration_since(now).mul_f64(part);
                prop_assert_eq!(hours.until(between, &zone), Some(end));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,20}") {
            let _ = hours(&[&text]).check();
        }
    }
}
