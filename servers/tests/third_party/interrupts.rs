//! Deadlines and cancels in the middle of each protocol: nobody hangs, every socket is closed.
//!
//! Unwinding goes through the foreign crate's frames. What the crate keeps of a cut operation is its
//! own matter, so a connection is given up afterwards; what must hold is that it *can* be: the peer
//! sees the end, and the runtime ends with nobody in it, which `on_workers` asserts.

use crate::ground::on_workers;
use crate::talkers::{
    TlsClient, accept_websocket, check_bytes, encoder, pattern, usual_trust, websocket,
};
use flate2::read::GzDecoder;
use greenroom::net::{TcpListener, TcpStream};
use greenroom::sync::Event;
use greenroom::thread::{self, JoinHandle};
use greenroom::{Cancelled, timeout};
use socket2::SockRef;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::Arc;
use std::time::Duration;
use tungstenite::Message;

/// A time that passes during the test.
const SHORT: Duration = Duration::from_millis(10);

/// Small buffers, so that a writer is soon stuck.
fn pair() -> (TcpStream, TcpStream) {
    const BYTES: usize = 64 << 10;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    for stream in [&client, &server] {
        let socket = SockRef::from(stream);
        socket.set_send_buffer_size(BYTES).unwrap();
        socket.set_recv_buffer_size(BYTES).unwrap();
    }
    (client, server)
}

fn both(test: impl Fn() + Sync) {
    for workers in [1, 2] {
        on_workers(workers, &test);
    }
}

/// Reads to the end, whatever comes; a reset is an end as well.
fn end_of(mut stream: TcpStream) {
    drop(std::io::copy(&mut stream, &mut std::io::sink()));
}

/// Something that waits for its peer in the middle of a protocol, for good.
type Stuck = fn(TcpStream);

/// Begins as a proper peer of a [`Stuck`] and falls silent; gives the socket back.
type Silent = fn(TcpStream) -> TcpStream;

fn says_nothing(stream: TcpStream) -> TcpStream {
    stream
}

fn parts<S: Read + Write>(tls: TlsClient<S>) -> S {
    tls.into_parts().1
}

/// Each protocol, stuck in each phase: who is stuck, and the peer that lets it be.
const STUCK: [(&str, Stuck, Silent); 9] = [
    (
        "a TLS server in its handshake",
        |stream| drop(usual_trust().server(stream).read(&mut [0; 1])),
        says_nothing,
    ),
    (
        "a TLS client in its handshake",
        |stream| drop(usual_trust().client(stream).write(b"x")),
        says_nothing,
    ),
    (
        "a TLS server between two records",
        |stream| {
            crate::talkers::echo_bytes(&mut usual_trust().server(stream));
        },
        |stream| {
            let mut tls = usual_trust().client(stream);
            check_bytes(&mut tls, &[1_000], 1);
            parts(tls)
        },
    ),
    (
        "a TLS server that writes more than is read",
        |stream| {
            // Without end: in the deadline's test the peer reads on.
            let mut tls = usual_trust().server(stream);
            while tls.write_all(&[7; 4_096]).is_ok() {}
        },
        |stream| {
            let mut tls = usual_trust().client(stream);
            tls.read_exact(&mut [0; 1_000]).unwrap();
            parts(tls)
        },
    ),
    (
        "a WebSocket server in its handshake",
        |stream| drop(tungstenite::accept(stream).map(drop)),
        |mut stream| {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
            stream
        },
    ),
    (
        "a WebSocket server in a frame",
        |stream| drop(accept_websocket(stream).read()),
        |stream| {
            let mut socket = websocket(stream);
            socket.get_mut().write_all(&[0x82, 0xFF]).unwrap();
            socket.get_ref().try_clone().unwrap()
        },
    ),
    (
        "a WebSocket client that waits for the close frame",
        |stream| {
            let mut socket = websocket(stream);
            socket.close(None).unwrap();
            while socket.read().is_ok() {}
        },
        |stream| {
            let mut socket = accept_websocket(stream);
            socket.send(Message::text("hello")).unwrap();
            // The clone keeps the connection open; tungstenite has let go of it.
            socket.get_ref().try_clone().unwrap()
        },
    ),
    (
        "a decoder in the middle of a stream",
        |stream| {
            BufReader::new(GzDecoder::new(stream)).lines().count();
        },
        |stream| {
            let mut encoder = encoder(stream.try_clone().unwrap());
            encoder.write_all(b"half a line").unwrap();
            encoder.flush().unwrap();
            // Its drop would write the trailer.
            std::mem::forget(encoder);
            stream
        },
    ),
    (
        "an encoder that writes more than is read",
        |stream| {
            // Longer than the window of deflate, so it never gets any smaller.
            let block = pattern(64 << 10, 1);
            let mut encoder = encoder(stream);
            while encoder.write_all(&block).is_ok() {}
        },
        says_nothing,
    ),
];

#[test]
fn deadline_in_the_middle_of_a_protocol_ends_it_and_closes_the_socket() {
    both(|| {
        for (name, stuck, silent) in STUCK {
            let (one, other) = pair();
            let peer = thread::spawn(move || end_of(silent(other)));
            let outcome = timeout(SHORT, || stuck(one));
            assert!(outcome.is_err(), "{name} was through");
            // The peer may have been cut off before it fell silent; then it complained of that.
            let _ = peer.join();
        }
    });
}

/// Waits until the green thread is parked on a socket, as the runtime itself tells it.
fn until_parked(name: &str) {
    let is_parked = |line: &String| {
        line.contains(name) && (line.contains("reading fd") || line.contains("writing fd"))
    };
    while !greenroom::waiting(Duration::from_secs(5))
        .iter()
        .any(is_parked)
    {
        thread::yield_now();
    }
}

fn spawn_named(name: &str, f: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let builder = thread::Builder::new().name(name.to_owned());
    builder.spawn(f).unwrap()
}

#[test]
fn cancel_in_the_middle_of_a_protocol_ends_it_and_closes_the_socket() {
    both(|| {
        for (name, stuck, silent) in STUCK {
            let (one, other) = pair();
            let (tell, told) = greenroom::sync::mpsc::channel();
            let is_cancelled = Arc::new(Event::new());
            let cancelled = Arc::clone(&is_cancelled);
            let peer = thread::spawn(move || {
                let stream = silent(other);
                tell.send(()).unwrap();
                cancelled.wait();
                end_of(stream);
            });
            let task = spawn_named("stuck", move || stuck(one));
            told.recv().unwrap();
            until_parked("stuck");
            task.cancel();
            is_cancelled.set();
            let ended = task.join().unwrap_err();
            assert!(ended.is::<Cancelled>(), "{name}");
            peer.join().unwrap();
        }
    });
}

/// flate2's encoder finishes the stream in its drop, also while it unwinds, and there nothing interrupts:
/// a peer that reads nothing would keep it for ever. A time-out of the socket bounds that.
#[test]
fn drop_that_writes_to_a_full_socket_ends_by_the_write_timeout() {
    both(|| {
        let (one, other) = pair();
        let settings = one.try_clone().unwrap();
        let (name, stuck, _) = STUCK[STUCK.len() - 1];
        assert_eq!(name, "an encoder that writes more than is read");
        let task = spawn_named("stuck", move || stuck(one));
        until_parked("stuck");
        // For the calls that begin from now on, the drop's.
        settings.set_write_timeout(Some(SHORT)).unwrap();
        task.cancel();
        assert!(task.join().unwrap_err().is::<Cancelled>());
        drop(other);
    });
}

#[test]
fn runtime_that_ends_unwinds_all_protocols_at_once() {
    for workers in [1, 2] {
        let _watchdog = crate::watchdog::watchdog();
        let runtime = greenroom::Runtime::builder()
            .workers(workers)
            .build()
            .unwrap();
        let tasks: Vec<_> = runtime.run(|| {
            let one_each = STUCK.map(|(_, stuck, silent)| {
                let (one, other) = pair();
                let peer = thread::spawn(move || end_of(silent(other)));
                [thread::spawn(move || stuck(one)), peer]
            });
            // Time to get stuck in; nothing below depends on it.
            thread::sleep(SHORT);
            one_each.into_iter().flatten().collect()
        });
        let report = runtime.shutdown(Duration::from_secs(20));
        assert!(report.abandoned.is_empty(), "{:?}", report.abandoned);
        assert!(tasks.iter().all(JoinHandle::is_finished));
    }
}

#[test]
fn deadline_around_a_whole_visit_that_is_in_time_changes_nothing() {
    both(|| {
        let (client, server) = pair();
        let echo = thread::spawn(move || crate::talkers::tls_echo(usual_trust().server(server)));
        let visit = || crate::talkers::tls_visit(usual_trust().client(client), &[1, 2, 3], 1);
        timeout(Duration::from_secs(60), visit).unwrap();
        assert_eq!(echo.join().unwrap(), 6);
    });
}
