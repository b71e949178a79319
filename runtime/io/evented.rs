//! One descriptor that green threads park on and OS threads `poll(2)`: THE try / would-block / park loop.
//!
//! Every socket operation of the library goes through [`Evented::try_io`]. Order: interrupts are looked
//! for first, before any effect; then the call is tried (without a wait of the kernel's own, by
//! `MSG_DONTWAIT`); only if it would block does the task register, queue up and park. Readiness that is
//! known to be gone skips the attempt: that is the difference between two and three system calls per
//! echoed message.
//!
//! The flags of the open file belong to the user. Streams keep theirs; a listener is non-blocking while
//! greenroom owns it (accept has no per-call flag) and gets its user's mode back with the descriptor.

use super::listeners;
use super::settings::Settings;
use crate::driver::source::Source;
use crate::driver::table;
use crate::park::wait_list::Mask;
use crate::park::{Parker, interrupt};
use crate::sched::{current, enqueue, run::spend_budget};
use crate::sys::atomic::{AtomicU8, Ordering};
use crate::sys::clock::{NEVER_NS, deadline_after, now_ns};
use crate::sys::epoll::Interest;
use crate::sys::fd;
use crate::sys::poll::{self, Readiness};
use crate::task::WaitReason;
use crate::task::wait_queue::WaitNode;
use crate::unblock::Interrupted;
use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use crate::driver::ready::Direction;

/// What a descriptor is, as far as waiting is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Both directions, per-call non-blocking.
    Stream,
    /// Only accepts; non-blocking as long as it is here.
    Listener,
}

/// A successful attempt.
#[derive(Debug)]
pub(crate) enum Attempt<T> {
    /// Says nothing about the next attempt.
    Done(T),
    /// Took all there was: the next one would block, unless an event says otherwise.
    Short(T),
    /// Did something, but not all, and would block now: to be repeated, and its time-out begins anew.
    Part,
}

/// Why there is no value.
#[derive(Debug)]
pub(crate) enum Stop {
    Io(io::Error),
    /// Cancelled, or out of an enclosing `timeout`: tidy up, then `interrupt::raise`.
    Interrupted,
}

impl Stop {
    /// The error; unwinds for an interrupt.
    pub(crate) fn into_error(self) -> io::Error {
        match self {
            Stop::Io(error) => error,
            Stop::Interrupted => interrupt::raise(),
        }
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Io(error)
    }
}

impl From<Interrupted> for Stop {
    fn from(Interrupted: Interrupted) -> Stop {
        Stop::Interrupted
    }
}

/// One operation's wait, over all its rounds.
#[derive(Debug)]
struct Wait {
    reason: WaitReason,
    deadline_ns: u64,
    /// How often in a row poll(2) has said "ready" at once, and the attempt that it would block. Subtle: a
    /// socket with an error queue that nobody empties (`IP_RECVERR`, set by the user) is ready for ever
    /// and has nothing to receive; an OS thread's wait must neither spin on it nor miss its deadline.
    alarms: u32,
}

impl Wait {
    fn until(deadline_ns: u64, reason: WaitReason) -> Wait {
        Wait {
            reason,
            deadline_ns,
            alarms: 0,
        }
    }
}

/// So many alarms may have come of a race for what there was.
const ALARMS_BELIEVED: u32 = 3;

/// Between two looks at such a socket: how late its next datagram may be seen.
const ALARM_PAUSE: Duration = Duration::from_millis(1);

/// A descriptor with its place in the driver.
#[derive(Debug)]
pub(crate) struct Evented {
    fd: ManuallyDrop<OwnedFd>,
    kind: Kind,
    source: &'static Source,
    settings: Arc<Settings>,
    /// 1: the open file may live on after this descriptor is closed, so epoll must be told.
    is_shared: AtomicU8,
    /// 1: a listener whose owner never stops accepting; see `Interest::ExclusiveListener`.
    is_exclusive: AtomicU8,
    /// 1: blocking, no time-out, no clone that could change that: `settings` need not be looked at,
    /// which is one cache line less per wait.
    is_plain: AtomicU8,
}

impl Evented {
    /// Takes a descriptor that this library made, in blocking mode.
    pub(crate) fn new(fd: OwnedFd, kind: Kind) -> Evented {
        let settings = match kind {
            Kind::Stream => Arc::new(Settings::default()),
            Kind::Listener => listeners::enter(fd.as_fd()),
        };
        Evented::with(fd, kind, settings, false)
    }

    /// Takes a descriptor from outside with the mode and time-outs it came with.
    pub(crate) fn adopt(fd: OwnedFd, kind: Kind) -> Evented {
        let settings = match kind {
            Kind::Stream => Arc::new(Settings::of_kernel(fd.as_fd())),
            Kind::Listener => listeners::enter(fd.as_fd()),
        };
        Evented::with(fd, kind, settings, true)
    }

    fn with(fd: OwnedFd, kind: Kind, settings: Arc<Settings>, is_shared: bool) -> Evented {
        Evented {
            fd: ManuallyDrop::new(fd),
            kind,
            source: table::take(),
            settings,
            is_shared: AtomicU8::new(u8::from(is_shared)),
            is_exclusive: AtomicU8::new(0),
            is_plain: AtomicU8::new(u8::from(!is_shared && kind == Kind::Stream)),
        }
    }

    /// From its next registration on a connection wakes only one of the exclusive listeners.
    ///
    /// Subtle: sound only for a descriptor of which nobody accepts but a loop that goes on until it
    /// would block: an edge that it is given and does not follow is lost to its clones elsewhere.
    pub(crate) fn set_exclusive(&self) {
        self.is_exclusive.store(1, Ordering::Relaxed);
    }

    /// Sets a time-out, for all clones; zero is `InvalidInput`.
    pub(crate) fn set_timeout(
        &self,
        direction: Direction,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        self.is_plain.store(0, Ordering::Relaxed);
        self.settings.set_timeout(direction, timeout)
    }

    fn is_plain(&self) -> bool {
        self.is_plain.load(Ordering::Relaxed) != 0
    }

    /// Whether its user chose so.
    pub(crate) fn is_nonblocking(&self) -> bool {
        !self.is_plain() && self.settings.is_nonblocking()
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// A second descriptor of the same open file, with a registration of its own.
    pub(crate) fn try_clone(&self) -> io::Result<Evented> {
        let fd = self.fd.try_clone()?;
        self.is_plain.store(0, Ordering::Relaxed);
        self.is_shared.store(1, Ordering::Relaxed);
        let settings = match self.kind {
            Kind::Stream => Arc::clone(&self.settings),
            Kind::Listener => listeners::enter(fd.as_fd()),
        };
        Ok(Evented::with(fd, self.kind, settings, true))
    }

    /// The last handle of a listener gives the open file its user's mode back.
    fn leave(&self) {
        if self.kind == Kind::Listener {
            listeners::leave(self.as_fd(), &self.settings);
        }
    }

    /// Sets the user's blocking mode, for all clones.
    pub(crate) fn set_nonblocking(&self, on: bool) -> io::Result<()> {
        if self.kind == Kind::Stream {
            fd::set_nonblocking(self.as_fd(), on)?;
        }
        self.is_plain.store(0, Ordering::Relaxed);
        self.settings.set_nonblocking(on);
        Ok(())
    }

    /// Gives the descriptor back, unregistered, in the mode its user chose.
    pub(crate) fn into_fd(self) -> OwnedFd {
        self.is_shared.store(1, Ordering::Relaxed);
        self.leave();
        self.source.retire(self.fd.as_raw_fd(), true);
        let mut this = ManuallyDrop::new(self);
        Evented::take_parts(&mut this)
    }

    #[expect(unsafe_code, reason = "moves fields out of a type with a destructor")]
    fn take_parts(this: &mut ManuallyDrop<Evented>) -> OwnedFd {
        // SAFETY: `this` is never dropped nor used again by its callers.
        unsafe { std::ptr::drop_in_place(&raw mut this.settings) };
        // SAFETY: as above; the descriptor is moved out once.
        unsafe { ManuallyDrop::take(&mut this.fd) }
    }

    /// Runs `attempt` until it does not block. It must never wait by itself.
    ///
    /// Time-out as std on Linux: `WouldBlock`. Unwinds for an interrupt, before any effect.
    #[inline]
    pub(crate) fn io<T>(
        &self,
        direction: Direction,
        attempt: impl FnMut(BorrowedFd<'_>) -> io::Result<Attempt<T>>,
    ) -> io::Result<T> {
        self.try_io(direction, attempt).map_err(Stop::into_error)
    }

    /// As [`Evented::io`], for operations that may have had a part of their effect when an interrupt
    /// ends them.
    #[inline]
    pub(crate) fn try_io<T>(
        &self,
        direction: Direction,
        mut attempt: impl FnMut(BorrowedFd<'_>) -> io::Result<Attempt<T>>,
    ) -> Result<T, Stop> {
        if interrupt::is_pending() {
            return Err(Stop::Interrupted);
        }
        spend_budget();
        let mut wait = None;
        loop {
            let seen = self.source.ready.snapshot();
            // Subtle: in the user's non-blocking mode nothing is registered and no event will ever
            // set the bit again, so the kernel is asked every time.
            if seen.is_ready(direction) || self.is_nonblocking() {
                match attempt(self.fd.as_fd()) {
                    Ok(Attempt::Done(value)) => return Ok(value),
                    Ok(Attempt::Short(value)) => {
                        self.source.ready.clear_after_short(seen, direction);
                        return Ok(value);
                    }
                    Ok(Attempt::Part) if self.is_nonblocking() => {
                        return Err(Stop::Io(io::ErrorKind::WouldBlock.into()));
                    }
                    Ok(Attempt::Part) => {
                        wait = None;
                        self.source.ready.clear_after_would_block(seen, direction);
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        if self.is_nonblocking() {
                            return Err(Stop::Io(error));
                        }
                        self.source.ready.clear_after_would_block(seen, direction);
                    }
                    Err(error) => return Err(Stop::Io(error)),
                }
            }
            let until = || Wait::until(self.deadline_ns(direction), self.reason(direction));
            self.wait_for(direction, wait.get_or_insert_with(until))?;
        }
    }

    fn reason(&self, direction: Direction) -> WaitReason {
        let raw = self.fd.as_raw_fd();
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
        self.settings
            .timeout(direction)
            .map_or(NEVER_NS, deadline_after)
    }

    /// Waits until an event, at most until the deadline. May come back for no reason.
    #[cold]
    fn wait_for(&self, direction: Direction, wait: &mut Wait) -> Result<(), Stop> {
        let deadline_ns = wait.deadline_ns;
        let is_ready = if current::task().is_some() {
            self.park(direction, wait.reason, deadline_ns)?;
            self.source.ready.snapshot().is_ready(direction)
        } else {
            self.poll(direction, wait)?
        };
        if interrupt::is_pending() {
            return Err(Stop::Interrupted);
        }
        if !is_ready && deadline_ns != NEVER_NS && now_ns() >= deadline_ns {
            return Err(Stop::Io(io::ErrorKind::WouldBlock.into()));
        }
        Ok(())
    }

    /// An OS thread's wait.
    fn poll(&self, direction: Direction, wait: &mut Wait) -> io::Result<bool> {
        interrupt::assert_may_park();
        let what = readiness(direction);
        let until_ns = wait.deadline_ns.min(interrupt::enter_park(Mask::Open));
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
            self.source.ready.set(true, true, false);
        }
        Ok(is_ready)
    }

    /// How it is registered.
    pub(super) fn interest(&self) -> Interest {
        match self.kind {
            Kind::Stream => Interest::Stream,
            Kind::Listener if self.is_exclusive.load(Ordering::Relaxed) != 0 => {
                Interest::ExclusiveListener
            }
            Kind::Listener => Interest::Listener,
        }
    }

    pub(super) fn source(&self) -> &'static Source {
        self.source
    }

    /// A green thread's wait; see `driver/source.rs` for the protocol.
    #[expect(unsafe_code, reason = "queues a node that lies in this frame")]
    fn park(&self, direction: Direction, reason: WaitReason, deadline_ns: u64) -> io::Result<()> {
        let raw = self.fd.as_raw_fd();
        let interest = self.interest();
        let worker = current::worker().expect("because a task runs on a worker");
        let parker = Parker::current();
        let node = WaitNode::new(parker.waiter());
        let mut stranded = Vec::new();
        // SAFETY: the node is withdrawn below, before this frame can end.
        let queued = unsafe {
            let here = &worker.shared.poller;
            self.source
                .enqueue(here, raw, interest, direction, &node, &mut stranded)
        };
        stranded.into_iter().for_each(enqueue);
        let queued = queued?;
        if queued {
            parker.park(reason, deadline_ns);
            self.source.withdraw(direction, &node);
        }
        Ok(())
    }

    /// Asks the kernel whether the descriptor is ready now, and notes if it is not.
    pub(super) fn probe(&self, direction: Direction) -> io::Result<bool> {
        let seen = self.source.ready.snapshot();
        let is_ready = poll::is_ready(self.as_fd(), readiness(direction))?;
        if !is_ready {
            self.source.ready.clear_after_would_block(seen, direction);
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
        self.try_wait_as(direction, self.reason(direction), deadline_ns)
    }

    /// As [`Evented::try_wait`], for what readiness means here.
    pub(crate) fn try_wait_as(
        &self,
        direction: Direction,
        reason: WaitReason,
        deadline_ns: u64,
    ) -> Result<(), Stop> {
        let mut wait = Wait::until(deadline_ns, reason);
        loop {
            if interrupt::is_pending() {
                return Err(Stop::Interrupted);
            }
            if self.probe(direction)? {
                return Ok(());
            }
            self.wait_for(direction, &mut wait)?;
        }
    }
}

/// Whether a wait failed because epoll does not take this kind of file: EPERM, epoll_ctl(2).
pub(crate) fn is_unpollable(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

pub(super) fn readiness(direction: Direction) -> Readiness {
    match direction {
        Direction::Read => Readiness::Readable,
        Direction::Write => Readiness::Writable,
    }
}

impl Drop for Evented {
    #[expect(
        unsafe_code,
        reason = "closes the descriptor after its place was given back"
    )]
    fn drop(&mut self) {
        let is_shared = self.is_shared.load(Ordering::Relaxed) != 0;
        self.leave();
        self.source.retire(self.fd.as_raw_fd(), is_shared);
        // SAFETY: dropped once, here; the field is not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.fd) };
    }
}
