//! What belongs to a stack rather than to a task: deadlines in force, and shields.
//!
//! A `timeout` frame lies on the stack of the function that set it and is linked here; a shield hides
//! outer frames and cancellation. Kept per stack, because a generator running on its own stack inside
//! a task must not see the task's frames half-way. OS threads have one such record each.

use crate::sys::clock::NEVER_NS;
use std::cell::Cell;
use std::ptr;

/// One `timeout` call in progress. The cells change when a generator's stack that the frame lies on is
/// resumed by somebody else than before.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) deadline_ns: u64,
    /// How many shields were up when it was set: deeper shields hide it.
    pub(crate) shield: Cell<u32>,
    pub(crate) outer: Cell<*const Frame>,
}

/// The deadlines and shields of one stack. The fields that every parking call looks at come first.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct StackContext {
    /// The earliest deadline of the frames that no shield hides; kept up to date by `park/interrupt`.
    pub(crate) deadline_ns: Cell<u64>,
    pub(crate) shield: Cell<u32>,
    /// How many sections are open that must not park; see `interrupt::forbid_parking`.
    pub(crate) no_parking: Cell<u32>,
    // Every parking call looks at what is above: it shares a cache line with what a switch touches. What
    // follows does not.
    pub(crate) innermost: Cell<*const Frame>,
    /// Payloads of interrupts that unwind this stack; see `park/panics`.
    pub(crate) interrupts: Cell<u32>,
    /// Panics that began on this stack, as far as the panic hook saw them.
    pub(crate) panics: Cell<u32>,
    /// State of the generator behind fair selects; 0: not seeded yet.
    pub(crate) random: Cell<u32>,
}

impl StackContext {
    pub(crate) const fn new() -> StackContext {
        StackContext {
            deadline_ns: Cell::new(NEVER_NS),
            shield: Cell::new(0),
            interrupts: Cell::new(0),
            innermost: Cell::new(ptr::null()),
            panics: Cell::new(0),
            no_parking: Cell::new(0),
            random: Cell::new(0),
        }
    }
}
