//! More clients than the server has descriptors.

use crate::ground::{DEADLINE, Folder, SMALL, Served, exchange};
use crate::watchdog::watchdog;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const CLIENTS: usize = 200;
const PAUSING: &str = "pausing until descriptors are free";

/// Asks until the file can be opened: while descriptors are short, the answer may be 503.
fn ask_until_served(stream: &TcpStream) {
    let start = Instant::now();
    let mut reader = BufReader::new(stream);
    loop {
        let mut writer = stream;
        writer
            .write_all(b"GET /small.txt HTTP/1.1\r\nHost: x\r\n\r\n")
            .unwrap();
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let at = head.len();
            let count = reader.read_line(&mut head).unwrap();
            assert!(count > 0, "the end, after {head:?}");
            let line = head[at..].to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        if head.starts_with("HTTP/1.1 200 ") {
            assert_eq!(body, SMALL.as_bytes());
            return;
        }
        assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
        assert!(start.elapsed() < DEADLINE, "never served");
    }
}

#[test]
fn server_without_descriptors_pauses_and_serves_again() {
    let _watchdog = watchdog();
    let folder = Folder::site();
    let root = folder.0.to_str().unwrap();
    let args = ["http", "--root", root, "--idle-timeout", "0"];
    // Both limits, soft and hard: the server may not help itself.
    let server = Served::with("ulimit -n 64;", "127.0.0.1:0", &args);
    let connect = |_| TcpStream::connect(server.address()).unwrap();
    let mut clients: Vec<TcpStream> = (0..CLIENTS).map(connect).collect();
    server.until_logged(PAUSING);
    // Who came last waits, and is not sent away.
    let mut last = clients.last().unwrap();
    last.set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let waiting = last.read(&mut [0]).unwrap_err();
    assert_eq!(waiting.kind(), ErrorKind::WouldBlock);

    let staying = clients.split_off(CLIENTS - 20);
    drop(clients);
    for client in &staying {
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        ask_until_served(client);
    }
    drop(staying);
    let request = "GET /small.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = exchange(server.address(), request);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let (totals, ended) = server.end();
    assert_eq!((totals.served, totals.rejected), (CLIENTS as u64 + 1, 0));
    assert_eq!(ended.stderr.matches(PAUSING).count(), 1, "{ended}");
}
