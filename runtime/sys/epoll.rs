//! One epoll instance: add, delete, wait with nanoseconds.
//!
//! Knows nothing of sources: it carries a `u64` per registration and gives it back with the event
//! bits. Only `driver/` calls it. Edge-triggered always; the reasons stand in `driver/mod.rs`.
#![expect(unsafe_code, reason = "epoll system calls")]

use super::{check, retry_eintr};
use crate::sys::atomic::{AtomicU8, Ordering};
use crate::sys::clock::NEVER_NS;
use crate::sys::fd::above_standard;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// What an event says, decoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    /// The value given at registration.
    pub(crate) key: u64,
    /// A read will not block (data, end of stream, or an error to fetch).
    pub(crate) readable: bool,
    /// A write will not block.
    pub(crate) writable: bool,
    /// The peer ended its direction, the connection failed, or urgent data waits: a read that brings
    /// less than asked for is not the last that will not block.
    pub(crate) closed: bool,
}

/// How a descriptor is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Both directions and the peer's half-close.
    Stream,
    /// Reading only.
    Listener,
    /// Reading only, and of several epoll instances that watch the socket one idle one is woken per
    /// connection. Whoever registers so must take *every* connection that it is woken for: the edge
    /// is told to nobody else.
    ExclusiveListener,
}

/// An epoll descriptor with its event buffer.
#[derive(Debug)]
pub(crate) struct Epoll {
    fd: OwnedFd,
}

/// Room for the events of one wait. 1,024 events are 12 KiB; a smaller batch costs more waits under
/// load (one event per wait: 8 % of an echoed message), a larger one delays the first task.
pub(crate) const BATCH: usize = 1024;

/// The buffer of one wait.
pub(crate) struct Events {
    list: Box<[libc::epoll_event; BATCH]>,
    filled: usize,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events")
            .field("filled", &self.filled)
            .finish()
    }
}

impl Events {
    pub(crate) fn new() -> Events {
        Events {
            list: Box::new([libc::epoll_event { events: 0, u64: 0 }; BATCH]),
            filled: 0,
        }
    }

    /// The key of the event `index`, if the last wait brought so many.
    pub(crate) fn key(&self, index: usize) -> Option<u64> {
        self.list[..self.filled].get(index).map(|event| event.u64)
    }

    /// The events of the last wait.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Event> + '_ {
        self.list[..self.filled].iter().map(|event| {
            let bits = event.events;
            let has = |mask: i32| bits & mask.cast_unsigned() != 0;
            // A read stops short at the mark of urgent data, with more behind it.
            let closed = has(libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR | libc::EPOLLPRI);
            Event {
                key: event.u64,
                readable: closed || has(libc::EPOLLIN),
                writable: has(libc::EPOLLOUT | libc::EPOLLHUP | libc::EPOLLERR),
                closed,
            }
        })
    }
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Epoll> {
        // SAFETY: no pointers are passed.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the kernel just made this descriptor for us; nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Epoll {
            fd: above_standard(fd)?,
        })
    }

    /// Starts watching `fd`; the first edge comes at once if it is ready now.
    pub(crate) fn add(&self, fd: RawFd, interest: Interest, key: u64) -> io::Result<()> {
        let bits = match interest {
            Interest::Stream => {
                libc::EPOLLIN | libc::EPOLLPRI | libc::EPOLLOUT | libc::EPOLLRDHUP | libc::EPOLLET
            }
            Interest::Listener => libc::EPOLLIN | libc::EPOLLET,
            Interest::ExclusiveListener => libc::EPOLLIN | libc::EPOLLET | libc::EPOLLEXCLUSIVE,
        };
        let mut event = libc::epoll_event {
            events: bits.cast_unsigned(),
            u64: key,
        };
        match self.control(libc::EPOLL_CTL_ADD, fd, &mut event) {
            // The user closed a descriptor of which a duplicate lives on: its registration stayed, and
            // the number came back with another duplicate. (MOD is refused for exclusive ones.)
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.delete(fd);
                self.control(libc::EPOLL_CTL_ADD, fd, &mut event)
            }
            done => done,
        }
    }

    fn control(&self, operation: i32, fd: RawFd, event: &mut libc::epoll_event) -> io::Result<()> {
        // SAFETY: `event` outlives the call; a bad `fd` is an error, not undefined behaviour.
        check(unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), operation, fd, &raw mut *event) })?;
        Ok(())
    }

    /// Stops watching `fd`. A descriptor that was closed meanwhile is no error worth reporting.
    pub(crate) fn delete(&self, fd: RawFd) {
        // SAFETY: EPOLL_CTL_DEL ignores the event pointer since Linux 2.6.9.
        unsafe {
            libc::epoll_ctl(
                self.fd.as_raw_fd(),
                libc::EPOLL_CTL_DEL,
                fd,
                std::ptr::null_mut(),
            );
        };
    }

    /// Waits until an event, or until `timeout_ns` passed (0: only look; [`NEVER_NS`]: no limit).
    /// A signal ends the wait with the events that are there.
    pub(crate) fn wait(&self, events: &mut Events, timeout_ns: u64) -> io::Result<()> {
        events.filled = 0;
        let filled = match timeout_ns {
            0 => self.wait_ms(events, 0),
            NEVER_NS => self.wait_ms(events, -1),
            _ => self.wait_ns(events, timeout_ns),
        };
        // A process that was stopped and goes on gets here, too: what came meanwhile is older than the
        // timers that have expired meanwhile, and must be seen first.
        let filled = match filled {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.wait_ms(events, 0),
            filled => filled,
        };
        match filled {
            Ok(n) => {
                events.filled = usize::try_from(n).expect("because a checked count is positive");
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn wait_ms(&self, events: &mut Events, timeout_ms: i32) -> io::Result<i32> {
        let room = i32::try_from(BATCH).expect("because the batch is a small constant");
        let list = events.list.as_mut_ptr();
        // SAFETY: `list` has room for `room` events.
        check(unsafe { libc::epoll_wait(self.fd.as_raw_fd(), list, room, timeout_ms) })
    }

    /// `epoll_pwait2` (Linux 5.11) for nanoseconds; older kernels get milliseconds, rounded up so
    /// that no timer is early.
    fn wait_ns(&self, events: &mut Events, timeout_ns: u64) -> io::Result<i32> {
        static PWAIT2_MISSING: AtomicU8 = AtomicU8::new(0);
        // Relaxed: a hint only; a thread that misses it asks the kernel once more.
        if PWAIT2_MISSING.load(Ordering::Relaxed) == 0 {
            let timeout = libc::timespec {
                tv_sec: i64::try_from(timeout_ns / 1_000_000_000).unwrap_or(i64::MAX),
                tv_nsec: i64::try_from(timeout_ns % 1_000_000_000).unwrap_or(0),
            };
            let list = events.list.as_mut_ptr();
            // SAFETY: `list` has room for BATCH events, `timeout` outlives the call, and a null
            // signal mask leaves the mask alone.
            let filled = check(unsafe {
                libc::syscall(
                    libc::SYS_epoll_pwait2,
                    self.fd.as_raw_fd(),
                    list,
                    BATCH,
                    &raw const timeout,
                    std::ptr::null::<libc::sigset_t>(),
                    0usize,
                )
            });
            match filled {
                Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => {
                    PWAIT2_MISSING.store(1, Ordering::Relaxed);
                }
                done => return done.map(|n| i32::try_from(n).unwrap_or(i32::MAX)),
            }
        }
        let timeout_ms = i32::try_from(timeout_ns.div_ceil(1_000_000)).unwrap_or(i32::MAX);
        self.wait_ms(events, timeout_ms)
    }
}

/// Whether `fd` can be watched by epoll at all (regular files cannot: `EPERM`).
#[expect(dead_code, reason = "stdin and files ask it in the next issue")]
pub(crate) fn is_pollable(fd: RawFd) -> io::Result<bool> {
    let probe = Epoll::new()?;
    let mut event = libc::epoll_event { events: 0, u64: 0 };
    // SAFETY: `event` outlives the call; retried only for the sake of uniformity.
    let added = retry_eintr(|| unsafe {
        libc::epoll_ctl(
            probe.fd.as_raw_fd(),
            libc::EPOLL_CTL_ADD,
            fd,
            &raw mut event,
        )
    });
    match added {
        Ok(_) => Ok(true),
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => Ok(false),
        Err(error) => Err(error),
    }
}
