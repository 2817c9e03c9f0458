//! Malformed and hostile requests: each gets an answer, and only authorised ones get metrics.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use gatelight::serve::http::respond;

use crate::serve::prometheus::serve;

/// Everything before the empty line, and the status of the answer: without a token, and where one is wanted.
const REQUESTS: [(&[u8], u16, u16); 36] = [
    (b"GET /metrics HTTP/1.1", 200, 401),
    (b"GET /metrics HTTP/1.1\r\nAuthorization: Bearer abcdefghijklmnop0123", 200, 200),
    (b"GET /metrics HTTP/1.1\r\nauthorization:   bearer   abcdefghijklmnop0123  ", 200, 200),
    (b"GET /metrics HTTP/1.1\r\nAuthorization: Bearer", 200, 401),
    (b"GET /metrics HTTP/1.1\r\nAuthorization: Bearer ", 200, 401),
    (b"GET /metrics HTTP/1.1\r\nAuthorization: Basic abcdefghijklmnop0123", 200, 401),
    (b"GET /metrics HTTP/1.1\r\nAuthorization: Bearer abcdefghijklmnop012", 200, 401),
    (b"GET /metrics HTTP/1.1\r\nAuthorization: Bearer abcdefghijklmnop0123abcdefghijklmnop0123", 200, 401),
    (b"GET /metrics?token=abcdefghijklmnop0123 HTTP/1.1", 200, 401),
    (b"", 400, 400),
    (b"\r\n", 400, 400),
    (b"GET", 400, 400),
    (b"GET /metrics", 400, 400),
    (b"GET  /metrics HTTP/1.1", 400, 400),
    (b"GET /metrics HTTP/1.1 x", 400, 400),
    (b"GET /metrics HTTP/2", 505, 505),
    (b"GET /metrics HTTP/0.9", 505, 505),
    (b"GET /metrics http/1.1", 505, 505),
    (b"get /metrics HTTP/1.1", 405, 401),
    (b"POST /metrics HTTP/1.1\r\nContent-Length: 99999999999", 405, 401),
    (b"PUT /metrics HTTP/1.1\r\nTransfer-Encoding: chunked", 405, 401),
    (b"OPTIONS * HTTP/1.1", 405, 401),
    (b"TRACE / HTTP/1.1", 405, 401),
    (b"CONNECT evil.example:443 HTTP/1.1", 405, 401),
    (b"GET http://evil.example/metrics HTTP/1.1", 404, 401),
    (b"GET /../../etc/passwd HTTP/1.1", 404, 401),
    (b"GET /metrics/ HTTP/1.1", 404, 401),
    (b"GET /metrics%00 HTTP/1.1", 404, 401),
    (b"GET /metrics\0 HTTP/1.1", 404, 401),
    (b"GET /metrics HTTP/1.1\r\nHost: evil.example", 403, 401),
    (b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.evil.example:9789", 403, 401),
    (b"GET /metrics HTTP/1.1\r\nHost: [::1", 200, 401),
    (b"GET /metrics HTTP/1.1\r\nHost:", 403, 401),
    (b"GET /metrics HTTP/1.1\r\nno colon", 400, 400),
    (b"GET /metrics HTTP/1.1\r\nX: \xff\xfe", 400, 400),
    (b"GET /metrics HTTP/1.1\nHost: localhost\n", 400, 400),
];

#[test]
fn odd_requests_and_requests_without_the_token_are_refused() {
    for (head, open, guarded) in REQUESTS {
        for (token, wanted) in [(None, open), (Some(&b"abcdefghijklmnop0123"[..]), guarded)] {
            let answer = String::from_utf8(respond(head, token, |_| "secret metrics".to_owned())).unwrap();
            let status: u16 = answer.split(' ').nth(1).unwrap().parse().unwrap();
            let shown = String::from_utf8_lossy(head);
            assert_eq!(status, wanted, "{shown:?} {}", token.is_some());
            assert_eq!(answer.contains("secret metrics"), wanted == 200, "{shown:?}");
        }
    }
}

#[test]
fn partial_and_aborted_requests_block_nothing() {
    let (address, _snapshots, _counters) = serve(None);
    let connect = || {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    };
    for (head, ..) in REQUESTS {
        // incomplete: cut in the middle, and without the empty line
        let mut stream = connect();
        let _ = stream.write_all(&head[..head.len() / 2]);
        drop(stream);
        let mut stream = connect();
        let _ = stream.write_all(head);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
    }
    let mut stream = connect();
    for byte in b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" {
        stream.write_all(&[*byte]).unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    // two requests at once: one is answered
    let mut stream = connect();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 1, "{answer}");
}
