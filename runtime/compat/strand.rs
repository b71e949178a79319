//! A strand: a fiber that runs inside the task or OS thread that resumes it, on a stack of its own.
//!
//! What generators and greenlets have in common. The scheduler knows nothing of strands: while one runs,
//! its task runs, and when it parks, its task parks, with all the stacks that are in the middle of something
//! staying as they are. Deadlines and shields that a body has set up are cut off when it suspends
//! (`park/segment`).
#![expect(unsafe_code, reason = "switches stacks")]

use crate::context::fiber::{Fiber, Step};
use crate::context::overflow::StackOwner;
use crate::context::stack::StackSize;
use crate::park::segment::{Mark, Segment};
use crate::sched::{current, loan};
use std::io;

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
    #[inline]
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
    /// By the thread and task that made it, not from within itself, not after its end. What the body makes
    /// of `mail` must be true until it suspends.
    #[inline]
    pub(super) unsafe fn resume(&mut self, mail: *mut ()) -> Step {
        current::with_context(|context| {
            let mark = Mark::new(context);
            let segment = self.segment.take();
            // SAFETY: the mark lies in this frame until it is taken off: a fiber's resume does not unwind.
            unsafe { mark.put_on(context, segment) };
            // SAFETY: not finished.
            unsafe { self.fiber.mailbox() }.set(mail);
            // SAFETY: the caller's contract.
            let step = unsafe { self.fiber.resume() };
            self.segment = mark.take_off(context);
            step
        })
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
    /// # Safety
    /// It was not resumed.
    pub(super) unsafe fn discard(self) {
        // SAFETY: the caller's contract.
        loan::give(unsafe { self.fiber.discard() });
    }
}
