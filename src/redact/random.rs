//! Secrets without a known name or prefix: text that looks generated.

use super::tokens::dotted_end;
use super::{Step, mask, word_end};

/// Shortest word that is taken for a key without any other sign, and its shortest run of letters and digits.
const MIN_KEY: usize = 40;
const MIN_KEY_RUN: usize = 24;
/// Shortest part of a dotted token that counts, and the total length that those parts must have.
const MIN_PART: usize = 16;
const MIN_PARTS: usize = 40;
/// Shortest value that is hidden because its name only hints at a secret; LinkedIn's client ID has 14 characters.
const MIN_VALUE: usize = 14;
/// Such a value has two digits within this many bytes after its name.
const VALUE_HEAD: usize = 40;

/// A token that begins at `start` and is recognised by its shape; `end` is the end of its first word.
pub(super) fn token(bytes: &[u8], start: usize, end: usize) -> Option<Step> {
    let word = &bytes[start..end];
    match bytes.get(end) {
        // `….….…` of Discord, Terraform, Harness, Airtable, Mapbox; `s.…` of Vault
        Some(b'.') => {
            let to = dotted_end(bytes, end);
            let parts = bytes[start..to].split(|b| *b == b'.').filter(|part| part.len() >= MIN_PART);
            let random: usize = parts.filter(|part| is_mixed(part) || is_hex(part)).map(<[u8]>::len).sum();
            let of_vault = word == b"s" && to - end == 25 && bytes[end..to].iter().any(u8::is_ascii_digit);
            (random >= MIN_PARTS || of_vault).then(|| mask(start, to))
        }
        // `abc8Q~…` of Azure, `sha256~…` of OpenShift
        Some(b'~') if word == b"sha256" || matches!(word, [.., digit, b'Q'] if digit.is_ascii_digit()) => {
            let rest = &bytes[end + 1..];
            let length = rest.iter().take_while(|b| super::is_word(**b) || matches!(b, b'.' | b'~')).count();
            (length >= 30).then(|| mask(start, end + 1 + length))
        }
        // `123456789012345|…` of Facebook
        Some(b'|') if word.len() >= 15 && word.iter().all(u8::is_ascii_digit) => {
            let to = word_end(bytes, end + 1);
            (to - end > 27).then(|| mask(start, to))
        }
        _ => is_key(word).then(|| mask(start, end)),
    }
}

/// Whether a word can only be a key.
fn is_key(word: &[u8]) -> bool {
    let run = |word: &[u8]| word.split(|b| !b.is_ascii_alphanumeric()).map(<[u8]>::len).max().unwrap_or(0);
    word.len() >= MIN_KEY && is_mixed(word) && run(word) >= MIN_KEY_RUN
}

/// Small and capital letters and digits.
pub(super) fn is_mixed(part: &[u8]) -> bool {
    let digits = part.iter().filter(|b| b.is_ascii_digit()).count();
    digits >= 2 && part.iter().any(u8::is_ascii_lowercase) && part.iter().any(u8::is_ascii_uppercase)
}

fn is_hex(part: &[u8]) -> bool {
    part.len() >= 32 && part.iter().all(u8::is_ascii_hexdigit)
}

/// A cheap test before [`is_value`], of what follows a name.
pub(super) fn may_follow(after: &[u8]) -> bool {
    after.iter().take(VALUE_HEAD).filter(|b| b.is_ascii_digit()).nth(1).is_some()
}

/// Whether the value of a name that hints at a secret looks generated: no path, no address, no sentence.
pub(super) fn is_value(value: &str) -> bool {
    let bytes = value.trim_end_matches(['=', '.']).as_bytes();
    let Some(first) = bytes.first() else { return false };
    let foreign = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'=' | b'(' | b'[' | b'{' | b'<');
    let digits = bytes.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = bytes.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let is_generated = |run: &[u8]| {
        run.len() >= 8 && run.iter().any(u8::is_ascii_digit) && run.iter().any(u8::is_ascii_alphabetic)
    };
    bytes.len() >= MIN_VALUE
        && digits >= 2
        && letters >= 4
        && !matches!(first, b'/' | b'~' | b'.' | b'$')
        && !value.contains("://")
        && !bytes.iter().any(foreign)
        && bytes.split(|b| !b.is_ascii_alphanumeric()).any(is_generated)
}
