//! What a user chose for a socket: blocking mode and time-outs, shared by all its clones.
//!
//! Mirrors of what the kernel keeps with the open file or the socket, so that a wait needs no system
//! call to know them. Relaxed throughout: a setting applies to calls that start after it, and whoever
//! needs an order between two threads has a better means than a socket's time-out.

use crate::driver::ready::Direction;
use crate::sys::atomic::{AtomicU8, AtomicU64, Ordering};
use crate::sys::fd;
use crate::sys::socket::option;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

/// Settings of one open socket.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    nonblocking: AtomicU8,
    /// Nanoseconds; 0 is "none".
    read_timeout_ns: AtomicU64,
    write_timeout_ns: AtomicU64,
}

impl Settings {
    /// The mode and time-outs a descriptor from outside came with.
    pub(crate) fn of_kernel(fd: BorrowedFd<'_>) -> Settings {
        let settings = Settings::default();
        settings.set_nonblocking(fd::is_nonblocking(fd).unwrap_or(false));
        let kernel_timeout = |which| option::timeout(fd, which).ok().flatten();
        let read = kernel_timeout(option::Timeout::Receive);
        let write = kernel_timeout(option::Timeout::Send);
        for (direction, timeout) in [(Direction::Read, read), (Direction::Write, write)] {
            settings
                .set_timeout(direction, timeout)
                .expect("because the kernel has no zero time-out");
        }
        settings
    }

    fn cell(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::Read => &self.read_timeout_ns,
            Direction::Write => &self.write_timeout_ns,
        }
    }

    pub(crate) fn is_nonblocking(&self) -> bool {
        self.nonblocking.load(Ordering::Relaxed) != 0
    }

    pub(crate) fn set_nonblocking(&self, on: bool) {
        self.nonblocking.store(u8::from(on), Ordering::Relaxed);
    }

    /// How long one operation may wait.
    pub(crate) fn timeout(&self, direction: Direction) -> Option<Duration> {
        match self.cell(direction).load(Ordering::Relaxed) {
            0 => None,
            ns => Some(Duration::from_nanos(ns)),
        }
    }

    /// Sets how long one operation may wait (`None`: for ever). Zero is an error, as in std.
    pub(crate) fn set_timeout(
        &self,
        direction: Direction,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        let ns = match timeout {
            None => 0,
            Some(Duration::ZERO) => return Err(option::zero_timeout()),
            Some(timeout) => u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX),
        };
        self.cell(direction).store(ns, Ordering::Relaxed);
        Ok(())
    }
}
