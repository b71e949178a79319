//! Sockets in a select: what the kernel says goes, and a false alarm costs nothing.
//!
//! The table of all arms is in `rows`; here are the cases that came from bugs.

use crate::common::{Rt, watchdog};
use std::io::{Read, Write};

/// Two ends of a connection, one of them an OS thread's.
fn connected() -> (greenroom::net::TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let peer = std::net::TcpStream::connect(address).expect("it listens");
    let (stream, _) = listener.accept().expect("one has come");
    (greenroom::net::TcpStream::from(stream), peer)
}

/// A loop that never waits never lets its worker look for events: `default` must ask the kernel.
#[test]
fn socket_polled_with_default_in_a_loop_that_never_parks_is_seen_ready() {
    let _watchdog = watchdog();
    let (stream, mut peer) = connected();
    Rt::with_workers(1).run(|| {
        // A short read clears the bit.
        peer.write_all(b"x").expect("connected");
        let read = (&stream).read(&mut [0; 16]).expect("connected");
        assert_eq!(read, 1);
        peer.write_all(b"y").expect("connected");
        let begun = std::time::Instant::now();
        loop {
            greenroom::select! {
                readable(stream) -> result => break result.expect("connected"),
                default => assert!(begun.elapsed() < std::time::Duration::from_secs(20)),
            }
        }
    });
}

/// The readable arm wins, but somebody else has read the byte, and has set and cleared the event before
/// the select runs: the event came while it stood in the queue, and is not to be lost.
#[test]
fn event_that_came_beside_a_false_alarm_is_not_lost() {
    let _watchdog = watchdog();
    let (stream, mut peer) = connected();
    Rt::with_workers(1).run(|| {
        let event = greenroom::sync::Event::new();
        greenroom::thread::scope(|s| {
            // First in the queue of readers, so it runs first.
            s.spawn(|| {
                (&stream).read_exact(&mut [0]).expect("connected");
                event.set();
                event.clear();
            });
            s.spawn(|| {
                greenroom::select! {
                    wait(event) => (),
                    readable(stream) -> result => result.expect("connected"),
                }
            });
            for _ in 0..100 {
                greenroom::thread::yield_now();
            }
            peer.write_all(b"x").expect("connected");
        });
    });
}
