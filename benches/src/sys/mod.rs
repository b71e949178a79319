//! The few system calls the benches make themselves: this directory alone names `libc`.
//!
//! Every function is a safe wrapper around one call: it turns -1 into an `io::Error` and retries
//! EINTR, nothing more. The floor server and the load generator are built on these wrappers, so
//! none may allocate or keep state: what they cost is counted as the cost of the floor.

pub(crate) mod epoll;
pub(crate) mod eventfd;
pub(crate) mod process;
pub(crate) mod socket;

use std::io;

/// Turns the C convention "-1 and errno" into a `Result`.
fn check(ret: libc::c_int) -> io::Result<libc::c_int> {
    if ret < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(ret)
    }
}

/// Runs a call that returns a byte count until it is not interrupted by a signal.
#[inline]
fn retry_bytes(mut call: impl FnMut() -> libc::ssize_t) -> io::Result<usize> {
    loop {
        if let Ok(bytes) = usize::try_from(call()) {
            return Ok(bytes);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// The size of `T` in the type the kernel's address calls want.
fn socklen_of<T>() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<T>()).expect("because option structs are a few bytes")
}
