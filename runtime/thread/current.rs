//! `Thread`: who is running, and the user's park token.
//!
//! The token is a bit of its own: only `park` and `park_timeout` consume it, and no I/O or lock of this
//! library ever does, so an unpark that comes during a read is kept for the next park.

use crate::park::wait_list::Mask;
use crate::park::{Parker, interrupt};
use crate::sched::{current as running, enqueue};
use crate::sys::atomic::{AtomicU32, Ordering};
use crate::sys::clock::{NEVER_NS, deadline_after, now_ns};
use crate::sys::futex;
use crate::task::header::next_id;
use crate::task::state::Wake;
use crate::task::{Header, TaskPtr, TaskRef, WaitReason};
use std::fmt;
use std::num::NonZeroU64;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Duration;

/// Identifies a thread, green or not, within the process; never reused. Source:
/// [`std::thread::ThreadId`].
///
/// # Examples
/// ```
/// use greenroom::thread::{current, spawn};
/// let handle = spawn(|| current().id());
/// let id = handle.thread().id();
/// assert_eq!(handle.join().unwrap(), id);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ThreadId(NonZeroU64);

impl ThreadId {
    fn new(id: u64) -> ThreadId {
        ThreadId(NonZeroU64::new(id).expect("because ids are counted from one"))
    }
}

/// A handle to a thread, green or not. Source: [`std::thread::Thread`].
///
/// # Examples
/// ```
/// use greenroom::thread::{current, park, spawn};
/// let waiting = current();
/// spawn(move || waiting.unpark());
/// park();
/// ```
#[derive(Clone)]
pub struct Thread(Kind);

#[derive(Clone)]
enum Kind {
    Green(TaskRef),
    Os(Arc<OsThread>),
}

/// An ordinary OS thread, as far as this library knows it.
struct OsThread {
    id: u64,
    name: Option<String>,
    token: AtomicU32,
}

impl OsThread {
    fn current() -> Arc<OsThread> {
        let make = || OsThread {
            id: next_id(),
            name: std::thread::current().name().map(str::to_owned),
            token: AtomicU32::new(0),
        };
        // While the thread's locals are destroyed it gets a handle that nobody else knows.
        running::os_thread(make).unwrap_or_else(|| {
            Arc::new(OsThread {
                id: next_id(),
                name: None,
                token: AtomicU32::new(0),
            })
        })
    }

    fn take_token(&self) -> bool {
        // Acquire: what was written before `unpark` is visible after `park`.
        self.token.swap(0, Ordering::Acquire) == 1
    }
}

/// The calling thread, green or not. Never parks.
///
/// # Examples
/// ```
/// let green = greenroom::run(|| greenroom::thread::current().id());
/// assert_ne!(green, greenroom::thread::current().id());
/// ```
pub fn current() -> Thread {
    match running::task() {
        Some(task) => Thread(Kind::Green(TaskRef::of(task))),
        None => Thread(Kind::Os(OsThread::current())),
    }
}

impl Thread {
    /// Of a green thread.
    pub(super) fn of(task: TaskRef) -> Thread {
        Thread(Kind::Green(task))
    }

    /// The slot of a green thread, which every thread is that has a handle to join it.
    #[inline]
    pub(super) fn task(&self) -> &TaskRef {
        match &self.0 {
            Kind::Green(task) => task,
            Kind::Os(_) => unreachable!("OS threads are not spawned here"),
        }
    }

    /// The thread's id. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::thread::{current, spawn};
    /// assert_eq!(current().id(), current().id());
    /// assert_ne!(spawn(|| ()).thread().id(), current().id());
    /// ```
    pub fn id(&self) -> ThreadId {
        ThreadId::new(match &self.0 {
            Kind::Green(task) => task.header().id(),
            Kind::Os(thread) => thread.id,
        })
    }

    /// The thread's name, if it has one. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::thread::{Builder, spawn};
    /// let handle = Builder::new().name("greeter".into()).spawn(|| ())?;
    /// assert_eq!(handle.thread().name(), Some("greeter"));
    /// assert_eq!(spawn(|| ()).thread().name(), None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn name(&self) -> Option<&str> {
        match &self.0 {
            Kind::Green(task) => task.header().name(),
            Kind::Os(thread) => thread.name.as_deref(),
        }
    }

    /// Leaves the thread a token, which ends its present or next [`park`]. One token at most is kept.
    /// From any thread; never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::thread::{park, spawn};
    /// let handle = spawn(park);
    /// handle.thread().unpark();
    /// handle.join().unwrap();
    /// ```
    pub fn unpark(&self) {
        match &self.0 {
            Kind::Green(task) => {
                if task.header().state.unpark() == Wake::Enqueue {
                    enqueue(TaskPtr::new(task.as_ptr()));
                }
            }
            Kind::Os(thread) => {
                // Release: pairs with `take_token`.
                thread.token.store(1, Ordering::Release);
                futex::wake_one(&thread.token);
            }
        }
    }
}

// As std's. Nothing of it is half done after a panic: a token is one atomic.
impl UnwindSafe for Thread {}
impl RefUnwindSafe for Thread {}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread")
            .field("id", &self.id())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

/// Waits until somebody [`unpark`](Thread::unpark)s this thread; returns at once if somebody has.
///
/// Parks a green thread, blocks an OS thread. Unlike std's it does not return for no reason. Source:
/// [`std::thread::park`].
///
/// # Cancel
/// Ends the wait; a token that came is kept.
///
/// # Examples
/// ```
/// use greenroom::thread::{current, park};
/// greenroom::run(|| {
///     current().unpark();
///     park(); // The token is there: returns at once.
/// });
/// ```
pub fn park() {
    park_until(|| NEVER_NS);
}

/// As [`park`], for at most `timeout`; zero only takes a token that is there. Parks.
///
/// # Cancel
/// Ends the wait; a token that came is kept.
///
/// # Examples
/// ```
/// use std::time::{Duration, Instant};
/// let start = Instant::now();
/// greenroom::run(|| greenroom::thread::park_timeout(Duration::from_millis(1)));
/// assert!(start.elapsed() >= Duration::from_millis(1));
/// ```
pub fn park_timeout(timeout: Duration) {
    if timeout.is_zero() {
        interrupt::check();
        match running::task() {
            Some(task) => task.state.take_token(),
            None => OsThread::current().take_token(),
        };
        return;
    }
    park_until(|| deadline_after(timeout));
}

/// As [`park_timeout`], for so many milliseconds. Parks. Source: [`std::thread::park_timeout_ms`].
///
/// # Cancel
/// Ends the wait; a token that came is kept.
///
/// # Examples
/// ```
/// # #![allow(deprecated)]
/// greenroom::run(|| greenroom::thread::park_timeout_ms(1));
/// ```
#[deprecated(note = "replaced by `greenroom::thread::park_timeout`")]
pub fn park_timeout_ms(ms: u32) {
    park_timeout(Duration::from_millis(u64::from(ms)));
}

/// The clock is read only if the wait is real: a token that came first is the common case.
#[inline]
fn park_until(deadline: impl FnOnce() -> u64) {
    match running::task() {
        Some(task) => park_green(task, deadline),
        None => park_os(&OsThread::current(), deadline),
    }
}

#[inline]
fn park_green(task: &Header, deadline: impl FnOnce() -> u64) {
    interrupt::check();
    if task.state.take_token() {
        return;
    }
    let deadline_ns = deadline();
    let parker = Parker::current();
    loop {
        parker.park(WaitReason::Unpark, deadline_ns);
        interrupt::check();
        if task.state.take_token() || has_passed(deadline_ns) {
            return;
        }
    }
}

fn park_os(thread: &OsThread, deadline: impl FnOnce() -> u64) {
    interrupt::assert_may_park();
    let deadline_ns = deadline();
    loop {
        interrupt::check();
        if thread.take_token() || has_passed(deadline_ns) {
            return;
        }
        let until_ns = deadline_ns.min(interrupt::enter_park(Mask::Open));
        futex::wait(&thread.token, 0, until_ns);
    }
}

fn has_passed(deadline_ns: u64) -> bool {
    deadline_ns != NEVER_NS && now_ns() >= deadline_ns
}
