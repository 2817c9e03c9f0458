//! Environment variables whose values may be shown.

use super::is_plain;

const HARMLESS: &[&str] = &[
    "DBUS_SESSION_BUS_ADDRESS",
    "HERMES_HOME",
    "HERMES_PROFILE",
    "HOME",
    "LANG",
    "LOGNAME",
    "LOG_LEVEL",
    "PATH",
    "PWD",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONIOENCODING",
    "PYTHONPATH",
    "PYTHONUNBUFFERED",
    "PYTHONUTF8",
    "SHELL",
    "SSL_CERT_FILE",
    "TERM",
    "TMPDIR",
    "TZ",
    "USER",
    "VIRTUAL_ENV",
];

/// Families of them: locale categories and the XDG folders.
const HARMLESS_PREFIXES: &[&str] = &["LC_", "XDG_"];

/// Whether the value of this variable may be shown: the name is known, and the value is of the expected kind.
pub(super) fn is_harmless(name: &str, value: &str) -> bool {
    let known = HARMLESS.contains(&name) || HARMLESS_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    known && (value.is_empty() || (is_plain(value) && is_expected(name, value)))
}

/// A list of folders holds nothing but folders.
fn is_expected(name: &str, value: &str) -> bool {
    let is_folder = |part: &str| part.is_empty() || part.starts_with('/') || part.starts_with("~/");
    !matches!(name, "PATH" | "PYTHONPATH" | "HOME" | "PWD" | "TMPDIR") || value.split(':').all(is_folder)
}

/// Whether this can be the name of a variable that may be shown.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 64
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        && !text.split(|c: char| !c.is_ascii_alphanumeric()).any(super::is_random)
        // `a7f…`: no name begins in lower case and has capitals and digits
        && !(text.bytes().any(|b| b.is_ascii_lowercase())
            && text.bytes().any(|b| b.is_ascii_uppercase())
            && text.bytes().any(|b| b.is_ascii_digit()))
}
