//! Descriptors in and out: flags, timeouts and texts are std's before and after, and none is left over.
#![expect(unsafe_code, reason = "FromRawFd")]

use crate::common::{Rt, is_child, run_as_child, watchdog};
use crate::ground::{Dir, SHORT, everywhere, full_listener, full_receiver, is_nonblocking};
use greenroom::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::net as std_net;
use std::time::Duration;

#[test]
fn conversions_keep_mode_and_timeouts() {
    everywhere(|| {
        for mode in [false, true] {
            let (stream, _peer) = std_net::UnixStream::pair().unwrap();
            stream.set_nonblocking(mode).unwrap();
            stream.set_read_timeout(Some(SHORT)).unwrap();
            let mut stream = UnixStream::from(stream);
            let error = stream.read(&mut [0; 8]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            assert_eq!(is_nonblocking(&stream), mode);
            let stream = stream.into_std();
            assert_eq!(is_nonblocking(&stream), mode);
            assert_eq!(stream.read_timeout().unwrap(), Some(SHORT));

            let (socket, _peer) = std_net::UnixDatagram::pair().unwrap();
            socket.set_nonblocking(mode).unwrap();
            socket.set_read_timeout(Some(SHORT)).unwrap();
            let socket = UnixDatagram::from(socket);
            let error = socket.recv(&mut [0; 8]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
            assert_eq!(is_nonblocking(&socket.into_std()), mode);
        }
    });
}

#[test]
fn listener_gets_its_users_mode_back() {
    everywhere(|| {
        for mode in [false, true] {
            let dir = Dir::new();
            let listener = std_net::UnixListener::bind(dir.path("socket")).unwrap();
            listener.set_nonblocking(mode).unwrap();
            let listener = UnixListener::from(listener);
            let limit = Duration::from_millis(if mode { 60_000 } else { 5 });
            let accepted = greenroom::timeout(limit, || listener.accept());
            match accepted {
                Err(_elapsed) => assert!(!mode),
                Ok(accepted) => {
                    assert!(mode);
                    assert_eq!(accepted.unwrap_err().kind(), ErrorKind::WouldBlock);
                }
            }
            assert_eq!(is_nonblocking(&OwnedFd::from(listener)), mode);
        }
    });
}

/// Each worker may adopt a clone of its own: the first to go must not make the others' accepts block.
#[test]
fn listener_adopted_twice_never_blocks_while_one_handle_is_left() {
    everywhere(|| {
        let dir = Dir::new();
        let theirs = std_net::UnixListener::bind(dir.path("socket")).unwrap();
        let first = UnixListener::from(theirs.try_clone().unwrap());
        let second = UnixListener::from(theirs.try_clone().unwrap());
        drop(first);
        let accepted = greenroom::timeout(Duration::from_millis(5), || second.accept());
        assert!(
            accepted.is_err(),
            "nobody has come, and it waits by parking"
        );
        assert!(is_nonblocking(&theirs));
        drop(second);
        assert!(!is_nonblocking(&theirs));
    });
}

#[test]
fn raw_descriptors_go_out_and_come_back() {
    everywhere(|| {
        let dir = Dir::new();
        let path = dir.path("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let number = listener.as_raw_fd();
        let out = listener.into_raw_fd();
        assert_eq!(out, number);
        // SAFETY: it was given up just above.
        let listener = unsafe { UnixListener::from_raw_fd(out) };
        let client = UnixStream::connect(&path).unwrap();
        // SAFETY: given up here, and nobody else's.
        let mut client = unsafe { UnixStream::from_raw_fd(client.into_raw_fd()) };
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(b"here").unwrap();
        assert_eq!(client.read(&mut [0; 8]).unwrap(), 4);

        let (one, other) = UnixDatagram::pair().unwrap();
        // SAFETY: given up here, and nobody else's.
        let one = unsafe { UnixDatagram::from_raw_fd(one.into_raw_fd()) };
        one.send(b"here").unwrap();
        assert_eq!(other.recv(&mut [0; 8]).unwrap(), 4);
    });
}

#[test]
fn debug_texts_are_stds() {
    everywhere(|| {
        let dir = Dir::new();
        let path = dir.path("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let stream = UnixStream::connect(&path).unwrap();
        let socket = UnixDatagram::bind(dir.path("datagram")).unwrap();
        socket.connect(dir.path("datagram")).unwrap();
        let ours = (
            format!("{listener:?} {listener:#?} {:?}", listener.incoming()),
            format!("{stream:?} {stream:#?}"),
            format!("{socket:?} {socket:#?}"),
        );
        let (listener, stream, socket) =
            (listener.into_std(), stream.into_std(), socket.into_std());
        let stds = (
            format!("{listener:?} {listener:#?} {:?}", listener.incoming()),
            format!("{stream:?} {stream:#?}"),
            format!("{socket:?} {socket:#?}"),
        );
        assert_eq!(ours, stds);
    });
}

#[test]
fn descriptor_that_is_no_unix_socket_is_told_in_stds_words() {
    everywhere(|| {
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = udp.local_addr().unwrap();
        udp.send_to(b"one", addr).unwrap();
        udp.send_to(b"two", addr).unwrap();
        let stds = std_net::UnixDatagram::from(OwnedFd::from(udp));
        let expected = stds.recv_from(&mut [0; 8]).unwrap_err();
        let ours = UnixDatagram::from(stds);
        let error = ours.recv_from(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), expected.kind());
        assert_eq!(error.to_string(), expected.to_string());
        let (error, expected) = (ours.local_addr().unwrap_err(), expected);
        assert_eq!(error.to_string(), expected.to_string());
    });
}

#[test]
fn clone_that_goes_takes_no_wait_along() {
    everywhere(|| {
        let (stream, mut peer) = std_net::UnixStream::pair().unwrap();
        let stream = UnixStream::from(stream);
        let clone = stream.try_clone().unwrap();
        clone
            .set_read_timeout(Some(Duration::from_millis(5)))
            .unwrap();
        // Parks once, to be registered.
        let error = (&clone).read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        clone.set_read_timeout(None).unwrap();
        let reader = greenroom::thread::spawn(move || (&stream).read(&mut [0; 8]).unwrap());
        crate::ground::settle();
        drop(clone);
        crate::ground::settle();
        assert!(!reader.is_finished());
        peer.write_all(b"abc").unwrap();
        assert_eq!(reader.join().unwrap(), 3);
    });
}

fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Everything that opens a descriptor, and every way to fail or be cancelled after that.
fn use_everything() {
    let dir = Dir::new();
    let path = dir.path("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let _second = listener.try_clone().unwrap();
    let client = UnixStream::connect(&path).unwrap();
    let (_server, _) = listener.accept().unwrap();
    let _clone = client.try_clone().unwrap();
    drop(UnixStream::from(client.into_std()));
    UnixListener::bind(&path).unwrap_err();
    UnixStream::connect(dir.path("missing")).unwrap_err();
    UnixStream::connect("in\0valid").unwrap_err();
    UnixDatagram::bind("in\0valid").unwrap_err();
    let (_full, _queued) = full_listener(&dir.path("full"));
    let short = Duration::from_millis(1);
    assert!(greenroom::timeout(short, || UnixStream::connect(dir.path("full"))).is_err());
    let (_receiver, _) = full_receiver(&dir.path("receiver"));
    let sender = UnixDatagram::unbound().unwrap();
    assert!(greenroom::timeout(short, || sender.send_to(b"x", dir.path("receiver"))).is_err());
    let (one, _other) = UnixDatagram::pair().unwrap();
    assert!(greenroom::timeout(short, || one.recv(&mut [0; 8])).is_err());
    UnixStream::pair().unwrap();
}

#[test]
fn no_descriptor_is_left_over() {
    let _watchdog = watchdog();
    if !is_child() {
        let child = run_as_child("descriptors::no_descriptor_is_left_over");
        let text = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success(), "{text}");
        return;
    }
    for workers in [1, 2] {
        let rt = Rt::with_workers(workers);
        rt.run(use_everything);
        let before = open_descriptors();
        for _ in 0..20 {
            rt.run(use_everything);
        }
        assert_eq!(open_descriptors(), before);
    }
}
