//! Frames, right and wrong: by tungstenite's client, and byte by byte.

use crate::ground::Server;
use crate::watchdog::watchdog;
use greenroom::queue::Queue;
use greenroom_servers::http::{Http, Next, Router, WebSocketLimits};
use greenroom_servers::{Concurrency, Limits, TcpServer};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tungstenite::Message;

pub(crate) const OPENING: &str = "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

pub(crate) fn limits() -> WebSocketLimits {
    WebSocketLimits {
        message_bytes_max: 1000,
        frame_bytes_max: 600,
        ..WebSocketLimits::default()
    }
}

fn echo(limits: WebSocketLimits) -> Server {
    Server::start(Router::new().websocket_with("/echo", limits, |socket, _| {
        while let Some(message) = socket.receive()? {
            socket.send(message)?;
        }
        Ok(())
    }))
}

type Socket = tungstenite::WebSocket<TcpStream>;

fn connect(server: &Server, path: &str) -> Socket {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let url = format!("ws://{}{path}", server.address());
    tungstenite::client(url, stream).unwrap().0
}

#[test]
fn messages_of_all_sizes_come_back_and_both_sides_close() {
    let _watchdog = watchdog();
    let server = echo(WebSocketLimits::default());
    let mut socket = connect(&server, "/echo");
    for length in [0, 1, 125, 126, 65_535, 65_536, 1 << 20] {
        socket.send(Message::binary(vec![7; length])).unwrap();
        assert_eq!(socket.read().unwrap(), Message::binary(vec![7; length]));
        let text = "ä".repeat(length / 2);
        socket.send(Message::text(&*text)).unwrap();
        assert_eq!(socket.read().unwrap(), Message::text(&*text));
    }
    socket.close(None).unwrap();
    assert!(matches!(socket.read(), Ok(Message::Close(_))));
    assert!(matches!(
        socket.read(),
        Err(tungstenite::Error::ConnectionClosed)
    ));
}

/// Its waits block an OS thread, and its end comes by a shutdown of the connection.
#[test]
fn socket_works_on_an_os_thread() {
    let _watchdog = watchdog();
    let router = Router::new().websocket("/echo", |socket, _| {
        while let Some(message) = socket.receive()? {
            socket.send(message)?;
        }
        Ok(())
    });
    let server = TcpServer::bind("127.0.0.1:0").unwrap();
    let server = server.concurrency(Concurrency::OsThread);
    let server = server.serve_in_background(Http::new(router)).unwrap();
    let stream = TcpStream::connect(server.local_addr()).unwrap();
    let (mut socket, _) = tungstenite::client("ws://h/echo", stream).unwrap();
    socket.send(Message::text("hello")).unwrap();
    assert_eq!(socket.read().unwrap(), Message::text("hello"));
    let totals = server.shutdown(Duration::from_secs(3600));
    assert_eq!((totals.open, totals.errors), (0, 0));
    assert!(matches!(socket.read(), Ok(Message::Close(_))));
}

/// A frame with a mask of zeros, which leaves the payload as it is.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u16::try_from(payload.len()).unwrap() {
        length @ 0..126 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

#[test]
fn frames_that_come_with_the_opening_are_not_lost() {
    let _watchdog = watchdog();
    let server = echo(limits());
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let bye = frame(0x88, &1000_u16.to_be_bytes());
    let all = [OPENING.as_bytes(), &frame(0x81, b"early"), &bye].concat();
    stream.write_all(&all).unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    let expected = [&[0x81, 5][..], b"early", &[0x88, 2, 0x03, 0xE8]].concat();
    assert!(said.ends_with(&expected), "{said:?}");
}

#[test]
fn flood_of_pings_holds_nobody_up() {
    let _watchdog = watchdog();
    let server = echo(limits());
    let mut flood = connect(&server, "/echo");
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let mut writer = flood.get_ref().try_clone().unwrap();
        let mut reader = flood.get_ref().try_clone().unwrap();
        let stop = &stop;
        scope.spawn(move || {
            let pings = frame(0x89, b"ping").repeat(1000);
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                writer.write_all(&pings).unwrap();
            }
            writer.shutdown(std::net::Shutdown::Both).unwrap();
        });
        scope.spawn(move || {
            let mut buf = [0; 65_536];
            while matches!(reader.read(&mut buf), Ok(count) if count > 0) {}
        });
        for _ in 0..20 {
            let mut socket = connect(&server, "/echo");
            socket.send(Message::text("hello")).unwrap();
            assert_eq!(socket.read().unwrap(), Message::text("hello"));
            socket.close(None).unwrap();
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let _ = flood.close(None);
}

#[test]
fn silent_peer_is_pinged_and_then_given_up() {
    let _watchdog = watchdog();
    let server = echo(WebSocketLimits {
        ping_interval: Duration::from_millis(300),
        ..limits()
    });
    // One who answers stays.
    let mut socket = connect(&server, "/echo");
    for _ in 0..3 {
        assert!(matches!(socket.read(), Ok(Message::Ping(_))));
    }
    socket.send(Message::text("here")).unwrap();
    while socket.read().unwrap() != Message::text("here") {}
    socket.close(None).unwrap();
    // One who says nothing does not.
    let (_, mut reader) = server.ask(OPENING);
    let mut said = Vec::new();
    reader.read_to_end(&mut said).unwrap();
    assert!(said.starts_with(&[0x89, 0]), "{said:?}");
    assert!(server.totals().timeouts >= 1);
}

#[test]
fn queue_and_peer_are_heard_in_turn() {
    let _watchdog = watchdog();
    let server = Server::start(Router::new().websocket("/feed", |socket, _| {
        let queue = Queue::bounded(1);
        queue.put(String::from("first")).unwrap();
        while let Some(next) = socket.receive_or(&queue)? {
            match next {
                Next::Item(text) => socket.send(text)?,
                Next::Message(_) => queue.put(String::from("more")).unwrap(),
            }
        }
        Ok(())
    }));
    let mut socket = connect(&server, "/feed");
    assert_eq!(socket.read().unwrap(), Message::text("first"));
    for _ in 0..3 {
        socket.send(Message::text("go on")).unwrap();
        assert_eq!(socket.read().unwrap(), Message::text("more"));
    }
}

/// Sent away at once, long before the grace is over; or cancelled.
#[test]
fn server_that_stops_says_that_it_goes_away() {
    let _watchdog = watchdog();
    for grace in [Duration::from_secs(3600), Duration::ZERO] {
        let server = echo(limits());
        let mut socket = connect(&server, "/echo");
        socket.send(Message::text("hello")).unwrap();
        assert_eq!(socket.read().unwrap(), Message::text("hello"));
        let totals = server.stop(grace);
        let Ok(Message::Close(Some(frame))) = socket.read() else {
            panic!("no close frame");
        };
        assert_eq!(u16::from(frame.code), 1001);
        assert_eq!((totals.open, totals.panics), (0, 0));
    }
}

#[test]
fn opening_while_the_server_stops_is_sent_away_at_once() {
    let _watchdog = watchdog();
    let server = echo(limits());
    let address = server.address();
    let mut idle = TcpStream::connect(address).unwrap();
    let mut late = TcpStream::connect(address).unwrap();
    let (begin, end) = OPENING.split_at(10);
    late.write_all(begin.as_bytes()).unwrap();
    while server.totals().bytes_in < 10 || server.totals().open < 2 {
        std::thread::yield_now();
    }
    let stopper = std::thread::spawn(move || server.stop(Duration::from_secs(3600)));
    assert_eq!(idle.read(&mut [0]).unwrap(), 0);
    late.write_all(end.as_bytes()).unwrap();
    let mut said = Vec::new();
    while !said.ends_with(b"\x88\x02\x03\xE9") {
        let mut byte = [0];
        late.read_exact(&mut byte).unwrap();
        said.push(byte[0]);
    }
    late.write_all(&frame(0x88, &1001_u16.to_be_bytes()))
        .unwrap();
    assert_eq!(late.read(&mut [0]).unwrap(), 0);
    assert_eq!(stopper.join().unwrap().cut_off, 0);
}

/// One limit of time, not one for the message and one more for the goodbye.
#[test]
fn peer_that_takes_nothing_is_given_up_once() {
    let _watchdog = watchdog();
    let router = Router::new().websocket("/echo", |socket, _| {
        loop {
            socket.send(vec![7; 100_000])?;
        }
    });
    let limits = Limits {
        idle_timeout: Some(Duration::from_millis(300)),
        ..Limits::default()
    };
    let server = TcpServer::bind("127.0.0.1:0").unwrap().limits(limits);
    let server = server.serve_in_background(Http::new(router)).unwrap();
    let mut stream = TcpStream::connect(server.local_addr()).unwrap();
    stream.write_all(OPENING.as_bytes()).unwrap();
    while server.totals().errors == 0 {
        std::thread::yield_now();
    }
    let totals = server.shutdown(Duration::from_secs(3600));
    assert_eq!((totals.errors, totals.timeouts), (1, 1));
}
