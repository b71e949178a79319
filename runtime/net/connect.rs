//! Opening connections and listening sockets.
//!
//! A connection attempt needs a non-blocking socket, so the socket is born non-blocking and its flag
//! is cleared once the handshake is over: what the user gets is a blocking socket, as from std.
//! Called by `TcpStream::connect*` and `TcpListener::bind`.

use super::resolve::ToSocketAddrs;
use crate::io::evented::{Attempt, Direction, Evented, Kind};
use crate::sys::fd;
use crate::sys::poll::{self, Readiness};
use crate::sys::socket::{self, Connect, Mode, option};
use crate::sys::would_block;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// Tries every address `addr` stands for until `open` succeeds; the last error counts, as in std.
pub(super) fn first_to_open<A: ToSocketAddrs, T>(
    addr: A,
    mut open: impl FnMut(&SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for addr in addr.to_socket_addrs()? {
        match open(&addr) {
            Ok(opened) => return Ok(opened),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(no_address))
}

/// std's own error, which nobody else can make: its debug text is not that of [`io::Error::new`].
fn no_address() -> io::Error {
    let none: &[SocketAddr] = &[];
    std::net::UdpSocket::bind(none).expect_err("because there is no address to bind")
}

/// Connects to one address, waiting at most `timeout` for the handshake. As in std, a `timeout` of zero
/// is refused only when there is something to wait for.
pub(super) fn connect(addr: &SocketAddr, timeout: Option<Duration>) -> io::Result<Evented> {
    let fd = socket::tcp(addr, Mode::NonBlocking)?;
    let started = socket::connect(fd.as_fd(), addr)?;
    let evented = Evented::new(fd, Kind::Stream);
    if started == Connect::Started {
        if timeout == Some(Duration::ZERO) {
            // Refused, in std's words.
            option::set_timeout(evented.as_fd(), option::Timeout::Send, timeout)?;
        }
        wait_for_handshake(&evented, timeout)?;
    }
    fd::set_nonblocking(evented.as_fd(), false)?;
    Ok(evented)
}

/// Waits until the attempt is over. The socket is still ours alone, so its write timeout serves as
/// the deadline and is taken back afterwards.
fn wait_for_handshake(evented: &Evented, timeout: Option<Duration>) -> io::Result<()> {
    if timeout.is_some() {
        evented.set_timeout(Direction::Write, timeout)?;
    }
    let outcome = evented.io(Direction::Write, |fd| {
        handshake_outcome(fd).map(Attempt::Done)
    });
    if timeout.is_some() {
        evented.set_timeout(Direction::Write, None)?;
    }
    outcome.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => {
            io::Error::new(io::ErrorKind::TimedOut, "connection timed out")
        }
        _ => error,
    })
}

/// How the attempt ended, or `WouldBlock` if it has not.
///
/// Subtle: an `SO_ERROR` of zero means "connected" only once the socket is writable; before, it
/// means "nothing yet". Waits may end for no reason, so both are asked, in this order.
fn handshake_outcome(fd: BorrowedFd<'_>) -> io::Result<()> {
    if !poll::is_ready(fd, Readiness::Writable)? {
        return Err(would_block());
    }
    option::take_error(fd)?.map_or(Ok(()), Err)
}

/// Binds one address and listens on it.
pub(super) fn listen(addr: &SocketAddr) -> io::Result<Evented> {
    let fd = socket::tcp(addr, Mode::Blocking)?;
    option::set_reuse_address(fd.as_fd())?;
    socket::bind(fd.as_fd(), addr)?;
    socket::listen(fd.as_fd())?;
    Ok(Evented::new(fd, Kind::Listener))
}
