//! `poll(2)` on a list of numbers.
//!
//! The rows are the kernel's own structure, so a list is passed as it is, and answers are read in place.
#![expect(unsafe_code, reason = "the poll system call")]

use super::until;
use crate::sys::check;
use std::io;
use std::os::fd::RawFd;

/// One row of a `poll(2)` list, laid out as the kernel wants it: a descriptor, what is asked of it, and what
/// the last call answered.
///
/// A negative descriptor is skipped by the call. Source: `struct pollfd`, poll(2).
///
/// # Examples
/// ```
/// use greenroom::multiplex::{POLLOUT, PollFlags};
/// use greenroom::raw::{self, PollFd};
/// use std::os::fd::AsRawFd;
/// let (_reader, writer) = std::io::pipe()?;
/// let mut list = [PollFd::new(writer.as_raw_fd(), POLLOUT)];
/// assert_eq!(list[0].revents(), PollFlags::empty());
/// assert_eq!(raw::poll(&mut list, None)?, 1);
/// assert_eq!(list[0].revents(), POLLOUT);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct PollFd(libc::pollfd);

impl PollFd {
    pub(crate) fn of_bits(fd: RawFd, events: i16) -> PollFd {
        PollFd(libc::pollfd {
            fd,
            events,
            revents: 0,
        })
    }

    pub(crate) fn number(&self) -> RawFd {
        self.0.fd
    }

    pub(crate) fn asked_bits(&self) -> i16 {
        self.0.events
    }

    pub(crate) fn answered_bits(&self) -> i16 {
        self.0.revents
    }
}

/// Waits until a row has an answer, or `deadline_ns` has come (0: only looks). How many have one.
pub(crate) fn poll(list: &mut [PollFd], deadline_ns: u64) -> io::Result<usize> {
    let count = list.len() as libc::nfds_t;
    let rows = list.as_mut_ptr().cast::<libc::pollfd>();
    until(deadline_ns, |timeout_ms| {
        // SAFETY: `PollFd` is a transparent `pollfd`, and `count` of them outlive the call.
        check(unsafe { libc::poll(rows, count, timeout_ms) })
    })
}
