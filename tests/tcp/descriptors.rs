//! Descriptors: whose flags they are, what conversions keep, what is printed.
#![expect(
    unsafe_code,
    reason = "reads descriptor flags, converts raw descriptors"
)]

use super::ground::{on_both, pair};
use greenroom::net::{TcpListener, TcpStream};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::time::Duration;

fn is_nonblocking(fd: &impl AsRawFd) -> bool {
    // SAFETY: no pointers.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
    assert!(flags >= 0);
    flags & libc::O_NONBLOCK != 0
}

fn is_close_on_exec(fd: &impl AsRawFd) -> bool {
    // SAFETY: no pointers.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFD) };
    assert!(flags >= 0);
    flags & libc::FD_CLOEXEC != 0
}

#[test]
fn streams_are_blocking_and_close_on_exec_as_stds() {
    on_both(|_| {
        let (connected, accepted) = pair();
        let cloned = accepted.try_clone().unwrap();
        let timed = {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            TcpStream::connect_timeout(&listener.local_addr().unwrap(), Duration::from_secs(9))
        };
        for stream in [&connected, &accepted, &cloned, &timed.unwrap()] {
            assert!(!is_nonblocking(stream));
            assert!(is_close_on_exec(stream));
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(is_close_on_exec(&listener) && is_close_on_exec(&listener.try_clone().unwrap()));
    });
}

#[test]
fn conversions_leave_the_flags_as_they_were() {
    on_both(|_| {
        for mode in [false, true] {
            let (_peer, stream) = pair();
            let stream = stream.into_std();
            stream.set_nonblocking(mode).unwrap();
            let stream = TcpStream::from(stream);
            assert_eq!(is_nonblocking(&stream), mode);
            assert_eq!(is_nonblocking(&stream.into_std()), mode);

            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.set_nonblocking(mode).unwrap();
            let listener = TcpListener::from(listener);
            assert_eq!(listener.accept_mode_is_nonblocking(), mode);
            assert_eq!(is_nonblocking(&OwnedFd::from(listener)), mode);
        }
    });
}

/// What the user sees of the mode; the flag itself is greenroom's while it owns a listener.
trait AcceptMode {
    fn accept_mode_is_nonblocking(&self) -> bool;
}

impl AcceptMode for TcpListener {
    fn accept_mode_is_nonblocking(&self) -> bool {
        let accepted = greenroom::timeout(Duration::from_millis(5), || self.accept());
        match accepted {
            Err(_elapsed) => false,
            Ok(accepted) => accepted.unwrap_err().kind() == ErrorKind::WouldBlock,
        }
    }
}

#[test]
fn mode_chosen_here_is_stds_afterwards() {
    on_both(|_| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let listener = listener.into_std();
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let (stream, _peer) = pair();
        stream.set_nonblocking(true).unwrap();
        assert!(is_nonblocking(&stream));
        let mut stream = stream.into_std();
        assert_eq!(
            stream.read(&mut [0; 8]).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
    });
}

#[test]
fn adopted_clone_of_a_std_stream_reads_beside_it() {
    on_both(|ground| {
        let (mut peer, stream) = pair();
        let theirs = stream.into_std();
        let mut ours = TcpStream::from(theirs.try_clone().unwrap());
        let reader = ground.spawn(move || {
            let mut buf = [0; 3];
            ours.read_exact(&mut buf).unwrap();
            ours
        });
        ground.settle();
        assert!(
            !is_nonblocking(&theirs),
            "a wait of ours changes nothing for others"
        );
        peer.write_all(b"one").unwrap();
        drop(reader.join());
        peer.write_all(b"two").unwrap();
        let mut buf = [0; 8];
        assert_eq!((&theirs).read(&mut buf).unwrap(), 3);
        assert_eq!(&buf[..3], b"two");
    });
}

#[test]
fn raw_conversions_keep_the_connection() {
    on_both(|_| {
        let (mut client, server) = pair();
        let number = server.as_raw_fd();
        assert_eq!(server.as_fd().as_raw_fd(), number);
        let number_out = server.into_raw_fd();
        assert_eq!(number_out, number);
        // SAFETY: the descriptor was given up just above.
        let mut server = unsafe { TcpStream::from_raw_fd(number_out) };
        client.write_all(b"still here").unwrap();
        let mut buf = [0; 16];
        assert_eq!(server.read(&mut buf).unwrap(), 10);

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        // SAFETY: the descriptor is given up here and nobody else's.
        let listener = unsafe { TcpListener::from_raw_fd(listener.into_raw_fd()) };
        let _client = TcpStream::connect(addr).unwrap();
        listener.accept().unwrap();
    });
}

#[test]
fn debug_text_is_stds() {
    on_both(|_| {
        let (stream, peer) = pair();
        drop(peer);
        let ours = (format!("{stream:?}"), format!("{stream:#?}"));
        let stream = stream.into_std();
        assert_eq!(ours, (format!("{stream:?}"), format!("{stream:#?}")));

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = (
            format!("{listener:?}"),
            format!("{:?}", listener.incoming()),
        );
        let listener = listener.into_std();
        assert_eq!(
            ours,
            (
                format!("{listener:?}"),
                format!("{:?}", listener.incoming())
            )
        );
    });
}
