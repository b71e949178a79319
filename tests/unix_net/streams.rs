//! Stream connections and listeners, whoever made them: the names come from the module above.

use super::net::{Incoming, UnixListener, UnixStream};
use super::{around, thread};
use crate::ground::{Dir, SHORT, is_close_on_exec, is_nonblocking};
use std::fmt::Debug;
use std::io::{ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

fn is_socket<T>()
where
    T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Debug + AsFd + AsRawFd + FromRawFd,
    T: IntoRawFd + From<OwnedFd> + Into<OwnedFd>,
{
}

#[test]
fn stream_types_implement_the_same() {
    is_socket::<UnixStream>();
    is_socket::<UnixListener>();
    fn is_incoming<'a, I>()
    where
        I: Iterator<Item = std::io::Result<UnixStream>> + Debug + Send + Sync + UnwindSafe + 'a,
    {
    }
    is_incoming::<Incoming<'_>>();
}

#[test]
fn bytes_go_both_ways_over_a_path() {
    around(|| {
        let dir = Dir::new();
        let path = dir.path("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buf = [0; 8];
            let len = stream.read(&mut buf).unwrap();
            assert_eq!(&buf[..len], b"ping");
            stream.write_all(b"pong").unwrap();
        });
        let mut client = UnixStream::connect(&path).unwrap();
        assert_eq!(client.peer_addr().unwrap().as_pathname(), Some(&*path));
        client.write_all(b"ping").unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert_eq!(text, "pong");
        server.join().unwrap();
    });
}

#[test]
fn vectored_calls_fill_their_buffers_in_order() {
    around(|| {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        let parts = [&b"abc"[..], b"", b"d", b"efgh"].map(IoSlice::new);
        assert_eq!(one.write_vectored(&parts).unwrap(), 8);
        let (mut first, mut second) = ([0; 5], [0; 5]);
        let mut bufs = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        assert_eq!(other.read_vectored(&mut bufs).unwrap(), 8);
        assert_eq!((&first, &second), (b"abcde", b"fgh\0\0"));
    });
}

#[test]
fn empty_vectored_calls_do_not_wait() {
    around(|| {
        let (mut one, _other) = UnixStream::pair().unwrap();
        assert_eq!(one.read_vectored(&mut []).unwrap(), 0);
        assert_eq!(
            one.read_vectored(&mut [IoSliceMut::new(&mut [])]).unwrap(),
            0
        );
        assert_eq!(one.write_vectored(&[IoSlice::new(b"")]).unwrap(), 0);
        assert_eq!(one.write(b"").unwrap(), 0);
    });
}

#[test]
fn pair_is_connected() {
    around(|| {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        let echo = thread::spawn(move || {
            let mut buf = [0; 4];
            one.read_exact(&mut buf).unwrap();
            buf.reverse();
            one.write_all(&buf).unwrap();
        });
        other.write_all(b"1234").unwrap();
        let mut got = Vec::new();
        other.read_to_end(&mut got).unwrap();
        assert_eq!(got, b"4321");
        echo.join().unwrap();
    });
}

#[test]
fn clones_read_one_stream_of_bytes_and_share_their_settings() {
    around(|| {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        let mut clone = other.try_clone().unwrap();
        one.write_all(b"firstthird").unwrap();
        let mut buf = [0; 5];
        other.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"first");
        clone.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"third");
        clone.set_read_timeout(Some(SHORT)).unwrap();
        assert_eq!(other.read_timeout().unwrap(), Some(SHORT));
        assert_eq!(
            other.read(&mut buf).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        drop(other);
        one.write_all(b"still").unwrap();
        clone.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"still");
    });
}

#[test]
fn incoming_yields_every_connection() {
    around(|| {
        let dir = Dir::new();
        let path = dir.path("socket");
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(listener.incoming().size_hint(), (usize::MAX, None));
        let server = thread::spawn(move || {
            let second = listener.try_clone().unwrap();
            let mut got = Vec::new();
            for stream in (&listener)
                .into_iter()
                .take(2)
                .chain(second.incoming().take(1))
            {
                let mut byte = [0];
                stream.unwrap().read_exact(&mut byte).unwrap();
                got.extend(byte);
            }
            got
        });
        for byte in 1..=3 {
            UnixStream::connect(&path)
                .unwrap()
                .write_all(&[byte])
                .unwrap();
        }
        assert_eq!(server.join().unwrap(), [1, 2, 3]);
    });
}

#[test]
fn stream_timeouts_are_kept_as_they_are_set() {
    around(|| {
        let (stream, _peer) = UnixStream::pair().unwrap();
        let some = Some(Duration::from_secs(15_410));
        assert_eq!(stream.read_timeout().unwrap(), None);
        assert_eq!(stream.write_timeout().unwrap(), None);
        stream.set_read_timeout(some).unwrap();
        assert_eq!(stream.read_timeout().unwrap(), some);
        assert_eq!(stream.write_timeout().unwrap(), None);
        stream.set_write_timeout(some).unwrap();
        assert_eq!(stream.write_timeout().unwrap(), some);
        stream.set_read_timeout(None).unwrap();
        stream.set_write_timeout(None).unwrap();
        assert_eq!(stream.read_timeout().unwrap(), None);
        assert_eq!(stream.write_timeout().unwrap(), None);
    });
}

#[test]
fn stream_timeout_of_zero_is_refused_and_a_huge_one_is_for_ever() {
    around(|| {
        let (mut stream, mut peer) = UnixStream::pair().unwrap();
        let zero = Some(Duration::ZERO);
        for error in [
            stream.set_read_timeout(zero),
            stream.set_write_timeout(zero),
        ] {
            let error = error.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_eq!(error.to_string(), "cannot set a 0 duration timeout");
        }
        stream.set_read_timeout(Some(Duration::MAX)).unwrap();
        stream.set_write_timeout(Some(Duration::MAX)).unwrap();
        let late = thread::spawn(move || peer.write_all(b"x"));
        assert_eq!(stream.read(&mut [0; 8]).unwrap(), 1);
        late.join().unwrap().unwrap();
    });
}

#[test]
fn read_timeout_says_would_block_and_not_early() {
    around(|| {
        let (mut stream, mut peer) = UnixStream::pair().unwrap();
        stream.set_read_timeout(Some(SHORT)).unwrap();
        for _ in 0..2 {
            let start = Instant::now();
            let error = stream.read_exact(&mut [0; 10]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            assert!(start.elapsed() >= SHORT);
        }
        peer.write_all(b"hello").unwrap();
        let mut buf = [0; 5];
        assert_eq!(stream.read(&mut buf).unwrap(), 5);
        assert_eq!(&buf, b"hello");
        let error = stream.read_exact(&mut buf).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn write_timeout_returns_what_was_queued_and_then_would_block() {
    around(|| {
        let (mut stream, mut peer) = UnixStream::pair().unwrap();
        stream.set_write_timeout(Some(SHORT)).unwrap();
        let block = vec![7; 4 << 20];
        let queued = stream.write(&block).unwrap();
        assert!(0 < queued && queued < block.len());
        let error = stream.write(&block).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        drop(stream);
        let mut got = Vec::new();
        assert_eq!(peer.read_to_end(&mut got).unwrap(), queued);
    });
}

/// The timeout is for a reader that stands still, not for a slow one.
#[test]
fn write_timeout_begins_anew_whenever_the_peer_reads() {
    around(|| {
        for is_vectored in [false, true] {
            let (mut stream, mut peer) = UnixStream::pair().unwrap();
            let timeout = Duration::from_millis(400);
            stream.set_write_timeout(Some(timeout)).unwrap();
            let reader = std::thread::spawn(move || {
                let mut buf = vec![0; 128 << 10];
                let mut total = 0;
                loop {
                    std::thread::sleep(Duration::from_millis(25));
                    match peer.read(&mut buf).unwrap() {
                        0 => return total,
                        len => total += len,
                    }
                }
            });
            let start = Instant::now();
            let block = vec![7; 3 << 20];
            let queued = match is_vectored {
                false => stream.write(&block).unwrap(),
                true => stream
                    .write_vectored(&[IoSlice::new(b"x"), IoSlice::new(&block[1..])])
                    .unwrap(),
            };
            assert_eq!(queued, block.len());
            assert!(start.elapsed() > timeout, "the test shows nothing");
            drop(stream);
            assert_eq!(reader.join().unwrap(), block.len());
        }
    });
}

#[test]
fn write_larger_than_the_buffer_waits_for_its_reader() {
    around(|| {
        let (mut stream, mut peer) = UnixStream::pair().unwrap();
        let block: Vec<u8> = (0..3_000_000u32).map(|i| (i % 251) as u8).collect();
        let sent = block.clone();
        let writer = thread::spawn(move || stream.write(&sent).unwrap());
        let mut got = Vec::new();
        peer.read_to_end(&mut got).unwrap();
        assert_eq!(writer.join().unwrap(), block.len());
        assert!(got == block);
    });
}

#[test]
fn nonblocking_mode_is_the_users_and_nobody_waits() {
    around(|| {
        let (mut stream, _peer) = UnixStream::pair().unwrap();
        assert!(!is_nonblocking(&stream));
        stream.set_nonblocking(true).unwrap();
        assert!(is_nonblocking(&stream));
        let error = stream.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert_eq!(error.raw_os_error(), Some(libc::EAGAIN));
        let block = vec![7; 4 << 20];
        while stream.write(&block).is_ok() {}
        let error = stream.write(&block).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        stream.set_nonblocking(false).unwrap();
        assert!(!is_nonblocking(&stream));

        let dir = Dir::new();
        let listener = UnixListener::bind(dir.path("socket")).unwrap();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        assert!(listener.take_error().unwrap().is_none());
    });
}

#[test]
fn streams_are_blocking_and_close_on_exec() {
    around(|| {
        let dir = Dir::new();
        let listener = UnixListener::bind(dir.path("socket")).unwrap();
        let connected = UnixStream::connect(dir.path("socket")).unwrap();
        let by_addr = UnixStream::connect_addr(&listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let (one, other) = UnixStream::pair().unwrap();
        let cloned = one.try_clone().unwrap();
        for stream in [&connected, &by_addr, &accepted, &one, &other, &cloned] {
            assert!(!is_nonblocking(stream));
            assert!(is_close_on_exec(stream));
            assert!(stream.take_error().unwrap().is_none());
        }
        assert!(is_close_on_exec(&listener));
        assert!(is_close_on_exec(&listener.try_clone().unwrap()));
    });
}

#[test]
fn shutdown_ends_its_direction_and_wakes_who_waits() {
    around(|| {
        let (mut stream, mut peer) = UnixStream::pair().unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(peer.read(&mut [0; 8]).unwrap(), 0);
        assert_eq!(
            stream.write(b"x").unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
        peer.write_all(b"back").unwrap();
        assert_eq!(stream.read(&mut [0; 8]).unwrap(), 4);
        let clone = stream.try_clone().unwrap();
        let reader = thread::spawn(move || stream.read(&mut [0; 8]).unwrap());
        clone.shutdown(Shutdown::Read).unwrap();
        assert_eq!(reader.join().unwrap(), 0);
        assert_eq!(peer.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn peer_that_has_gone_ends_reads_and_breaks_writes() {
    around(|| {
        let (mut stream, mut peer) = UnixStream::pair().unwrap();
        peer.write_all(b"last").unwrap();
        drop(peer);
        let mut got = Vec::new();
        stream.read_to_end(&mut got).unwrap();
        assert_eq!(got, b"last");
        assert_eq!(
            stream.write(b"x").unwrap_err().kind(),
            ErrorKind::BrokenPipe
        );
        let parts = [IoSlice::new(b"x")];
        let error = stream.write_vectored(&parts).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn peer_that_goes_without_reading_resets_the_connection() {
    around(|| {
        let (mut stream, peer) = UnixStream::pair().unwrap();
        stream.write_all(b"unread").unwrap();
        let reader = thread::spawn(move || {
            let first = stream.read(&mut [0; 8]).map_err(|error| error.kind());
            (first, stream.read(&mut [0; 8]).unwrap())
        });
        drop(peer);
        assert_eq!(reader.join().unwrap(), (Err(ErrorKind::ConnectionReset), 0));
    });
}

#[test]
fn writer_that_waits_is_told_when_its_peer_goes() {
    around(|| {
        let (mut stream, mut peer) = UnixStream::pair().unwrap();
        let block = vec![7; 4 << 20];
        let writer = thread::spawn(move || {
            let queued = stream.write(&block).unwrap();
            let is_partial = 0 < queued && queued < block.len();
            // The peer left what it had not read: one reset, or the pipe is broken.
            (is_partial, stream.write(&block).unwrap_err().kind())
        });
        // More than fits: after its first byte the write is under way until the peer goes.
        peer.read_exact(&mut [0]).unwrap();
        drop(peer);
        let (is_partial, kind) = writer.join().unwrap();
        assert!(is_partial);
        assert!(
            matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset),
            "{kind}"
        );
    });
}

#[test]
fn raw_conversions_keep_the_connection() {
    around(|| {
        let (mut one, other) = UnixStream::pair().unwrap();
        let number = other.as_raw_fd();
        assert_eq!(other.as_fd().as_raw_fd(), number);
        let mut other = UnixStream::from(OwnedFd::from(other));
        assert_eq!(other.as_raw_fd(), number);
        one.write_all(b"still here").unwrap();
        assert_eq!(other.read(&mut [0; 16]).unwrap(), 10);
    });
}

/// Nobody tells epoll of a shutdown that ends a wait for room, and the kernel's own writers are woken.
#[test]
fn writer_that_waits_for_room_is_woken_by_a_shutdown_at_either_end() {
    for end in ["its own", "the peer's"] {
        around(|| {
            let (mut one, other) = UnixStream::pair().unwrap();
            let ours = one.try_clone().unwrap();
            let writer = thread::spawn(move || one.write_all(&vec![0; 1 << 22]));
            thread::sleep(SHORT);
            match end {
                "its own" => ours.shutdown(Shutdown::Write).unwrap(),
                _ => other.shutdown(Shutdown::Read).unwrap(),
            }
            let error = writer.join().unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe, "{end}");
        });
    }
}
