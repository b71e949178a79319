//! Edge-triggered traps: what comes in one edge, after a short read, under a reused number.
//!
//! The peers here are std's sockets, so that several things happen to a socket before its worker
//! polls again.
#![expect(
    unsafe_code,
    reason = "urgent data and closing a descriptor under its owner need libc"
)]

use super::ground::{Ground, PATTERN_BYTES_MAX, on_both, pair_with_std, pattern};
use greenroom::net::Shutdown;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, IntoRawFd};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn data_and_fin_in_one_edge_end_the_stream() {
    on_both(|ground| {
        for _ in 0..50 {
            let (mut stream, mut peer) = pair_with_std();
            let reader = ground.spawn(move || {
                let mut buf = [0; 64];
                assert_eq!(stream.read(&mut buf).unwrap(), 4);
                stream.read(&mut buf).unwrap()
            });
            if ground == Ground::Green {
                greenroom::thread::yield_now();
            }
            peer.write_all(b"last").unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
            assert_eq!(reader.join(), 0);
        }
    });
}

#[test]
fn fin_seen_before_a_write_that_blocks_still_ends_the_stream() {
    on_both(|ground| {
        let (mut stream, mut peer) = pair_with_std();
        // Parks once, so that the socket is registered and its edges count.
        stream
            .set_read_timeout(Some(Duration::from_millis(5)))
            .unwrap();
        assert_eq!(
            stream.read(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        peer.write_all(b"last").unwrap();
        peer.shutdown(Shutdown::Write).unwrap();
        ground.settle();
        // The peer does not read: the write fills the socket and finds that it would block.
        stream
            .set_write_timeout(Some(Duration::from_millis(5)))
            .unwrap();
        assert!(stream.write(&pattern(PATTERN_BYTES_MAX)).unwrap() > 0);
        stream.set_read_timeout(None).unwrap();
        let mut buf = [0; 64];
        assert_eq!(stream.read(&mut buf).unwrap(), 4);
        assert_eq!(stream.read(&mut buf).unwrap(), 0);
    });
}

#[test]
fn read_that_fills_its_buffer_exactly_is_not_short() {
    on_both(|ground| {
        let (mut stream, mut peer) = pair_with_std();
        let reader = ground.spawn(move || {
            let mut buf = [0; 8];
            let mut counts = Vec::new();
            while counts.iter().sum::<usize>() < 24 {
                counts.push(stream.read(&mut buf).unwrap());
            }
            counts
        });
        ground.settle();
        peer.write_all(&[1; 24]).unwrap();
        assert_eq!(reader.join(), [8, 8, 8]);
    });
}

#[test]
fn urgent_data_does_not_hide_what_follows_it() {
    on_both(|ground| {
        let (mut stream, mut peer) = pair_with_std();
        let reader = ground.spawn(move || {
            let mut got = Vec::new();
            let mut buf = [0; 64];
            while got.len() < 4 {
                let n = stream.read(&mut buf).unwrap();
                got.extend_from_slice(&buf[..n]);
            }
            got
        });
        ground.settle();
        peer.write_all(b"ab").unwrap();
        // SAFETY: one readable byte.
        let sent = unsafe { libc::send(peer.as_raw_fd(), b"!".as_ptr().cast(), 1, libc::MSG_OOB) };
        assert_eq!(sent, 1);
        peer.write_all(b"cd").unwrap();
        // The kernel ends a read at the urgent mark: short, with more behind it.
        assert_eq!(reader.join(), b"abcd");
    });
}

#[test]
fn dropping_one_clone_wakes_nobody() {
    on_both(|ground| {
        let (stream, mut peer) = pair_with_std();
        let clone = stream.try_clone().unwrap();
        // Both are registered: the clone's end must not take the other's registration along.
        clone
            .set_read_timeout(Some(Duration::from_millis(5)))
            .unwrap();
        assert_eq!(
            (&clone).read(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        clone.set_read_timeout(None).unwrap();
        let reader = ground.spawn(move || (&stream).read(&mut [0; 8]));
        ground.settle();
        drop(clone);
        ground.settle();
        assert!(!reader.is_finished());
        peer.write_all(b"abc").unwrap();
        assert_eq!(reader.join().unwrap(), 3);
    });
}

#[test]
fn number_reused_under_a_stale_registration_belongs_to_its_new_owner() {
    on_both(|ground| {
        let (old, mut old_peer) = pair_with_std();
        old.set_read_timeout(Some(Duration::from_millis(5)))
            .unwrap();
        assert!(
            (&old).read(&mut [0; 8]).is_err(),
            "parks once, to be registered"
        );
        // Keeps the open file and with it the registration, which greenroom cannot know.
        let keeper = old.as_fd().try_clone_to_owned().unwrap();
        let number = old.as_raw_fd();
        drop(old);
        let (new, mut new_peer) = reuse(number);
        let reader = ground.spawn(move || {
            let mut buf = [0; 8];
            let n = (&new).read(&mut buf).unwrap();
            buf[..n].to_vec()
        });
        ground.settle();
        old_peer.write_all(b"stale").unwrap();
        ground.settle();
        assert!(!reader.is_finished());
        new_peer.write_all(b"new").unwrap();
        assert_eq!(reader.join(), b"new");
        drop(keeper);
    });
}

/// A connected stream that has the descriptor `number`, which is free. Other tests of this process
/// take descriptors too, so it is put there, not hoped for.
fn reuse(number: i32) -> (greenroom::net::TcpStream, std::net::TcpStream) {
    use std::os::fd::FromRawFd;
    let (stream, peer) = pair_with_std();
    let fd = stream.into_raw_fd();
    // SAFETY: no pointers; if another test took `number` meanwhile, F_DUPFD gives the next one,
    // which makes the test vacuous but harms nobody.
    let put = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, number) };
    assert!(put >= 0);
    // SAFETY: `fd` is ours and not used again.
    unsafe { libc::close(fd) };
    // SAFETY: the descriptor was just made for us.
    (unsafe { greenroom::net::TcpStream::from_raw_fd(put) }, peer)
}

#[test]
fn closing_the_descriptor_under_a_waiter_harms_nobody_else() {
    Ground::Green.run(|ground| {
        let (victim, victim_peer) = pair_with_std();
        let (neighbour, mut neighbour_peer) = pair_with_std();
        victim
            .set_read_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        let (victim, neighbour) = (Arc::new(victim), Arc::new(neighbour));
        let (waiting, watching) = (Arc::clone(&victim), Arc::clone(&neighbour));
        let waiter = ground.spawn(move || (&*waiting).read(&mut [0; 8]));
        let watcher = ground.spawn(move || (&*watching).read(&mut [0; 8]));
        ground.settle();
        // SAFETY: no pointers. It breaks the victim's ownership on purpose; the number is not reused
        // for anything that is used, and the victim is forgotten below, never closed again.
        unsafe { libc::close(victim.as_raw_fd()) };
        drop(victim_peer);
        ground.settle();
        assert!(!watcher.is_finished());
        neighbour_peer.write_all(b"well").unwrap();
        assert_eq!(watcher.join().unwrap(), 4);
        assert!(
            waiter.join().is_err(),
            "its time ran out, or its descriptor is bad"
        );
        std::mem::forget(victim);
    });
}

/// Parks a reader on one worker and a writer on another, on one socket: one of them is registered
/// with the other's epoll, so its wake has to cross.
#[test]
fn wake_from_another_workers_epoll_brings_the_task_home() {
    let runtime = greenroom::Runtime::builder().workers(2).build().unwrap();
    Ground::Os.run(move |_| {
        for round in 0..6 {
            let (stream, mut peer) = pair_with_std();
            let stream = Arc::new(stream);
            let (reading, writing) = (Arc::clone(&stream), Arc::clone(&stream));
            let on = |index| greenroom::thread::Builder::new().worker(index);
            let (reader, writer) = runtime.run(move || {
                let reader = on(round % 2).spawn(move || {
                    let here = std::thread::current().id();
                    let count = (&*reading).read(&mut [0; 8]).unwrap();
                    assert_eq!(std::thread::current().id(), here, "a started task stays");
                    count
                });
                Ground::Green.settle();
                let writer = on((round + 1) % 2).spawn(move || {
                    let here = std::thread::current().id();
                    let block = pattern(PATTERN_BYTES_MAX);
                    let count = (&*writing).write(&block).unwrap();
                    assert_eq!(std::thread::current().id(), here, "a started task stays");
                    count
                });
                Ground::Green.settle();
                (reader.unwrap(), writer.unwrap())
            });
            std::io::copy(
                &mut (&mut peer).take(PATTERN_BYTES_MAX as u64),
                &mut std::io::sink(),
            )
            .unwrap();
            peer.write_all(b"x").unwrap();
            assert_eq!(reader.join().unwrap(), 1);
            assert_eq!(writer.join().unwrap(), PATTERN_BYTES_MAX);
        }
    });
}
