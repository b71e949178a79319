//! Stream sockets: every socket system call the library makes, as safe functions.
//!
//! Data calls never wait: they carry `MSG_DONTWAIT` (and `MSG_NOSIGNAL`) themselves, so the file
//! status flags stay the user's. `WouldBlock` travels up as an [`io::Error`]; whoever calls decides
//! whether to park. Called by `net/`. Options are in `option`.
#![expect(unsafe_code, reason = "socket system calls")]

pub(crate) mod option;

use super::addr::{RawAddr, family};
use super::view::with_std;
use super::{check, raw, retry_eintr};
use crate::sys::atomic::{AtomicU32, Ordering};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// How a socket starts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As users expect it.
    Blocking,
    /// For a connection attempt.
    NonBlocking,
}

/// A new TCP socket of `addr`'s family, close-on-exec.
pub(crate) fn tcp(addr: &SocketAddr, mode: Mode) -> io::Result<OwnedFd> {
    let flag = match mode {
        Mode::Blocking => 0,
        Mode::NonBlocking => libc::SOCK_NONBLOCK,
    };
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | flag;
    // SAFETY: no pointers are passed.
    let fd = check(unsafe { libc::socket(family(addr), kind, 0) })?;
    // SAFETY: the kernel just made this descriptor for us; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Gives the socket its local address.
pub(crate) fn bind(fd: BorrowedFd<'_>, addr: &SocketAddr) -> io::Result<()> {
    let raw = RawAddr::encode(addr);
    // SAFETY: `raw` outlives the call and `len` is the size of what it holds.
    check(unsafe { libc::bind(fd.as_raw_fd(), raw.as_ptr(), raw.len()) })?;
    Ok(())
}

/// Starts listening, with the longest queue the kernel allows.
pub(crate) fn listen(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: no pointers are passed.
    check(unsafe { libc::listen(fd.as_raw_fd(), backlog_max()) })?;
    Ok(())
}

/// `net.core.somaxconn`: how many finished handshakes may wait for `accept`. Read once per process.
/// std asks for 128, and a burst of clients beyond the queue waits a second for its SYN retry.
fn backlog_max() -> libc::c_int {
    /// The kernel's default since Linux 5.4, where /proc cannot be read.
    const FALLBACK: u32 = 4096;
    static CACHED: AtomicU32 = AtomicU32::new(0);
    // Relaxed: the value is computed alike by whoever comes first; nothing hangs on the order.
    let cached = CACHED.load(Ordering::Relaxed);
    let backlog = if cached != 0 {
        cached
    } else {
        let text = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap_or_default();
        text.trim().parse().unwrap_or(FALLBACK).max(1)
    };
    CACHED.store(backlog, Ordering::Relaxed);
    libc::c_int::try_from(backlog).unwrap_or(libc::c_int::MAX)
}

/// How far a non-blocking [`connect`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Connect {
    /// The connection stands.
    Done,
    /// The handshake is under way; the socket becomes writable at its end, good or bad.
    Started,
}

/// Starts the handshake with `addr` on a non-blocking socket.
pub(crate) fn connect(fd: BorrowedFd<'_>, addr: &SocketAddr) -> io::Result<Connect> {
    let raw = RawAddr::encode(addr);
    // SAFETY: `raw` outlives the call and `len` is the size of what it holds.
    let called = check(unsafe { libc::connect(fd.as_raw_fd(), raw.as_ptr(), raw.len()) });
    match called {
        Ok(_) => Ok(Connect::Done),
        // EINTR on a non-blocking socket: the handshake goes on in the background all the same.
        Err(error) => match error.raw_os_error() {
            Some(libc::EINPROGRESS | libc::EINTR) => Ok(Connect::Started),
            Some(libc::EISCONN) => Ok(Connect::Done),
            _ => Err(error),
        },
    }
}

/// Takes one connection off the queue of a listening socket that is `O_NONBLOCK`; `accept4` has no
/// flag of its own for "do not wait". The new socket is close-on-exec and blocking.
pub(crate) fn accept(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, SocketAddr)> {
    let mut peer = RawAddr::room();
    let (addr, len) = peer.as_mut_ptrs();
    let accepted = retry_eintr(|| {
        // SAFETY: `addr` and `len` point into `peer`, which outlives the call; on an interrupted
        // call the kernel has not written them.
        unsafe { libc::accept4(fd.as_raw_fd(), addr, len, libc::SOCK_CLOEXEC) }
    })?;
    // SAFETY: the kernel just made this descriptor for us; nobody else owns it.
    let stream = unsafe { OwnedFd::from_raw_fd(accepted) };
    Ok((stream, peer.decode()?))
}

/// Receives what is there, at most `buf.len()` bytes; 0 is the end of the stream.
#[inline]
pub(crate) fn recv(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    raw::recv(fd, buf, libc::MSG_DONTWAIT)
}

/// As [`recv`], but leaves the bytes in the socket.
pub(crate) fn peek(fd: BorrowedFd<'_>, buf: &mut [u8]) -> io::Result<usize> {
    raw::recv(fd, buf, libc::MSG_DONTWAIT | libc::MSG_PEEK)
}

/// Queues as much of `buf` as fits; a count below `buf.len()` says that the socket is full.
#[inline]
pub(crate) fn send(fd: BorrowedFd<'_>, buf: &[u8]) -> io::Result<usize> {
    raw::send(fd, buf, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
}

/// [`recv`] into several buffers in order. Buffers beyond [`IOV_MAX`] are left for the next call.
pub(crate) fn recv_vectored(fd: BorrowedFd<'_>, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    let mut message = empty_message();
    // IoSliceMut is ABI-compatible with iovec on Unix (promised by std).
    message.msg_iov = bufs.as_mut_ptr().cast();
    message.msg_iovlen = bufs.len().min(IOV_MAX);
    // SAFETY: `message` names `msg_iovlen` buffers, borrowed mutably for the call; no address and
    // no control data are asked for.
    let received =
        check(unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) })?;
    Ok(received.cast_unsigned())
}

/// [`send`] from several buffers in order. Buffers beyond [`IOV_MAX`] are left for the next call.
pub(crate) fn send_vectored(fd: BorrowedFd<'_>, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    let mut message = empty_message();
    // IoSlice is ABI-compatible with iovec on Unix (promised by std); sendmsg only reads it.
    message.msg_iov = bufs.as_ptr().cast_mut().cast();
    message.msg_iovlen = bufs.len().min(IOV_MAX);
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: `message` names `msg_iovlen` buffers that are borrowed for the call.
    let sent = check(unsafe { libc::sendmsg(fd.as_raw_fd(), &raw const message, flags) })?;
    Ok(sent.cast_unsigned())
}

/// How many buffers one call takes (`UIO_MAXIOV`, the kernel's constant); more is `EMSGSIZE`.
pub(crate) const IOV_MAX: usize = 1024;

/// How many bytes one call moves at most (`MAX_RW_COUNT`, the kernel's constant): it cuts what is
/// longer, so only a count below both this and the buffer's length says "full" or "drained".
pub(crate) const CALL_BYTES_MAX: usize = 0x7fff_f000;

fn empty_message() -> libc::msghdr {
    libc::msghdr {
        msg_name: std::ptr::null_mut(),
        msg_namelen: 0,
        msg_iov: std::ptr::null_mut(),
        msg_iovlen: 0,
        msg_control: std::ptr::null_mut(),
        msg_controllen: 0,
        msg_flags: 0,
    }
}

/// Ends one or both directions for everybody who shares the connection.
pub(crate) fn shutdown(fd: BorrowedFd<'_>, how: Shutdown) -> io::Result<()> {
    let how = match how {
        Shutdown::Read => libc::SHUT_RD,
        Shutdown::Write => libc::SHUT_WR,
        Shutdown::Both => libc::SHUT_RDWR,
    };
    // SAFETY: no pointers are passed.
    check(unsafe { libc::shutdown(fd.as_raw_fd(), how) })?;
    Ok(())
}

/// The socket's own address.
pub(crate) fn local_addr(fd: BorrowedFd<'_>) -> io::Result<SocketAddr> {
    with_std(fd, TcpStream::local_addr)
}

/// The address of the other end.
pub(crate) fn peer_addr(fd: BorrowedFd<'_>) -> io::Result<SocketAddr> {
    with_std(fd, TcpStream::peer_addr)
}

/// Whether an error says that descriptors or memory for one have run out: a state of the process or the
/// machine, not of one connection. Source: accept(2).
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM)
    )
}

/// Whether a send's error is one that the socket had pending: the kernel forgets it as it tells it. A broken
/// pipe is told again and again, and a lack of memory is nobody else's business. Source: tcp(7), ip(7).
pub(crate) fn is_told_once(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNRESET
                | libc::ECONNABORTED
                | libc::ETIMEDOUT
                | libc::EHOSTUNREACH
                | libc::ENETUNREACH
                | libc::ENETDOWN
                | libc::EHOSTDOWN
                | libc::EPROTO
        )
    )
}
