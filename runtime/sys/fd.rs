//! Descriptor flags and duplicates.
//!
//! File status flags belong to the *open file*, which clones and children share: nothing here is
//! called on a descriptor that came from outside unless the user asked for exactly that.
#![expect(unsafe_code, reason = "fcntl system calls")]

use super::check;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

/// Whether the open file behind `fd` has `O_NONBLOCK` set.
pub(crate) fn is_nonblocking(fd: BorrowedFd<'_>) -> io::Result<bool> {
    // SAFETY: F_GETFL takes no pointer.
    let flags = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    Ok(flags & libc::O_NONBLOCK != 0)
}

/// Sets or clears `O_NONBLOCK` of the open file behind `fd` (`FIONBIO`, as std does).
pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>, on: bool) -> io::Result<()> {
    let mut value = libc::c_int::from(on);
    // SAFETY: FIONBIO reads one int through the pointer, which is valid.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONBIO, &raw mut value) })?;
    Ok(())
}

/// Moves a descriptor of the runtime's own out of the places of the standard streams, if the program has
/// closed one of those: what reads from 0 must find it closed, and not eat the runtime's wakes.
pub(crate) fn above_standard(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() > libc::STDERR_FILENO {
        Ok(fd)
    } else {
        // std duplicates to 3 and above.
        fd.try_clone()
    }
}
