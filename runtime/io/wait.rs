//! How a descriptor is waited for: a green thread parks on its worker's epoll, an OS thread polls.
//!
//! The waits of `evented`, in a file of their own. Every one may come back for no reason; whoever waits
//! has a loop around it, and there is one such loop, in `evented`.

use super::evented::{Direction, Evented, Kind, Stop};
use crate::park::wait_list::Mask;
use crate::park::{Parker, interrupt};
use crate::sched::{current, enqueue};
use crate::sys::clock::{NEVER_NS, deadline_after, now_ns};
use crate::sys::poll::{self, Readiness};
use crate::sys::would_block;
use crate::task::WaitReason;
use crate::task::wait_queue::WaitNode;
use std::io;
use std::os::fd::AsRawFd;
use std::time::Duration;

/// One operation's wait, over all its rounds.
#[derive(Debug)]
pub(super) struct Wait {
    deadline_ns: u64,
    /// How often in a row poll(2) has said "ready" at once, and the attempt that it would block. Subtle: a
    /// socket with an error queue that nobody empties (`IP_RECVERR`, set by the user) is ready for ever
    /// and has nothing to receive; an OS thread's wait must neither spin on it nor miss its deadline.
    alarms: u32,
    /// It is out of time, and was told once that there is something all the same.
    has_looked_last: bool,
}

impl Wait {
    pub(super) fn until(deadline_ns: u64) -> Wait {
        Wait {
            deadline_ns,
            alarms: 0,
            has_looked_last: false,
        }
    }
}

/// So many alarms may have come of a race for what there was.
const ALARMS_BELIEVED: u32 = 3;

/// Between two looks at such a socket: how late its next datagram may be seen.
const ALARM_PAUSE: Duration = Duration::from_millis(1);

/// How late a writer to a Unix socket learns that it was shut down. Subtle: a full one raises no event for
/// that, neither for its own end nor for the peer's, though a writer in the kernel is woken; so who is
/// parked tries again now and then. Twenty system calls a second of whoever waits.
const UNIX_LOOK_NS: u64 = 50_000_000;

impl Evented {
    fn reason(&self, direction: Direction) -> WaitReason {
        let raw = self.as_fd().as_raw_fd();
        match direction {
            Direction::Read => WaitReason::Readable(raw),
            Direction::Write => WaitReason::Writable(raw),
        }
    }

    /// When an operation that begins now is out of time.
    pub(super) fn deadline_ns(&self, direction: Direction) -> u64 {
        if self.is_plain() {
            return NEVER_NS;
        }
        self.settings()
            .timeout(direction)
            .map_or(NEVER_NS, deadline_after)
    }

    /// Waits until an event, at most until the deadline. May come back for no reason. `true`: no event has
    /// come, and it is worth a try all the same.
    ///
    /// `reason`: what readiness means here, if it is not the plain thing.
    #[cold]
    pub(super) fn wait_for(
        &self,
        direction: Direction,
        reason: Option<WaitReason>,
        wait: &mut Wait,
    ) -> Result<bool, Stop> {
        let deadline_ns = wait.deadline_ns;
        let until_ns = self.look_up_ns(direction).min(deadline_ns);
        let is_ready = if current::task().is_some() {
            self.park(direction, reason, until_ns)?;
            self.source().ready.snapshot().is_ready(direction)
        } else {
            self.poll(direction, wait, until_ns)?
        };
        if interrupt::is_pending() {
            return Err(Stop::Interrupted);
        }
        if is_ready || until_ns == NEVER_NS || now_ns() < until_ns {
            return Ok(false);
        }
        if now_ns() >= deadline_ns {
            return self.look_last(direction, wait);
        }
        self.source().ready.set(false, true, false);
        Ok(true)
    }

    /// Out of time; but a clock that has jumped (the process was stopped, or its machine asleep, between the
    /// worker's look at epoll and its look at the clock) says nothing of what came before. So the kernel is
    /// asked, once: what came in time counts.
    #[cold]
    fn look_last(&self, direction: Direction, wait: &mut Wait) -> Result<bool, Stop> {
        if wait.has_looked_last || !self.probe(direction)? {
            return Err(Stop::Io(would_block()));
        }
        wait.has_looked_last = true;
        self.source().ready.set(true, true, false);
        Ok(false)
    }

    /// When to try again though no event has come.
    fn look_up_ns(&self, direction: Direction) -> u64 {
        match (self.kind(), direction) {
            (Kind::Unix, Direction::Write) => now_ns().saturating_add(UNIX_LOOK_NS),
            _ => NEVER_NS,
        }
    }

    /// An OS thread's wait.
    fn poll(&self, direction: Direction, wait: &mut Wait, until_ns: u64) -> io::Result<bool> {
        interrupt::assert_may_park();
        let what = readiness(direction);
        let until_ns = until_ns.min(interrupt::enter_park(Mask::Open));
        if wait.alarms > 0 && poll::is_ready(self.as_fd(), what)? {
            if now_ns() >= until_ns {
                return Ok(false);
            }
            if wait.alarms > ALARMS_BELIEVED {
                std::thread::sleep(ALARM_PAUSE);
            }
        } else {
            wait.alarms = 0;
        }
        let is_ready = poll::wait_until(self.as_fd(), what, until_ns)?;
        if is_ready {
            wait.alarms += 1;
            // No event will: this thread has no epoll.
            self.source().ready.set(true, true, false);
        }
        Ok(is_ready)
    }

    /// A green thread's wait; see `driver/source.rs` for the protocol.
    #[expect(unsafe_code, reason = "queues a node that lies in this frame")]
    fn park(
        &self,
        direction: Direction,
        reason: Option<WaitReason>,
        deadline_ns: u64,
    ) -> io::Result<()> {
        let raw = self.as_fd().as_raw_fd();
        let interest = self.interest();
        let worker = current::worker().expect("because a task runs on a worker");
        let parker = Parker::current();
        let node = WaitNode::new(parker.waiter());
        let mut stranded = Vec::new();
        // SAFETY: the node is withdrawn below, before this frame can end.
        let queued = unsafe {
            let here = &worker.shared.poller;
            self.source()
                .enqueue(here, raw, interest, direction, &node, &mut stranded)
        };
        stranded.into_iter().for_each(enqueue);
        let queued = queued?;
        if queued {
            let reason = reason.unwrap_or_else(|| self.reason(direction));
            parker.park(reason, deadline_ns);
            self.source().withdraw(direction, &node);
        }
        Ok(())
    }

    /// Asks the kernel whether the descriptor is ready now, and notes if it is not.
    pub(super) fn probe(&self, direction: Direction) -> io::Result<bool> {
        let seen = self.source().ready.snapshot();
        let is_ready = poll::is_ready(self.as_fd(), readiness(direction))?;
        if !is_ready {
            self.source().ready.clear_after_would_block(seen, direction);
        }
        Ok(is_ready)
    }

    /// Waits until the descriptor is ready, without doing anything to it. `false`: timed out. Unwinds
    /// for an interrupt.
    pub(crate) fn wait(&self, direction: Direction, timeout: Option<Duration>) -> io::Result<bool> {
        match self.try_wait(direction, timeout.map_or(NEVER_NS, deadline_after)) {
            Ok(()) => Ok(true),
            Err(Stop::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(stop) => Err(stop.into_error()),
        }
    }

    /// As [`Evented::wait`], until `deadline_ns`; out of time is `WouldBlock`. What cannot be polled is
    /// [`is_unpollable`].
    pub(crate) fn try_wait(&self, direction: Direction, deadline_ns: u64) -> Result<(), Stop> {
        self.try_wait_as(direction, None, deadline_ns)
    }

    /// As [`Evented::try_wait`], for what readiness means here.
    pub(crate) fn try_wait_as(
        &self,
        direction: Direction,
        reason: Option<WaitReason>,
        deadline_ns: u64,
    ) -> Result<(), Stop> {
        let mut wait = Wait::until(deadline_ns);
        loop {
            if interrupt::is_pending() {
                return Err(Stop::Interrupted);
            }
            if self.probe(direction)? {
                return Ok(());
            }
            if self.wait_for(direction, reason, &mut wait)? {
                return Ok(());
            }
        }
    }
}

pub(super) fn readiness(direction: Direction) -> Readiness {
    match direction {
        Direction::Read => Readiness::Readable,
        Direction::Write => Readiness::Writable,
    }
}
