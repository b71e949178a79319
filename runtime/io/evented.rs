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
use super::wait::Wait;
use crate::driver::source::Source;
use crate::driver::table;
use crate::park::interrupt;
use crate::sched::run::{spend_budget, spend_budget_on_accept};
use crate::sys::atomic::{AtomicU8, Ordering};
use crate::sys::epoll::Interest;
use crate::sys::fd;
use crate::sys::would_block;
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
    /// As a stream; a Unix socket, whose writers nobody tells of a shutdown.
    Unix,
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

/// The open file may live on after this descriptor is closed, so epoll must be told.
const SHARED: u8 = 1;
/// A listener whose owner never stops accepting; see `Interest::ExclusiveListener`.
const EXCLUSIVE: u8 = 1 << 1;

/// A descriptor with its place in the driver. 24 bytes: it lies on the stack of whoever waits, and there
/// are thousands.
#[derive(Debug)]
pub(crate) struct Evented {
    fd: ManuallyDrop<OwnedFd>,
    kind: Kind,
    source: &'static Source,
    settings: Arc<Settings>,
    /// `SHARED`, `EXCLUSIVE`.
    marks: AtomicU8,
    /// 1: blocking, no time-out, no clone that could change that, no error kept: `settings` need not be looked at,
    /// which is one cache line less per wait.
    is_plain: AtomicU8,
}

impl Evented {
    /// Takes a descriptor that this library made, in blocking mode.
    pub(crate) fn new(fd: OwnedFd, kind: Kind) -> Evented {
        let settings = match kind {
            Kind::Stream | Kind::Unix => Arc::new(Settings::default()),
            Kind::Listener => listeners::enter(fd.as_fd()),
        };
        Evented::with(fd, kind, settings, false)
    }

    /// Takes a descriptor from outside with the mode and time-outs it came with.
    pub(crate) fn adopt(fd: OwnedFd, kind: Kind) -> Evented {
        let settings = match kind {
            Kind::Stream | Kind::Unix => Arc::new(Settings::of_kernel(fd.as_fd())),
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
            marks: AtomicU8::new(if is_shared { SHARED } else { 0 }),
            is_plain: AtomicU8::new(u8::from(!is_shared && kind != Kind::Listener)),
        }
    }

    // Relaxed: each is set before what it is about (a clone, a copy) can exist, by whoever makes that.
    fn mark(&self, marks: u8) {
        self.marks.fetch_or(marks, Ordering::Relaxed);
    }

    #[inline]
    fn has(&self, mark: u8) -> bool {
        self.marks.load(Ordering::Relaxed) & mark != 0
    }

    /// From its next registration on a connection wakes only one of the exclusive listeners.
    ///
    /// Subtle: sound only for a descriptor of which nobody accepts but a loop that goes on until it
    /// would block: an edge that it is given and does not follow is lost to its clones elsewhere.
    pub(crate) fn set_exclusive(&self) {
        self.mark(EXCLUSIVE);
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

    pub(super) fn is_plain(&self) -> bool {
        self.is_plain.load(Ordering::Relaxed) != 0
    }

    /// Whether its user chose so.
    pub(crate) fn is_nonblocking(&self) -> bool {
        !self.is_plain() && self.settings.is_nonblocking()
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// The descriptor, for the user: from now on each wait asks the kernel for mode and time-out.
    pub(crate) fn expose(&self) -> BorrowedFd<'_> {
        self.mark(SHARED);
        self.settings.expose();
        self.is_plain.store(0, Ordering::Relaxed);
        self.fd.as_fd()
    }

    /// Of any handle of the open file.
    #[inline]
    fn is_exposed(&self) -> bool {
        !self.is_plain() && self.settings.is_exposed()
    }

    /// `accept4` has no "do not wait" of its own: a user who has the descriptor must not make it wait.
    #[cold]
    fn stay_nonblocking(&self) {
        let _ = fd::set_nonblocking(self.as_fd(), true);
    }

    /// Before a wait. `true`: its user has made it non-blocking behind our back.
    #[cold]
    fn has_become_nonblocking(&self, direction: Direction) -> bool {
        self.settings.look(self.fd.as_fd(), direction);
        if self.kind != Kind::Listener {
            self.settings.look_at_mode(self.fd.as_fd());
        }
        self.settings.is_nonblocking()
    }

    /// At "would block" in non-blocking mode. `true`: its user has made it blocking behind our back.
    #[cold]
    fn has_become_blocking(&self, direction: Direction) -> bool {
        self.is_exposed() && !self.has_become_nonblocking(direction)
    }

    /// Keeps an error that the kernel tells once, and that cannot be told now: the next operation does.
    #[cold]
    pub(super) fn keep_error(&self, error: &io::Error) {
        self.settings.keep_error(error);
        self.is_plain.store(0, Ordering::Relaxed);
    }

    /// The error that was kept.
    #[inline]
    pub(crate) fn take_kept_error(&self) -> Option<io::Error> {
        if self.is_plain() {
            return None;
        }
        self.settings.take_kept_error()
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A second descriptor of the same open file, with a registration of its own.
    pub(crate) fn try_clone(&self) -> io::Result<Evented> {
        let fd = self.fd.try_clone()?;
        self.is_plain.store(0, Ordering::Relaxed);
        self.mark(SHARED);
        let settings = match self.kind {
            Kind::Stream | Kind::Unix => Arc::clone(&self.settings),
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
        if self.kind != Kind::Listener {
            fd::set_nonblocking(self.as_fd(), on)?;
        }
        self.is_plain.store(0, Ordering::Relaxed);
        self.settings.set_nonblocking(on);
        Ok(())
    }

    /// Gives the descriptor back, unregistered, in the mode its user chose.
    pub(crate) fn into_fd(self) -> OwnedFd {
        self.mark(SHARED);
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
                if self.kind == Kind::Listener && self.is_exposed() {
                    self.stay_nonblocking();
                }
                match attempt(self.fd.as_fd()) {
                    Ok(Attempt::Done(value)) => return Ok(value),
                    Ok(Attempt::Short(value)) => {
                        self.source.ready.clear_after_short(seen, direction);
                        return Ok(value);
                    }
                    Ok(Attempt::Part) if self.is_nonblocking() => {
                        return Err(Stop::Io(would_block()));
                    }
                    Ok(Attempt::Part) => {
                        wait = None;
                        self.source.ready.clear_after_would_block(seen, direction);
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        if self.is_nonblocking() && !self.has_become_blocking(direction) {
                            return Err(Stop::Io(error));
                        }
                        self.source.ready.clear_after_would_block(seen, direction);
                    }
                    Err(error) => return Err(Stop::Io(error)),
                }
            }
            if wait.is_none() && self.is_exposed() && self.has_become_nonblocking(direction) {
                continue;
            }
            let until = || Wait::until(self.deadline_ns(direction));
            self.wait_for(direction, None, wait.get_or_insert_with(until))?;
        }
    }

    /// As [`Evented::try_io`], for an accept, which makes room first for what earlier ones have led to.
    pub(crate) fn try_accept<T>(
        &self,
        mut accept: impl FnMut(BorrowedFd<'_>) -> io::Result<T>,
    ) -> Result<T, Stop> {
        spend_budget_on_accept();
        self.try_io(Direction::Read, |fd| accept(fd).map(Attempt::Done))
    }

    /// How it is registered.
    pub(super) fn interest(&self) -> Interest {
        match self.kind {
            Kind::Stream | Kind::Unix => Interest::Stream,
            Kind::Listener if self.has(EXCLUSIVE) => Interest::ExclusiveListener,
            Kind::Listener => Interest::Listener,
        }
    }

    pub(super) fn source(&self) -> &'static Source {
        self.source
    }
}

/// Whether a wait failed because epoll does not take this kind of file: EPERM, epoll_ctl(2).
pub(crate) fn is_unpollable(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

impl Drop for Evented {
    #[expect(
        unsafe_code,
        reason = "closes the descriptor after its place was given back"
    )]
    fn drop(&mut self) {
        let is_shared = self.has(SHARED);
        self.leave();
        self.source.retire(self.fd.as_raw_fd(), is_shared);
        // SAFETY: dropped once, here; the field is not used afterwards.
        unsafe { ManuallyDrop::drop(&mut self.fd) };
    }
}

const _: () = assert!(size_of::<Evented>() <= 24);
