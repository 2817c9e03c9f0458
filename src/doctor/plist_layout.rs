//! Where the entries of an XML property list are, and how an added one is laid out.

use std::ops::Range;

use crate::profile::xml::{self, Piece, PieceKind};

pub(super) fn one_line(key: &str) -> &'static str {
    if key == "KeepAlive" { "<dict><key>SuccessfulExit</key><false/></dict>" } else { "<true/>" }
}

pub(super) fn span(pieces: &[Piece<'_>], element: &Range<usize>) -> Range<usize> {
    pieces[element.start].span.start..pieces[element.end - 1].span.end
}

/// The outermost elements among these pieces, as ranges of pieces. `None`: tags do not match.
pub(super) fn elements(pieces: &[Piece<'_>], within: Range<usize>) -> Option<Vec<Range<usize>>> {
    let mut found = Vec::new();
    let mut open: Vec<(&str, usize)> = Vec::new();
    for at in within {
        match pieces.get(at)?.kind {
            PieceKind::Start(name) => open.push((name, at)),
            PieceKind::Empty(_) if open.is_empty() => found.push(at..at + 1),
            PieceKind::End(name) => {
                let (opened, start) = open.pop()?;
                if opened != name {
                    return None;
                }
                if open.is_empty() {
                    found.push(start..at + 1);
                }
            }
            _ => {}
        }
    }
    open.is_empty().then_some(found)
}

/// The outermost dictionary.
pub(super) struct TopDict {
    entries: Vec<(String, Range<usize>)>,
    /// Piece of `<dict>`.
    open: usize,
    /// Piece of `</dict>`.
    close: usize,
}

impl TopDict {
    pub(super) fn find(text: &str, pieces: &[Piece<'_>]) -> Option<Self> {
        let open = pieces.iter().position(|piece| piece.kind == PieceKind::Start("dict"))?;
        let mut depth = 0_usize;
        let close = (open..pieces.len()).find(|&at| {
            match pieces[at].kind {
                PieceKind::Start(_) => depth += 1,
                PieceKind::End(_) => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0
        })?;
        let mut entries = Vec::new();
        for pair in elements(pieces, open + 1..close)?.chunks(2) {
            let [key, value] = pair else { return None };
            let inner = pieces.get(key.start + 1..key.end - 1)?;
            let name = if inner.is_empty() { String::new() } else { xml::content(text, inner)?.text };
            entries.push((name, value.clone()));
        }
        Some(Self { entries, open, close })
    }

    /// The value of a key that occurs once, as a range of pieces.
    pub(super) fn value(&self, key: &str) -> Option<Range<usize>> {
        let mut found = self.entries.iter().filter(|(name, _)| name == key);
        let (_, value) = found.next()?;
        found.next().is_none().then(|| value.clone())
    }
}

/// Position and layout of an added entry: before the closing `</dict>`.
pub(super) struct Layout {
    pub(super) at: usize,
    indent: String,
    line_end: &'static str,
}

impl Layout {
    pub(super) fn of(text: &str, pieces: &[Piece<'_>], dict: &TopDict) -> Self {
        let close = pieces[dict.close].span.start;
        let line = line_start(text, close);
        let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let first_key =
            pieces[dict.open + 1..dict.close].iter().find(|p| matches!(p.kind, PieceKind::Start(_)));
        let indent = first_key.map_or("", |key| {
            let before = &text[line_start(text, key.span.start)..key.span.start];
            if before.trim().is_empty() { before } else { "" }
        });
        if line > pieces[dict.open].span.start && text[line..close].trim().is_empty() {
            Self { at: line, indent: indent.to_owned(), line_end }
        } else {
            Self { at: close, indent: String::new(), line_end: "" }
        }
    }

    pub(super) fn entry(&self, key: &str) -> String {
        let Self { indent, line_end: end, .. } = self;
        let value = if key == "KeepAlive" && !end.is_empty() {
            format!(
                "<dict>{end}{indent}{indent}<key>SuccessfulExit</key>{end}{indent}{indent}<false/>{end}{indent}</dict>"
            )
        } else {
            one_line(key).to_owned()
        };
        format!("{indent}<key>{key}</key>{end}{indent}{value}{end}")
    }
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The range to remove for an element: its whole line if nothing else is on it; else, if it is the first on its line,
/// the element and the blanks after it; else the element alone.
pub(super) fn with_its_line(text: &str, element: &Range<usize>) -> Range<usize> {
    let start = line_start(text, element.start);
    let rest = &text[element.end..];
    let first = text[start..element.start].trim().is_empty();
    let line = rest.find('\n').map_or(rest, |newline| &rest[..=newline]);
    if first && line.trim().is_empty() && line.ends_with('\n') {
        return start..element.end + line.len();
    }
    if first {
        return element.start..element.end + (rest.len() - rest.trim_start_matches([' ', '\t']).len());
    }
    element.clone()
}
