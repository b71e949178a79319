//! The bell of a sleeping worker: an eventfd that is written, watched edge-triggered, never read.
//!
//! Subtle: every write is an edge of its own even if nobody read the counter, so the reader's
//! `read` (200 ns) is saved. The counter overflows after 2^64 - 1 rings, that is never.
#![expect(unsafe_code, reason = "eventfd system calls")]

use super::fd::above_standard;
use super::{check, retry_eintr};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// A counter descriptor that wakes an epoll wait.
#[derive(Debug)]
pub(crate) struct EventFd(OwnedFd);

impl EventFd {
    pub(crate) fn new() -> io::Result<EventFd> {
        // SAFETY: no pointers are passed.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: the kernel just made this descriptor for us; nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(EventFd(above_standard(fd)?))
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    pub(crate) fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// Rings: an epoll instance that watches this descriptor reports it readable.
    /// Async-signal-safe (one write, nothing else).
    pub(crate) fn ring(&self) {
        let one = 1u64;
        // SAFETY: eight readable bytes are passed, as eventfd demands. EAGAIN (counter full) still
        // means that the reader has an edge to see, so the result is of no interest.
        let _ = retry_eintr(|| unsafe { libc::write(self.raw(), (&raw const one).cast(), 8) });
    }

    /// Takes the count of rings since the last drain; zero if there were none.
    pub(crate) fn drain(&self) -> u64 {
        let mut count = 0u64;
        // SAFETY: eight writable bytes are passed, as eventfd demands.
        let read = retry_eintr(|| unsafe { libc::read(self.raw(), (&raw mut count).cast(), 8) });
        if read.is_ok() { count } else { 0 }
    }
}
