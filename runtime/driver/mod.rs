//! The driver: what a worker sleeps in. Epoll events and timers go in, woken tasks come out.
//!
//! `turn` returns the tasks it claimed as data; the driver never calls upward and does not know who
//! runs them. Edge-triggered throughout: a descriptor is registered once, at its first park, and no
//! `epoll_ctl` (324 ns) is ever needed again on the hot path. The price is that readiness must be
//! remembered between waits; `source` does that and holds the proofs.
//!
//! ```text
//!   epoll event ── key ──► table ──► Source: bits, waiters ──► claimed tasks ──► worker's ring
//!   wheel ── expired nodes ──► state.wake ──────────────────────────┘
//! ```

pub(crate) mod ready;
pub(crate) mod source;
pub(crate) mod table;
pub(crate) mod timer;

use crate::sys::atomic::{AtomicU8, Ordering};
use crate::sys::clock::{NEVER_NS, now_ns};
use crate::sys::epoll::{Epoll, Events, Interest};
use crate::sys::eventfd::EventFd;
use crate::sys::fatal;
use crate::task::state::Wake;
use crate::task::{Header, TaskPtr};
use std::io;
use std::ptr::NonNull;
use timer::{TimerNode, Wheel};

/// The key of the bell; no source has it (see `table`).
const BELL_KEY: u64 = u64::MAX;

/// The part of a driver that other threads may reach: registration and the bell.
///
/// Lives as long as the process (`sched/shared.rs` reuses places), so sources may point at it.
#[derive(Debug)]
pub(crate) struct Poller {
    epoll: Epoll,
    bell: EventFd,
    /// Whether some worker waits on it: 1 between `open` and `close`.
    is_served: AtomicU8,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Poller> {
        let poller = Poller {
            epoll: Epoll::new()?,
            bell: EventFd::new()?,
            is_served: AtomicU8::new(0),
        };
        poller
            .epoll
            .add(poller.bell.raw(), Interest::Stream, BELL_KEY)?;
        Ok(poller)
    }

    /// Ends a wait on it, from any thread. One system call: see `sched/sleep.rs` for when.
    pub(crate) fn ring(&self) {
        self.bell.ring();
    }

    /// A worker serves it from now on.
    pub(crate) fn open(&self) {
        self.is_served.store(1, Ordering::Release);
    }

    /// Nobody serves it any more: every source that is registered here lets its waiters look
    /// elsewhere. Returns the tasks to enqueue.
    pub(crate) fn close(&'static self, woken: &mut Vec<TaskPtr>) {
        // The store comes before the scan, and both sides of the race hold the source's lock: a
        // parker that still saw the poller served is found by the scan, a later one moves away.
        self.is_served.store(0, Ordering::Release);
        table::for_each(|source| source.wake_if_registered(self, woken));
    }

    fn is_served(&self) -> bool {
        self.is_served.load(Ordering::Acquire) == 1
    }
}

/// How many events a line is asked for ahead of its use: 8 events take longer than a miss.
const AHEAD: usize = 8;

/// One worker's driver.
#[derive(Debug)]
pub(crate) struct Driver {
    poller: &'static Poller,
    events: Events,
    wheel: Wheel<NonNull<Header>>,
}

impl Driver {
    pub(crate) fn new(poller: &'static Poller) -> Driver {
        Driver {
            poller,
            events: Events::new(),
            wheel: Wheel::new(now_ns()),
        }
    }

    /// Looks for events and expired timers without waiting.
    pub(crate) fn poll(&mut self, ready: &mut impl Extend<TaskPtr>) {
        self.turn(0, ready);
    }

    /// Waits for events until the next timer or `limit_ns` from now (`NEVER_NS`: no limit).
    pub(crate) fn wait(&mut self, limit_ns: u64, ready: &mut impl Extend<TaskPtr>) {
        let timeout_ns = match self.wheel.next_expiry() {
            None => limit_ns,
            Some(expiry_ns) => expiry_ns.saturating_sub(now_ns()).min(limit_ns),
        };
        self.turn(timeout_ns, ready);
    }

    /// Two stages, some events ahead: the source, then what its waiter's wake will touch.
    #[inline]
    fn prefetch(&self, index: usize) {
        if let Some(key) = self.events.key(index + 2 * AHEAD) {
            table::prefetch(key);
        }
        if let Some(source) = self.events.key(index + AHEAD).and_then(table::find) {
            source.prefetch_waiter();
        }
    }

    fn turn(&mut self, timeout_ns: u64, ready: &mut impl Extend<TaskPtr>) {
        if let Err(error) = self.poller.epoll.wait(&mut self.events, timeout_ns) {
            // EBADF or EFAULT: our own descriptor is gone. Nothing can run correctly after that.
            fatal::abort(format_args!(
                "greenroom: waiting on epoll failed: {error}; aborting"
            ));
        }
        for (index, event) in self.events.iter().enumerate() {
            self.prefetch(index);
            if event.key == BELL_KEY {
                continue;
            }
            if let Some(source) = table::find(event.key) {
                source.on_event(event, ready);
            }
        }
        if self.wheel.len() == 0 {
            return;
        }
        self.wheel.fire(now_ns(), |header| {
            if header_ref(&header).state.wake() == Wake::Enqueue {
                ready.extend(Some(TaskPtr::new(header)));
            }
        });
    }

    /// Arms a timer that wakes its waiter at `deadline_ns`.
    ///
    /// # Safety
    /// The node stays where it is until it fired or was cancelled.
    #[expect(unsafe_code, reason = "passes on the wheel's contract")]
    pub(crate) unsafe fn arm(
        &mut self,
        node: NonNull<TimerNode<NonNull<Header>>>,
        deadline_ns: u64,
    ) {
        debug_assert!(deadline_ns != NEVER_NS);
        // SAFETY: the caller's contract is the wheel's.
        unsafe { self.wheel.arm(node, deadline_ns) };
    }

    /// Takes a timer back; harmless if it fired.
    ///
    /// # Safety
    /// The node was given to `arm` of this driver and is still there.
    #[expect(unsafe_code, reason = "passes on the wheel's contract")]
    pub(crate) unsafe fn cancel(&mut self, node: NonNull<TimerNode<NonNull<Header>>>) {
        // SAFETY: the caller's contract is the wheel's.
        unsafe { self.wheel.cancel(node) };
    }
}

#[expect(unsafe_code, reason = "reads through the header pointer of a waiter")]
fn header_ref(header: &NonNull<Header>) -> &Header {
    // SAFETY: a timer's node lies on the stack of the task it wakes, which is therefore still in its
    // wait, and its slot alive.
    unsafe { header.as_ref() }
}
