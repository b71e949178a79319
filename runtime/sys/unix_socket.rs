//! The calls on Unix sockets that std cannot make without waiting: connect, and datagrams with addresses.
//!
//! None of them waits; `WouldBlock` travels up as an [`io::Error`]. Everything that never waits is left
//! to std (`view`), and data without addresses to `socket`. Called by `os/unix/net/`.
#![expect(unsafe_code, reason = "socket system calls")]

use super::unix_addr::RawUnixAddr;
use super::{check, retry_eintr};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::net::SocketAddr;

/// A new stream socket that is close-on-exec and, for the connection attempt, non-blocking.
pub(crate) fn stream() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no pointers are passed.
    let fd = check(unsafe { libc::socket(libc::AF_UNIX, kind, 0) })?;
    // SAFETY: the kernel just made this descriptor for us; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Connects a non-blocking socket. `WouldBlock`: the listener's queue is full, and no event will tell
/// when it is not; unlike TCP's, a Unix connection is never under way.
pub(crate) fn connect(fd: BorrowedFd<'_>, addr: &RawUnixAddr) -> io::Result<()> {
    // SAFETY: `addr` outlives the call and `len` is the size of what it holds.
    check(unsafe { libc::connect(fd.as_raw_fd(), addr.as_ptr(), addr.len()) })?;
    Ok(())
}

/// Takes one datagram, of which what does not fit is lost, and who sent it.
pub(crate) fn recv_from(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    let mut sender = RawUnixAddr::room();
    let (addr, len) = sender.as_mut_ptrs();
    let (fd, data, room) = (fd.as_raw_fd(), buf.as_mut_ptr().cast(), buf.len());
    let received = retry_eintr(|| {
        // SAFETY: `buf` is writable for its whole length; `addr` and `len` point into `sender`, which
        // outlives the call.
        unsafe { libc::recvfrom(fd, data, room, libc::MSG_DONTWAIT, addr, len) }
    })?;
    Ok((received.cast_unsigned(), sender.decode()?))
}

/// Sends one datagram to `addr`. `WouldBlock`: that socket's queue is full, or too much of ours lies in
/// the queues of others; of the former no event tells.
pub(crate) fn send_to(fd: BorrowedFd<'_>, buf: &[u8], addr: &RawUnixAddr) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    let (fd, data, size) = (fd.as_raw_fd(), buf.as_ptr().cast(), buf.len());
    let sent = retry_eintr(|| {
        // SAFETY: `buf` is readable for its whole length; `addr` outlives the call and its `len` is the
        // size of what it holds.
        unsafe { libc::sendto(fd, data, size, flags, addr.as_ptr(), addr.len()) }
    })?;
    Ok(sent.cast_unsigned())
}

/// Whether reading was shut down.
///
/// Subtle: a datagram socket says so to a receive that waits, by a count of 0, but to one that does not
/// wait it says `EAGAIN` for ever; `POLLRDHUP` is the only other sign.
pub(crate) fn is_shut_for_reading(fd: BorrowedFd<'_>) -> io::Result<bool> {
    let mut watched = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLRDHUP,
        revents: 0,
    };
    // SAFETY: one pollfd that outlives the call.
    retry_eintr(|| unsafe { libc::poll(&raw mut watched, 1, 0) })?;
    Ok(watched.revents & libc::POLLRDHUP != 0)
}
