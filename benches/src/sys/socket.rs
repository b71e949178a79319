//! TCP sockets for the floor server and the load generator: IPv4, never blocking unless said.
//!
//! `recv` and `send` pass MSG_DONTWAIT, so the descriptor's own flag does not matter to them.
#![expect(unsafe_code, reason = "wraps the socket system calls")]

use super::{check, retry_bytes, socklen_of};
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

const FAMILY: libc::sa_family_t = 2;
const _: () = assert!(FAMILY as libc::c_int == libc::AF_INET);

fn raw_addr(addr: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: FAMILY,
        sin_port: addr.port().to_be(),
        sin_addr: libc::in_addr {
            s_addr: u32::from(*addr.ip()).to_be(),
        },
        sin_zero: [0; 8],
    }
}

fn new_socket(flags: libc::c_int) -> io::Result<OwnedFd> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | flags;
    // SAFETY: the call takes no pointers.
    let fd = check(unsafe { libc::socket(libc::AF_INET, kind, 0) })?;
    // SAFETY: the descriptor is new and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn set_flag(fd: RawFd, level: libc::c_int, name: libc::c_int) -> io::Result<()> {
    let on: libc::c_int = 1;
    let len = socklen_of::<libc::c_int>();
    // SAFETY: the option value is an int that lives for the call, and `len` is its size.
    check(unsafe { libc::setsockopt(fd, level, name, (&raw const on).cast(), len) })?;
    Ok(())
}

fn bind(fd: RawFd, addr: SocketAddrV4) -> io::Result<()> {
    let addr = raw_addr(addr);
    let len = socklen_of::<libc::sockaddr_in>();
    // SAFETY: the address lives for the call and `len` is its size.
    check(unsafe { libc::bind(fd, (&raw const addr).cast(), len) })?;
    Ok(())
}

fn local_port(fd: RawFd) -> io::Result<u16> {
    let mut addr = raw_addr(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0));
    let mut len = socklen_of::<libc::sockaddr_in>();
    // SAFETY: the kernel writes at most `len` bytes into an address of that size.
    check(unsafe { libc::getsockname(fd, (&raw mut addr).cast(), &raw mut len) })?;
    Ok(u16::from_be(addr.sin_port))
}

/// A non-blocking listener on 127.0.0.1 and its port; `shared` allows further listeners there.
pub(crate) fn listen(port: u16, shared: bool) -> io::Result<(OwnedFd, u16)> {
    let fd = new_socket(libc::SOCK_NONBLOCK)?;
    set_flag(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR)?;
    if shared {
        set_flag(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_REUSEPORT)?;
    }
    bind(fd.as_raw_fd(), SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))?;
    // The kernel cuts the backlog to net.core.somaxconn.
    // SAFETY: the call takes no pointers.
    check(unsafe { libc::listen(fd.as_raw_fd(), libc::c_int::MAX) })?;
    let port = local_port(fd.as_raw_fd())?;
    Ok((fd, port))
}

/// Takes one waiting connection, already non-blocking.
pub(crate) fn accept(listener: RawFd) -> io::Result<OwnedFd> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    let (addr, len) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: null address pointers mean that the peer's address is not wanted.
    let fd = check(unsafe { libc::accept4(listener, addr, len, flags) })?;
    // SAFETY: the descriptor is new and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Switches Nagle's delay off.
pub(crate) fn set_nodelay(fd: RawFd) -> io::Result<()> {
    set_flag(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY)
}

/// A socket bound to `source`, whose port is chosen at connect so that every source address has
/// the whole ephemeral range per destination.
fn client_socket(source: Ipv4Addr, flags: libc::c_int) -> io::Result<OwnedFd> {
    let fd = new_socket(flags)?;
    set_nodelay(fd.as_raw_fd())?;
    set_flag(
        fd.as_raw_fd(),
        libc::IPPROTO_IP,
        libc::IP_BIND_ADDRESS_NO_PORT,
    )?;
    bind(fd.as_raw_fd(), SocketAddrV4::new(source, 0))?;
    Ok(fd)
}

fn start_connect(fd: RawFd, to: SocketAddrV4) -> io::Result<()> {
    let addr = raw_addr(to);
    let len = socklen_of::<libc::sockaddr_in>();
    // SAFETY: the address lives for the call and `len` is its size.
    check(unsafe { libc::connect(fd, (&raw const addr).cast(), len) })?;
    Ok(())
}

/// Connects from `source` and blocks until the connection stands.
pub(crate) fn connect(source: Ipv4Addr, to: SocketAddrV4) -> io::Result<OwnedFd> {
    let fd = client_socket(source, 0)?;
    start_connect(fd.as_raw_fd(), to)?;
    Ok(fd)
}

/// Begins to connect from `source`; writability announces the end.
pub(crate) fn connect_later(source: Ipv4Addr, to: SocketAddrV4) -> io::Result<OwnedFd> {
    let fd = client_socket(source, libc::SOCK_NONBLOCK)?;
    match start_connect(fd.as_raw_fd(), to) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(fd),
    }
}

/// Ends our direction of the stream.
pub(crate) fn shutdown_write(fd: RawFd) -> io::Result<()> {
    // SAFETY: the call takes no pointers.
    check(unsafe { libc::shutdown(fd, libc::SHUT_WR) })?;
    Ok(())
}

/// Reads what is there; `WouldBlock` if nothing is.
#[inline]
pub(crate) fn recv(fd: RawFd, buf: &mut [u8]) -> io::Result<usize> {
    retry_bytes(|| {
        // SAFETY: pointer and length describe a slice we may write.
        unsafe { libc::recv(fd, buf.as_mut_ptr().cast(), buf.len(), libc::MSG_DONTWAIT) }
    })
}

/// Sends what fits; `WouldBlock` if nothing does.
#[inline]
pub(crate) fn send(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    retry_bytes(|| {
        // SAFETY: pointer and length describe a slice we may read.
        unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), flags) }
    })
}
