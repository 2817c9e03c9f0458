//! Finds names in a message: of a profile, of a connection.

use memchr::memmem;

use super::template::is_of_word;

/// The profile `x` in the first `(profile: x)`.
pub(super) fn tag(message: &[u8]) -> Option<&[u8]> {
    const OPENS: &[u8] = b"(profile: ";
    let from = memmem::find(message, OPENS)? + OPENS.len();
    let length = memchr::memchr(b')', &message[from..])?;
    let name = &message[from..from + length];
    name.iter().all(|b| is_of_word(*b)).then_some(name)
}

/// The connection that a line of an SDK names in ` [conn_id=…]` at its end.
pub(super) fn connection(message: &[u8]) -> Option<&str> {
    let message = message.trim_ascii_end().strip_suffix(b"]")?;
    let (before, named) = message.split_at(memchr::memrchr(b'[', message)?);
    let id = named.strip_prefix(b"[conn_id=").filter(|_| before.ends_with(b" "))?;
    let id = std::str::from_utf8(id).ok()?;
    (!id.is_empty() && id.len() <= 64 && id.bytes().all(is_of_word)).then_some(id)
}

pub(super) fn without_connection(message: &[u8]) -> &[u8] {
    if !message.ends_with(b"]") {
        return message;
    }
    memmem::rfind(message, b" [conn_id=").map_or(message, |at| &message[..at])
}
