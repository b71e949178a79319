//! Waits that end early: timeouts of the socket, of the caller, of the connection attempt.
#![expect(
    unsafe_code,
    reason = "a listener with a backlog of zero needs listen(2)"
)]

use super::ground::{PATTERN_BYTES_MAX, on_both, pair, pair_with_std, pattern};
use greenroom::net::{Shutdown, TcpListener, TcpStream};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

const SHORT: Duration = Duration::from_millis(20);

#[test]
fn read_timeout_is_would_block_and_not_early() {
    on_both(|_| {
        let (mut stream, mut peer) = pair();
        stream.set_read_timeout(Some(SHORT)).unwrap();
        for _ in 0..3 {
            let start = Instant::now();
            assert_eq!(
                stream.read(&mut [0; 8]).unwrap_err().kind(),
                ErrorKind::WouldBlock
            );
            assert!(start.elapsed() >= SHORT);
        }
        assert_eq!(
            stream.peek(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        peer.write_all(b"now").unwrap();
        assert_eq!(stream.read(&mut [0; 8]).unwrap(), 3);
    });
}

#[test]
fn timeout_is_shared_by_clones_and_seen_by_std() {
    on_both(|_| {
        let (stream, _peer) = pair();
        let mut clone = stream.try_clone().unwrap();
        stream.set_read_timeout(Some(SHORT)).unwrap();
        stream
            .set_write_timeout(Some(Duration::from_secs(15)))
            .unwrap();
        assert_eq!(
            clone.read(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        assert_eq!(
            clone.write_timeout().unwrap(),
            Some(Duration::from_secs(15))
        );
        assert_eq!(
            clone.read_timeout().unwrap(),
            stream.read_timeout().unwrap()
        );
        drop(clone);
        let mut stream = stream.into_std();
        assert_eq!(
            stream.read(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        assert_eq!(
            stream.write_timeout().unwrap(),
            Some(Duration::from_secs(15))
        );
        stream.set_read_timeout(None).unwrap();
    });
}

#[test]
fn timeout_set_on_std_is_kept_when_adopted() {
    on_both(|_| {
        let (_peer, stream) = pair_with_std();
        stream.set_read_timeout(Some(SHORT)).unwrap();
        let mut stream = TcpStream::from(stream);
        assert_eq!(
            stream.read(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
    });
}

#[test]
fn zero_timeouts_are_refused_with_stds_words() {
    on_both(|_| {
        let (stream, _peer) = pair();
        let addr = stream.peer_addr().unwrap();
        let errors = [
            stream.set_read_timeout(Some(Duration::ZERO)).unwrap_err(),
            stream.set_write_timeout(Some(Duration::ZERO)).unwrap_err(),
            TcpStream::connect_timeout(&addr, Duration::ZERO).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_eq!(error.to_string(), "cannot set a 0 duration timeout");
        }
        assert_eq!(stream.read_timeout().unwrap(), None);
    });
}

#[test]
fn huge_timeouts_are_for_ever() {
    on_both(|ground| {
        let (mut stream, mut peer) = pair();
        stream.set_read_timeout(Some(Duration::MAX)).unwrap();
        stream.set_write_timeout(Some(Duration::MAX)).unwrap();
        let addr = TcpListener::bind("127.0.0.1:0").unwrap();
        TcpStream::connect_timeout(&addr.local_addr().unwrap(), Duration::MAX).unwrap();
        let reader = ground.spawn(move || stream.read(&mut [0; 8]));
        ground.settle();
        peer.write_all(b"x").unwrap();
        assert_eq!(reader.join().unwrap(), 1);
    });
}

#[test]
fn connect_to_a_closed_port_is_refused() {
    on_both(|_| {
        let addr = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let attempts = [
            TcpStream::connect(addr),
            TcpStream::connect(&[addr, addr][..]),
            TcpStream::connect_timeout(&addr, Duration::from_secs(30)),
        ];
        for attempt in attempts {
            assert_eq!(attempt.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        }
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
fn connect_timeout_to_a_silent_address_is_timed_out() {
    on_both(|_| {
        let (_listener, _queued, addr) = silent_listener();
        let start = Instant::now();
        let error = TcpStream::connect_timeout(&addr, SHORT).unwrap_err();
        assert!(start.elapsed() >= SHORT);
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "connection timed out");
    });
}

#[test]
fn connect_waits_until_the_listener_has_room() {
    on_both(|ground| {
        let (listener, queued, addr) = silent_listener();
        let connector = ground.spawn(move || TcpStream::connect(addr).unwrap());
        ground.settle();
        assert!(!connector.is_finished());
        for _ in &queued {
            listener.accept().unwrap();
        }
        // The kernel repeats the handshake after a second.
        let stream = connector.join();
        assert_eq!(stream.peer_addr().unwrap(), addr);
        assert!(stream.take_error().unwrap().is_none());
        // Its write timeout served as the deadline meanwhile; nothing of that remains.
        assert_eq!(stream.write_timeout().unwrap(), None);
    });
}

#[test]
fn connect_tries_every_address() {
    on_both(|_| {
        let closed = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let open = listener.local_addr().unwrap();
        let stream = TcpStream::connect(&[closed, open][..]).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), open);
        let nowhere: &[SocketAddr] = &[];
        let error = TcpStream::connect(nowhere).unwrap_err();
        assert_eq!(error.to_string(), "could not resolve to any addresses");
    });
}

#[test]
fn host_name_is_looked_up() {
    on_both(|_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        for _ in 0..2 {
            TcpStream::connect(("localhost", port)).unwrap();
            TcpStream::connect(format!("localhost:{port}")).unwrap();
        }
        TcpListener::bind("localhost:0").unwrap();
    });
}

#[test]
fn timeout_around_a_read_elapses_and_the_stream_still_works() {
    on_both(|_| {
        let (mut stream, mut peer) = pair();
        let elapsed = greenroom::timeout(SHORT, || stream.read(&mut [0; 8]));
        assert!(elapsed.is_err());
        peer.write_all(b"late").unwrap();
        let mut buf = [0; 8];
        let read = greenroom::timeout(Duration::from_secs(60), || stream.read(&mut buf));
        assert_eq!(read.expect("in time").unwrap(), 4);
        assert_eq!(&buf[..4], b"late");
    });
}

#[test]
fn timeout_around_a_write_in_progress_keeps_the_partial_count() {
    on_both(|_| {
        let (mut stream, mut peer) = pair_with_std();
        let block = pattern(PATTERN_BYTES_MAX);
        let mut queued = 0;
        let elapsed = greenroom::timeout(SHORT, || {
            queued = stream.write(&block).unwrap();
            stream.write(&block).unwrap()
        });
        assert!(
            elapsed.is_err(),
            "raised by the second write, which had no effect"
        );
        assert!(queued > 0 && queued < block.len());
        stream.shutdown(Shutdown::Write).unwrap();
        let mut got = Vec::new();
        peer.read_to_end(&mut got).unwrap();
        assert!(got == block[..queued]);
    });
}
