//! Socket options, typed.
//!
//! Values go to the kernel and come from it; nothing is cached here. Callers: `net/`. Timeouts set
//! here bind std handles and children that share the socket; greenroom's own waits keep to the
//! value in the shared settings of `io/`.
#![expect(unsafe_code, reason = "getsockopt and setsockopt system calls")]

use crate::sys::check;
use crate::sys::view::with_std;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

/// A C type that socket options carry: any bit pattern is a value of it.
trait Plain: Copy {}
impl Plain for libc::c_int {}
impl Plain for u64 {}

fn set<T: Plain>(fd: BorrowedFd<'_>, level: i32, name: i32, value: T) -> io::Result<()> {
    let pointer = (&raw const value).cast();
    // SAFETY: `value` outlives the call and `size_of::<T>()` is its length.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, pointer, option_len::<T>()) })?;
    Ok(())
}

fn get<T: Plain>(fd: BorrowedFd<'_>, level: i32, name: i32) -> io::Result<T> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut len = option_len::<T>();
    let pointer = value.as_mut_ptr().cast();
    // SAFETY: the kernel writes at most `len` bytes to `value`, which outlives the call.
    check(unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, pointer, &raw mut len) })?;
    // SAFETY: zeroed before, so every byte is initialised, and any bit pattern is a `T`.
    Ok(unsafe { value.assume_init() })
}

fn option_len<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).expect("because options are a few bytes")
}

/// Lets a listener bind while old connections of its port linger, as std does.
pub(crate) fn set_reuse_address(fd: BorrowedFd<'_>) -> io::Result<()> {
    set(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1)
}

/// `TCP_NODELAY`: send small segments at once.
pub(crate) fn set_nodelay(fd: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    set(
        fd,
        libc::IPPROTO_TCP,
        libc::TCP_NODELAY,
        libc::c_int::from(on),
    )
}

/// Whether `TCP_NODELAY` is on.
pub(crate) fn nodelay(fd: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(get::<libc::c_int>(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY)? != 0)
}

/// `IP_TTL`: hops an outgoing packet may take.
pub(crate) fn set_ttl(fd: BorrowedFd<'_>, ttl: u32) -> io::Result<()> {
    set(fd, libc::IPPROTO_IP, libc::IP_TTL, ttl.cast_signed())
}

/// The value of `IP_TTL`.
pub(crate) fn ttl(fd: BorrowedFd<'_>) -> io::Result<u32> {
    Ok(get::<libc::c_int>(fd, libc::IPPROTO_IP, libc::IP_TTL)?.cast_unsigned())
}

/// `IPV6_V6ONLY`; the kernel refuses it on a bound socket.
pub(crate) fn set_only_v6(fd: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    set(
        fd,
        libc::IPPROTO_IPV6,
        libc::IPV6_V6ONLY,
        libc::c_int::from(on),
    )
}

/// Whether `IPV6_V6ONLY` is on.
pub(crate) fn only_v6(fd: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(get::<libc::c_int>(fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY)? != 0)
}

/// Fetches and clears the socket's pending error (`SO_ERROR`).
pub(crate) fn take_error(fd: BorrowedFd<'_>) -> io::Result<Option<io::Error>> {
    let code: libc::c_int = get(fd, libc::SOL_SOCKET, libc::SO_ERROR)?;
    Ok((code != 0).then(|| io::Error::from_raw_os_error(code)))
}

/// The number that names this socket and no other for as long as the machine runs (`SO_COOKIE`).
pub(crate) fn cookie(fd: BorrowedFd<'_>) -> io::Result<u64> {
    get(fd, libc::SOL_SOCKET, libc::SO_COOKIE)
}

/// Which of the socket's two timeouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timeout {
    /// `SO_RCVTIMEO`
    Receive,
    /// `SO_SNDTIMEO`
    Send,
}

/// The error std gives for a timeout of zero, which the kernel would read as "none".
pub(crate) fn zero_timeout() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidInput,
        "cannot set a 0 duration timeout",
    )
}

/// Sets a timeout in the kernel (`None`: wait for ever). std rounds it, and words its refusals.
///
/// # Errors
/// `InvalidInput` for zero.
pub(crate) fn set_timeout(
    fd: BorrowedFd<'_>,
    which: Timeout,
    timeout: Option<Duration>,
) -> io::Result<()> {
    with_std(fd, |socket: &UdpSocket| match which {
        Timeout::Receive => socket.set_read_timeout(timeout),
        Timeout::Send => socket.set_write_timeout(timeout),
    })
}

/// The timeout in the kernel, which rounds to its tick.
pub(crate) fn timeout(fd: BorrowedFd<'_>, which: Timeout) -> io::Result<Option<Duration>> {
    with_std(fd, |socket: &UdpSocket| match which {
        Timeout::Receive => socket.read_timeout(),
        Timeout::Send => socket.write_timeout(),
    })
}
