//! Parses a property list of unknown origin, XML or binary, within bounds.
//!
//! The `plist` crate builds the value. Before that, nesting and number of values are checked (a binary list may refer to one
//! object many times: a few hundred bytes can expand to gigabytes), and CDATA sections, which the crate ignores and launchd
//! reads, become plain characters.

use std::borrow::Cow;
use std::io::Cursor;

use plist::Value;

use crate::profile::xml::{self, PieceKind};
use crate::text::display::entities;
use crate::text::{Message, Worded, profile as say};

/// Deepest nesting accepted.
const DEEPEST: usize = 64;
/// Most values accepted.
const MAX_VALUES: u64 = 100_000;
/// First bytes of a binary list.
const MAGIC: &[u8] = b"bplist00";

/// Why a list was not read.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// Neither `bplist00` nor a tag at the start.
    #[error("{}", say::FOREIGN.phrase[0])]
    Foreign,
    /// XML that is not UTF-8.
    #[error("{}", say::NOT_UTF8.phrase[0])]
    NotUtf8,
    /// A tag, comment or section that does not close.
    #[error("{}", say::BROKEN_XML.phrase[0])]
    BrokenXml,
    /// The object table of a binary list is invalid.
    #[error("{}", say::BROKEN_BINARY.phrase[0])]
    BrokenBinary,
    /// Too deep or too many values.
    #[error("{}", say::TOO_DEEP.phrase[0])]
    TooLarge,
    /// The parser's own error.
    #[error("{0}")]
    Invalid(#[from] plist::Error),
}

impl Worded for ListError {
    fn message(&self) -> Message {
        Message::new(match self {
            Self::Foreign => say::FOREIGN,
            Self::NotUtf8 => say::NOT_UTF8,
            Self::BrokenXml => say::BROKEN_XML,
            Self::BrokenBinary => say::BROKEN_BINARY,
            Self::TooLarge => say::TOO_DEEP,
            // the parser's own words are English
            Self::Invalid(error) => return Message::verbatim(error.to_string()),
        })
    }
}

/// Whether this is a binary list.
pub fn is_binary(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Parses a list.
pub fn parse(bytes: &[u8]) -> Result<Value, ListError> {
    if is_binary(bytes) {
        check_binary(bytes)?;
        return Ok(Value::from_reader(Cursor::new(bytes))?);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ListError::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.trim_start().starts_with('<') {
        return Err(ListError::Foreign);
    }
    let text = plain_xml(text)?;
    Ok(Value::from_reader_xml(Cursor::new(text.as_bytes()))?)
}

/// Checks the nesting and turns CDATA into characters.
fn plain_xml(text: &str) -> Result<Cow<'_, str>, ListError> {
    let pieces = xml::pieces(text).ok_or(ListError::BrokenXml)?;
    let mut depth = 0_usize;
    let mut values = 0;
    let mut sections = false;
    for piece in &pieces {
        match piece.kind {
            PieceKind::Start(_) => {
                depth += 1;
                values += 1;
            }
            PieceKind::End(_) => depth = depth.saturating_sub(1),
            PieceKind::Empty(_) => values += 1,
            PieceKind::CData => sections = true,
            PieceKind::Text | PieceKind::Other => {}
        }
        if depth > DEEPEST || values > MAX_VALUES {
            return Err(ListError::TooLarge);
        }
    }
    if !sections {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    for piece in &pieces {
        let raw = &text[piece.span.clone()];
        if piece.kind == PieceKind::CData {
            out.push_str(&entities(&raw[9..raw.len() - 3]));
        } else {
            out.push_str(raw);
        }
    }
    Ok(Cow::Owned(out))
}

/// Walks the objects of a binary list without building them. Layout: `CFBinaryPList.c` of CoreFoundation.
fn check_binary(bytes: &[u8]) -> Result<(), ListError> {
    let table = Table::read(bytes).ok_or(ListError::BrokenBinary)?;
    // each object is walked as often as it is named: `values` bounds the work and what the parser would build
    let mut values = 0;
    let mut open = vec![(table.root, 0_usize)];
    while let Some((object, depth)) = open.pop() {
        values += 1;
        if depth > DEEPEST || values > MAX_VALUES {
            return Err(ListError::TooLarge);
        }
        let children = table.children(object).ok_or(ListError::BrokenBinary)?;
        if values + (open.len() + children.len()) as u64 > MAX_VALUES {
            return Err(ListError::TooLarge);
        }
        open.extend(children.into_iter().map(|child| (child, depth + 1)));
    }
    Ok(())
}

/// The trailer and offset table of a binary list.
struct Table<'a> {
    body: &'a [u8],
    offsets: &'a [u8],
    offset_size: usize,
    reference_size: usize,
    root: u64,
}

impl<'a> Table<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (body, trailer) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
        let number = |at: usize| big_endian(trailer.get(at..at + 8)?);
        let (offset_size, reference_size) = (usize::from(trailer[6]), usize::from(trailer[7]));
        if !matches!(offset_size, 1 | 2 | 3 | 4 | 8) || !matches!(reference_size, 1 | 2 | 3 | 4 | 8) {
            return None;
        }
        let count = usize::try_from(number(8)?).ok()?;
        let from = usize::try_from(number(24)?).ok()?;
        let offsets = body.get(from..from.checked_add(count.checked_mul(offset_size)?)?)?;
        Some(Self { body, offsets, offset_size, reference_size, root: number(16)? })
    }

    /// The objects that an array or a dictionary refers to; none for any other object.
    fn children(&self, object: u64) -> Option<Vec<u64>> {
        let at = usize::try_from(object).ok()?.checked_mul(self.offset_size)?;
        let offset = big_endian(self.offsets.get(at..at.checked_add(self.offset_size)?)?)?;
        let mut at = usize::try_from(offset).ok()?;
        let marker = *self.body.get(at)?;
        at += 1;
        let per_entry = match marker >> 4 {
            0xa => 1,
            0xd => 2,
            _ => return Some(Vec::new()),
        };
        let mut count = usize::from(marker & 0xf);
        if count == 0xf {
            let size = 1_usize << (*self.body.get(at)? & 3);
            count = usize::try_from(big_endian(self.body.get(at + 1..at + 1 + size)?)?).ok()?;
            at += 1 + size;
        }
        let length = count.checked_mul(per_entry)?.checked_mul(self.reference_size)?;
        let references = self.body.get(at..at.checked_add(length)?)?;
        references.chunks_exact(self.reference_size).map(big_endian).collect()
    }
}

fn big_endian(bytes: &[u8]) -> Option<u64> {
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn binary(value: &Value) -> Vec<u8> {
        let mut bytes = Vec::new();
        value.to_writer_binary(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn both_formats_are_read() {
        let xml = b"\xef\xbb\xbf<plist version='1.0'><array><string>a<![CDATA[<&]]></string></array></plist>";
        let value = parse(xml).unwrap();
        assert_eq!(value, Value::Array(vec![Value::String("a<&".into())]));
        assert_eq!(parse(&binary(&value)).unwrap(), value);
    }

    #[test]
    fn bombs_are_turned_away() {
        let mut nested = Value::Array(Vec::new());
        for _ in 0..200 {
            nested = Value::Array(vec![nested]);
        }
        assert!(matches!(parse(&binary(&nested)), Err(ListError::TooLarge)));
        let deep = format!("<plist>{}", "<array>".repeat(100_000));
        assert!(matches!(parse(deep.as_bytes()), Err(ListError::TooLarge)));
        // thirty arrays, each naming the next one twice: two to the thirtieth values in a few hundred bytes
        let mut bytes = MAGIC.to_vec();
        let mut offsets = Vec::new();
        for i in 0..30_u8 {
            offsets.push(bytes.len() as u8);
            bytes.extend([0xa2, i + 1, i + 1]);
        }
        offsets.push(bytes.len() as u8);
        bytes.push(0xa0);
        let table = bytes.len() as u64;
        bytes.extend(&offsets);
        bytes.extend([0, 0, 0, 0, 0, 0, 1, 1]);
        for number in [offsets.len() as u64, 0, table] {
            bytes.extend(number.to_be_bytes());
        }
        assert!(matches!(parse(&bytes), Err(ListError::TooLarge)));
    }

    #[test]
    fn foreign_bytes_are_reported() {
        for bytes in [
            &b""[..],
            b"{ Label = x; }",
            b"bplist00",
            b"\xff\xfe<\0",
            b"<plist><dict>",
            b"<plist><nonsense/>",
        ] {
            assert!(parse(bytes).is_err(), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0_usize..200, flip in any::<u8>()) {
            let _ = parse(&bytes);
            let mut with_magic = MAGIC.to_vec();
            with_magic.extend(&bytes);
            let _ = parse(&with_magic);
            let good = binary(&Value::Array(vec![Value::String("é".into()), Value::Integer(300.into()), Value::Array(vec![])]));
            let mut bad = good.clone();
            let at = cut % bad.len();
            bad[at] ^= flip;
            let _ = parse(&bad);
            let _ = parse(&good[..at]);
        }

        #[test]
        fn any_text_is_survived(text in "(<(plist|dict|key|string|array|true|integer|data|date|!--|real)/?>|</(dict|key|string|array|data|date|integer)>|[ -~é]){0,30}") {
            let _ = parse(text.as_bytes());
            let _ = parse(format!("<plist><dict>{text}").as_bytes());
        }
    }
}
