//! What a `UdpSocket` leaves of itself: flags, timeouts, registrations, descriptors.
#![expect(
    unsafe_code,
    reason = "reads descriptor flags, converts raw descriptors"
)]

use crate::around::{green, once};
use crate::reexec::{role, this_test};
use crate::watchdog::watchdog;
use greenroom::net::{TcpListener, TcpStream, UdpSocket};
use greenroom::timeout;
use std::io::ErrorKind;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(5);

fn flags(fd: &impl AsRawFd, command: libc::c_int) -> libc::c_int {
    // SAFETY: no pointers.
    let flags = unsafe { libc::fcntl(fd.as_raw_fd(), command) };
    assert!(flags >= 0);
    flags
}

fn is_nonblocking(fd: &impl AsRawFd) -> bool {
    flags(fd, libc::F_GETFL) & libc::O_NONBLOCK != 0
}

fn is_close_on_exec(fd: &impl AsRawFd) -> bool {
    flags(fd, libc::F_GETFD) & libc::FD_CLOEXEC != 0
}

/// How many epolls of this process have `fd` registered.
fn registrations(fd: &impl AsRawFd) -> usize {
    let number = fd.as_raw_fd().to_string();
    let infos = std::fs::read_dir("/proc/self/fdinfo").unwrap().flatten();
    // A descriptor may be gone meanwhile.
    let texts = infos.filter_map(|info| std::fs::read_to_string(info.path()).ok());
    let is_about = |line: &&str| {
        let mut words = line.split_whitespace();
        words.next() == Some("tfd:") && words.next() == Some(&number)
    };
    texts
        .map(|text| text.lines().filter(is_about).count())
        .sum()
}

fn everywhere(test: impl Fn() + Sync) {
    once(&test);
    green(test);
}

fn bound() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

#[test]
fn sockets_are_blocking_and_close_on_exec_as_stds() {
    everywhere(|| {
        let socket = bound();
        let clone = socket.try_clone().unwrap();
        for socket in [&socket, &clone] {
            assert!(!is_nonblocking(socket) && is_close_on_exec(socket));
            // Waiting changes nothing.
            assert!(timeout(SHORT, || socket.recv(&mut [0])).is_err());
            assert!(!is_nonblocking(socket));
        }
    });
}

#[test]
fn mode_and_timeouts_travel_in_and_out() {
    everywhere(|| {
        for mode in [false, true] {
            let theirs = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            theirs.set_nonblocking(mode).unwrap();
            theirs
                .set_read_timeout(Some(Duration::from_secs(77)))
                .unwrap();
            let ours = UdpSocket::from(theirs);
            assert_eq!(is_nonblocking(&ours), mode);
            assert_eq!(ours.read_timeout().unwrap(), Some(Duration::from_secs(77)));
            if mode {
                let error = ours.recv(&mut [0]).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
            }
            ours.set_nonblocking(!mode).unwrap();
            ours.set_write_timeout(Some(Duration::from_secs(78)))
                .unwrap();
            let theirs = ours.into_std();
            assert_eq!(is_nonblocking(&theirs), !mode);
            assert_eq!(
                theirs.read_timeout().unwrap(),
                Some(Duration::from_secs(77))
            );
            assert_eq!(
                theirs.write_timeout().unwrap(),
                Some(Duration::from_secs(78))
            );
        }
        // What came with a short one keeps to it.
        let theirs = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        theirs.set_read_timeout(Some(SHORT)).unwrap();
        let error = UdpSocket::from(theirs).recv(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    });
}

#[test]
fn adopted_clone_waits_beside_stds() {
    everywhere(|| {
        let theirs = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = theirs.local_addr().unwrap();
        let ours = UdpSocket::from(theirs.try_clone().unwrap());
        assert!(timeout(SHORT, || ours.recv(&mut [0])).is_err());
        assert!(!is_nonblocking(&theirs));
        theirs.send_to(b"one", addr).unwrap();
        assert_eq!(ours.recv_from(&mut [0; 8]).unwrap(), (3, addr));
        ours.send_to(b"four", addr).unwrap();
        assert_eq!(theirs.recv_from(&mut [0; 8]).unwrap(), (4, addr));
    });
}

#[test]
fn raw_conversions_keep_the_socket() {
    everywhere(|| {
        let socket = bound();
        let addr = socket.local_addr().unwrap();
        let number = socket.as_raw_fd();
        assert_eq!(socket.as_fd().as_raw_fd(), number);
        let raw = socket.into_raw_fd();
        assert_eq!(raw, number);
        // SAFETY: the descriptor was given up just above.
        let socket = unsafe { UdpSocket::from_raw_fd(raw) };
        let socket = UdpSocket::from(OwnedFd::from(socket));
        assert_eq!(socket.local_addr().unwrap(), addr);
    });
}

#[test]
fn released_sockets_are_registered_nowhere() {
    let waited = || {
        let (first, second) = (bound(), bound());
        for socket in [&first, &second] {
            assert!(timeout(SHORT, || socket.recv(&mut [0])).is_err());
        }
        let clone = second.try_clone().unwrap();
        (first.into_std(), second.into_std(), clone)
    };
    green(|| {
        let socket = bound();
        assert_eq!(registrations(&socket), 0, "not before it has waited");
        assert!(timeout(SHORT, || socket.recv(&mut [0])).is_err());
        assert_eq!(registrations(&socket), 1);
        let clone = socket.try_clone().unwrap();
        assert!(timeout(SHORT, || clone.recv(&mut [0])).is_err());
        let clone = clone.into_std();
        assert_eq!(registrations(&clone), 0);
        assert_eq!(registrations(&socket), 1);
        let (first, second, clone) = waited();
        assert_eq!([registrations(&first), registrations(&second)], [0, 0]);
        // The open file lives on in the clone, which can still wait.
        assert!(timeout(SHORT, || clone.recv(&mut [0])).is_err());

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (stream, _) = listener.accept().unwrap();
        assert!(timeout(SHORT, || stream.peek(&mut [0])).is_err());
        assert!(timeout(SHORT, || listener.accept()).is_err());
        assert_eq!([registrations(&stream), registrations(&listener)], [1, 1]);
        let (stream, listener) = (stream.into_std(), listener.into_std());
        assert_eq!([registrations(&stream), registrations(&listener)], [0, 0]);
        assert!(!is_nonblocking(&stream) && !is_nonblocking(&listener));
        drop(client);
    });
}

/// One turn through everything that makes or hands on a datagram socket.
fn round_of_datagrams() {
    let socket = bound();
    assert!(timeout(Duration::ZERO, || socket.recv(&mut [0])).is_err());
    let clone = socket.try_clone().unwrap();
    let theirs = socket.into_std();
    let adopted = UdpSocket::from(theirs.try_clone().unwrap());
    let addr = adopted.local_addr().unwrap();
    adopted.send_to(b"x", addr).unwrap();
    assert_eq!(clone.recv(&mut [0; 8]).unwrap(), 1);
    assert!(UdpSocket::bind(addr).is_err());
    drop(OwnedFd::from(adopted));
}

/// As [`round_of_datagrams`], for connections.
fn round_of_streams() {
    let listener = TcpListener::from(std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let addr = listener.local_addr().unwrap();
    let client = TcpStream::connect(addr).unwrap();
    let (server, _) = listener.try_clone().unwrap().accept().unwrap();
    drop(TcpStream::from(server.into_std()));
    let theirs = listener.into_std();
    assert!(TcpStream::connect("127.0.77.3:1").is_err());
    assert!(TcpListener::bind(addr).is_err());
    drop((client, theirs));
}

#[test]
fn rounds_of_conversions_leave_no_descriptor() {
    let _watchdog = watchdog();
    if role().is_none() {
        let test = "descriptors::rounds_of_conversions_leave_no_descriptor";
        let output = this_test(test, "alone", "").output().unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{stdout}");
        assert!(stdout.contains("1 passed"), "{stdout}");
        return;
    }
    let count = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let rounds = |of_datagrams, of_streams| {
        (0..of_datagrams).for_each(|_| round_of_datagrams());
        (0..of_streams).for_each(|_| round_of_streams());
    };
    greenroom::run(|| {
        rounds(1, 1);
        let before = count();
        // Each connection takes a port for a minute.
        rounds(500, 20);
        assert_eq!(count(), before);
    });
}

/// How many epolls of this process have the open file behind `fd` registered, under whatever number.
fn registrations_of_file(fd: &impl AsRawFd) -> usize {
    use std::os::unix::fs::MetadataExt;
    let own = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let inode = format!("ino:{:x}", std::fs::metadata(own).unwrap().ino());
    let infos = std::fs::read_dir("/proc/self/fdinfo").unwrap().flatten();
    let texts = infos.filter_map(|info| std::fs::read_to_string(info.path()).ok());
    let is_about =
        |line: &&str| line.starts_with("tfd:") && line.split_whitespace().any(|word| word == inode);
    texts
        .map(|text| text.lines().filter(is_about).count())
        .sum()
}

/// A copy of the descriptor that the user makes keeps the open file, and would keep its registration.
#[test]
fn copy_of_a_descriptor_leaves_no_registration_behind() {
    green(|| {
        let socket = bound();
        assert!(timeout(SHORT, || socket.recv(&mut [0])).is_err());
        assert_eq!(registrations_of_file(&socket), 1);
        let copy = socket.as_fd().try_clone_to_owned().unwrap();
        drop(socket);
        assert_eq!(registrations_of_file(&copy), 0);
    });
}
