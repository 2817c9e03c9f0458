//! A tokenizer for XML property lists that keeps the place of every piece.
//!
//! The `plist` crate parses values; this exists so that a repair changes a few bytes and no others, and so that a hostile
//! file is rejected before a value is built from it.

use std::ops::Range;

use crate::profile::mapped::Mapped;

/// A piece of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PieceKind<'a> {
    /// `<name …>`.
    Start(&'a str),
    /// `</name>`.
    End(&'a str),
    /// `<name …/>`.
    Empty(&'a str),
    /// Characters between tags.
    Text,
    /// `<![CDATA[…]]>`.
    CData,
    /// A comment, a processing instruction, a DOCTYPE.
    Other,
}

/// A piece and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'a> {
    /// Its kind.
    pub kind: PieceKind<'a>,
    /// Its bytes in the file.
    pub span: Range<usize>,
}

/// Splits a file into pieces that cover it without gaps. `None`: a tag, comment or section does not close.
pub fn pieces(text: &str) -> Option<Vec<Piece<'_>>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let (kind, length) = if let Some(body) = rest.strip_prefix("<!--") {
            (PieceKind::Other, 4 + body.find("-->")? + 3)
        } else if let Some(body) = rest.strip_prefix("<![CDATA[") {
            (PieceKind::CData, 9 + body.find("]]>")? + 3)
        } else if let Some(body) = rest.strip_prefix("<?") {
            (PieceKind::Other, 2 + body.find("?>")? + 2)
        } else if rest.starts_with("<!") {
            (PieceKind::Other, tag_length(rest)?)
        } else if rest.starts_with('<') {
            let length = tag_length(rest)?;
            let inner = &rest[1..length - 1];
            let name = |s: &'_ str| -> usize {
                s.find(|c: char| c.is_ascii_whitespace() || c == '/').unwrap_or(s.len())
            };
            let kind = if let Some(end) = inner.strip_prefix('/') {
                PieceKind::End(&end[..name(end)])
            } else if inner.ends_with('/') {
                PieceKind::Empty(&inner[..name(inner)])
            } else {
                PieceKind::Start(&inner[..name(inner)])
            };
            (kind, length)
        } else {
            (PieceKind::Text, rest.find('<').unwrap_or(rest.len()))
        };
        found.push(Piece { kind, span: at..at + length });
        at += length;
    }
    Some(found)
}

/// Length of a tag up to its `>`; quoted values and a DOCTYPE's `[…]` may contain further ones.
fn tag_length(rest: &str) -> Option<usize> {
    let mut quote = None;
    let mut brackets = 0_usize;
    for (at, c) in rest.bytes().enumerate() {
        match (quote, c) {
            (Some(q), _) if c == q => quote = None,
            (None, b'"' | b'\'') => quote = Some(c),
            (None, b'[') => brackets += 1,
            (None, b']') => brackets = brackets.saturating_sub(1),
            (None, b'>') if brackets == 0 => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The text of an element, from the pieces between its tags: entities resolved, each byte with its place in the file.
/// `None`: an entity that XML does not define, or a nested element.
pub fn content(text: &str, inner: &[Piece<'_>]) -> Option<Mapped> {
    let mut mapped = Mapped::default();
    for piece in inner {
        let end = piece.span.end;
        match piece.kind {
            PieceKind::CData => {
                let from = piece.span.start + 9;
                for (i, c) in text[from..end - 3].char_indices() {
                    mapped.push(c, from + i..from + i + c.len_utf8());
                }
            }
            PieceKind::Text => {
                let mut at = piece.span.start;
                while let Some(c) = text[at..end].chars().next() {
                    let (meant, length) = if c == '&' {
                        let semicolon = text[at..end].find(';')?;
                        (entity(&text[at + 1..at + semicolon])?, semicolon + 1)
                    } else {
                        (c, c.len_utf8())
                    };
                    mapped.push(meant, at..at + length);
                    at += length;
                }
            }
            PieceKind::Other => {}
            PieceKind::Start(_) | PieceKind::End(_) | PieceKind::Empty(_) => return None,
        }
    }
    Some(mapped)
}

fn entity(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let value = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pieces_of_a_line() {
        let text = r#"<a x=">">t<!-- <b> --><![CDATA[<c>]]><d/></a>"#;
        let kinds: Vec<PieceKind<'_>> = pieces(text).unwrap().into_iter().map(|p| p.kind).collect();
        assert_eq!(
            kinds,
            [
                PieceKind::Start("a"),
                PieceKind::Text,
                PieceKind::Other,
                PieceKind::CData,
                PieceKind::Empty("d"),
                PieceKind::End("a")
            ]
        );
        assert_eq!(pieces("<a"), None);
        assert_eq!(pieces("<!-- -"), None);
    }

    #[test]
    fn content_is_resolved_and_placed() {
        let text = "a&#45;&lt;<![CDATA[&b]]>";
        let mapped = content(text, &pieces(text).unwrap()).unwrap();
        assert_eq!(mapped.text, "a-<&b");
        assert_eq!(&text[mapped.source(&(1..2)).unwrap()], "&#45;");
        assert_eq!(&text[mapped.source(&(0..3)).unwrap()], "a&#45;&lt;");
        assert_eq!(&text[mapped.source(&(2..4)).unwrap()], "&lt;<![CDATA[&");
        assert_eq!(content("&own;", &pieces("&own;").unwrap()), None);
    }

    proptest! {
        #[test]
        fn pieces_cover_the_text(text in "[<>!\\-\\[\\]/a-c&;\"? ]{0,60}") {
            if let Some(found) = pieces(&text) {
                let joined: String = found.iter().map(|p| &text[p.span.clone()]).collect();
                prop_assert_eq!(&joined, &text);
                let _ = content(&text, &found);
            }
        }
    }
}
