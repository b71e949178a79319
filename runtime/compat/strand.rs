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
use crate::park::segment::{Mark, Segment};
use crate::sched::loan;
use std::io;
use std::panic;

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
    pub(super) unsafe fn new(
        size: StackSize,
        owner: StackOwner,
        body: impl FnOnce(Fiber),
    ) -> io::Result<Strand> {
        let stack = loan::take(size)?;
        Ok(Strand {
            // SAFETY: the caller's contract.
            fiber: unsafe { Fiber::with_body(stack, owner, body) },
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
        // SAFETY: the caller's contract.
        let step = unsafe { self.fiber.resume() };
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
