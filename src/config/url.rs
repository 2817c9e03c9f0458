//! URLs that Gatelight may request.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::text::{Phrase, channels as say};

/// Longest URL, in bytes.
const MAX_BYTES: usize = 2_048;

/// Why a URL is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UrlError {
    /// It is not a URL of http or https.
    Malformed,
    /// It is plain http to another machine: everybody on the route could read it.
    Plain,
}

impl UrlError {
    /// What is wrong, about the setting `{key}`.
    pub(crate) const fn phrase(self) -> Phrase {
        match self {
            Self::Malformed => say::URL_MALFORMED,
            Self::Plain => say::URL_PLAIN,
        }
    }
}

/// The parts of a URL that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    /// Without encryption, to this machine.
    pub(crate) is_plain: bool,
    /// The host, without a port.
    pub(crate) host: &'a str,
}

impl Parts<'_> {
    /// Whether it names this machine.
    pub(crate) fn is_local(&self) -> bool {
        is_loopback(self.host)
    }
}

/// Checks a URL: https, or http to this machine; without user and password, which have their own keys.
///
/// Stricter than RFC 3986: what curl could read in another way is refused.
pub(crate) fn parse(url: &str) -> Result<Parts<'_>, UrlError> {
    let plain_characters = url.bytes().all(|b| b.is_ascii_graphic() && !b"\"\\<>^`{|}".contains(&b));
    if url.len() > MAX_BYTES || !plain_characters {
        return Err(UrlError::Malformed);
    }
    let (scheme, rest) = url.split_once("://").ok_or(UrlError::Malformed)?;
    let is_plain = match scheme {
        "https" => false,
        "http" => true,
        _ => return Err(UrlError::Malformed),
    };
    let authority = &rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())];
    let (host, port) = split_port(authority).ok_or(UrlError::Malformed)?;
    if port.is_some_and(|port| port.parse::<u16>().is_err() || !port.bytes().all(|b| b.is_ascii_digit())) {
        return Err(UrlError::Malformed);
    }
    if is_plain && !is_loopback(host) {
        return Err(UrlError::Plain);
    }
    Ok(Parts { is_plain, host })
}

fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        return match after {
            "" => Some((host, None)),
            _ => Some((host, Some(after.strip_prefix(':')?))),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    (!host.is_empty() && host.bytes().all(is_name)).then_some((host, port))
}

/// Whether a host without its port is this machine. curl resolves `localhost` itself (since 7.77).
pub(crate) fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || host.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_anywhere_and_http_to_this_machine() {
        for (url, host) in [
            ("https://open.feishu.cn/open-apis/bot/v2/hook/x", "open.feishu.cn"),
            ("https://ntfy.example.com:8443", "ntfy.example.com"),
            ("https://h?a=b", "h"),
            ("http://127.0.0.1:80/x", "127.0.0.1"),
            ("http://localhost/x", "localhost"),
            ("http://[::1]:80/x", "::1"),
            ("https://[2001:db8::1]/x", "2001:db8::1"),
        ] {
            let parts = parse(url).unwrap_or_else(|error| panic!("{url}: {error:?}"));
            assert_eq!((parts.host, parts.is_plain), (host, url.starts_with("http:")), "{url}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for url in [
            "http://example.com/x",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "http://[2001:db8::1]",
        ] {
            assert_eq!(parse(url), Err(UrlError::Plain), "{url}");
        }
        let long = format!("https://h/{}", "x".repeat(MAX_BYTES));
        for url in [
            "",
            "x",
            "ftp://h",
            "file:///etc/passwd",
            "HTTPS://h",
            "https://",
            "https:///x",
            "https://u:p@h/x",
            "http://127.0.0.1@example.com",
            "http://127.0.0.1\\@example.com",
            "https://h h",
            "https://h\n/x",
            "https://h:x/",
            "https://h:99999",
            "https://h:+1",
            "https://[::1",
            "https://[x]/",
            "https://[::1]x",
            "https://主机/",
            "https://h/{a,b}",
            "https://h\"",
            &long,
        ] {
            assert_eq!(parse(url), Err(UrlError::Malformed), "{url}");
        }
    }
}
