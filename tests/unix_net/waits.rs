//! Waits that end early, each kind once: cancelled, out of time, or as an arm of a select. What was
//! waited for is neither done nor spoilt.

use crate::common::{Flag, assert_cancelled, until};
use crate::ground::{
    Dir, SHORT, everywhere, full_listener, full_receiver, on_green_threads, settle,
};
use greenroom::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::io::{ErrorKind, IoSliceMut, Read, Write};
use std::os::unix::net as std_net;
use std::sync::Arc;
use std::time::Duration;

/// A call that waits, and what lets it end.
struct Case {
    name: &'static str,
    wait: Arc<dyn Fn() + Send + Sync>,
    help: Box<dyn Fn() + Send + Sync>,
}

fn case(
    name: &'static str,
    wait: impl Fn() + Send + Sync + 'static,
    help: impl Fn() + Send + Sync + 'static,
) -> Case {
    Case {
        name,
        wait: Arc::new(wait),
        help: Box::new(help),
    }
}

fn accept(dir: &Dir) -> Case {
    let path = dir.path("accept");
    let listener = UnixListener::bind(&path).unwrap();
    case(
        "accept",
        move || drop(listener.accept().unwrap()),
        move || drop(std_net::UnixStream::connect(&path).unwrap()),
    )
}

fn connect(dir: &Dir) -> Case {
    let path = dir.path("connect");
    let (listener, _) = full_listener(&path);
    case(
        "connect",
        move || drop(UnixStream::connect(&path).unwrap()),
        move || drop(listener.accept().unwrap()),
    )
}

/// A connected pair, one of which is std's: what the test does with it never parks.
fn pair() -> (UnixStream, std_net::UnixStream) {
    let (stream, peer) = std_net::UnixStream::pair().unwrap();
    (UnixStream::from(stream), peer)
}

fn reads() -> [Case; 2] {
    let ((one, one_peer), (two, two_peer)) = (pair(), pair());
    [
        case(
            "read",
            move || assert_eq!((&one).read(&mut [0; 8]).unwrap(), 1),
            move || (&one_peer).write_all(b"x").unwrap(),
        ),
        case(
            "read_vectored",
            move || {
                let mut buf = [0; 8];
                let read = (&two).read_vectored(&mut [IoSliceMut::new(&mut buf)]);
                assert_eq!(read.unwrap(), 1);
            },
            move || (&two_peer).write_all(b"x").unwrap(),
        ),
    ]
}

/// A stream without room for a byte, and its peer.
fn full_stream() -> (UnixStream, std_net::UnixStream) {
    let (stream, peer) = pair();
    peer.set_nonblocking(true).unwrap();
    stream.set_nonblocking(true).unwrap();
    while (&stream).write(&[0; 4096]).is_ok() {}
    while (&stream).write(&[0]).is_ok() {}
    stream.set_nonblocking(false).unwrap();
    (stream, peer)
}

/// Takes everything that has come.
fn drain(peer: &std_net::UnixStream) {
    let mut peer = peer;
    while peer.read(&mut [0; 4096]).is_ok_and(|len| len > 0) {}
}

fn write() -> Case {
    let (stream, peer) = full_stream();
    case(
        "write",
        move || assert_eq!((&stream).write(b"x").unwrap(), 1),
        move || drain(&peer),
    )
}

fn receives(dir: &Dir) -> [Case; 2] {
    let path = dir.path("receive");
    let socket = Arc::new(UnixDatagram::bind(&path).unwrap());
    let same = Arc::clone(&socket);
    let help = move || {
        let sender = std_net::UnixDatagram::unbound().unwrap();
        assert_eq!(sender.send_to(b"x", &path).unwrap(), 1);
    };
    [
        case(
            "recv",
            move || assert_eq!(socket.recv(&mut [0; 8]).unwrap(), 1),
            help.clone(),
        ),
        case(
            "recv_from",
            move || assert_eq!(same.recv_from(&mut [0; 8]).unwrap().0, 1),
            help,
        ),
    ]
}

fn sends(dir: &Dir) -> [Case; 2] {
    let path = dir.path("send");
    let (receiver, _) = full_receiver(&path);
    let receiver = Arc::new(receiver);
    let same = Arc::clone(&receiver);
    let by_name = UnixDatagram::unbound().unwrap();
    let connected = UnixDatagram::unbound().unwrap();
    connected.connect(&path).unwrap();
    // Whoever looks whether a cancelled datagram has come finds ones of one byte only.
    let take = |receiver: &std_net::UnixDatagram| {
        assert_eq!(receiver.recv(&mut [0; 8]).unwrap(), 1);
    };
    [
        case(
            "send",
            move || assert_eq!(connected.send(b"x").unwrap(), 1),
            move || take(&receiver),
        ),
        case(
            "send_to",
            move || assert_eq!(by_name.send_to(b"x", &path).unwrap(), 1),
            move || take(&same),
        ),
    ]
}

fn cases(dir: &Dir) -> Vec<Case> {
    let mut cases = vec![accept(dir), connect(dir), write()];
    cases.extend(reads());
    cases.extend(receives(dir));
    cases.extend(sends(dir));
    cases
}

#[test]
fn cancel_in_every_wait_unwinds_and_the_next_one_succeeds() {
    on_green_threads(|| {
        let dir = Dir::new();
        for case in cases(&dir) {
            println!("{}", case.name);
            let is_there = Flag::default();
            let (there, wait) = (is_there.clone(), Arc::clone(&case.wait));
            let task = greenroom::thread::spawn(move || {
                there.raise();
                wait();
            });
            until(|| is_there.is_up());
            settle();
            assert!(!task.is_finished());
            task.cancel();
            assert_cancelled(task.join());
            (case.help)();
            (case.wait)();
        }
    });
}

#[test]
fn timeout_around_every_wait_elapses_and_the_next_one_succeeds() {
    everywhere(|| {
        let dir = Dir::new();
        for case in cases(&dir) {
            println!("{}", case.name);
            for _ in 0..2 {
                let elapsed = greenroom::timeout(SHORT, || (case.wait)());
                assert!(elapsed.is_err());
            }
            (case.help)();
            let done = greenroom::timeout(Duration::from_secs(60), || (case.wait)());
            assert!(done.is_ok());
        }
    });
}

#[test]
fn wait_in_progress_ends_by_its_peer() {
    everywhere(|| {
        let dir = Dir::new();
        for case in cases(&dir) {
            println!("{}", case.name);
            let wait = Arc::clone(&case.wait);
            let waiter = greenroom::thread::spawn(move || wait());
            settle();
            assert!(!waiter.is_finished());
            (case.help)();
            waiter.join().unwrap();
        }
    });
}

/// An interrupt that is due when the call begins comes before its effect, even if it need not wait.
#[test]
fn timeout_of_zero_sends_and_connects_nothing() {
    everywhere(|| {
        let dir = Dir::new();
        let receiver = std_net::UnixDatagram::bind(dir.path("datagram")).unwrap();
        receiver.set_nonblocking(true).unwrap();
        let listener = std_net::UnixListener::bind(dir.path("stream")).unwrap();
        listener.set_nonblocking(true).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.connect(dir.path("datagram")).unwrap();
        let now = Duration::ZERO;
        assert!(greenroom::timeout(now, || sender.send(b"x")).is_err());
        assert!(greenroom::timeout(now, || sender.send_to(b"x", dir.path("datagram"))).is_err());
        assert!(greenroom::timeout(now, || UnixStream::connect(dir.path("stream"))).is_err());
        let kind = receiver.recv(&mut [0; 8]).unwrap_err().kind();
        assert_eq!(kind, ErrorKind::WouldBlock);
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    });
}

/// Not ready, then ready by what `help` does meanwhile. The value is what helped, to be kept.
macro_rules! assert_arm {
    ($arm:ident, $socket:expr, $help:expr) => {{
        greenroom::select! {
            $arm($socket) -> _ => panic!("{} is not ready", stringify!($socket)),
            default => (),
        }
        let helper = std::thread::spawn($help);
        greenroom::select! {
            $arm($socket) -> result => result.unwrap(),
        }
        helper.join().unwrap()
    }};
}

#[test]
fn listener_and_streams_are_arms_of_a_select() {
    everywhere(|| {
        let dir = Dir::new();
        let listener = UnixListener::bind(dir.path("listener")).unwrap();
        let path = dir.path("listener");
        let _client = assert_arm!(readable, listener, move || std_net::UnixStream::connect(
            path
        ));
        drop(listener.accept().unwrap());

        let (stream, mut peer) = pair();
        let _peer = assert_arm!(readable, stream, move || {
            peer.write_all(b"x").unwrap();
            peer
        });
        assert_eq!((&stream).read(&mut [0; 8]).unwrap(), 1);

        let (stream, peer) = full_stream();
        let _peer = assert_arm!(writable, stream, move || {
            drain(&peer);
            peer
        });
        assert_eq!((&stream).write(b"x").unwrap(), 1);
    });
}

#[test]
fn datagram_sockets_are_arms_of_a_select() {
    everywhere(|| {
        let (socket, peer) = std_net::UnixDatagram::pair().unwrap();
        let socket = UnixDatagram::from(socket);
        let sent = assert_arm!(readable, socket, move || peer.send(b"x").unwrap());
        assert_eq!(socket.recv(&mut [0; 8]).unwrap(), sent);

        let dir = Dir::new();
        let (receiver, queued) = full_receiver(&dir.path("full"));
        let sender = UnixDatagram::unbound().unwrap();
        sender.connect(dir.path("full")).unwrap();
        let _receiver = assert_arm!(writable, sender, move || {
            (0..queued).for_each(|_| assert_eq!(receiver.recv(&mut [0; 8]).unwrap(), 1));
            receiver
        });
        assert_eq!(sender.send(b"x").unwrap(), 1);
    });
}
