//! The subset of HTTP/1.1 that a scraper needs. Everything is bounded.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::metrics::{Counters, Format, render};
use crate::config::url;
use crate::files;
use crate::text::{self, Both, Lang, Message, Phrase, Worded, fill, trouble};
use crate::watcher::snapshot::Snapshot;

/// Where `gatelight serve` listens by default.
pub const LISTEN: &str = "127.0.0.1:9789";

/// Connections served at the same time. A further one ends the oldest, so that clients that send nothing cannot block
/// others.
const MAX_CONNECTIONS: usize = 16;
/// Longest request head, in bytes.
const MAX_HEAD: usize = 8 * 1024;
/// Longest duration of a connection.
const TIME_OUT: Duration = Duration::from_secs(5);
/// Shortest token, in bytes.
const MIN_TOKEN: usize = 16;
/// Longest token file, in bytes.
const MAX_TOKEN: u64 = 4 * 1024;

/// Why the server cannot start.
#[derive(Debug)]
pub enum ServeError {
    /// The address can be reached from other machines, and there is no token.
    Open(SocketAddr),
    /// The token file cannot be used.
    Token {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: Phrase,
    },
    /// The token file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The address cannot be bound.
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
}

impl ServeError {
    /// The message for users.
    pub fn text(&self, lang: Lang) -> String {
        match self {
            Self::Open(address) => {
                fill(lang.pick(trouble::OPEN_TO_OTHERS), &[("address", &address.to_string())])
            }
            Self::Token { path, why } => {
                let least = MIN_TOKEN.to_string();
                format!("{}: {}", path.display(), fill(lang.pick(*why), &[("least", &least)]))
            }
            Self::Unreadable { path, source } => {
                format!("{}: {}", path.display(), text::error::io(lang, source))
            }
            Self::Listen { address, source } => {
                let why = text::error::io(lang, source);
                let values = [("address", &*address.to_string()), ("why", &*why)];
                fill(lang.pick(trouble::NOT_LISTENING), &values)
            }
        }
    }
}

impl Worded for ServeError {
    fn message(&self) -> Message {
        Message::verbatim(&Both::each(|lang| self.text(lang)))
    }
}

impl std::fmt::Display for ServeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text(Lang::En))
    }
}

impl std::error::Error for ServeError {}

/// Where to listen, and the token that requests must have.
#[derive(Clone)]
pub struct Config {
    listen: SocketAddr,
    token: Option<Vec<u8>>,
}

impl Config {
    /// Checks an address and a token file. An address beyond loopback needs a token. The token file contains only the
    /// token, at least 16 bytes, and must not be readable by others.
    pub fn new(listen: SocketAddr, token_file: Option<&Path>) -> Result<Self, ServeError> {
        let token = token_file.map(read_token).transpose()?;
        if token.is_none() && !listen.ip().is_loopback() {
            return Err(ServeError::Open(listen));
        }
        Ok(Self { listen, token })
    }
}

fn read_token(path: &Path) -> Result<Vec<u8>, ServeError> {
    let refuse = |why: Phrase| ServeError::Token { path: path.to_path_buf(), why };
    let (bytes, is_private) =
        files::read_with_mode(path, MAX_TOKEN).map_err(|source| match source.kind() {
            _ if files::is_not_regular(&source) => refuse(trouble::TOKEN_NO_FILE),
            std::io::ErrorKind::FileTooLarge => refuse(trouble::TOKEN_UNFIT),
            _ => ServeError::Unreadable { path: path.to_path_buf(), source },
        })?;
    if !is_private {
        return Err(refuse(trouble::TOKEN_OPEN));
    }
    let token = bytes.trim_ascii();
    if token.len() >= MIN_TOKEN && token.iter().all(u8::is_ascii_graphic) {
        Ok(token.to_vec())
    } else {
        Err(refuse(trouble::TOKEN_UNFIT))
    }
}

/// The server, listening.
pub struct Server {
    listener: TcpListener,
    token: Option<Vec<u8>>,
}

impl Server {
    /// Binds the address.
    pub async fn bind(config: Config) -> Result<Self, ServeError> {
        let address = config.listen;
        let listener =
            TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })?;
        Ok(Self { listener, token: config.token })
    }

    /// The bound address, with the port that the system chose for port 0.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Answers requests until the future is dropped.
    pub async fn run(
        self,
        snapshot: watch::Receiver<Arc<Snapshot>>,
        counters: Arc<Counters>,
        clock: fn() -> Timestamp,
    ) {
        let mut open: VecDeque<AbortHandle> = VecDeque::new();
        let token: Option<Arc<[u8]>> = self.token.map(Arc::from);
        loop {
            let Ok((stream, _)) = self.listener.accept().await else {
                // most likely out of descriptors: wait until others are closed
                tokio::time::sleep(Duration::from_millis(200)).await;
                continue;
            };
            let (snapshot, counters, token) = (snapshot.clone(), counters.clone(), token.clone());
            open.retain(|connection| !connection.is_finished());
            while open.len() >= MAX_CONNECTIONS {
                open.pop_front().iter().for_each(AbortHandle::abort);
            }
            let connection = tokio::spawn(async move {
                let answer = |head: &[u8]| {
                    let current = snapshot.borrow().clone();
                    respond(head, token.as_deref(), |format| render(&current, &counters, clock(), format))
                };
                let _ = tokio::time::timeout(TIME_OUT, handle(stream, answer)).await;
            });
            open.push_back(connection.abort_handle());
        }
    }
}

async fn handle(mut stream: TcpStream, answer: impl Fn(&[u8]) -> Vec<u8>) -> std::io::Result<()> {
    let mut head = Vec::with_capacity(1024);
    let end = loop {
        if let Some(end) = head.windows(4).position(|w| w == b"\r\n\r\n") {
            break Some(end);
        }
        if head.len() >= MAX_HEAD {
            break None;
        }
        let mut buffer = [0; 1024];
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        head.extend_from_slice(&buffer[..n]);
    };
    let response = match end {
        Some(end) => answer(&head[..end]),
        None => plain("431 Request Header Fields Too Large", "", false),
    };
    stream.write_all(&response).await?;
    stream.shutdown().await?;
    // Read what the client still sends: closing with unread data sends a reset, which may discard the response.
    let mut rest = [0; 1024];
    for _ in 0..64 {
        if stream.read(&mut rest).await? == 0 {
            break;
        }
    }
    Ok(())
}

/// The response to a request. `head` is everything before the empty line; `metrics` is called only if the client may
/// see them.
pub fn respond(head: &[u8], token: Option<&[u8]>, metrics: impl FnOnce(Format) -> String) -> Vec<u8> {
    let Ok(head) = std::str::from_utf8(head) else {
        return plain("400 Bad Request", "", false);
    };
    let mut lines = head.split("\r\n");
    let mut request = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version), None) =
        (request.next(), request.next(), request.next(), request.next())
    else {
        return plain("400 Bad Request", "", false);
    };
    if !version.starts_with("HTTP/1.") {
        return plain("505 HTTP Version Not Supported", "", false);
    }
    let (mut accept, mut authorization, mut host) = ("", None, None);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else {
            return plain("400 Bad Request", "", false);
        };
        let value = value.trim();
        if name.eq_ignore_ascii_case("accept") {
            accept = value;
        } else if name.eq_ignore_ascii_case("authorization") {
            authorization = Some(value);
        } else if name.eq_ignore_ascii_case("host") {
            host = Some(value);
        }
    }
    match token {
        Some(token) => {
            let given = authorization
                .and_then(|a| a.split_once(' '))
                .filter(|(s, _)| s.eq_ignore_ascii_case("bearer"));
            if !given.is_some_and(|(_, given)| constant_time_eq(given.trim().as_bytes(), token)) {
                return plain("401 Unauthorized", "WWW-Authenticate: Bearer\r\n", false);
            }
        }
        // DNS rebinding: a web page that resolves to this machine sends its own name
        None if !host.is_none_or(is_loopback) => return plain("403 Forbidden", "", false),
        None => {}
    }
    let head_only = method == "HEAD";
    if !matches!(method, "GET" | "HEAD") {
        return plain("405 Method Not Allowed", "Allow: GET, HEAD\r\n", false);
    }
    match target.split('?').next() {
        Some("/metrics") => {
            let format = Format::accepted(accept);
            response("200 OK", "", format.content_type(), &metrics(format), head_only)
        }
        Some("/") => {
            response("200 OK", "", "text/plain; charset=utf-8", "Gatelight: see /metrics\n", head_only)
        }
        _ => plain("404 Not Found", "", head_only),
    }
}

/// Whether a Host header names the loopback interface: `localhost`, `127.0.0.1:9789`, `[::1]:9789`.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    name.is_some_and(url::is_loopback)
}

/// Compares in a time that does not depend on the token's content.
fn constant_time_eq(given: &[u8], token: &[u8]) -> bool {
    let mut differ = given.len() ^ token.len();
    for i in 0..given.len() {
        differ |= usize::from(given[i] ^ token[i % token.len()]);
    }
    std::hint::black_box(differ) == 0
}

fn plain(status: &str, headers: &str, head_only: bool) -> Vec<u8> {
    let body = format!("{}\n", &status[4..]);
    response(status, headers, "text/plain; charset=utf-8", &body, head_only)
}

fn response(status: &str, headers: &str, content_type: &str, body: &str, head_only: bool) -> Vec<u8> {
    let mut out = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Type: {content_type}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        body.len()
    )
    .into_bytes();
    if !head_only {
        out.extend_from_slice(body.as_bytes());
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ask(head: &str, token: Option<&str>) -> String {
        let answer = respond(head.as_bytes(), token.map(str::as_bytes), |f| format!("{f:?}"));
        String::from_utf8(answer).unwrap()
    }

    #[test]
    fn requests() {
        let long = "0123456789abcdef";
        for (head, token, status, body) in [
            ("GET /metrics HTTP/1.1\r\nHost: localhost:9789", None, "200", "Prometheus"),
            ("GET /metrics?x=1 HTTP/1.0", None, "200", "Prometheus"),
            (
                "GET /metrics HTTP/1.1\r\nhost: [::1]:1\r\nACCEPT: application/openmetrics-text;version=1.0.0,*/*",
                None,
                "200",
                "OpenMetrics",
            ),
            ("HEAD /metrics HTTP/1.1\r\nHost: 127.0.0.1", None, "200", ""),
            ("GET / HTTP/1.1\r\nHost: 127.0.0.1", None, "200", "Gatelight: see /metrics\n"),
            ("GET /x HTTP/1.1\r\nHost: 127.0.0.1", None, "404", "Not Found\n"),
            ("POST /metrics HTTP/1.1\r\nHost: 127.0.0.1", None, "405", "Method Not Allowed\n"),
            ("GET /metrics HTTP/1.1\r\nHost: evil.example", None, "403", "Forbidden\n"),
            ("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.evil.example", None, "403", "Forbidden\n"),
            ("GET /metrics HTTP/2", None, "505", "HTTP Version Not Supported\n"),
            ("GET /metrics", None, "400", "Bad Request\n"),
            ("GET /metrics HTTP/1.1\r\nnonsense", None, "400", "Bad Request\n"),
            ("GET /metrics HTTP/1.1\r\nHost: x", Some(long), "401", "Unauthorized\n"),
            (
                "GET /metrics HTTP/1.1\r\nAuthorization: Bearer 0123456789abcdeX",
                Some(long),
                "401",
                "Unauthorized\n",
            ),
            (
                "GET /metrics HTTP/1.1\r\nAuthorization: Bearer 0123456789abcdef0",
                Some(long),
                "401",
                "Unauthorized\n",
            ),
            ("GET /metrics HTTP/1.1\r\nAuthorization: Bearer ", Some(long), "401", "Unauthorized\n"),
            (
                "GET /metrics HTTP/1.1\r\nAuthorization: Basic 0123456789abcdef",
                Some(long),
                "401",
                "Unauthorized\n",
            ),
            (
                "GET /metrics HTTP/1.1\r\nHost: any.example\r\nauthorization: bearer 0123456789abcdef",
                Some(long),
                "200",
                "Prometheus",
            ),
        ] {
            let answer = ask(head, token);
            let (top, rest) = answer.split_once("\r\n\r\n").unwrap();
            assert!(top.starts_with(&format!("HTTP/1.1 {status} ")), "{head:?}: {top}");
            assert_eq!(rest, body, "{head:?}");
            assert!(top.contains("\r\nConnection: close"));
        }
    }

    #[test]
    fn beyond_loopback_only_with_a_token() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        let out: SocketAddr = "0.0.0.0:0".parse().unwrap();
        assert!(Config::new("127.0.0.1:0".parse().unwrap(), None).is_ok());
        assert!(Config::new("[::1]:0".parse().unwrap(), None).is_ok());
        assert!(matches!(Config::new(out, None), Err(ServeError::Open(_))));
        for (content, mode, fine) in [
            ("0123456789abcdef\n", 0o600, true),
            ("0123456789abcdef\n", 0o640, false),
            ("short\n", 0o600, false),
            ("", 0o600, false),
            ("0123456789 abcdef\n", 0o600, false),
        ] {
            std::fs::write(&file, content).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(Config::new(out, Some(&file)).is_ok(), fine, "{content:?} {mode:o}");
        }
        assert!(Config::new(out, Some(folder.path())).is_err());
    }

    proptest! {
        #[test]
        fn any_request_gets_one_answer(head in "(GET|POST|\\PC{0,5}) (/metrics|\\PC{0,9}) (HTTP/1.1|\\PC{0,9})(\r\n\\PC{0,20}){0,4}") {
            let answer = ask(&head, None);
            prop_assert!(answer.starts_with("HTTP/1.1 ") && answer.contains("\r\n\r\n"));
        }

        #[test]
        fn only_the_token_is_the_token(given in "[a-c]{0,4}", token in "[a-c]{1,4}") {
            prop_assert_eq!(constant_time_eq(given.as_bytes(), token.as_bytes()), given == token);
        }
    }
}
