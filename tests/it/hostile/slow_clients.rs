//! Clients that connect and send nothing.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::serve::prometheus::serve;

#[test]
fn slow_clients_do_not_keep_the_metrics_from_others() {
    let (address, _snapshots, _counters) = serve(None);
    let slow: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /metrics HTT").unwrap();
            stream
        })
        .collect();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("gatelight_"), "{answer}");
    }
    drop(slow);
}
