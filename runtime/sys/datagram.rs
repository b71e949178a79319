//! Datagrams that carry an address: `recvfrom` and `sendto`, as safe functions.
//!
//! As in `socket`, no call here ever waits: each carries `MSG_DONTWAIT` itself. One call moves one
//! datagram, so a count never says anything about the next call. Datagrams of a connected socket go
//! through `socket`. Called by `net/udp_socket.rs`.
#![expect(unsafe_code, reason = "recvfrom and sendto system calls")]

use super::addr::RawAddr;
use super::check;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Takes one datagram and says who sent it; what exceeds `buf` is lost.
pub(crate) fn recv_from(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    receive(fd, buf, libc::MSG_DONTWAIT)
}

/// As [`recv_from`], but leaves the datagram in the socket.
pub(crate) fn peek_from(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    receive(fd, buf, libc::MSG_DONTWAIT | libc::MSG_PEEK)
}

fn receive(fd: BorrowedFd<'_>, buf: &mut [u8], flags: i32) -> io::Result<(usize, SocketAddr)> {
    let mut sender = RawAddr::room();
    let (addr, len) = sender.as_mut_ptrs();
    let (room, bytes) = (buf.as_mut_ptr().cast(), buf.len());
    // SAFETY: `room` is writable for `bytes`; `addr` and `len` point into `sender`, which outlives
    // the call.
    let count = check(unsafe { libc::recvfrom(fd.as_raw_fd(), room, bytes, flags, addr, len) })?;
    Ok((count.cast_unsigned(), sender.decode()?))
}

/// Queues `buf` as one datagram for `addr`, all of it or nothing.
pub(crate) fn send_to(fd: BorrowedFd<'_>, buf: &[u8], addr: &SocketAddr) -> io::Result<usize> {
    let raw = RawAddr::encode(addr);
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    let (data, bytes) = (buf.as_ptr().cast(), buf.len());
    // SAFETY: `data` is readable for `bytes`; `raw` outlives the call and `len` is the size of what it
    // holds.
    let called =
        unsafe { libc::sendto(fd.as_raw_fd(), data, bytes, flags, raw.as_ptr(), raw.len()) };
    check(called).map(isize::cast_unsigned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    #[test]
    fn datagram_calls_never_wait_and_name_the_sender() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let addr = socket.local_addr().unwrap();
        let mut buf = [0; 8];
        let empty = recv_from(socket.as_fd(), &mut buf).unwrap_err();
        assert_eq!(empty.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(send_to(socket.as_fd(), b"abc", &addr).unwrap(), 3);
        assert_eq!(peek_from(socket.as_fd(), &mut buf[..2]).unwrap(), (2, addr));
        assert_eq!(recv_from(socket.as_fd(), &mut buf).unwrap(), (3, addr));
        assert_eq!(&buf[..3], b"abc");
    }
}
