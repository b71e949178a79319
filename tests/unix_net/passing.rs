//! Descriptors that travel with the data: the kernel ends a read behind them, with more to come.
#![expect(unsafe_code, reason = "std has no stable call that sends a descriptor")]

use crate::ground::{everywhere, is_close_on_exec, settle};
use greenroom::os::unix::net::UnixStream;
use std::io::{ErrorKind, Read, Write};
use std::mem::size_of;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net as std_net;
use std::time::Duration;

/// Room for one descriptor as control data, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// A message of `data` whose control data is `len` bytes of `control`.
fn message(data: &mut libc::iovec, control: &mut Control, len: usize) -> libc::msghdr {
    // SAFETY: all zeros is a message without address, data and control data.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = data;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = len;
    message
}

fn fd_bytes() -> u32 {
    u32::try_from(size_of::<RawFd>()).unwrap()
}

fn send_with(socket: &impl AsRawFd, data: &[u8], passed: &impl AsRawFd) {
    let mut control = Control([0; 64]);
    let mut data = libc::iovec {
        iov_base: data.as_ptr().cast_mut().cast(),
        iov_len: data.len(),
    };
    // SAFETY: arithmetic only.
    let space = unsafe { libc::CMSG_SPACE(fd_bytes()) };
    let message = message(&mut data, &mut control, usize::try_from(space).unwrap());
    // SAFETY: the message has room for a header.
    let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    let entry = libc::cmsghdr {
        // SAFETY: arithmetic only.
        cmsg_len: usize::try_from(unsafe { libc::CMSG_LEN(fd_bytes()) }).unwrap(),
        cmsg_level: libc::SOL_SOCKET,
        cmsg_type: libc::SCM_RIGHTS,
    };
    // SAFETY: the header lies in `control`, which is aligned for it.
    unsafe { header.write(entry) };
    // SAFETY: as above.
    let payload = unsafe { libc::CMSG_DATA(header) };
    // SAFETY: behind the header there is room for a descriptor.
    unsafe { payload.cast::<RawFd>().write_unaligned(passed.as_raw_fd()) };
    // SAFETY: data and control data outlive the call.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, 0) };
    assert_eq!(usize::try_from(sent), Ok(data.iov_len));
}

/// The data, and the descriptor that came with it.
fn receive_with(socket: &impl AsRawFd, buf: &mut [u8]) -> (usize, Option<OwnedFd>) {
    let mut control = Control([0; 64]);
    let mut data = libc::iovec {
        iov_base: buf.as_mut_ptr().cast(),
        iov_len: buf.len(),
    };
    let mut message = message(&mut data, &mut control, 64);
    let flags = libc::MSG_CMSG_CLOEXEC;
    // SAFETY: data and control data outlive the call.
    let received = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) };
    // SAFETY: the kernel filled in the message.
    let header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    let passed = (!header.is_null()).then(|| {
        // SAFETY: the header lies in `control`.
        let payload = unsafe { libc::CMSG_DATA(header) };
        // SAFETY: the only control data that was sent is a descriptor.
        let fd = unsafe { payload.cast::<RawFd>().read_unaligned() };
        // SAFETY: the kernel just made it for us.
        unsafe { OwnedFd::from_raw_fd(fd) }
    });
    (usize::try_from(received).unwrap(), passed)
}

/// A stream that is registered, because it has waited once, and its peer.
fn registered() -> (UnixStream, std_net::UnixStream) {
    let (stream, peer) = std_net::UnixStream::pair().unwrap();
    let mut stream = UnixStream::from(stream);
    stream
        .set_read_timeout(Some(Duration::from_millis(2)))
        .unwrap();
    let error = stream.read(&mut [0; 8]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    stream.set_read_timeout(None).unwrap();
    (stream, peer)
}

/// Both messages are there before the reader's worker sees the one event for them.
#[test]
fn read_that_ends_at_a_passed_descriptor_is_followed_by_the_rest() {
    everywhere(|| {
        let (mut stream, peer) = registered();
        send_with(&peer, b"one", &peer);
        send_with(&peer, b"three", &peer);
        (&peer).write_all(b"end").unwrap();
        let mut buf = [0; 64];
        let mut got = Vec::new();
        let mut counts = Vec::new();
        while got.len() < 11 {
            let len = stream.read(&mut buf).unwrap();
            got.extend_from_slice(&buf[..len]);
            counts.push(len);
        }
        assert_eq!(got, b"onethreeend");
        assert_eq!(
            counts[0], 3,
            "a read ends where a descriptor was sent along"
        );
    });
}

#[test]
fn socket_that_was_passed_works_at_its_new_owner() {
    everywhere(|| {
        let (carrier, far) = registered();
        let (ours, theirs) = UnixStream::pair().unwrap();
        // It waits once, so it is registered; the number it has here goes, its open file does not.
        theirs
            .set_read_timeout(Some(Duration::from_millis(2)))
            .unwrap();
        (&theirs).read(&mut [0; 8]).unwrap_err();
        theirs.set_read_timeout(None).unwrap();
        send_with(&carrier, b"take it", &theirs);
        drop(theirs);
        let mut buf = [0; 8];
        let (len, passed) = receive_with(&far, &mut buf);
        assert_eq!(&buf[..len], b"take it");
        let passed = passed.expect("it was sent");
        assert!(is_close_on_exec(&passed));
        let mut theirs = UnixStream::from(passed);
        let reader = greenroom::thread::spawn(move || {
            let mut text = String::new();
            theirs.read_to_string(&mut text).unwrap();
            text
        });
        settle();
        assert!(!reader.is_finished());
        (&ours).write_all(b"hello").unwrap();
        drop(ours);
        assert_eq!(reader.join().unwrap(), "hello");
    });
}
