//! Waits that the kernel does not announce: tried again after pauses that grow.
//!
//! A connection to a Unix listener whose queue is full, and a datagram to a full queue of a socket one is
//! not connected to, are refused with `EAGAIN`; no event will tell when there is room, while a blocking
//! call would wait. The pauses park; nothing here ever blocks a worker. Whatever epoll can announce goes
//! through `evented` instead. Called by `os/unix/net/`.

use super::evented::{Direction, Evented};
use crate::park::interrupt;
use crate::park::pauses::Pauses;
use crate::sched::run::spend_budget;
use crate::sys::clock::now_ns;
use crate::task::WaitReason;
use crate::thread::yield_now;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The first pause: three ticks of the timer. A peer that is running needs no more to make room.
const PAUSE_NS_MIN: u64 = 100_000;

/// The longest pause: the delay that a peer sees at most, and 50 system calls a second of whoever waits.
/// A thousand waiters cost a few percent of a core.
const PAUSE_NS_MAX: u64 = 20_000_000;

/// Runs `attempt`, which must never wait by itself, until it is done, in the direction of a write.
///
/// As with [`Evented::io`], the user's non-blocking mode and write timeout say `WouldBlock`, and an
/// interrupt unwinds before any effect.
pub(crate) fn write<T>(
    evented: &Evented,
    mut attempt: impl FnMut(BorrowedFd<'_>) -> io::Result<T>,
) -> io::Result<T> {
    interrupt::check();
    spend_budget();
    let mut wait: Option<Wait> = None;
    loop {
        match attempt(evented.as_fd()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let wait = wait.get_or_insert_with(|| Wait::of(evented));
                if !wait.pause(evented.as_fd().as_raw_fd()) {
                    return Err(error);
                }
            }
            done => return done,
        }
    }
}

/// How long to wait at all, and how next.
struct Wait {
    deadline_ns: u64,
    /// `None`: whoever can run on this worker runs first, for the peer may be among them.
    pauses: Option<Pauses>,
}

impl Wait {
    fn of(evented: &Evented) -> Wait {
        let deadline_ns = match evented.is_nonblocking() {
            true => 0,
            false => evented.deadline_ns(Direction::Write),
        };
        Wait {
            deadline_ns,
            pauses: None,
        }
    }

    /// `false`: there is no time left. Unwinds for an interrupt.
    fn pause(&mut self, fd: i32) -> bool {
        if now_ns() >= self.deadline_ns {
            return false;
        }
        match &mut self.pauses {
            Some(pauses) => pauses.pause(WaitReason::Writable(fd), self.deadline_ns),
            None => {
                self.pauses = Some(Pauses::new(PAUSE_NS_MIN, PAUSE_NS_MAX));
                yield_now();
            }
        }
        interrupt::check();
        true
    }
}
