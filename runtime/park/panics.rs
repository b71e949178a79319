//! Whether the stack that runs now is unwinding from a panic: what poisons a greenroom lock.
//!
//! std's answer, `thread::panicking()`, is wrong here in two ways. It is true while a cancellation or
//! a deadline unwinds, which are no panics and poison nothing. And it counts per OS thread: while a
//! task is parked in a destructor that runs during unwinding, it is true for all its neighbours.
//!
//! The rule: a lock is poisoned if `panicking()` has become true since it was taken, unless
//! - an interrupt unwinds this stack: its payload is alive ([`Unwinding`]), and no panic has begun
//!   since, which the panic hook notes (`sched/hook`); or
//! - some task of this worker is suspended while `panicking()` (`sched/run` counts them), and the hook
//!   has never seen a panic on this stack.
//!
//! A lock that is taken while `panicking()` is true already is poisoned if the hook has seen a panic
//! begin on this stack since.
//!
//! What remains: a panic inside a destructor that runs during an interrupt's unwinding, caught there,
//! makes the rest of that unwinding count as a panic. And with a panic hook of the user's in place of
//! ours, a panic beside a neighbour's parked destructor poisons nothing. Neither is unsound: poisoning
//! is a hint.

use crate::context::frames::StackContext;
use crate::sched::current;
use std::any::Any;
use std::panic;

/// Marks an interrupt's unwinding of a stack, from its start until its payload is dropped.
#[derive(Debug)]
pub(crate) struct Unwinding(());

impl Unwinding {
    pub(crate) fn begin() -> Unwinding {
        current::with_context(|context| context.interrupts.set(context.interrupts.get() + 1));
        Unwinding(())
    }
}

impl Drop for Unwinding {
    fn drop(&mut self) {
        // Saturating: a payload may be dropped on another stack than it was made on, or after a panic
        // has reset the count.
        current::with_context(|context| {
            context
                .interrupts
                .set(context.interrupts.get().saturating_sub(1));
        });
    }
}

/// What was known about panics when a lock was taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    was_panicking: bool,
    /// Panics that had begun on this stack; looked up only if `was_panicking`.
    panics: u32,
}

impl Mark {
    #[inline]
    pub(crate) fn now() -> Mark {
        if std::thread::panicking() {
            return Mark::while_panicking();
        }
        Mark {
            was_panicking: false,
            panics: 0,
        }
    }

    #[cold]
    fn while_panicking() -> Mark {
        Mark {
            was_panicking: true,
            panics: current::with_context(|context| context.panics.get()),
        }
    }

    /// Whether a panic unwinds this stack that had not begun at the mark.
    #[inline]
    pub(crate) fn has_panic_since(self) -> bool {
        std::thread::panicking() && self.is_own_panic()
    }

    #[cold]
    fn is_own_panic(self) -> bool {
        if self.was_panicking {
            // Taken in a destructor, or beside a neighbour's: only what the hook has seen since counts.
            return current::with_context(|context| context.panics.get()) != self.panics;
        }
        is_own_panic()
    }
}

/// Raises what somebody has thrown into the strand that runs. No hook runs, so it is counted here, if only
/// the count will tell it from the resumer's or a neighbour's panic.
#[cold]
pub(crate) fn raise_thrown(payload: Box<dyn Any + Send>) -> ! {
    if std::thread::panicking() {
        current::with_context(|context| {
            context.panics.set(context.panics.get().saturating_add(1));
        });
    }
    panic::resume_unwind(payload);
}

/// What was known of panics when a strand was resumed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    was_panicking: bool,
    panics: u32,
    interrupts: u32,
}

impl Standing {
    #[inline(always)]
    pub(crate) fn of(context: &StackContext) -> Standing {
        Standing {
            was_panicking: std::thread::panicking(),
            panics: context.panics.get(),
            interrupts: context.interrupts.get(),
        }
    }

    /// Whether the strand unwinds now, given that `panicking()` is true: that may be on behalf of its
    /// resumer, or of a neighbour that is parked in a destructor. In doubt it does. What it misses: a
    /// `resume_unwind` of the body's own, or any panic under a hook of the user's, beside such another panic.
    /// A strand that suspends then leaves `panicking()` true for its OS thread, which is sound.
    #[cold]
    pub(crate) fn has_begun_to_unwind(self, context: &StackContext) -> bool {
        let is_seen =
            context.panics.get() != self.panics || context.interrupts.get() > self.interrupts;
        is_seen || !(self.was_panicking || is_neighbour_unwinding())
    }
}

#[cold]
fn is_own_panic() -> bool {
    let (interrupts, panics) =
        current::with_context(|context| (context.interrupts.get(), context.panics.get()));
    interrupts == 0 && (panics > 0 || !is_neighbour_unwinding())
}

fn is_neighbour_unwinding() -> bool {
    current::worker().is_some_and(|worker| worker.unwinding.get() > 0)
}
