//! Parses a log line: timestamp, level, logger, message. The layouts were seen in hermes-agent 0.13.0 and 0.19.0; the
//! older one is that of `gateway-<profile>.log`:
//!
//! - `2026-11-22 11:09:14,271 ERROR Lark: message`, `… INFO [session] logger: message`
//! - `[Lark] [2026-11-22 11:09:14,271] [ERROR] message` (the SDK's own handler, on standard output)
//! - `ERROR Lark: message` (standard error: no time)
//! - `2026-06-09 15:34:12 ERROR Feishu WebSocket connection lost` (older layout: no logger, whole seconds)
//!
//! Any other line belongs to the record above it, or was printed without a logger.

use jiff::civil::{Date, DateTime, Time};

/// Severity, with Python's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// DEBUG
    Debug,
    /// INFO
    #[default]
    Info,
    /// WARNING
    Warning,
    /// ERROR
    Error,
    /// CRITICAL
    Critical,
}

impl Level {
    /// All but INFO.
    const WORDS: [(&'static [u8], Self); 6] = [
        (b"WARNING", Self::Warning),
        (b"ERROR", Self::Error),
        (b"DEBUG", Self::Debug),
        (b"CRITICAL", Self::Critical),
        (b"WARN", Self::Warning),
        (b"FATAL", Self::Critical),
    ];

    /// The level at the beginning of the text, and the offset of what follows: after blanks, or after `closing`.
    fn split(text: &[u8], closing: &[u8]) -> Option<(Self, usize)> {
        let alike = |word: &[u8]| word.first() == text.first() && text.starts_with(word);
        // most lines have it, and a text of fixed length is compared at once
        let (length, level) = if text.starts_with(b"INFO") {
            (b"INFO".len(), Self::Info)
        } else {
            Self::WORDS.iter().find(|(word, _)| alike(word)).map(|(word, level)| (word.len(), *level))?
        };
        let rest = &text[length..];
        rest.starts_with(closing).then(|| (level, length + blanks(rest, closing.len())))
    }
}

/// One line that begins a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head<'a> {
    /// Timestamp: local time without a zone; `None` on standard error.
    pub stamp: Option<DateTime>,
    /// Severity.
    pub level: Level,
    /// The logger, where the line names one.
    pub logger: Option<&'a [u8]>,
    /// The text after level and logger.
    pub message: &'a [u8],
    /// An SDK's own handler printed it, whatever the log level of Hermes is.
    pub printed: bool,
}

/// Reads a line (without its line end). `None`: the line does not begin a record.
pub fn head(line: &[u8]) -> Option<Head<'_>> {
    Heads::default().read(line)
}

/// Bytes of `2026-11-22 11:09:`.
const TO_THE_MINUTE: usize = 17;

/// The same without the last colon: as many bytes as are compared at once.
type Minute = [u8; TO_THE_MINUTE - 1];

/// Reads consecutive lines. Most timestamps differ from the one before only in the last digits, so a minute is parsed
/// once.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Heads {
    minute: Option<(u128, DateTime)>,
}

impl Heads {
    /// Reads a line (without its line end). `None`: the line does not begin a record.
    pub(super) fn read<'a>(&mut self, line: &'a [u8]) -> Option<Head<'a>> {
        match line.first()? {
            b'0'..=b'9' => self.stamped(line),
            b'[' => self.bracketed(line),
            b'A'..=b'Z' => unstamped(line),
            _ => None,
        }
    }

    fn stamped<'a>(&mut self, line: &'a [u8]) -> Option<Head<'a>> {
        let (stamp, used) = self.stamp(line)?;
        let rest = &line[used..];
        let rest = &rest[blanks(rest, 0)..];
        let (level, used) = Level::split(rest, b" ")?;
        let (logger, message) = logger(&rest[used..]);
        Some(Head { stamp: Some(stamp), level, logger, message, printed: false })
    }

    fn bracketed<'a>(&mut self, line: &'a [u8]) -> Option<Head<'a>> {
        let close = line.iter().take(64).position(|b| *b == b']')?;
        let name = &line[1..close];
        let rest = line[close + 1..].strip_prefix(b" [")?;
        let (stamp, used) = self.stamp(rest)?;
        let rest = rest[used..].strip_prefix(b"] [")?;
        let (level, used) = Level::split(rest, b"] ")?;
        let message = &rest[used..];
        let logger = Some(name);
        is_logger(name).then_some(Head { stamp: Some(stamp), level, logger, message, printed: true })
    }

    /// [`stamp`], with the minute of the line before.
    fn stamp(&mut self, text: &[u8]) -> Option<(DateTime, usize)> {
        let digits: &Minute = text.first_chunk()?;
        let minute = match self.minute {
            Some((known, minute)) if known == u128::from_le_bytes(*digits) => minute,
            _ => {
                let minute = minute(digits)?;
                self.minute = Some((u128::from_le_bytes(*digits), minute));
                minute
            }
        };
        if text.get(TO_THE_MINUTE - 1) != Some(&b':') {
            return None;
        }
        let second = i8::try_from(number(text.get(TO_THE_MINUTE..19)?)?).ok()?;
        let (millis, used) = match text.get(19..23) {
            Some([b',' | b'.', digits @ ..]) => number(digits).map_or((0, 19), |ms| (ms, 23)),
            _ => (0, 19),
        };
        let nanos = i32::try_from(millis).ok()? * 1_000_000;
        let time = Time::new(minute.hour(), minute.minute(), second, nanos).ok()?;
        Some((minute.date().to_datetime(time), used + beyond_millis(&text[used..])))
    }
}

/// The length of what other formats than Hermes' own put behind the milliseconds: more digits, and a zone (`Z`, `+0800`,
/// `+08:00`, after a blank or not). The time is taken for local all the same, as that of every line.
fn beyond_millis(text: &[u8]) -> usize {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let rest = &text[digits..];
    let blank = usize::from(matches!(rest, [b' ', b'+' | b'-', ..]));
    let zone = match &rest[blank..] {
        [b'Z', ..] => 1,
        [b'+' | b'-', a, b, b':', c, d, ..] if number(&[*a, *b, *c, *d]).is_some() => 6,
        [b'+' | b'-', a, b, c, d, ..] if number(&[*a, *b, *c, *d]).is_some() => 5,
        _ => return digits,
    };
    let used = digits + blank + zone;
    if matches!(text.get(used), None | Some(b' ' | b']')) { used } else { digits }
}

fn unstamped(line: &[u8]) -> Option<Head<'_>> {
    let (level, used) = Level::split(line, b" ")?;
    let (logger, message) = logger(&line[used..]);
    logger.is_some().then_some(Head { stamp: None, level, logger, message, printed: false })
}

/// Offset of the first byte from `from` on that is not a blank.
fn blanks(text: &[u8], from: usize) -> usize {
    let rest = &text[from.min(text.len())..];
    from + rest.iter().position(|b| *b != b' ').unwrap_or(rest.len())
}

/// Splits `[session] logger: message`; session and logger may be missing.
fn logger(text: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let text = match text.first() {
        Some(b'[') => match text.iter().take(96).position(|b| *b == b']') {
            Some(close) if !text[1..close].contains(&b' ') && text.get(close + 1) == Some(&b' ') => {
                let after = &text[close + 2..];
                // «[Feishu] …» is the message of a line without a logger, not a session.
                if colon(after).is_some() { after } else { text }
            }
            _ => text,
        },
        _ => text,
    };
    match colon(text) {
        Some(at) => (Some(&text[..at]), &text[(at + 2).min(text.len())..]),
        None => (None, text),
    }
}

/// Where the logger's name ends, if the text begins with one.
#[inline]
fn colon(text: &[u8]) -> Option<usize> {
    let near = &text[..text.len().min(MAX_LOGGER)];
    let at = near.iter().position(|b| !IS_OF_LOGGER[usize::from(*b)]).unwrap_or(near.len());
    (at > 0 && text.get(at) == Some(&b':') && matches!(text.get(at + 1), Some(b' ') | None)).then_some(at)
}

fn is_logger(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|b| IS_OF_LOGGER[usize::from(*b)])
}

/// Longest name of a logger, in bytes.
const MAX_LOGGER: usize = 127;

/// The bytes that may be in the name of a logger. A table, because every line of a log is checked.
const IS_OF_LOGGER: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 256 {
        table[b] = (b as u8).is_ascii_alphanumeric() || matches!(b as u8, b'_' | b'.' | b'-');
        b += 1;
    }
    table
};

/// Reads `2026-11-22 11:09:14`, with `,271` or `.271` after it or not, and returns the number of bytes read.
pub fn stamp(text: &[u8]) -> Option<(DateTime, usize)> {
    Heads::default().stamp(text)
}

/// Reads `2026-11-22 11:09`.
fn minute(text: &Minute) -> Option<DateTime> {
    let well = text[4] == b'-' && text[7] == b'-' && matches!(text[10], b' ' | b'T') && text[13] == b':';
    if !well {
        return None;
    }
    let year = i16::try_from(number(&text[..4])?).ok()?;
    let part = |from: usize| i8::try_from(number(&text[from..from + 2])?).ok();
    let date = Date::new(year, part(5)?, part(8)?).ok()?;
    Some(date.to_datetime(Time::new(part(11)?, part(14)?, 0, 0).ok()?))
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |n, b| b.is_ascii_digit().then(|| n * 10 + u32::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_shape_on_record() {
        let at = "2026-11-22T11:09:14.271".parse::<DateTime>().unwrap();
        let old = "2026-06-09T15:34:12".parse::<DateTime>().unwrap();
        for (line, stamp, level, logger, message) in [
            ("2026-11-22 11:09:14,271 ERROR Lark: msg", Some(at), Level::Error, Some("Lark"), "msg"),
            (
                "2026-11-22 11:09:14,271 INFO [20261122_112237_d2] agent.x: turn: a",
                Some(at),
                Level::Info,
                Some("agent.x"),
                "turn: a",
            ),
            ("[Lark] [2026-11-22 11:09:14,271] [ERROR] msg", Some(at), Level::Error, Some("Lark"), "msg"),
            ("2026-11-22 11:09:14.271Z ERROR Lark: msg", Some(at), Level::Error, Some("Lark"), "msg"),
            ("2026-11-22T11:09:14.271+0000 ERROR Lark: msg", Some(at), Level::Error, Some("Lark"), "msg"),
            ("2026-11-22 11:09:14,271 +0800 ERROR Lark: msg", Some(at), Level::Error, Some("Lark"), "msg"),
            ("2026-11-22 11:09:14.271000-09:30 ERROR Lark: msg", Some(at), Level::Error, Some("Lark"), "msg"),
            (
                "[Lark] [2026-11-22 11:09:14,271+0800] [ERROR] msg",
                Some(at),
                Level::Error,
                Some("Lark"),
                "msg",
            ),
            (
                "WARNING gateway.run: tick failed: x",
                None,
                Level::Warning,
                Some("gateway.run"),
                "tick failed: x",
            ),
            (
                "2026-06-09 15:34:12 INFO  Feishu WebSocket connected",
                Some(old),
                Level::Info,
                None,
                "Feishu WebSocket connected",
            ),
            (
                "2026-06-09 15:34:12 ERROR RuntimeError: Executor shutdown has been called",
                Some(old),
                Level::Error,
                Some("RuntimeError"),
                "Executor shutdown has been called",
            ),
            (
                "2026-11-22 11:09:14,271 INFO a.b: [Feishu] Inbound dm: x",
                Some(at),
                Level::Info,
                Some("a.b"),
                "[Feishu] Inbound dm: x",
            ),
        ] {
            let head = head(line.as_bytes()).unwrap_or_else(|| panic!("{line}"));
            assert_eq!((head.stamp, head.level), (stamp, level), "{line}");
            assert_eq!(head.logger, logger.map(str::as_bytes), "{line}");
            assert_eq!(head.message, message.as_bytes(), "{line}");
        }
    }

    #[test]
    fn other_lines_begin_no_record() {
        for line in [
            "",
            "Traceback (most recent call last):",
            "RuntimeError: Executor shutdown has been called",
            "    raise e",
            "│  Press Ctrl+C to stop │",
            "ERROR",
            "INFORMATION x: y",
            "2026-13-40 11:09:14,271 ERROR Lark: msg",
            "[Lark] nothing",
            "2026-11-22 11:09:14,271+08 ERROR Lark: half a zone",
            "2026-11-22 11:09:14,271Zulu ERROR Lark: no zone",
            "...",
        ] {
            assert_eq!(head(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn a_line_is_read_alike_whatever_stood_before_it() {
        let lines = [
            "2026-11-22 11:09:14,271 ERROR Lark: a",
            "2026-11-22 11:09:59 ERROR Lark: b",
            "2026-11-22 11:09:60,000 ERROR Lark: no such second",
            "2026-11-22 11:09:5x,000 ERROR Lark: no number",
            "[Lark] [2026-11-22 11:10:00.004] [ERROR] c",
            "2026-13-22 11:10:00,004 ERROR Lark: no such month",
            "2026-11-22 11:10:00,0x4 ERROR Lark: blank missing",
            "2026-11-22T11:10:00 ERROR Lark: d",
            "2026-11-22T11:10:00Z ERROR Lark: e",
        ];
        let mut heads = Heads::default();
        for line in lines.iter().chain(lines.iter().rev()) {
            assert_eq!(heads.read(line.as_bytes()), head(line.as_bytes()), "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = head(&line);
        }

        #[test]
        fn no_line_that_looks_like_one_panics(
            line in r"(\[Lark\] )?\[?2[0-9]{3}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}[,.]?[0-9]{0,4}\]? ?\[?(INFO|ERROR|WARN)?\]?:? ?.{0,40}"
        ) {
            let _ = head(line.as_bytes());
        }
    }
}
