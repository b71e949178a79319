//! The real `select(2)`, `poll(2)` and `epoll(7)`, for study.
//!
//! **They block the OS thread.** On a worker they stop all its green threads; call them from an OS thread, or
//! with a zero time-out. For programs use [`multiplex`](crate::multiplex), which has the same calls and parks.
//!
//! Why they are here: a hand-written event loop shows best what green threads are made of, and these calls
//! need `unsafe` and the C library, which no example of this repository names. This is the thinnest safe
//! layer: the kernel's names, its limits, its errors. An interrupted call is repeated with the time that is
//! left.

mod epoll;

pub use crate::sys::multiplex::PollFd;
pub use epoll::Epoll;

use crate::multiplex::{PollFlags, check_number};
use crate::sys::clock::{NEVER_NS, deadline_after};
use crate::sys::multiplex::{self, FD_NUMBERS, Sets};
use std::fmt;
use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

/// When a call of this time-out ends; 0 is "only look".
fn deadline_ns(timeout: Option<Duration>) -> u64 {
    match timeout {
        None => NEVER_NS,
        Some(Duration::ZERO) => 0,
        Some(timeout) => deadline_after(timeout),
    }
}

/// `select(2)`: those of the three lists that can be read, written, or have an exceptional condition. Blocks
/// the OS thread, never parks.
///
/// `None` waits without limit, zero only looks. The time-out has microseconds, rounded up.
///
/// # Errors
/// `InvalidInput` for a negative number, and for one of 1,024 or more: a set has 1,024 bits
/// (`FD_SETSIZE`). `EBADF` for one that is not open, unless it lies above the process's table of
/// descriptors: that one is not looked at, and comes back as if it were ready (BUGS in select(2)).
///
/// # Examples
/// ```
/// use std::os::fd::AsRawFd;
/// let (reader, writer) = std::io::pipe()?;
/// let (reader, writer) = (reader.as_raw_fd(), writer.as_raw_fd());
/// let (readable, writable, _) = greenroom::raw::select(&[reader], &[writer], &[], None)?;
/// assert_eq!((readable, writable), (vec![], vec![writer]));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn select(
    rlist: &[RawFd],
    wlist: &[RawFd],
    xlist: &[RawFd],
    timeout: Option<Duration>,
) -> io::Result<(Vec<RawFd>, Vec<RawFd>, Vec<RawFd>)> {
    let mut sets = Sets::new();
    let mut end = 0;
    for (set, list) in [rlist, wlist, xlist].into_iter().enumerate() {
        for &fd in list {
            check_number(fd)?;
            if usize::try_from(fd).is_ok_and(|fd| fd >= FD_NUMBERS) {
                let text = "filedescriptor out of range in select()";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
            }
            sets.insert(set, fd);
            end = end.max(fd + 1);
        }
    }
    multiplex::select(end, &mut sets, deadline_ns(timeout))?;
    let left = |set, list: &[RawFd]| -> Vec<RawFd> {
        let fds = list.iter().copied();
        fds.filter(|&fd| sets.contains(set, fd)).collect()
    };
    Ok((left(0, rlist), left(1, wlist), left(2, xlist)))
}

/// `poll(2)`: writes the answers into the rows, and returns how many have one. Blocks the OS thread, never
/// parks.
///
/// `None` waits without limit, zero only looks. The time-out has milliseconds, rounded up.
///
/// # Errors
/// `InvalidInput` for more rows than the process may have open files.
///
/// # Examples
/// ```
/// use greenroom::multiplex::{POLLIN, POLLOUT};
/// use greenroom::raw::{self, PollFd};
/// use std::os::fd::AsRawFd;
/// let (reader, writer) = std::io::pipe()?;
/// let mut list = [PollFd::new(reader.as_raw_fd(), POLLIN), PollFd::new(writer.as_raw_fd(), POLLOUT)];
/// assert_eq!(raw::poll(&mut list, None)?, 1);
/// assert!(list[0].revents().is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn poll(list: &mut [PollFd], timeout: Option<Duration>) -> io::Result<usize> {
    multiplex::poll(list, deadline_ns(timeout))
}

impl PollFd {
    /// A row that asks for `events` of `fd`, without an answer yet. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::{multiplex::POLLIN, raw::PollFd};
    /// assert!(PollFd::new(0, POLLIN).revents().is_empty());
    /// ```
    pub fn new(fd: RawFd, events: PollFlags) -> PollFd {
        PollFd::of_bits(fd, events.bits())
    }

    /// The descriptor. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::{multiplex::POLLIN, raw::PollFd};
    /// assert_eq!(PollFd::new(7, POLLIN).fd(), 7);
    /// ```
    pub fn fd(&self) -> RawFd {
        self.number()
    }

    /// What is asked. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::{multiplex::POLLIN, raw::PollFd};
    /// assert_eq!(PollFd::new(7, POLLIN).events(), POLLIN);
    /// ```
    pub fn events(&self) -> PollFlags {
        PollFlags::from_bits(self.asked_bits())
    }

    /// What the last call answered. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::multiplex::{POLLIN, POLLNVAL};
    /// use greenroom::raw::{self, PollFd};
    /// let mut list = [PollFd::new(1_000_000_000, POLLIN)];
    /// raw::poll(&mut list, None)?;
    /// assert_eq!(list[0].revents(), POLLNVAL);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn revents(&self) -> PollFlags {
        PollFlags::from_bits(self.answered_bits())
    }
}

impl fmt::Debug for PollFd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollFd")
            .field("fd", &self.fd())
            .field("events", &self.events())
            .field("revents", &self.revents())
            .finish()
    }
}
