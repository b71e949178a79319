//! Datagrams between sockets with and without names, pairs, and their ends.

use super::net::UnixDatagram;
use super::{around, thread};
use crate::ground::{Dir, SHORT, abstract_addr, is_close_on_exec, is_nonblocking};
use std::fmt::Debug;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::{Duration, Instant};

#[test]
fn datagram_type_implements_the_same() {
    fn is_socket<T>()
    where
        T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe + Debug + AsFd + AsRawFd,
        T: FromRawFd + IntoRawFd + From<OwnedFd> + Into<OwnedFd>,
    {
    }
    is_socket::<UnixDatagram>();
}

#[test]
fn datagram_sent_to_a_path_comes_from_the_senders() {
    around(|| {
        let dir = Dir::new();
        let (here, there) = (dir.path("here"), dir.path("there"));
        let sender = UnixDatagram::bind(&here).unwrap();
        let receiver = UnixDatagram::bind(&there).unwrap();
        assert_eq!(sender.send_to(b"hello world", &there).unwrap(), 11);
        let mut buf = [0; 16];
        let (len, from) = receiver.recv_from(&mut buf).unwrap();
        assert_eq!(&buf[..len], b"hello world");
        assert_eq!(from.as_pathname(), Some(&*here));
        // And back, to the address it came from.
        assert_eq!(receiver.send_to_addr(b"back", &from).unwrap(), 4);
        assert_eq!(sender.recv(&mut buf).unwrap(), 4);
    });
}

#[test]
fn datagram_of_a_nameless_socket_comes_from_nobody() {
    around(|| {
        let dir = Dir::new();
        let receiver = UnixDatagram::bind(dir.path("socket")).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        assert!(sender.local_addr().unwrap().is_unnamed());
        sender.send_to(b"who", dir.path("socket")).unwrap();
        let (len, from) = receiver.recv_from(&mut [0; 8]).unwrap();
        assert_eq!(len, 3);
        assert!(from.is_unnamed());
        let error = receiver.send_to_addr(b"you", &from).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    });
}

#[test]
fn datagram_sent_to_an_abstract_name_arrives() {
    around(|| {
        let ((here, here_addr), (_, there_addr)) = (abstract_addr(), abstract_addr());
        let sender = UnixDatagram::bind_addr(&here_addr).unwrap();
        let receiver = UnixDatagram::bind_addr(&there_addr).unwrap();
        let local = sender.local_addr().unwrap();
        assert_eq!(local.as_abstract_name(), Some(&*here));
        sender.send_to_addr(b"hello", &there_addr).unwrap();
        let (len, from) = receiver.recv_from(&mut [0; 8]).unwrap();
        assert_eq!((len, from.as_abstract_name()), (5, Some(&*here)));
    });
}

#[test]
fn connected_socket_sends_to_its_peer_and_can_change_it() {
    around(|| {
        let dir = Dir::new();
        let paths = [dir.path("first"), dir.path("second")];
        let receivers = paths
            .each_ref()
            .map(|path| UnixDatagram::bind(path).unwrap());
        let (name, addr) = abstract_addr();
        let third = UnixDatagram::bind_addr(&addr).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        let error = sender.send(b"x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotConnected);
        assert_eq!(
            sender.peer_addr().unwrap_err().kind(),
            ErrorKind::NotConnected
        );
        for (path, receiver) in paths.iter().zip(&receivers) {
            sender.connect(path).unwrap();
            assert_eq!(sender.peer_addr().unwrap().as_pathname(), Some(&**path));
            assert_eq!(sender.send(b"to you").unwrap(), 6);
            let (len, from) = receiver.recv_from(&mut [0; 8]).unwrap();
            assert_eq!((len, from.is_unnamed()), (6, true));
        }
        sender.connect_addr(&addr).unwrap();
        let peer = sender.peer_addr().unwrap();
        assert_eq!(peer.as_abstract_name(), Some(&*name));
        sender.send(b"you").unwrap();
        assert_eq!(third.recv(&mut [0; 8]).unwrap(), 3);
    });
}

#[test]
fn socket_connected_to_a_sender_it_heard_of_answers() {
    around(|| {
        let dir = Dir::new();
        let one = UnixDatagram::bind(dir.path("one")).unwrap();
        let other = UnixDatagram::bind(dir.path("other")).unwrap();
        other
            .send_to_addr(b"hello", &one.local_addr().unwrap())
            .unwrap();
        let (_, from) = one.recv_from(&mut [0; 8]).unwrap();
        one.connect_addr(&from).unwrap();
        one.send(b"hello back").unwrap();
        assert_eq!(other.recv(&mut [0; 16]).unwrap(), 10);
        let stranger = UnixDatagram::unbound().unwrap();
        let error = stranger.send_to(b"x", dir.path("one")).unwrap_err();
        assert_eq!(
            error.raw_os_error(),
            Some(libc::EPERM),
            "it is connected elsewhere"
        );
    });
}

#[test]
fn datagrams_keep_their_bounds() {
    around(|| {
        let (one, other) = UnixDatagram::pair().unwrap();
        for message in [&b"long message"[..], b"", b"next"] {
            assert_eq!(one.send(message).unwrap(), message.len());
        }
        let mut buf = [0; 4];
        assert_eq!(other.recv(&mut buf).unwrap(), 4, "the rest of it is lost");
        assert_eq!(&buf, b"long");
        assert_eq!(
            other.recv_from(&mut buf).unwrap().0,
            0,
            "an empty datagram is one"
        );
        assert_eq!(other.recv(&mut []).unwrap(), 0);
        let error = one.send(&vec![0; 8 << 20]).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EMSGSIZE));
        other.set_nonblocking(true).unwrap();
        assert_eq!(
            other.recv(&mut buf).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
    });
}

#[test]
fn datagram_pair_talks() {
    around(|| {
        let (one, other) = UnixDatagram::pair().unwrap();
        let answer = thread::spawn(move || {
            let mut buf = [0; 8];
            let len = one.recv(&mut buf).unwrap();
            assert_eq!(&buf[..len], b"hello");
            one.send(b"world!").unwrap();
            one
        });
        other.send(b"hello").unwrap();
        let mut buf = [0; 8];
        let (len, from) = other.recv_from(&mut buf).unwrap();
        assert_eq!(&buf[..len], b"world!");
        assert!(from.is_unnamed());
        let one = answer.join().unwrap();
        for socket in [&one, &other, &one.try_clone().unwrap()] {
            assert!(socket.peer_addr().unwrap().is_unnamed());
            assert!(!is_nonblocking(socket) && is_close_on_exec(socket));
            assert!(socket.take_error().unwrap().is_none());
        }
        drop(one);
        let error = other.send(b"gone").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn datagram_timeouts_are_kept_and_zero_is_refused() {
    around(|| {
        let (socket, peer) = UnixDatagram::pair().unwrap();
        let some = Some(Duration::from_secs(15_410));
        socket.set_read_timeout(some).unwrap();
        assert_eq!(
            (
                socket.read_timeout().unwrap(),
                socket.write_timeout().unwrap()
            ),
            (some, None)
        );
        socket.set_write_timeout(some).unwrap();
        socket.set_read_timeout(None).unwrap();
        assert_eq!(
            (
                socket.read_timeout().unwrap(),
                socket.write_timeout().unwrap()
            ),
            (None, some)
        );
        let zero = Some(Duration::ZERO);
        for result in [
            socket.set_read_timeout(zero),
            socket.set_write_timeout(zero),
        ] {
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert_eq!(error.to_string(), "cannot set a 0 duration timeout");
        }
        socket.set_read_timeout(Some(Duration::MAX)).unwrap();
        socket.set_write_timeout(Some(Duration::MAX)).unwrap();
        let late = thread::spawn(move || peer.send(b"x").unwrap());
        assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 1);
        late.join().unwrap();
    });
}

#[test]
fn receive_timeout_says_would_block_and_not_early() {
    around(|| {
        let (socket, peer) = UnixDatagram::pair().unwrap();
        socket.set_read_timeout(Some(SHORT)).unwrap();
        let start = Instant::now();
        assert_eq!(
            socket.recv(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        assert!(start.elapsed() >= SHORT);
        let start = Instant::now();
        assert_eq!(
            socket.recv_from(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        assert!(start.elapsed() >= SHORT);
        peer.send(b"now").unwrap();
        assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 3);
    });
}

#[test]
fn shutdown_for_reading_gives_the_queue_and_then_zero_for_ever() {
    around(|| {
        let (socket, peer) = UnixDatagram::pair().unwrap();
        peer.send(b"queued").unwrap();
        socket.shutdown(Shutdown::Read).unwrap();
        let mut buf = [0; 8];
        assert_eq!(socket.recv(&mut buf).unwrap(), 6);
        for _ in 0..2 {
            assert_eq!(socket.recv(&mut buf).unwrap(), 0);
            let (len, from) = socket.recv_from(&mut buf).unwrap();
            assert_eq!((len, from.is_unnamed()), (0, true));
        }
        assert_eq!(peer.send(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
        socket.set_nonblocking(true).unwrap();
        assert_eq!(
            socket.recv(&mut buf).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
    });
}

#[test]
fn receiver_is_told_when_its_peer_turns_away_from_what_it_sent() {
    around(|| {
        let dir = Dir::new();
        let _elsewhere = UnixDatagram::bind(dir.path("elsewhere")).unwrap();
        let (socket, peer) = UnixDatagram::pair().unwrap();
        socket.send(b"unread").unwrap();
        let receiver = thread::spawn(move || {
            let first = socket.recv(&mut [0; 8]).unwrap_err();
            (first.kind(), socket.take_error().unwrap().is_none())
        });
        thread::sleep(SHORT);
        peer.connect(dir.path("elsewhere")).unwrap();
        let told = receiver.join().unwrap();
        assert_eq!(told, (ErrorKind::ConnectionReset, true));
    });
}

#[test]
fn shutdown_wakes_who_waits_to_receive() {
    around(|| {
        let dir = Dir::new();
        let socket = UnixDatagram::bind(dir.path("socket")).unwrap();
        let clone = socket.try_clone().unwrap();
        let receiver = thread::spawn(move || socket.recv(&mut [0; 8]).unwrap());
        thread::sleep(SHORT);
        clone.shutdown(Shutdown::Both).unwrap();
        assert_eq!(receiver.join().unwrap(), 0);
        let error = clone.send_to(b"x", dir.path("socket")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    });
}

#[test]
fn sender_that_waits_for_room_is_woken_by_its_own_shutdown() {
    around(|| {
        let (one, _other) = UnixDatagram::pair().unwrap();
        let ours = one.try_clone().unwrap();
        let sender = thread::spawn(move || {
            loop {
                if let Err(error) = one.send(&[0; 1024]) {
                    return error;
                }
            }
        });
        thread::sleep(SHORT);
        ours.shutdown(Shutdown::Write).unwrap();
        assert_eq!(sender.join().unwrap().kind(), ErrorKind::BrokenPipe);
    });
}
