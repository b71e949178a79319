//! What a user chose for a socket: blocking mode and time-outs, shared by all its clones.
//!
//! Mirrors of what the kernel keeps with the open file or the socket, so that a wait needs no system
//! call to know them. Relaxed throughout: a setting applies to calls that start after it, and whoever
//! needs an order between two threads has a better means than a socket's time-out.

use crate::driver::ready::Direction;
use crate::sys::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
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
    /// The number of an error that the kernel told in the middle of a write that had made progress, and
    /// tells no more; 0 is "none".
    kept_error: AtomicU32,
    /// 1: a descriptor was shown to the user, who may copy it, and change mode and time-outs by it.
    exposed: AtomicU8,
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

    /// Asks the kernel for the time-out, which may have been set past us.
    pub(crate) fn look(&self, fd: BorrowedFd<'_>, direction: Direction) {
        let which = match direction {
            Direction::Read => option::Timeout::Receive,
            Direction::Write => option::Timeout::Send,
        };
        // The kernel rounds to its ticks: what it has of us is a little more than what we were told.
        let ours = self.timeout(direction);
        if let Ok(theirs) = option::timeout(fd, which)
            && !is_rounded(ours, theirs)
        {
            let _ = self.set_timeout(direction, theirs);
        }
    }

    /// Asks the kernel for the mode.
    pub(crate) fn look_at_mode(&self, fd: BorrowedFd<'_>) {
        if let Ok(on) = fd::is_nonblocking(fd) {
            self.set_nonblocking(on);
        }
    }

    pub(crate) fn expose(&self) {
        self.exposed.store(1, Ordering::Relaxed);
    }

    pub(crate) fn is_exposed(&self) -> bool {
        self.exposed.load(Ordering::Relaxed) != 0
    }

    /// For whoever comes next.
    pub(crate) fn keep_error(&self, error: &io::Error) {
        let number = error.raw_os_error().unwrap_or(0);
        self.kept_error
            .store(number.cast_unsigned(), Ordering::Relaxed);
    }

    pub(crate) fn take_kept_error(&self) -> Option<io::Error> {
        if self.kept_error.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let number = self.kept_error.swap(0, Ordering::Relaxed);
        (number != 0).then(|| io::Error::from_raw_os_error(number.cast_signed()))
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

/// Whether the kernel's time-out is ours, rounded up to its tick (10 ms at most) or down to microseconds.
fn is_rounded(ours: Option<Duration>, theirs: Option<Duration>) -> bool {
    const TICK: Duration = Duration::from_millis(10);
    match (ours, theirs) {
        (None, None) => true,
        (Some(ours), Some(theirs)) => ours.abs_diff(theirs) <= TICK,
        // Longer than the kernel's clock: for ever.
        (Some(ours), None) => ours.as_secs() > u64::from(u32::MAX),
        (None, Some(_)) => false,
    }
}
