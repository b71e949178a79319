//! Cancellation and deadlines: when a wait must end early, and how it unwinds.
//!
//! Both are *interrupts*. They are looked for at the entry of a parking call, before any effect, and
//! while parked; a wait that is interrupted first withdraws (takes its node off the queue, gives back
//! what it was handed), then [`raise`] unwinds with a private payload through `resume_unwind`: no hook
//! runs, nothing is printed. A payload belongs to one frame (the `timeout` that set the deadline) or
//! to the task's root, and passes everything else. Swallowed by a `catch_unwind` of the user's, it is
//! raised again at the next parking call.
//!
//! Never while `thread::panicking()`: a second unwinding inside a destructor would abort. std counts
//! panics per OS thread, so a neighbour that parked in a destructor delays an interrupt until it is
//! through; the interrupt is kept, not lost.

use super::panics::Unwinding;
use super::wait_list::Mask;
use crate::context::frames::{Frame, StackContext};
use crate::sched::current;
use crate::sys::clock::{NEVER_NS, now_ns};
use crate::sys::fatal;
use std::any::Any;
use std::cell::Cell;
use std::panic;
use std::ptr;

/// How often a wait looks whether an interrupt that a panic delays can be raised now.
const RECHECK_NS: u64 = 10_000_000;

/// Unwinds a cancelled task to its root.
struct CancelPayload(Unwinding);

/// Unwinds to the `timeout` frame at this address, which is compared, never dereferenced.
struct ElapsedPayload(usize, Unwinding);

/// What a finished task's join shows if it was cancelled: the payload of the `Err`.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// let handle = greenroom::thread::spawn(|| greenroom::thread::sleep(Duration::from_secs(60)));
/// handle.cancel();
/// let payload = handle.join().unwrap_err();
/// assert!(payload.is::<greenroom::Cancelled>());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cancelled;

impl std::fmt::Display for Cancelled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the green thread was cancelled")
    }
}

impl std::error::Error for Cancelled {}

/// The entry of every park. Returns when the wait must look up for the sake of interrupts: at the
/// earliest deadline in force.
///
/// A cancellation needs no time: it wakes the task, or is seen before it suspends.
#[inline]
pub(crate) fn enter_park(mask: Mask) -> u64 {
    let deadline_ns = current::with_context(|context| context.deadline_ns.get());
    match mask {
        Mask::Masked => NEVER_NS,
        Mask::Open if std::thread::panicking() => look_up_soon(deadline_ns),
        Mask::Open => deadline_ns,
    }
}

/// If an interrupt is due that cannot be raised now, because a panic unwinds on this OS thread, maybe a
/// neighbour's: nobody would announce its end.
#[cold]
fn look_up_soon(deadline_ns: u64) -> u64 {
    if is_due() {
        now_ns().saturating_add(RECHECK_NS)
    } else {
        deadline_ns
    }
}

/// Whether an interrupt is due for whoever runs now.
#[inline]
pub(crate) fn is_pending() -> bool {
    is_due() && !std::thread::panicking()
}

#[inline]
fn is_due() -> bool {
    let (is_shielded, deadline_ns) =
        current::with_context(|context| (context.shield.get() > 0, context.deadline_ns.get()));
    let is_cancelled = || current::task().is_some_and(|task| task.state.is_cancelled());
    (!is_shielded && is_cancelled()) || (deadline_ns != NEVER_NS && now_ns() >= deadline_ns)
}

/// The entry of every parking call: unwinds if an interrupt is due.
#[inline]
pub(crate) fn check() {
    if is_pending() {
        raise();
    }
}

/// Unwinds for the interrupt that is due: to the outermost `timeout` whose time is up, else to the
/// root of the cancelled task.
#[cold]
pub(crate) fn raise() -> ! {
    if cfg!(panic = "abort") {
        fatal::abort(format_args!(
            "greenroom: a `timeout` has elapsed, and with panic = \"abort\" there is no unwinding"
        ));
    }
    match current::with_context(expired_frame) {
        Some(frame) => {
            panic::resume_unwind(Box::new(ElapsedPayload(frame.addr(), Unwinding::begin())))
        }
        None => panic::resume_unwind(Box::new(CancelPayload(Unwinding::begin()))),
    }
}

/// Visits the frames that no shield hides, innermost first.
#[expect(unsafe_code, reason = "frames are linked through the stack")]
fn for_each_frame(context: &StackContext, mut visit: impl FnMut(&Frame)) {
    let mut next = context.innermost.get();
    // SAFETY: a linked frame belongs to a `timeout` call that has not returned, on this stack.
    while let Some(frame) = unsafe { next.as_ref() } {
        if frame.shield.get() < context.shield.get() {
            return;
        }
        visit(frame);
        next = frame.outer.get();
    }
}

fn expired_frame(context: &StackContext) -> Option<*const Frame> {
    let now_ns = now_ns();
    let mut outermost = None;
    for_each_frame(context, |frame| {
        if frame.deadline_ns <= now_ns {
            outermost = Some(ptr::from_ref(frame));
        }
    });
    outermost
}

pub(super) fn refresh_deadline(context: &StackContext) {
    let mut earliest_ns = NEVER_NS;
    for_each_frame(context, |frame| {
        earliest_ns = earliest_ns.min(frame.deadline_ns);
    });
    context.deadline_ns.set(earliest_ns);
}

/// Runs `body` under a deadline. `Err`: it was unwound because the time was up.
pub(crate) fn with_deadline<T>(deadline_ns: u64, body: impl FnOnce() -> T) -> Result<T, TimeIsUp> {
    let frame = current::with_context(|context| Frame {
        deadline_ns,
        shield: Cell::new(context.shield.get()),
        outer: Cell::new(context.innermost.get()),
    });
    current::with_context(|context| {
        context.innermost.set(&raw const frame);
        refresh_deadline(context);
    });
    let outcome = panic::catch_unwind(panic::AssertUnwindSafe(body));
    current::with_context(|context| {
        context.innermost.set(frame.outer.get());
        refresh_deadline(context);
    });
    outcome.map_err(|payload| match payload.downcast::<ElapsedPayload>() {
        Ok(elapsed) if elapsed.0 == (&raw const frame).addr() => TimeIsUp,
        Ok(elapsed) => panic::resume_unwind(elapsed),
        Err(payload) => panic::resume_unwind(payload),
    })
}

/// The deadline of a [`with_deadline`] passed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeIsUp;

/// Runs `body` with cancellation and outer deadlines masked.
pub(crate) fn shielded<T>(body: impl FnOnce() -> T) -> T {
    struct Unshield;
    impl Drop for Unshield {
        fn drop(&mut self) {
            current::with_context(|context| {
                context.shield.set(context.shield.get() - 1);
                refresh_deadline(context);
            });
        }
    }
    shield_on();
    let _unshield = Unshield;
    body()
}

/// Masks cancellation and outer deadlines from here on; a task's root uses it at the end.
pub(crate) fn shield_on() {
    current::with_context(|context| {
        context.shield.set(context.shield.get() + 1);
        refresh_deadline(context);
    });
}

/// Runs user code that is called under a runtime lock: an `Ord` or a `Clone`. Parking inside would
/// leave the lock held by a suspended task, and block the worker; it panics instead.
pub(crate) fn forbid_parking<T>(body: impl FnOnce() -> T) -> T {
    struct Permit;
    impl Drop for Permit {
        fn drop(&mut self) {
            current::with_context(|context| context.no_parking.set(context.no_parking.get() - 1));
        }
    }
    current::with_context(|context| context.no_parking.set(context.no_parking.get() + 1));
    let _permit = Permit;
    body()
}

/// Whether no [`forbid_parking`] is under way.
#[inline]
pub(crate) fn may_park() -> bool {
    current::with_context(|context| context.no_parking.get() == 0)
}

/// Before a wait queues anything, since nothing may unwind past a queued node.
///
/// # Panics
/// Inside [`forbid_parking`].
#[inline]
pub(crate) fn assert_may_park() {
    assert!(
        may_park(),
        "Ord or Clone of a queue's items must not park: the queue is locked while they run"
    );
}

/// Whether what `catch_unwind` has caught is no panic, but a cancellation or the end of a
/// [`timeout`](crate::timeout) on its way out. Never parks.
///
/// Code that survives its callees' panics, as servers do, hands such a payload on by
/// [`resume_unwind`](std::panic::resume_unwind).
///
/// # Examples
/// ```
/// use std::panic::{catch_unwind, resume_unwind};
/// use std::time::Duration;
///
/// let outcome = greenroom::timeout(Duration::from_millis(1), || {
///     let sleep = || greenroom::thread::sleep(Duration::from_secs(60));
///     if let Err(payload) = catch_unwind(sleep) {
///         assert!(greenroom::is_interrupt(payload.as_ref()));
///         resume_unwind(payload);
///     }
/// });
/// assert!(outcome.is_err());
/// ```
pub fn is_interrupt(payload: &(dyn Any + Send)) -> bool {
    payload.is::<CancelPayload>() || payload.is::<ElapsedPayload>()
}

/// Turns the private payload of a cancellation into what users see.
pub(crate) fn translate(payload: Box<dyn Any + Send>) -> Box<dyn Any + Send> {
    if payload.is::<CancelPayload>() {
        cancelled()
    } else {
        payload
    }
}

/// The payload that `join` returns for a cancelled task.
pub(crate) fn cancelled() -> Box<dyn Any + Send> {
    Box::new(Cancelled)
}
