//! A strand: a fiber that runs inside the task or OS thread that resumes it, on a stack of its own.
//!
//! What generators and greenlets have in common. The scheduler knows nothing of strands: while one runs,
//! its task runs, and when it parks, its task parks, with all the stacks that are in the middle of something
//! staying as they are. Deadlines and shields that a body has set up are cut off when it suspends
//! (`park/segment`).
#![expect(unsafe_code, reason = "switches stacks")]

use crate::context::fiber::{Fiber, Step};
use crate::context::frames::StackContext;
use crate::context::overflow::StackOwner;
use crate::context::stack::StackSize;
use crate::park::panics::Standing;
use crate::park::segment::{Mark, Segment};
use crate::sched::{current, loan};
use crate::sys::fatal;
use std::io;
use std::mem;
use std::panic::{self, Location};

/// Larger bodies lie in a box: corosensei moves at most a kilobyte to a fresh stack...
const BODY_BYTES: usize = 512;

/// ...at this alignment.
const BODY_ALIGN: usize = 16;

/// Where a strand stood when it was resumed: says whether it may suspend. Lies in the resumer's frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Footing {
    context: *const StackContext,
    locks: Locks,
    standing: Standing,
}

/// How many sections of queues' locks are open, in which nothing may park. A strand that was made outside of
/// them may not be resumed inside, and the other way round: its body could have begun what must park before
/// it ends, a `thread::scope`, and come to that end where it may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Locks(u32);

impl Locks {
    #[inline(always)]
    pub(super) fn of(context: &StackContext) -> Locks {
        Locks(context.no_parking.get())
    }

    pub(super) fn now() -> Locks {
        current::with_context(Locks::of)
    }
}

/// Why a strand may not suspend, or be resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bar {
    /// In `Ord` or `Clone` of a queue's items: whoever runs next would find the queue locked.
    Locked,
    /// In a destructor that runs because the body unwinds: the panic would go on counting as the thread's,
    /// and nothing could be raised when the strand is dropped.
    Unwinding,
}

impl Footing {
    #[inline(always)]
    pub(super) fn new(context: &StackContext) -> Footing {
        Footing {
            context,
            locks: Locks::of(context),
            standing: Standing::of(context),
        }
    }

    /// Whether the strand that was resumed on it may suspend now.
    #[inline(always)]
    pub(super) fn check(&self) -> Result<(), Bar> {
        // SAFETY: the context of the task or OS thread that resumed the strand, and runs this.
        let context = unsafe { &*self.context };
        if Locks::of(context) != self.locks {
            return Err(Bar::Locked);
        }
        if std::thread::panicking() && self.standing.has_begun_to_unwind(context) {
            return Err(Bar::Unwinding);
        }
        Ok(())
    }
}

/// What the report of an overflow says of a strand: an [`identity`](current::identity) is odd for green
/// threads, whose numbers users know.
#[inline(always)]
pub(super) fn owner_of(owner: u64, made_at: &'static Location<'static>) -> StackOwner {
    let task = if owner & 1 == 1 { owner >> 1 } else { 0 };
    StackOwner::strand(task, made_at)
}

/// A strand that has not ended. Dropping it leaks the stack, with whatever lies on it.
#[derive(Debug)]
pub(super) struct Strand {
    fiber: Fiber,
    segment: Option<Segment>,
}

impl Strand {
    /// Moves `body` to a stack of its own; it runs from the first `resume` on.
    ///
    /// # Safety
    /// As [`Fiber::with_body`].
    ///
    /// # Errors
    /// No stack to be had.
    #[inline(always)]
    pub(super) unsafe fn new<F: FnOnce(Fiber)>(
        size: StackSize,
        owner: StackOwner,
        body: F,
    ) -> io::Result<Strand> {
        let stack = loan::take(size)?;
        let fiber = if const { size_of::<F>() <= BODY_BYTES && align_of::<F>() <= BODY_ALIGN } {
            // SAFETY: the caller's contract.
            unsafe { Fiber::with_body(stack, owner, body) }
        } else {
            // SAFETY: the caller's contract. The box is a body too.
            unsafe { Fiber::with_body(stack, owner, Box::new(body)) }
        };
        Ok(Strand {
            fiber,
            segment: None,
        })
    }

    /// Runs the strand until it suspends or ends; `mail` is what it finds in its mailbox.
    ///
    /// # Safety
    /// By the thread and task that made it, whose stack context `context` is; not from within itself, not
    /// after its end. What the body makes of `mail` must be true until it suspends.
    #[inline(always)]
    pub(super) unsafe fn resume(&mut self, context: &StackContext, mail: *mut ()) -> Step {
        let mark = Mark::new(context);
        // SAFETY: the mark lies in this frame until it is taken off: a fiber's resume does not unwind.
        unsafe { mark.put_on(context) };
        if let Some(segment) = self.segment.take() {
            // SAFETY: cut off from this strand, which is resumed next.
            unsafe { segment.attach(&mark, context) };
        }
        // SAFETY: not finished.
        unsafe { self.fiber.mailbox() }.set(mail);
        let must_not_unwind = AbortOnUnwind;
        // SAFETY: the caller's contract.
        let step = unsafe { self.fiber.resume() };
        mem::forget(must_not_unwind);
        if !mark.is_alone(context) {
            self.segment = Some(mark.cut(context));
        }
        mark.take_off(context);
        step
    }

    /// What its body suspends by.
    pub(super) fn fiber(&self) -> Fiber {
        self.fiber
    }

    /// After its end: gives the stack back.
    ///
    /// # Safety
    /// `resume` returned `Finished`.
    pub(super) unsafe fn finish(self) {
        // SAFETY: the caller's contract.
        loan::give(unsafe { self.fiber.finish() });
    }

    /// Drops the body of a strand that was never resumed; runs user code.
    ///
    /// # Panics
    /// Re-raises a panic of the body's destructors.
    ///
    /// # Safety
    /// It was not resumed.
    pub(super) unsafe fn discard(self) {
        // SAFETY: the caller's contract.
        let (stack, outcome) = unsafe { self.fiber.discard() };
        loan::give(stack);
        if let Err(payload) = outcome {
            panic::resume_unwind(payload);
        }
    }
}

/// A body that unwinds would leave the mark in the chain of frames. None does: they are run in a `catch_unwind`.
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        fatal::abort(format_args!(
            "greenroom: the root of a generator or greenlet has unwound"
        ));
    }
}
