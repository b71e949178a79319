//! An epoll instance and its event batch.
//!
//! Registrations are made once, edge-triggered, for both directions, and never changed: that is
//! the cheapest way to use epoll and therefore what a floor has to do. Dropping the registered
//! descriptor ends the registration.
#![expect(unsafe_code, reason = "wraps the epoll system calls")]

use super::check;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Events taken by one wait: large enough that a saturated server never waits twice per batch.
const EVENTS_MAX: u16 = 1024;

const BOTH_WAYS: u32 =
    (libc::EPOLLIN | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET).cast_unsigned();

/// What one descriptor is ready for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    /// The number given at registration.
    pub(crate) token: usize,
    flags: u32,
}

impl Event {
    fn has(self, flags: libc::c_int) -> bool {
        self.flags & flags.cast_unsigned() != 0
    }

    /// Data, an end of stream or an error can be read.
    pub(crate) fn is_readable(self) -> bool {
        self.has(libc::EPOLLIN) || self.is_hung_up()
    }

    /// There is room to send.
    pub(crate) fn is_writable(self) -> bool {
        self.has(libc::EPOLLOUT)
    }

    /// The peer will send no more (or the socket failed): there will be no further edge for it.
    pub(crate) fn is_hung_up(self) -> bool {
        self.has(libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR)
    }

    /// The socket failed.
    pub(crate) fn is_error(self) -> bool {
        self.has(libc::EPOLLERR)
    }
}

/// An epoll instance with room for one batch of events.
pub(crate) struct Epoll {
    fd: OwnedFd,
    events: Box<[libc::epoll_event]>,
    ready: usize,
}

impl std::fmt::Debug for Epoll {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Epoll")
            .field("fd", &self.fd)
            .field("ready", &self.ready)
            .finish()
    }
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Epoll> {
        // SAFETY: the call takes no pointers.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the descriptor is new and nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let events = vec![libc::epoll_event { events: 0, u64: 0 }; usize::from(EVENTS_MAX)];
        Ok(Epoll {
            fd,
            events: events.into_boxed_slice(),
            ready: 0,
        })
    }

    /// Registers `fd` once and for all: both directions, edge-triggered.
    pub(crate) fn add(&self, fd: RawFd, token: usize) -> io::Result<()> {
        self.add_flags(fd, token, BOTH_WAYS)
    }

    /// Registers a listening socket, level-triggered.
    pub(crate) fn add_listener(&self, fd: RawFd, token: usize) -> io::Result<()> {
        self.add_flags(fd, token, libc::EPOLLIN.cast_unsigned())
    }

    fn add_flags(&self, fd: RawFd, token: usize, flags: u32) -> io::Result<()> {
        let mut event = libc::epoll_event {
            events: flags,
            u64: token as u64,
        };
        let epoll = self.fd.as_raw_fd();
        // SAFETY: the event lives for the call, the kernel copies it.
        check(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &raw mut event) })?;
        Ok(())
    }

    /// Waits for the next batch and returns its length; `None` waits for ever.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        let timeout_ms = timeout.map_or(-1, |t| i32::try_from(t.as_millis()).unwrap_or(i32::MAX));
        let (fd, room) = (self.fd.as_raw_fd(), libc::c_int::from(EVENTS_MAX));
        // SAFETY: the array has room for `room` events and is ours alone during the call.
        let got = unsafe { libc::epoll_wait(fd, self.events.as_mut_ptr(), room, timeout_ms) };
        self.ready = match usize::try_from(got) {
            Ok(ready) => ready,
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => 0,
                error => return Err(error),
            },
        };
        Ok(self.ready)
    }

    /// The event at `index` of the last batch.
    #[inline]
    pub(crate) fn event(&self, index: usize) -> Event {
        let event = self.events[index];
        Event {
            token: usize::try_from(event.u64).unwrap_or(usize::MAX),
            flags: event.events,
        }
    }
}
