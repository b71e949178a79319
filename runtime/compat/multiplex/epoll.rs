//! `Epoll`: an epoll instance of the user's, on which green threads park.
//!
//! The kernel holds all there is: this file only asks it, and waits on it; see the module for how. No lock,
//! no copy of what is registered: there is nothing that could disagree with the kernel.

use super::alarm::{self, Alarm, Refused};
use super::flags::EpollFlags;
use super::select::check_number;
use crate::io::evented::{Evented, Kind};
use crate::park::interrupt;
use crate::sched::run::spend_budget;
use crate::sys::clock::{NEVER_NS, deadline_after, now_ns};
use crate::sys::multiplex::FD_NUMBERS;
use crate::sys::multiplex::epoll::{self, Change, UserEpoll};
use crate::task::WaitReason;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

/// An epoll instance, as Python's `select.epoll()` object.
///
/// A real one: level- and edge-triggered, one-shot and exclusive are the kernel's, its errors come through,
/// and [`AsRawFd`] gives a descriptor that other instances may watch. Closing the last descriptor of an open
/// file takes it out; a duplicate keeps it in, as epoll(7) tells. May be shared: what one task changes
/// counts at once for others that wait. Source: Python's edge and level trigger polling objects.
///
/// # Examples
/// ```
/// use greenroom::multiplex::{EPOLLIN, Epoll};
/// use std::io::Write;
/// use std::os::fd::AsRawFd;
/// greenroom::run(|| {
///     let (reader, mut writer) = greenroom::io::pipe()?;
///     let epoll = Epoll::new()?;
///     epoll.register(&reader, EPOLLIN)?;
///     greenroom::thread::spawn(move || writer.write_all(b"x"));
///     let events = epoll.poll(None, None)?;
///     assert_eq!(events[0].0, reader.as_raw_fd());
///     assert!(events[0].1.contains(EPOLLIN));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Epoll {
    evented: Evented,
}

impl Epoll {
    /// Makes an instance that watches nothing; its descriptor is close-on-exec. Never parks.
    ///
    /// # Errors
    /// No descriptor left.
    ///
    /// # Examples
    /// ```
    /// use greenroom::multiplex::Epoll;
    /// use std::time::Duration;
    /// let epoll = Epoll::new()?;
    /// assert!(epoll.poll(Some(Duration::from_millis(1)), None)?.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> io::Result<Epoll> {
        let fd = UserEpoll::new()?.into_fd();
        let evented = Evented::new(fd, Kind::Stream);
        Ok(Epoll { evented })
    }

    /// Watches the descriptor for `events` from now on. Never parks.
    ///
    /// # Errors
    /// `AlreadyExists` if it is watched; `EBADF` if it is not open; `PermissionDenied` (`EPERM`) for
    /// regular files and directories; `InvalidInput` for the instance itself or flags that do not go together;
    /// `ELOOP` for a circle of instances; `ENOSPC` at the user's limit of watches.
    ///
    /// # Examples
    /// ```
    /// use greenroom::multiplex::{EPOLLIN, EPOLLOUT, Epoll};
    /// use std::io::ErrorKind;
    /// let (reader, _writer) = greenroom::io::pipe()?;
    /// let epoll = Epoll::new()?;
    /// epoll.register(&reader, EPOLLIN)?;
    /// let again = epoll.register(&reader, EPOLLIN | EPOLLOUT);
    /// assert_eq!(again.unwrap_err().kind(), ErrorKind::AlreadyExists);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn register(&self, fd: &impl AsRawFd, events: EpollFlags) -> io::Result<()> {
        self.control(Change::Add, fd.as_raw_fd(), events)
    }

    /// Changes what the descriptor is watched for; a one-shot one is armed again. Never parks.
    ///
    /// # Errors
    /// `NotFound` if it is not watched; `EBADF` if it is not open; `InvalidInput` for
    /// [`EPOLLEXCLUSIVE`](super::EPOLLEXCLUSIVE), before or now.
    ///
    /// # Examples
    /// ```
    /// use greenroom::multiplex::{EPOLLIN, EPOLLOUT, Epoll};
    /// let (_reader, writer) = greenroom::io::pipe()?;
    /// let epoll = Epoll::new()?;
    /// epoll.register(&writer, EPOLLIN)?;
    /// epoll.modify(&writer, EPOLLOUT)?;
    /// assert_eq!(epoll.poll(None, None)?[0].1, EPOLLOUT);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn modify(&self, fd: &impl AsRawFd, events: EpollFlags) -> io::Result<()> {
        self.control(Change::Modify, fd.as_raw_fd(), events)
    }

    /// Watches the descriptor no more. Never parks.
    ///
    /// # Errors
    /// `NotFound` if it is not watched; `EBADF` if it is not open.
    ///
    /// # Examples
    /// ```
    /// use greenroom::multiplex::{EPOLLIN, Epoll};
    /// use std::io::ErrorKind;
    /// let (reader, _writer) = greenroom::io::pipe()?;
    /// let epoll = Epoll::new()?;
    /// epoll.register(&reader, EPOLLIN)?;
    /// epoll.unregister(&reader)?;
    /// assert_eq!(epoll.unregister(&reader).unwrap_err().kind(), ErrorKind::NotFound);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn unregister(&self, fd: &impl AsRawFd) -> io::Result<()> {
        self.control(Change::Delete, fd.as_raw_fd(), EpollFlags::empty())
    }

    fn control(&self, change: Change, fd: RawFd, events: EpollFlags) -> io::Result<()> {
        check_number(fd)?;
        epoll::control(self.evented.as_fd(), change, fd, events.bits())
    }

    /// Waits for events and returns them, at most `max_events` (`None`: 1,023, as Python). Parks a green
    /// thread, blocks an OS thread.
    ///
    /// `None` waits without limit, zero does not wait; the list is empty if the time was up. Several may
    /// wait: what is level-triggered is told to all of them, an edge or a one-shot to one. Source: Python's
    /// `epoll.poll`. Differs: nanoseconds; more than 65,536 events take a second call.
    ///
    /// # Errors
    /// `InvalidInput` for no events at all (`Some(0)`).
    ///
    /// # Cancel
    /// Takes nothing: no event is lost.
    ///
    /// # Examples
    /// ```
    /// use greenroom::multiplex::{EPOLLIN, Epoll};
    /// use std::time::Duration;
    /// let (reader, _writer) = greenroom::io::pipe()?;
    /// let epoll = Epoll::new()?;
    /// epoll.register(&reader, EPOLLIN)?;
    /// assert!(epoll.poll(Some(Duration::from_millis(1)), Some(1))?.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn poll(
        &self,
        timeout: Option<Duration>,
        max_events: Option<usize>,
    ) -> io::Result<Vec<(RawFd, EpollFlags)>> {
        let room = max_events.unwrap_or(FD_NUMBERS - 1);
        if room == 0 {
            let text = "maxevents must be greater than 0, got 0";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        interrupt::check();
        let deadline_ns = timeout.map_or(NEVER_NS, deadline_after);
        let reason = WaitReason::Epoll(self.evented.as_fd().as_raw_fd());
        let mut looks: Option<Alarm> = None;
        loop {
            spend_budget();
            let events = epoll::wait(self.evented.as_fd(), room, 0)?;
            if !events.is_empty() || now_ns() >= deadline_ns {
                let name = |(fd, bits)| (fd, EpollFlags::from_bits(bits));
                return Ok(events.into_iter().map(name).collect());
            }
            match &mut looks {
                Some(looks) => looks.wait(reason, deadline_ns),
                None => match alarm::wait(&self.evented, reason, deadline_ns) {
                    Ok(()) => {}
                    Err(Refused) => looks = Some(Alarm::looks()),
                },
            }
        }
    }

    /// Closes the instance; what it watched stays open. Never parks.
    ///
    /// # Examples
    /// ```
    /// greenroom::multiplex::Epoll::new()?.close();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn close(self) {
        drop(self);
    }
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.evented.expose()
    }
}

impl AsRawFd for Epoll {
    fn as_raw_fd(&self) -> RawFd {
        self.evented.expose().as_raw_fd()
    }
}

impl fmt::Debug for Epoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fd = self.evented.as_fd().as_raw_fd();
        f.debug_struct("Epoll").field("fd", &fd).finish()
    }
}
