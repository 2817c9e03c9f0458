//! Names in a message: a profile, a connection.

use memchr::memmem;

use super::template::is_of_word;

/// The profile in the first `(profile: x)`.
pub(super) fn tag(message: &[u8]) -> Option<&[u8]> {
    const OPENS: &[u8] = b"(profile: ";
    let from = memmem::find(message, OPENS)? + OPENS.len();
    let length = memchr::memchr(b')', &message[from..])?;
    let name = &message[from..from + length];
    name.iter().all(|b| is_of_word(*b)).then_some(name)
}

/// The connection that a line of an SDK names: ` [conn_id=…]` at its end.
pub(crate) fn connection(message: &[u8]) -> Option<&str> {
    const OPENS: &[u8] = b" [conn_id=";
    let message = message.trim_ascii_end().strip_suffix(b"]")?;
    let at = memmem::rfind(message, OPENS)? + OPENS.len();
    let id = std::str::from_utf8(&message[at..]).ok()?;
    (!id.is_empty() && id.len() <= 64 && id.bytes().all(is_of_word)).then_some(id)
}

pub(super) fn without_connection(message: &[u8]) -> &[u8] {
    match memmem::rfind(message, b" [conn_id=") {
        Some(at) if message.ends_with(b"]") => &message[..at],
        _ => message,
    }
}
