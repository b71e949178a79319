//! The kernel's epoll, with the kernel's names and its waiting.
//!
//! A façade over `sys/multiplex/epoll.rs`, for study; `multiplex::Epoll` is the one that parks.

use super::deadline_ns;
use crate::multiplex::EpollFlags;
use crate::sys::multiplex::epoll::{self, Change, UserEpoll};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

/// An epoll instance whose [`wait`](Epoll::wait) blocks the OS thread. Source: epoll(7).
///
/// # Examples
/// ```
/// use greenroom::multiplex::EPOLLOUT;
/// use greenroom::raw::Epoll;
/// use std::os::fd::AsRawFd;
/// let (_reader, writer) = std::io::pipe()?;
/// let epoll = Epoll::new()?;
/// epoll.add(writer.as_raw_fd(), EPOLLOUT)?;
/// assert_eq!(epoll.wait(64, None)?, [(writer.as_raw_fd(), EPOLLOUT)]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Epoll(UserEpoll);

impl Epoll {
    /// `epoll_create1(EPOLL_CLOEXEC)`. Never parks.
    ///
    /// # Errors
    /// No descriptor left.
    ///
    /// # Examples
    /// ```
    /// let epoll = greenroom::raw::Epoll::new()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new() -> io::Result<Epoll> {
        UserEpoll::new().map(Epoll)
    }

    /// `EPOLL_CTL_ADD`. Never parks.
    ///
    /// # Errors
    /// `AlreadyExists`, `EBADF`, `PermissionDenied` for regular files; see `epoll_ctl(2)`.
    ///
    /// # Examples
    /// ```
    /// use greenroom::multiplex::EPOLLIN;
    /// use std::os::fd::AsRawFd;
    /// let file = std::fs::File::open("/proc/self/exe")?;
    /// let refused = greenroom::raw::Epoll::new()?.add(file.as_raw_fd(), EPOLLIN);
    /// assert_eq!(refused.unwrap_err().kind(), std::io::ErrorKind::PermissionDenied);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn add(&self, fd: RawFd, events: EpollFlags) -> io::Result<()> {
        epoll::control(self.0.as_fd(), Change::Add, fd, events.bits())
    }

    /// `EPOLL_CTL_MOD`. Never parks.
    ///
    /// # Errors
    /// `NotFound` if it is not watched; see `epoll_ctl(2)`.
    ///
    /// # Examples
    /// ```
    /// use greenroom::multiplex::{EPOLLIN, EPOLLOUT};
    /// use std::os::fd::AsRawFd;
    /// let (_reader, writer) = std::io::pipe()?;
    /// let epoll = greenroom::raw::Epoll::new()?;
    /// epoll.add(writer.as_raw_fd(), EPOLLIN)?;
    /// epoll.modify(writer.as_raw_fd(), EPOLLOUT)?;
    /// assert_eq!(epoll.wait(1, None)?.len(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn modify(&self, fd: RawFd, events: EpollFlags) -> io::Result<()> {
        epoll::control(self.0.as_fd(), Change::Modify, fd, events.bits())
    }

    /// `EPOLL_CTL_DEL`. Never parks.
    ///
    /// # Errors
    /// `NotFound` if it is not watched, `EBADF` if it is not open.
    ///
    /// # Examples
    /// ```
    /// use greenroom::multiplex::EPOLLIN;
    /// use std::os::fd::AsRawFd;
    /// let (reader, _writer) = std::io::pipe()?;
    /// let epoll = greenroom::raw::Epoll::new()?;
    /// epoll.add(reader.as_raw_fd(), EPOLLIN)?;
    /// epoll.delete(reader.as_raw_fd())?;
    /// assert!(epoll.delete(reader.as_raw_fd()).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn delete(&self, fd: RawFd) -> io::Result<()> {
        epoll::control(self.0.as_fd(), Change::Delete, fd, 0)
    }

    /// `epoll_wait(2)`: at most `max_events` events, with the numbers that were added. Blocks the OS thread,
    /// never parks.
    ///
    /// `None` waits without limit, zero only looks. The time-out has milliseconds, rounded up. More than
    /// 65,536 events take a second call.
    ///
    /// # Errors
    /// `InvalidInput` if `max_events` is zero.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let epoll = greenroom::raw::Epoll::new()?;
    /// assert!(epoll.wait(64, Some(Duration::from_millis(1)))?.is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait(
        &self,
        max_events: usize,
        timeout: Option<Duration>,
    ) -> io::Result<Vec<(RawFd, EpollFlags)>> {
        let events = epoll::wait(self.0.as_fd(), max_events, deadline_ns(timeout))?;
        let name = |(fd, bits)| (fd, EpollFlags::from_bits(bits));
        Ok(events.into_iter().map(name).collect())
    }
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Epoll {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}
