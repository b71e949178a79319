//! Readiness bits: an event that comes while an operation drains the socket is not lost.
//!
//! The invariant, once everybody is done: what the kernel would give is announced by a bit. The
//! operations mirror `Evented::try_io` of `runtime/io/evented.rs` up to the place where it would park.

use crate::check::{Seen, exhaust, exhaust_up_to};
use crate::driver::ready::{Direction, Readiness};
use crate::sys::epoll::Socket;
use loom::thread;
use std::sync::Arc;

struct Stream {
    ready: Readiness,
    socket: Arc<Socket>,
}

impl Stream {
    fn new() -> Arc<Stream> {
        Arc::new(Stream {
            ready: Readiness::new(),
            socket: Socket::new(),
        })
    }

    /// One attempt to read, if a bit allows it: a read that took all there was is a short one.
    fn try_read(&self) -> Option<u32> {
        let seen = self.ready.snapshot();
        if !seen.is_ready(Direction::Read) {
            return None;
        }
        let got = self.socket.receive();
        match got {
            Some(_) => self.ready.clear_after_short(seen, Direction::Read),
            None => self.ready.clear_after_would_block(seen, Direction::Read),
        }
        got
    }

    fn try_write(&self) -> Option<()> {
        let seen = self.ready.snapshot();
        if !seen.is_ready(Direction::Write) {
            return None;
        }
        let sent = self.socket.send();
        if sent.is_none() {
            self.ready.clear_after_would_block(seen, Direction::Write);
        }
        sent
    }

    /// Nothing that the kernel would give is hidden by a missing bit.
    fn assert_announced(&self) {
        let now = self.ready.snapshot();
        assert!(
            now.is_ready(Direction::Read) || !self.socket.is_readable(),
            "bytes or an end that no bit announces"
        );
        assert!(
            now.is_ready(Direction::Write) || !self.socket.is_writable(),
            "room that no bit announces"
        );
    }
}

/// One event of the peer: what changed in the kernel, then the bits.
fn event(stream: &Stream, bytes: u32, end: bool) {
    stream.socket.arrive(bytes, end);
    stream.ready.set(true, false, end);
}

/// Two messages of the peer against two reads.
pub fn events_against_reads() {
    let seen = Seen::default();
    let got = seen.clone();
    exhaust_up_to(3, move || {
        let stream = Stream::new();
        let peer = {
            let stream = Arc::clone(&stream);
            thread::spawn(move || {
                event(&stream, 1, false);
                event(&stream, 1, false);
            })
        };
        let bytes = stream.try_read().unwrap_or(0) + stream.try_read().unwrap_or(0);
        got.note(bytes);
        peer.join().expect("a peer does not panic");
        stream.assert_announced();
    });
    seen.assert_all(3);
}

/// Data and the end of the stream in one edge: a short read does not hide the end.
pub fn data_and_end_in_one_edge() {
    exhaust(|| {
        let stream = Stream::new();
        let peer = {
            let stream = Arc::clone(&stream);
            thread::spawn(move || event(&stream, 1, true))
        };
        let first = stream.try_read();
        let second = stream.try_read();
        peer.join().expect("a peer does not panic");
        stream.assert_announced();
        let mut rest = [first, second].into_iter().flatten().collect::<Vec<_>>();
        for _ in 0..2 {
            rest.extend(stream.try_read());
        }
        assert!(rest.contains(&0), "the end of the stream is read");
    });
}

/// Both directions at once: one direction's clear does not take the other's event.
pub fn events_against_both_directions() {
    exhaust_up_to(2, || {
        let stream = Stream::new();
        assert!(stream.try_write().is_some(), "room for one message");
        let peer = {
            let stream = Arc::clone(&stream);
            thread::spawn(move || {
                stream.socket.drain();
                stream.socket.arrive(1, false);
                stream.ready.set(true, true, false);
            })
        };
        let writer = {
            let stream = Arc::clone(&stream);
            thread::spawn(move || {
                let _ = stream.try_write();
            })
        };
        let _ = stream.try_read();
        peer.join().expect("a peer does not panic");
        writer.join().expect("a writer does not panic");
        stream.assert_announced();
    });
}

/// A writer that finds the send buffer full says nothing of the end of the other direction.
pub fn full_send_buffer_keeps_the_end() {
    exhaust_up_to(2, || {
        let stream = Stream::new();
        assert!(stream.try_write().is_some(), "room for one message");
        let peer = {
            let stream = Arc::clone(&stream);
            thread::spawn(move || event(&stream, 1, true))
        };
        let writer = {
            let stream = Arc::clone(&stream);
            thread::spawn(move || assert!(stream.try_write().is_none(), "nobody makes room"))
        };
        let _ = stream.try_read();
        peer.join().expect("a peer does not panic");
        writer.join().expect("a writer does not panic");
        let _ = stream.try_read();
        stream.assert_announced();
    });
}
