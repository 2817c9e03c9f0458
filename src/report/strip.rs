//! One strip: the lights of a window as inline SVG.
//!
//! Lights differ in height and pattern besides colour: green is a full plain bar, amber hatched and lower, red full and
//! crossed with a dark foot below, grey a low dotted band, unknown an empty frame.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::escape::escape;
use crate::health::Light;
use crate::history::stats::{Mark, MarkKind, Span, Window};
use crate::history::{ChangeRow, stats};

/// Columns of a strip.
const COLUMNS: i64 = 500;
/// Units of the drawing per column.
const UNIT: i64 = 2;
/// Top and height of the bars, in units; the marks are above them.
const TOP: i64 = 12;
const HEIGHT: i64 = 36;
/// Height of the dark foot below red, which makes a single column visible without colour.
const FOOT: i64 = 5;
/// Width of a mark.
const MARK: i64 = 10;

/// What one column shows: the worst state in its time. The worst variant comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Shown {
    Unknown,
    Green,
    Grey,
    Amber,
    Red,
}

impl From<Light> for Shown {
    fn from(light: Light) -> Self {
        match light {
            Light::Green => Self::Green,
            Light::Grey => Self::Grey,
            Light::Amber => Self::Amber,
            Light::Red => Self::Red,
        }
    }
}

impl Shown {
    const fn class(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Green => "green",
            Self::Grey => "grey",
            Self::Amber => "amber",
            Self::Red => "red",
        }
    }

    /// Offset from the top and height.
    const fn band(self) -> (i64, i64) {
        match self {
            Self::Unknown => (TOP + HEIGHT - 6, 6),
            Self::Green | Self::Red => (TOP, HEIGHT),
            Self::Amber => (TOP + 10, HEIGHT - 10),
            Self::Grey => (TOP + HEIGHT - 14, 14),
        }
    }
}

/// The column of a time.
fn column(at: Timestamp, window: Window) -> i64 {
    let length = window.length().as_millis().max(1);
    let offset = at.duration_since(window.from).as_millis();
    (offset.saturating_mul(i128::from(COLUMNS)) / length).clamp(0, i128::from(COLUMNS - 1)) as i64
}

/// What each column shows.
fn columns(changes: &[ChangeRow], spans: &[Span], window: Window) -> Vec<Shown> {
    let mut shown = vec![None; COLUMNS as usize];
    for span in spans {
        let what =
            span.change.and_then(|i| changes.get(i)).map_or(Shown::Unknown, |c| Shown::from(c.light()));
        let first = column(span.from, window);
        // a span that ends at the start of a column is not in that column
        let last = column(span.to, window) - i64::from(ends_before(span.to, window));
        for column in first..=last.max(first) {
            let cell = &mut shown[column as usize];
            *cell = (*cell).max(Some(what));
        }
    }
    shown.into_iter().map(|s| s.unwrap_or(Shown::Unknown)).collect()
}

fn ends_before(at: Timestamp, window: Window) -> bool {
    let length = window.length().as_millis().max(1);
    at < window.to && at.duration_since(window.from).as_millis() * i128::from(COLUMNS) % length == 0
}

/// A strip to draw.
pub(super) struct Strip<'a> {
    /// Prefix of every ID in the drawing; unique on the page.
    pub id: &'a str,
    /// Its accessible name.
    pub title: &'a str,
    /// Its accessible description.
    pub description: &'a str,
    /// The changes that the spans refer to.
    pub changes: &'a [ChangeRow],
    /// The spans of the window.
    pub spans: &'a [Span],
    /// The time from its left to its right end.
    pub window: Window,
    /// The tooltip of a mark.
    pub mark_title: &'a dyn Fn(&Mark) -> String,
}

/// The SVG element.
pub(super) fn draw(strip: &Strip<'_>) -> String {
    let mut out = String::new();
    let (id, width, height) = (escape(strip.id), COLUMNS * UNIT, TOP + HEIGHT + FOOT + 2);
    let _ = write!(
        out,
        "<svg class=\"strip\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"none\">\
         <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>",
        escape(strip.title),
        escape(strip.description)
    );
    let shown = columns(strip.changes, strip.spans, strip.window);
    // one path per kind: printers turn every shape with a pattern into a separate object
    for what in [Shown::Unknown, Shown::Green, Shown::Grey, Shown::Amber, Shown::Red] {
        let runs = runs(&shown, what);
        if runs.is_empty() {
            continue;
        }
        let class = what.class();
        let bars = outline(&runs, what.band());
        let _ = write!(out, "<path class=\"bar {class}\" d=\"{bars}\"/>");
        // colour and pattern: prints may leave out backgrounds
        if matches!(what, Shown::Red | Shown::Amber | Shown::Grey) {
            let _ = write!(out, "<path fill=\"url(#p-{class})\" d=\"{bars}\"/>");
        }
        if what == Shown::Red {
            let feet = outline(&runs, (TOP + HEIGHT + 2, FOOT));
            let _ = write!(out, "<path class=\"foot\" d=\"{feet}\"/>");
        }
    }
    marks(&mut out, strip);
    out.push_str("</svg>");
    out
}

/// The runs of columns that show this: first column, and one past the last.
fn runs(shown: &[Shown], what: Shown) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for (i, _) in shown.iter().enumerate().filter(|(_, s)| **s == what) {
        match found.last_mut() {
            Some((_, end)) if *end == i => *end += 1,
            _ => found.push((i, i + 1)),
        }
    }
    found
}

/// A rectangle of this band for every run.
fn outline(runs: &[(usize, usize)], (y, h): (i64, i64)) -> String {
    let mut path = String::new();
    for (from, to) in runs {
        let (x, w) = (*from as i64 * UNIT, (to - from) as i64 * UNIT);
        let _ = write!(path, "M{x} {y}h{w}v{h}h-{w}z");
    }
    path
}

/// Draws triangles: upwards and to the right of the time for a process that started, downwards and to the left for one
/// that ended, so that a restart reads as a pair. Marks that would overlap are left out.
fn marks(out: &mut String, strip: &Strip<'_>) {
    let (mut last, mut free) = ([-100_i64; 2], -100_i64);
    for mark in stats::marks(strip.changes, strip.window) {
        let x = column(mark.at, strip.window) * UNIT;
        let (i, class) = match mark.kind {
            MarkKind::Start => (0, "start"),
            MarkKind::Stop => (1, "stop"),
        };
        let left = if mark.kind == MarkKind::Start { x } else { x - MARK };
        if left < free || x - last[i] < 2 * MARK {
            continue;
        }
        (last[i], free) = (x, left + MARK);
        let points = match mark.kind {
            MarkKind::Start => format!("{left},10 {},1 {},10", left + MARK / 2, left + MARK),
            MarkKind::Stop => format!("{left},1 {},10 {},1", left + MARK / 2, left + MARK),
        };
        let _ = write!(
            out,
            "<polygon class=\"{class}\" points=\"{points}\"><title>{}</title></polygon>",
            escape(&(strip.mark_title)(&mark))
        );
    }
}

/// The patterns that the strips use; once per page.
pub(super) const PATTERNS: &str = "<svg class=\"patterns\" aria-hidden=\"true\" width=\"0\" height=\"0\"><defs>\
<pattern id=\"p-amber\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
<path class=\"ink\" d=\"M-2 10L10 -2M-2 2L2 -2M6 10L10 6\"/></pattern>\
<pattern id=\"p-red\" width=\"12\" height=\"12\" patternUnits=\"userSpaceOnUse\">\
<path class=\"ink\" d=\"M0 0L12 12M12 0L0 12\"/></pattern>\
<pattern id=\"p-grey\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\">\
<circle class=\"dot\" cx=\"3\" cy=\"3\" r=\"1.2\"/></pattern></defs></svg>";

/// A swatch for the legend: the same class, pattern and band as in a strip.
pub(super) fn swatch(class: &str) -> String {
    let what = match class {
        "green" => Shown::Green,
        "amber" => Shown::Amber,
        "red" => Shown::Red,
        "grey" => Shown::Grey,
        "start" | "stop" => {
            let points = if class == "start" { "13,30 20,17 27,30" } else { "13,17 20,30 27,17" };
            return format!(
                "<svg class=\"swatch\" aria-hidden=\"true\" viewBox=\"0 0 40 55\"><polygon class=\"{class}\" points=\"{points}\"/></svg>"
            );
        }
        _ => Shown::Unknown,
    };
    let (y, h) = what.band();
    let pattern = match what {
        Shown::Red => format!(
            "<rect fill=\"url(#p-red)\" x=\"0\" y=\"{y}\" width=\"40\" height=\"{h}\"/>\
             <rect class=\"foot\" x=\"0\" y=\"{}\" width=\"40\" height=\"{FOOT}\"/>",
            TOP + HEIGHT + 2
        ),
        Shown::Amber | Shown::Grey => {
            format!("<rect fill=\"url(#p-{class})\" x=\"0\" y=\"{y}\" width=\"40\" height=\"{h}\"/>")
        }
        _ => String::new(),
    };
    format!(
        "<svg class=\"swatch\" aria-hidden=\"true\" viewBox=\"0 0 40 55\">\
         <rect class=\"bar {}\" x=\"0\" y=\"{y}\" width=\"40\" height=\"{h}\"/>{pattern}</svg>",
        what.class()
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::health::Reason;
    use crate::history::Observed;
    use crate::history::stats::tests::{change, t};

    fn shown(changes: &[(i64, Reason)], looked: (i64, i64), length: i64) -> Vec<Shown> {
        let rows: Vec<ChangeRow> = changes.iter().map(|(at, r)| change(*at, 1, *r)).collect();
        let window = Window { from: t(0), to: t(length) };
        let spans =
            stats::timeline(&rows, &[Observed { run: 1, from: t(looked.0), to: t(looked.1) }], window);
        columns(&rows, &spans, window)
    }

    #[test]
    fn a_column_shows_the_worst() {
        use Reason::{Connected, NotRunning};
        // 500 columns of 10 s: one second of red is one red column, its neighbours are green
        let s = shown(&[(0, Connected), (2003, NotRunning), (2004, Connected)], (0, 4000), 5000);
        let red: Vec<usize> = (0..500).filter(|i| s[*i] == Shown::Red).collect();
        assert_eq!(red, [200]);
        assert_eq!(s.iter().filter(|s| **s == Shown::Green).count(), 399);
        assert!(s[400..].iter().all(|s| *s == Shown::Unknown));
        // borders on the border of a column belong to the right side only
        let s = shown(&[(0, Connected), (2000, NotRunning), (2010, Connected)], (0, 5000), 5000);
        assert_eq!((s[199], s[200], s[201], s[499]), (Shown::Green, Shown::Red, Shown::Green, Shown::Green));
    }

    #[test]
    fn equal_neighbours_form_one_shape_and_the_strip_has_no_gap() {
        use Shown::{Green, Red, Unknown};
        let shown = [Red, Green, Green, Red, Red, Unknown];
        assert_eq!(runs(&shown, Red), [(0, 1), (3, 5)]);
        assert_eq!(outline(&runs(&shown, Red), (3, 7)), "M0 3h2v7h-2zM6 3h4v7h-4z");
        let columns: usize =
            [Red, Green, Unknown].into_iter().flat_map(|s| runs(&shown, s)).map(|(from, to)| to - from).sum();
        assert_eq!(columns, shown.len());
    }

    #[test]
    fn marks_never_cover_one_another() {
        let mut rows = Vec::new();
        for n in 0..400 {
            let mut row = change(n * 7 * (n % 5 + 1), 1, Reason::Connected);
            row.pid = (n % 3 != 0).then_some(n as u32 + 1);
            rows.push(row);
        }
        rows.sort_by_key(|row| row.at);
        let window = Window { from: t(0), to: t(10_000) };
        let mut out = String::new();
        let strip = Strip {
            id: "s",
            title: "",
            description: "",
            changes: &rows,
            spans: &[],
            window,
            mark_title: &|_| String::new(),
        };
        marks(&mut out, &strip);
        let lefts: Vec<i64> = out
            .split("points=\"")
            .skip(1)
            .map(|part| part.split(',').next().unwrap().parse().unwrap())
            .collect();
        assert!(lefts.len() > 10 && lefts.windows(2).all(|two| two[1] >= two[0] + MARK), "{lefts:?}");
    }

    proptest! {
        #[test]
        fn every_red_second_can_be_seen(at in 0..89_999i64, length in 1..2000i64) {
            use Reason::{Connected, NotRunning};
            let s = shown(&[(0, Connected), (at, NotRunning), (at + length, Connected)], (0, 90_000), 90_000);
            let red = s.iter().filter(|s| **s == Shown::Red).count() as i64;
            let whole = length.min(90_000 - at) / 180;
            prop_assert!(red >= whole.max(1) && red <= whole + 2, "{} columns", red);
        }
    }
}
