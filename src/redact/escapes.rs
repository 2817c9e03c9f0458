//! Characters as other formats write them: `%3D`, `%253D`, `\u0022`, `&quot;`, `\"`.

/// Length in bytes of the character at `at`, plain or escaped, if it is one of `wanted`.
pub(crate) fn escaped(bytes: &[u8], at: usize, wanted: &[u8]) -> Option<usize> {
    let rest = bytes.get(at..)?;
    let (code, length) = match rest {
        [b'%', ..] => percent(rest)?,
        [b'\\', ..] => backslash(rest)?,
        [b'&', ..] => entity(rest)?,
        [first, ..] => (*first, 1),
        [] => return None,
    };
    wanted.contains(&code).then_some(length)
}

/// `%3D`, or encoded once more: `%253D`, `%25253D`.
fn percent(rest: &[u8]) -> Option<(u8, usize)> {
    let mut at = 1;
    while rest.get(at..at + 2) == Some(b"25") && rest.get(at + 2).is_some_and(u8::is_ascii_hexdigit) {
        at += 2;
    }
    Some((hex(rest.get(at..at + 2)?)?, at + 2))
}

/// `\"`, `\\"`, `\u0022`, `\\u0022`, `\x22`.
fn backslash(rest: &[u8]) -> Option<(u8, usize)> {
    let slashes = rest.iter().take_while(|b| **b == b'\\').count();
    match rest.get(slashes..)? {
        [b'u', b'0', b'0', digits @ ..] => Some((hex(digits.get(..2)?)?, slashes + 5)),
        [b'x', digits @ ..] => Some((hex(digits.get(..2)?)?, slashes + 3)),
        [quote @ (b'"' | b'\''), ..] => Some((*quote, slashes + 1)),
        _ => None,
    }
}

/// `&quot;`, `&#34;`, `&#x22;`, or encoded once more: `&amp;quot;`.
fn entity(rest: &[u8]) -> Option<(u8, usize)> {
    let mut at = 1;
    while rest.get(at..at + 4) == Some(b"amp;") {
        at += 4;
    }
    let end = at + rest.get(at..)?.iter().take(6).position(|b| *b == b';')?;
    let code = match &rest[at..end] {
        b"quot" => b'"',
        b"apos" => b'\'',
        [b'#', b'x' | b'X', digits @ ..] => u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?,
        [b'#', digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok()?,
        _ => return None,
    };
    Some((code, end + 1))
}

fn hex(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Where a word begins whose first letters belong to an escape before it: `\nsk-…`, `\u0022sk-…`, `%22sk-…`,
/// `%2522sk-…`.
pub(super) fn after_escape(bytes: &[u8], start: usize, end: usize) -> usize {
    let Some(before) = start.checked_sub(1).map(|at| bytes[at]) else { return start };
    let word = &bytes[start..end];
    let length = match (before, word) {
        (b'\\', [b'u', b'0', b'0', ..]) => 5,
        (b'\\', [b'x', _, _, ..]) => 3,
        (b'\\', [b'n' | b't' | b'r', ..]) => 1,
        (b'%', _) => percent(&bytes[start - 1..end]).map_or(0, |(_, length)| length - 1),
        _ => 0,
    };
    start + length.min(word.len())
}
