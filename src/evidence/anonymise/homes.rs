//! Removes the names of home folders, of any user, from paths of any system.

use super::is_name;
use crate::redact;

/// Folders that hold home folders, in lower case.
const FOLDERS_OF_HOMES: [&str; 2] = ["users", "home"];

/// Replaces the names of all home folders: `/Users/somebody`, `C:\Users\Some Body`, `%2Fhome%2Fsomebody`.
pub(super) fn home_paths(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    for at in memchr::memchr3_iter(b'/', b'\\', b'%', text.as_bytes()) {
        if at < copied {
            continue;
        }
        let Some((name_at, separator)) = folder_of_homes(text, at) else { continue };
        let length = home_name(&text[name_at..], separator);
        let name = &text[name_at..name_at + length];
        out.push_str(&text[copied..name_at]);
        out.push_str(if name.is_empty() || name == "Shared" { name } else { "<user>" });
        copied = name_at + length;
    }
    out.push_str(&text[copied..]);
    out
}

/// For the separator before `Users` or `home`: the offset of the user's name after it, and the separator in between.
fn folder_of_homes(text: &str, at: usize) -> Option<(usize, &str)> {
    let bytes = text.as_bytes();
    let folder_at = at + separator(bytes, at)?;
    let folder = FOLDERS_OF_HOMES.iter().find(|folder| {
        bytes
            .get(folder_at..folder_at + folder.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(folder.as_bytes()))
    })?;
    let end = folder_at + folder.len();
    let length = separator(bytes, end)?;
    Some((end + length, &text[end..end + length]))
}

/// The length in bytes of the path separator at this offset: `/`, `\`, `\\`, `\/`, `%2F`, `%255C`, `\u002f`.
fn separator(bytes: &[u8], at: usize) -> Option<usize> {
    if let Some(length) = redact::escaped(bytes, at, b"/") {
        return Some(length);
    }
    if bytes.get(at) != Some(&b'\\') {
        return redact::escaped(bytes, at, b"\\");
    }
    let backslashes = bytes[at..].iter().take_while(|b| **b == b'\\').count();
    Some(backslashes + usize::from(bytes.get(at + backslashes) == Some(&b'/')))
}

/// The length in bytes of the name that begins here. A name may contain blanks if each part begins with a capital and
/// the last one is followed by a separator.
fn home_name(text: &str, separator: &str) -> usize {
    let part = |text: &str| -> usize {
        let in_name = |c: &char| is_name(*c) || !c.is_ascii();
        text.chars().take_while(in_name).map(char::len_utf8).sum()
    };
    let mut length = part(text);
    let mut end = length;
    while length > 0 {
        let rest = &text[end..];
        let Some(blank) = [" ", "%20", "\\ "].into_iter().find(|blank| rest.starts_with(*blank)) else {
            break;
        };
        let next = part(&rest[blank.len()..]);
        if !rest[blank.len()..].starts_with(|c: char| c.is_uppercase()) {
            break;
        }
        end += blank.len() + next;
        if text[end..].starts_with(separator) {
            length = end;
        }
    }
    length
}
