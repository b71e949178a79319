//! The part of a stack context that belongs to a strand: a generator's or greenlet's stack inside a task.
//!
//! While a strand runs, its `timeout` frames and shields lie on top of its resumer's, in one chain: a
//! deadline around `next()` ends a wait inside the body too. When the strand suspends, its part is cut off
//! and kept, so that the resumer does not see it; when it is resumed, maybe under other frames, the part is
//! put on top of those. Nearly always there is none, and then cutting off is two comparisons.
//!
//! ```text
//!   resumer:  mark ─► frame B ─► frame A ─► null       the mark lies in the frame of `resume`
//!   strand:   frame D ─► frame C ─► (mark)             its own; (mark) is set anew each time
//! ```
//! The mark is a frame without a deadline. Rejected: to remember where the resumer stood. Strands nest, and
//! an inner one is suspended together with the outer whose stack it was resumed on: what it remembers would
//! be stale after the outer one's return under other frames, while a mark is relinked like any frame.
#![expect(unsafe_code, reason = "frames are linked through stacks")]

use super::interrupt::refresh_deadline;
use crate::context::frames::{Frame, StackContext};
use crate::sys::clock::NEVER_NS;
use std::cell::Cell;
use std::ptr;

/// Where the resumer stands; lies in its frame while the strand runs.
#[derive(Debug)]
pub(crate) struct Mark(Frame);

/// What a suspended strand has set up on its own stack.
#[derive(Debug)]
pub(crate) struct Segment {
    innermost: *const Frame,
    /// Shields of its own.
    shields: u32,
    /// How many were up below it.
    shields_below: u32,
    /// The mark that its outermost frame is linked to; compared, never dereferenced.
    mark: *const Frame,
}

impl Mark {
    #[inline]
    pub(crate) fn new(context: &StackContext) -> Mark {
        Mark(Frame {
            deadline_ns: NEVER_NS,
            shield: Cell::new(context.shield.get()),
            outer: Cell::new(context.innermost.get()),
        })
    }

    /// Before the switch: puts the mark on top.
    ///
    /// # Safety
    /// The mark stays where it is until [`Mark::take_off`].
    #[inline]
    pub(crate) unsafe fn put_on(&self, context: &StackContext) {
        context.innermost.set(&raw const self.0);
    }

    /// After the switch: whether the strand has left nothing above the mark.
    #[inline]
    pub(crate) fn is_alone(&self, context: &StackContext) -> bool {
        ptr::eq(context.innermost.get(), &raw const self.0)
            && context.shield.get() == self.0.shield.get()
    }

    /// What lies above the mark, cut off.
    #[cold]
    pub(crate) fn cut(&self, context: &StackContext) -> Segment {
        let mark = &raw const self.0;
        let shields_below = self.0.shield.get();
        let segment = Segment {
            innermost: context.innermost.replace(mark),
            shields: context.shield.replace(shields_below) - shields_below,
            shields_below,
            mark,
        };
        refresh_deadline(context);
        segment
    }

    /// The resumer's context again.
    #[inline]
    pub(crate) fn take_off(&self, context: &StackContext) {
        context.innermost.set(self.0.outer.get());
    }
}

impl Segment {
    /// Puts it on top of a mark that was put on.
    ///
    /// # Safety
    /// It was cut off from the strand that is resumed next.
    #[cold]
    pub(crate) unsafe fn attach(self, mark: &Mark, context: &StackContext) {
        let below = mark.0.shield.get();
        let mark = &raw const mark.0;
        let mut next = self.innermost;
        let mut link = None;
        while !ptr::eq(next, self.mark) {
            // SAFETY: a frame of the strand's, or the mark of a strand that it has resumed: it belongs to a
            // call on the suspended stacks, which has not returned.
            let frame = unsafe { &*next };
            frame
                .shield
                .set(frame.shield.get() - self.shields_below + below);
            link = Some(&frame.outer);
            next = frame.outer.get();
        }
        match link {
            Some(outermost) => {
                outermost.set(mark);
                context.innermost.set(self.innermost);
            }
            None => context.innermost.set(mark),
        }
        context.shield.set(below + self.shields);
        refresh_deadline(context);
    }
}
