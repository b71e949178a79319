//! An eventfd: a counter that one thread adds to and another waits for.
//!
//! Blocking: a read of zero sleeps in the kernel. It is what a sleeping worker's bell costs at least.
#![expect(unsafe_code, reason = "wraps a system call")]

use super::check;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};

/// A bell that can be rung and waited for.
#[derive(Debug)]
pub(crate) struct EventFd(File);

impl EventFd {
    pub(crate) fn new() -> io::Result<EventFd> {
        // SAFETY: the call takes no pointers.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) })?;
        // SAFETY: the kernel has just given us this descriptor, and nobody else knows it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(EventFd(File::from(fd)))
    }

    pub(crate) fn ring(&self) -> io::Result<()> {
        (&self.0).write_all(&1_u64.to_ne_bytes())
    }

    /// Sleeps until it was rung.
    pub(crate) fn wait(&self) -> io::Result<()> {
        (&self.0).read_exact(&mut [0; 8])
    }
}
