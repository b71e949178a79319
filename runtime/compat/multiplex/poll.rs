//! `Poll`: a list of descriptors that is kept between calls of `poll(2)`.
//!
//! A wait works on a copy of the list, made at its beginning: under the lock there is never a system call.

use super::flags::{POLLIN, POLLOUT, POLLPRI, PollFlags};
use super::look::look_until;
use super::select::check_number;
use crate::sys::lock::Lock;
use crate::sys::multiplex::{PollFd, not_registered};
use crate::task::WaitReason;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// Descriptors and what is asked of each, as Python's `select.poll()` object.
///
/// Holds numbers, not open files: what is closed is answered with [`POLLNVAL`](super::POLLNVAL), and a number
/// that was used again stands for its new file. May be shared: what another task changes counts from the
/// next call of [`poll`](Poll::poll) on. Source: Python's polling objects.
///
/// # Examples
/// ```
/// use greenroom::multiplex::{POLLHUP, POLLIN, Poll};
/// use std::os::fd::AsRawFd;
/// let (reader, writer) = greenroom::io::pipe()?;
/// let poll = Poll::new();
/// poll.register(&reader, POLLIN);
/// drop(writer);
/// assert_eq!(poll.poll(None)?, [(reader.as_raw_fd(), POLLHUP)]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Poll {
    registered: Lock<Registered>,
}

/// In the order in which the numbers came, as in Python's dictionary: a number that comes again keeps its
/// place, one that was away goes to the end.
#[derive(Debug, Default)]
struct Registered {
    places: HashMap<RawFd, u64>,
    rows: BTreeMap<u64, (RawFd, PollFlags)>,
    next: u64,
}

impl Registered {
    fn insert(&mut self, fd: RawFd, events: PollFlags) {
        let place = *self.places.entry(fd).or_insert(self.next);
        self.next += 1;
        self.rows.insert(place, (fd, events));
    }

    fn remove(&mut self, fd: RawFd) -> bool {
        let place = self.places.remove(&fd);
        place.is_some_and(|place| self.rows.remove(&place).is_some())
    }
}

impl Poll {
    /// Nothing is registered. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::multiplex::Poll;
    /// use std::time::Duration;
    /// assert!(Poll::new().poll(Some(Duration::ZERO))?.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> Poll {
        Poll::default()
    }

    /// What Python asks for if one does not say: [`POLLIN`], [`POLLPRI`], [`POLLOUT`].
    ///
    /// # Examples
    /// ```
    /// use greenroom::multiplex::{POLLOUT, Poll};
    /// assert!(Poll::DEFAULT_EVENTS.contains(POLLOUT));
    /// ```
    pub const DEFAULT_EVENTS: PollFlags =
        PollFlags::from_bits(POLLIN.bits() | POLLPRI.bits() | POLLOUT.bits());

    /// Asks for `events` of the descriptor from now on, instead of what was asked before. Never parks.
    ///
    /// Nothing is asked of the kernel: a number that is not open is no error here.
    ///
    /// # Panics
    /// If the number is negative (Python's `ValueError`).
    ///
    /// # Examples
    /// ```
    /// use greenroom::multiplex::{POLLIN, POLLOUT, Poll};
    /// use std::os::fd::AsRawFd;
    /// let (_reader, writer) = greenroom::io::pipe()?;
    /// let poll = Poll::new();
    /// poll.register(&writer, POLLIN);
    /// poll.register(&writer, POLLOUT);
    /// assert_eq!(poll.poll(None)?, [(writer.as_raw_fd(), POLLOUT)]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn register(&self, fd: &impl AsRawFd, events: PollFlags) {
        let fd = fd.as_raw_fd();
        assert!(
            fd >= 0,
            "file descriptor cannot be a negative integer ({fd})"
        );
        self.registered.lock().insert(fd, events);
    }

    /// Changes what is asked of a descriptor that is registered. Never parks.
    ///
    /// # Errors
    /// `NotFound` (`ENOENT`) if it is not registered; `InvalidInput` for a negative number (`ValueError`).
    ///
    /// # Examples
    /// ```
    /// use greenroom::multiplex::{POLLIN, Poll};
    /// use std::io::ErrorKind;
    /// let poll = Poll::new();
    /// assert_eq!(poll.modify(&0, POLLIN).unwrap_err().kind(), ErrorKind::NotFound);
    /// poll.register(&0, POLLIN);
    /// poll.modify(&0, POLLIN)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn modify(&self, fd: &impl AsRawFd, events: PollFlags) -> io::Result<()> {
        let fd = fd.as_raw_fd();
        check_number(fd)?;
        let mut registered = self.registered.lock();
        if !registered.places.contains_key(&fd) {
            return Err(not_registered());
        }
        registered.insert(fd, events);
        Ok(())
    }

    /// Asks nothing of the descriptor any more. Never parks.
    ///
    /// # Errors
    /// `NotFound` if it is not registered (Python's `KeyError`); `InvalidInput` for a negative number.
    ///
    /// # Examples
    /// ```
    /// use greenroom::multiplex::{POLLIN, Poll};
    /// let poll = Poll::new();
    /// poll.register(&0, POLLIN);
    /// poll.unregister(&0)?;
    /// assert!(poll.unregister(&0).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn unregister(&self, fd: &impl AsRawFd) -> io::Result<()> {
        let fd = fd.as_raw_fd();
        check_number(fd)?;
        match self.registered.lock().remove(fd) {
            true => Ok(()),
            false => Err(not_registered()),
        }
    }

    /// Waits until one of the descriptors has something to answer, and returns those that have, in the order
    /// of their registration. Parks a green thread, blocks an OS thread.
    ///
    /// `None` waits without limit, zero does not wait; the list is empty if the time was up. Nothing
    /// registered and a time-out: it sleeps. Source: Python's `poll.poll`. Differs: a [`Duration`] for
    /// milliseconds.
    ///
    /// # Errors
    /// `InvalidInput` if more is registered than the process may have open files.
    ///
    /// # Cancel
    /// Takes nothing: what was ready stays ready.
    ///
    /// # Examples
    /// ```
    /// use greenroom::multiplex::{POLLIN, POLLNVAL, Poll};
    /// let poll = Poll::new();
    /// poll.register(&1_000_000_000, POLLIN);
    /// assert_eq!(poll.poll(None)?, [(1_000_000_000, POLLNVAL)]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn poll(&self, timeout: Option<Duration>) -> io::Result<Vec<(RawFd, PollFlags)>> {
        let mut list: Vec<PollFd> = {
            let registered = self.registered.lock();
            let rows = registered.rows.values();
            rows.map(|&(fd, events)| PollFd::new(fd, events)).collect()
        };
        let fds = u32::try_from(list.len()).unwrap_or(u32::MAX);
        let has_answer = |row: &PollFd| !row.revents().is_empty();
        look_until(&mut list, has_answer, WaitReason::PollOver(fds), timeout)?;
        let answers = list.iter().filter(|row| has_answer(row));
        Ok(answers.map(|row| (row.fd(), row.revents())).collect())
    }
}
