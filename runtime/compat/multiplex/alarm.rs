//! What a `select` or `poll` that finds nothing waits for: an epoll instance of its own, for this one call.
//!
//! The module's header has the protocol. Everything is registered edge-triggered, which makes an alarm of
//! what *happens*, not of what *is*: `select(2)` does not count a hang-up as writable or exceptional, and a
//! level-triggered instance would cry "hang-up" for ever while the answer stays "nothing".

use super::flags::EPOLLET;
use crate::io::evented::{Direction, Evented, Kind, Stop, is_unpollable};
use crate::park::interrupt;
use crate::park::pauses::Pauses;
use crate::sys::clock::now_ns;
use crate::sys::multiplex::PollFd;
use crate::sys::multiplex::epoll::{self, Change, UserEpoll};
use crate::task::WaitReason;
use std::io;

/// The first and the longest pause between two looks at what the kernel cannot announce to us.
const PAUSE_NS: (u64, u64) = (500_000, 20_000_000);

/// Edges that one drain takes per system call.
const EDGES: usize = 256;

/// Tells when it is worth to look again.
#[derive(Debug)]
pub(super) enum Alarm {
    /// An event of one of the descriptors makes this instance readable.
    Events(Evented),
    /// Nothing does: only pauses are left.
    Pauses(Pauses),
}

impl Alarm {
    /// Watches what `list` asks for, no number twice; what is so already is its first alarm.
    pub(super) fn over(list: &[PollFd]) -> Alarm {
        if list.is_empty() {
            return Alarm::never();
        }
        watch(list).map_or_else(|_refused| Alarm::looks(), Alarm::Events)
    }

    /// One pause for all the time there is.
    pub(super) fn never() -> Alarm {
        Alarm::Pauses(Pauses::new(u64::MAX, u64::MAX))
    }

    /// The kernel takes no more descriptors, watches or levels of nesting; `poll(2)` itself needs none.
    pub(super) fn looks() -> Alarm {
        Alarm::Pauses(Pauses::new(PAUSE_NS.0, PAUSE_NS.1))
    }

    /// Parks until it is worth to look, at most until `deadline_ns`. Unwinds for an interrupt.
    pub(super) fn wait(&mut self, reason: WaitReason, deadline_ns: u64) {
        let outcome = match self {
            Alarm::Events(evented) => wait(evented, reason, deadline_ns),
            Alarm::Pauses(pauses) => {
                pauses.pause(reason, deadline_ns);
                interrupt::check();
                return;
            }
        };
        match outcome {
            Ok(()) => self.drain(),
            Err(Refused) => *self = Alarm::looks(),
        }
    }

    /// Before the look: what comes after it is an alarm again.
    fn drain(&self) {
        let Alarm::Events(evented) = self else {
            return;
        };
        // An error is as good as an alarm: whoever looks meets it, or nothing.
        while epoll::wait(evented.as_fd(), EDGES, 0).is_ok_and(|edges| edges.len() == EDGES) {}
    }
}

/// Our epoll does not take theirs: too deeply nested, or too many watches.
#[derive(Debug)]
pub(super) struct Refused;

/// Parks until `evented`, an epoll instance, has events, at most until `deadline_ns`. Unwinds for an
/// interrupt.
pub(super) fn wait(evented: &Evented, reason: WaitReason, deadline_ns: u64) -> Result<(), Refused> {
    match evented.try_wait_as(Direction::Read, Some(reason), deadline_ns) {
        Ok(()) => Ok(()),
        Err(Stop::Io(_)) if now_ns() >= deadline_ns => Ok(()),
        Err(Stop::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(Stop::Io(_)) => Err(Refused),
        Err(Stop::Interrupted) => interrupt::raise(),
    }
}

fn watch(list: &[PollFd]) -> io::Result<Evented> {
    let instance = UserEpoll::new()?;
    for row in list {
        let events = u32::from(row.asked_bits().cast_unsigned()) | EPOLLET.bits();
        match epoll::control(instance.as_fd(), Change::Add, row.number(), events) {
            // Files that epoll does not take are ready for ever or never: the look before has said which.
            Err(error) if is_unpollable(&error) => {}
            done => done?,
        }
    }
    Ok(Evented::new(instance.into_fd(), Kind::Stream))
}
