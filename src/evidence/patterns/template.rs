//! Templates for the beginning of a message: text with placeholders, as in `✓ {p} connected`.

/// A piece of a template.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Text(Vec<u8>),
    Hole(Hole),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hole {
    /// `{p}`: the platform's name.
    Platform,
    /// `{P}`: the platform's name as adapters write it, in any case.
    Prefix,
    /// `{t}`: a profile.
    Profile,
    /// `{a}`: the account of the link.
    Account,
    /// `{i}`: the number of an attempt.
    Attempt,
    /// `{s}`: a time in seconds, as `1.74s`.
    Wait,
    /// `{n}`: any one word.
    Any,
}

pub(super) const HOLES: [(&str, Hole); 7] = [
    ("{p}", Hole::Platform),
    ("{P}", Hole::Prefix),
    ("{t}", Hole::Profile),
    ("{a}", Hole::Account),
    ("{i}", Hole::Attempt),
    ("{s}", Hole::Wait),
    ("{n}", Hole::Any),
];

/// Bytes of a placeholder such as `{p}`.
const HOLE_BYTES: usize = 3;

/// The values of the placeholders.
#[derive(Debug, Default)]
pub(super) struct Filled<'a> {
    pub(super) platform: Option<&'a [u8]>,
    pub(super) profile: Option<&'a [u8]>,
    pub(super) account: Option<&'a [u8]>,
    pub(super) attempt: Option<&'a [u8]>,
    pub(super) wait: Option<&'a [u8]>,
}

/// Parses `✓ {p} connected`. A brace that begins no placeholder is text.
pub(super) fn pieces(start: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = start;
    while let Some((at, hole)) =
        HOLES.iter().filter_map(|(name, hole)| Some((rest.find(name)?, *hole))).min_by_key(|(at, _)| *at)
    {
        if at > 0 {
            pieces.push(Piece::Text(rest.as_bytes()[..at].to_vec()));
        }
        pieces.push(Piece::Hole(hole));
        rest = &rest[at + HOLE_BYTES..];
    }
    if !rest.is_empty() || pieces.is_empty() {
        pieces.push(Piece::Text(rest.as_bytes().to_vec()));
    }
    pieces
}

/// Matches a template against a message: the values of the placeholders, and the rest of the message.
pub(super) fn fill<'a>(start: &[Piece], message: &'a [u8]) -> Option<(Filled<'a>, &'a [u8])> {
    let mut filled = Filled::default();
    let mut rest = message;
    for piece in start {
        match piece {
            Piece::Text(text) => rest = rest.strip_prefix(text.as_slice())?,
            Piece::Hole(hole) => {
                let length = rest.iter().take_while(|b| is_of_word(**b)).count();
                let (word, after) = rest.split_at_checked(length).filter(|(word, _)| !word.is_empty())?;
                // dots at the end of a sentence are not part of the platform's name
                let trimmed = word.iter().rev().take_while(|b| **b == b'.').count();
                let word = &word[..word.len() - trimmed];
                rest = if trimmed > 0 { &rest[word.len()..] } else { after };
                match hole {
                    Hole::Platform | Hole::Prefix => filled.platform = Some(word),
                    Hole::Profile => filled.profile = Some(word),
                    Hole::Account => filled.account = Some(word),
                    Hole::Attempt => filled.attempt = Some(word),
                    Hole::Wait => filled.wait = Some(word),
                    Hole::Any => {}
                }
            }
        }
    }
    Some((filled, rest))
}

/// Whether a byte may be part of the name of a platform, a profile or a connection.
pub(super) fn is_of_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')
}
