//! The tables of frames and events in `docs/servers/http_files.md`, read and run.

use crate::frames::{OPENING, frame, limits};
use crate::ground::Server;
use crate::logs;
use crate::watchdog::watchdog;
use greenroom::queue::Queue;
use greenroom_servers::http::{Event, Message, Request, Response, Router, WebSocketLimits};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

const BOOK: &str = include_str!("../../../docs/servers/http_files.md");

/// The cells of the table whose head begins so.
fn rows(head: &str) -> Vec<[&'static str; 3]> {
    let lines = BOOK.lines().skip_while(|line| !line.starts_with(head));
    let rows = lines.skip(2).map_while(|line| line.strip_prefix("| "));
    let rows = rows.map(|row| {
        let cells: Vec<&str> = row.trim_end_matches(" |").split(" | ").collect();
        cells.try_into().unwrap()
    });
    rows.collect()
}

/// All until the end, and what was logged about it.
fn outcome(server: &Server, mut reader: BufReader<TcpStream>) -> (Vec<u8>, Vec<String>) {
    let mut said = Vec::new();
    match reader.read_to_end(&mut said) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    let local = reader.get_ref().local_addr().unwrap();
    drop(reader);
    while server.totals().open > 0 {
        std::thread::yield_now();
    }
    (said, logs::about(local))
}

fn check_log(what: &str, logged: &[String], expected: &str) {
    match (logged, expected) {
        ([], "none") => {}
        ([line], expected) if line.contains(expected) => {}
        _ => panic!("{what}: {logged:?}"),
    }
}

/// What a row sends.
fn bytes_of(what: &str) -> Vec<u8> {
    let bye = frame(0x88, &1000_u16.to_be_bytes());
    match what {
        "a close" => bye,
        "unmasked" => vec![0x81, 1, b'x'],
        "reserved bit" => frame(0xC1, b"x"),
        "reserved opcode" => frame(0x83, b"x"),
        "reserved control opcode" => frame(0x8B, b"x"),
        "continuation of nothing" => frame(0x80, b"x"),
        "new message inside a message" => [frame(0x01, b"x"), frame(0x81, b"y")].concat(),
        "fragmented ping" => frame(0x09, b"x"),
        "long ping" => frame(0x89, &[b'x'; 126]),
        "text that is no UTF-8" => frame(0x81, b"\xff\xfe"),
        "frame over its limit" => frame(0x82, &[0; 601]),
        "frame that claims 2^63 bytes and more" => {
            [&[0x82, 0xFF][..], &[0xFF; 4], &[0; 8]].concat()
        }
        "message over its limit" => [frame(0x02, &[0; 600]), frame(0x80, &[0; 401])].concat(),
        "message in fragments, with a ping between them" => {
            let ping = frame(0x89, b"p");
            [frame(0x01, b"he"), ping, frame(0x80, b"llo"), bye].concat()
        }
        "an end without a close" | "silence for two ping intervals" => Vec::new(),
        "a message, at which the handler fails" => frame(0x81, b"fail"),
        "a message, at which the handler panics" => frame(0x81, b"panic"),
        _ => panic!("nobody knows how to send {what}"),
    }
}

/// The frames of a reply.
fn reply(text: &str) -> Vec<u8> {
    let frames = text.split(", ").map(|each| match each {
        "nothing" => Vec::new(),
        "ping" => vec![0x89, 0],
        "pong" => vec![0x8A, 1, b'p'],
        "text" => [&[0x81, 5][..], b"hello"].concat(),
        close => {
            let code: u16 = close.strip_prefix("close ").unwrap().parse().unwrap();
            [&[0x88, 2], &code.to_be_bytes()[..]].concat()
        }
    });
    frames.collect::<Vec<_>>().concat()
}

#[test]
fn frames_get_what_the_table_says() {
    let _watchdog = watchdog();
    logs::keep();
    let limits = WebSocketLimits {
        ping_interval: Duration::from_millis(400),
        ..limits()
    };
    let server = Server::start(Router::new().websocket_with("/echo", limits, |socket, _| {
        while let Some(message) = socket.receive()? {
            match &message {
                Message::Text(text) if text == "fail" => {
                    return Err(std::io::Error::other("on purpose"));
                }
                Message::Text(text) if text == "panic" => panic!("on purpose"),
                _ => socket.send(message)?,
            }
        }
        Ok(())
    }));
    let rows = rows("| frames |");
    for [what, expected, log] in &rows {
        let bytes = bytes_of(what);
        for piece in [usize::MAX, 1] {
            let (head, mut reader) = server.ask(OPENING);
            assert!(head.starts_with("HTTP/1.1 101"), "{head}");
            logs::about(reader.get_ref().local_addr().unwrap());
            for part in bytes.chunks(piece) {
                if reader.get_mut().write_all(part).is_err() {
                    break;
                }
            }
            if *what == "an end without a close" {
                reader.get_ref().shutdown(Shutdown::Write).unwrap();
            }
            let (said, logged) = outcome(&server, reader);
            assert_eq!(said, reply(expected), "{what}");
            check_log(what, &logged, log);
        }
    }
    assert!(rows.len() > 15, "{} rows", rows.len());
}

/// Sends what `/events?…` asks for.
fn events(request: &mut Request<'_>) -> Response {
    let wanted = request.query().unwrap_or("").to_owned();
    Response::events(move |events| match &*wanted {
        "lines" => events.send(&Event::new("one\ntwo")),
        "name" => events.send(&Event::new("x").name("a\nb")),
        "id" => events.send(&Event::new("x").id("a\0b")),
        _ => {
            let nothing: Queue<()> = Queue::unbounded();
            events.heartbeat(Duration::from_secs(3600));
            assert_eq!(events.next(&nothing)?, None);
            Ok(())
        }
    })
}

#[test]
fn events_get_what_the_table_says() {
    let _watchdog = watchdog();
    logs::keep();
    let begin = "3\r\n:\n\n\r\n";
    for [what, sent, log] in rows("| event |") {
        let queries: &[&str] = match what {
            "data `one`, LF, `two`" => &["lines"],
            "a name or an id with CR, LF or NUL" => &["name", "id"],
            "none, and the client goes" | "none, and the server stops" => &["wait"],
            _ => panic!("nobody knows how to do {what}"),
        };
        for query in queries {
            let server = Server::start(Router::new().get("/events", events));
            let request =
                format!("GET /events?{query} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
            let (_, mut reader) = server.ask(&request);
            let local = reader.get_ref().local_addr().unwrap();
            let mut first = String::new();
            while first.len() < begin.len() {
                reader.read_line(&mut first).unwrap();
            }
            assert_eq!(first, begin, "{what}");
            let (said, logged) = match what {
                "none, and the client goes" => {
                    drop(reader);
                    while server.totals().open > 0 {
                        std::thread::yield_now();
                    }
                    (Vec::new(), logs::about(local))
                }
                "none, and the server stops" => {
                    let totals = server.stop(Duration::from_secs(3600));
                    assert_eq!((totals.errors, totals.cut_off), (0, 0));
                    let mut said = Vec::new();
                    reader.read_to_end(&mut said).unwrap();
                    (said, logs::about(local))
                }
                _ => outcome(&server, reader),
            };
            let expected = match sent.split_once(", ").unwrap() {
                ("nothing", _) => "",
                ("the last chunk", _) => "0\r\n\r\n",
                _ => "15\r\ndata: one\ndata: two\n\n\r\n0\r\n\r\n",
            };
            assert_eq!(String::from_utf8(said).unwrap(), expected, "{what}");
            check_log(what, &logged, log);
        }
    }
}
