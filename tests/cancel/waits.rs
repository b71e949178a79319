//! Cancel of a task that is parked, once for each kind of wait; and what it waited for still works.
#![expect(
    unsafe_code,
    reason = "a listener with a backlog of zero needs listen(2)"
)]

use crate::common::{FOREVER, Flag, assert_cancelled, on_every_runtime, until};
use greenroom::net::{TcpListener, TcpStream};
use greenroom::thread::{self, CancelOutcome};
use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn listener() -> (Arc<TcpListener>, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    (Arc::new(listener), addr)
}

fn pair() -> (TcpStream, TcpStream) {
    let (listener, addr) = listener();
    let client = TcpStream::connect(addr).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Cancels a local task that waits in `wait`.
#[track_caller]
fn cancel_in<T: 'static>(wait: impl FnOnce() -> T + 'static) {
    let (is_waiting, is_unwound, has_returned) =
        (Flag::default(), Flag::default(), Flag::default());
    let (waiting, guard, returned) = (
        is_waiting.clone(),
        is_unwound.on_drop(),
        has_returned.clone(),
    );
    let task = thread::spawn_local(move || {
        let _guard = guard;
        waiting.raise();
        let value = wait();
        returned.raise();
        value
    });
    until(|| is_waiting.is_up());
    assert!(!task.is_finished(), "it did not wait");
    assert_eq!(task.cancel(), CancelOutcome::Requested);
    assert!(!is_unwound.is_up(), "it unwinds when it runs, not here");
    assert_cancelled(task.join());
    assert!(is_unwound.is_up());
    assert!(!has_returned.is_up(), "the wait returned");
}

#[test]
fn cancel_in_sleep() {
    on_every_runtime(|| {
        cancel_in(|| thread::sleep(FOREVER));
        cancel_in(|| thread::sleep(Duration::MAX));
        cancel_in(|| thread::sleep_until(Instant::now() + FOREVER));
    });
}

#[test]
fn cancel_in_park() {
    on_every_runtime(|| {
        cancel_in(thread::park);
        cancel_in(|| thread::park_timeout(FOREVER));
        cancel_in(|| thread::park_timeout(Duration::MAX));
    });
}

#[test]
fn cancel_in_yield() {
    on_every_runtime(|| {
        cancel_in(|| {
            loop {
                thread::yield_now();
            }
        });
    });
}

#[test]
fn cancel_in_join_detaches() {
    on_every_runtime(|| {
        let is_over = Flag::default();
        let over = is_over.clone();
        let joined = thread::spawn(move || {
            thread::park();
            over.raise();
        });
        let inner = joined.thread().clone();
        cancel_in(|| joined.join());
        assert!(!is_over.is_up());
        inner.unpark();
        until(|| is_over.is_up());
        let joined = thread::spawn(thread::park);
        let inner = joined.thread().clone();
        cancel_in(|| joined.join_timeout(FOREVER).is_ok());
        inner.unpark();
        let joined = thread::spawn_local(thread::park);
        let inner = joined.thread().clone();
        cancel_in(|| joined.join());
        inner.unpark();
    });
}

#[test]
fn cancel_in_accept_leaves_the_listener_working() {
    on_every_runtime(|| {
        let (listener, addr) = listener();
        let theirs = Arc::clone(&listener);
        cancel_in(move || theirs.accept());
        let theirs = Arc::clone(&listener);
        cancel_in(move || theirs.incoming().next().is_some());
        let client = TcpStream::connect(addr).unwrap();
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    });
}

#[test]
fn cancel_of_one_acceptor_leaves_the_connection_to_the_other() {
    on_every_runtime(|| {
        let (listener, addr) = listener();
        let accept = |is_waiting: &Flag| {
            let (listener, waiting) = (Arc::clone(&listener), is_waiting.clone());
            thread::spawn_local(move || {
                waiting.raise();
                listener.accept().unwrap().1
            })
        };
        let (first, second) = (Flag::default(), Flag::default());
        let (cancelled, stays) = (accept(&first), accept(&second));
        until(|| first.is_up() && second.is_up());
        // The event may be handed to the first: it must not take it along.
        let client = std::net::TcpStream::connect(addr).unwrap();
        cancelled.cancel();
        let accepted = cancelled.join();
        match accepted {
            Ok(peer) => {
                assert_eq!(peer, client.local_addr().unwrap());
                stays.cancel();
                assert_cancelled(stays.join());
            }
            Err(_) => assert_eq!(stays.join().unwrap(), client.local_addr().unwrap()),
        }
    });
}

#[test]
fn cancel_in_read_leaves_the_stream_working() {
    on_every_runtime(|| {
        let (stream, mut peer) = pair();
        let stream = Arc::new(stream);
        let shared = || Arc::clone(&stream);
        let theirs = shared();
        cancel_in(move || (&*theirs).read(&mut [0; 64]));
        let theirs = shared();
        cancel_in(move || (&*theirs).read_vectored(&mut [IoSliceMut::new(&mut [0; 64])]));
        let theirs = shared();
        cancel_in(move || theirs.peek(&mut [0; 64]));
        stream.set_read_timeout(Some(FOREVER)).unwrap();
        let theirs = shared();
        cancel_in(move || (&*theirs).read(&mut [0; 64]));
        peer.write_all(b"all of it").unwrap();
        let mut buf = [0; 64];
        let read = (&*stream).read(&mut buf).unwrap();
        assert_eq!(&buf[..read], b"all of it");
    });
}

#[test]
fn cancel_of_one_reader_leaves_the_bytes_to_the_other() {
    on_every_runtime(|| {
        let (stream, peer) = pair();
        let (stream, mut peer) = (Arc::new(stream), peer.into_std());
        let read = |is_waiting: &Flag| {
            let (stream, waiting) = (Arc::clone(&stream), is_waiting.clone());
            thread::spawn_local(move || {
                waiting.raise();
                (&*stream).read(&mut [0; 8]).unwrap()
            })
        };
        let (first, second) = (Flag::default(), Flag::default());
        let (cancelled, stays) = (read(&first), read(&second));
        until(|| first.is_up() && second.is_up());
        cancelled.cancel();
        peer.write_all(b"kept").unwrap();
        assert_cancelled(cancelled.join());
        assert_eq!(stays.join().unwrap(), 4);
    });
}

/// Writes until the socket takes no more; returns how much it took.
fn fill(stream: &TcpStream) -> usize {
    stream.set_nonblocking(true).unwrap();
    let block = [7; 1 << 16];
    let mut filled = 0;
    let mut stream_ref = stream;
    while let Ok(written) = stream_ref.write(&block) {
        filled += written;
    }
    stream.set_nonblocking(false).unwrap();
    filled
}

#[test]
fn cancel_in_write_to_a_full_socket() {
    on_every_runtime(|| {
        let (stream, mut peer) = pair();
        let stream = Arc::new(stream);
        let mut filled = fill(&stream);
        let theirs = Arc::clone(&stream);
        cancel_in(move || {
            loop {
                (&*theirs).write_all(&[7; 1 << 20]).unwrap();
            }
        });
        let theirs = Arc::clone(&stream);
        cancel_in(move || {
            loop {
                let block = [7; 4096];
                let written = (&*theirs).write_vectored(&[IoSlice::new(&block)]);
                assert!(written.unwrap() > 0);
            }
        });
        let reader = thread::spawn(move || {
            let mut got = Vec::new();
            peer.read_to_end(&mut got).unwrap();
            got
        });
        (&*stream).write_all(b"and on").unwrap();
        filled += 6;
        drop(stream);
        let got = reader.join().unwrap();
        assert!(got.len() >= filled);
        assert!(got.ends_with(b"and on"));
    });
}

/// A listener that answers no further handshake, because its queue is full; with its queue.
fn silent_listener() -> (std::net::TcpListener, Vec<std::net::TcpStream>, SocketAddr) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    // SAFETY: no pointers; a second listen on a listening socket sets its backlog.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    let addr = listener.local_addr().unwrap();
    let fill = || std::net::TcpStream::connect_timeout(&addr, Duration::from_millis(100)).ok();
    let queued = std::iter::from_fn(fill).take(10).collect();
    (listener, queued, addr)
}

#[test]
fn cancel_in_connect() {
    on_every_runtime(|| {
        let (_listener, _queued, addr) = greenroom::unblock(silent_listener);
        cancel_in(move || TcpStream::connect(addr));
        cancel_in(move || TcpStream::connect_timeout(&addr, FOREVER));
    });
}

#[test]
fn cancel_in_a_scopes_wait_cancels_the_children_first() {
    on_every_runtime(|| {
        let (is_parked, is_unwound) = (Flag::default(), Flag::default());
        let (parked, unwound) = (is_parked.clone(), is_unwound.clone());
        let parent = thread::spawn_local(move || {
            thread::scope(|s| {
                s.spawn(|| {
                    let _guard = unwound.on_drop();
                    parked.raise();
                    thread::park();
                });
            });
        });
        until(|| is_parked.is_up());
        parent.cancel();
        assert_cancelled(parent.join());
        assert!(is_unwound.is_up());
    });
}

#[test]
fn cancel_under_a_timeout_is_no_elapsed() {
    on_every_runtime(|| {
        cancel_in(|| greenroom::timeout(FOREVER, || thread::sleep(FOREVER)));
        cancel_in(|| greenroom::timeout(Duration::MAX, thread::park));
    });
}
