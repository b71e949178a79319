//! A fiber: a function on a stack of its own that can be suspended. The only file that names corosensei.
//!
//! ```text
//!   slot end  ─► +----------------------+
//!                |      (colour)        |  0–448 B, staggers the tops over cache sets
//!                +----------------------+
//!                | Record               |  192 B: owner (for the overflow report), coroutine,
//!                +----------------------+        stack handle, deadlines
//!   top       ─► | frames, downwards    |
//!                |        ...           |  untouched pages cost nothing
//!                +----------------------+
//!                | guard                |  a touch is SIGSEGV, reported by `overflow`
//!   slot low  ─► +----------------------+
//! ```
//! The record lies on the stack's own first page, so a parked fiber costs exactly that page.
//! One function resumes (`resume`, called by the worker loop and by strands of generators and greenlets),
//! one suspends (`suspend`).
//! corosensei's forced unwinding is never used: a suspended fiber is resumed until it ends, or leaked.
#![expect(
    unsafe_code,
    reason = "switches stacks and places a record at their top"
)]

use super::frames::StackContext;
use super::overflow::StackOwner;
use super::stack::{RECORD_BYTES, Stack};
use crate::sys::prefetch::prefetch;
use corosensei::stack::{Stack as CorosenseiStack, StackPointer};
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::cell::Cell;
use std::mem::{MaybeUninit, offset_of};
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;
use std::thread;

/// The bounds of a stack, as corosensei wants them.
struct Bounds {
    top: StackPointer,
    limit: StackPointer,
}

// SAFETY: both come from a `Stack` that the record keeps until the coroutine is finished: `top` is
// 16-aligned, `limit` is the low end of the guard, and there is far more than one page between them.
unsafe impl CorosenseiStack for Bounds {
    fn base(&self) -> StackPointer {
        self.top
    }

    fn limit(&self) -> StackPointer {
        self.limit
    }
}

type Switch = Coroutine<(), (), (), Bounds>;

/// What lies at the top of each attached stack. One cache line for the report, one for the words that
/// a switch and a parking call touch, one for the rest.
#[repr(C)]
struct Record {
    /// First: the overflow report finds it by address alone.
    owner: OwnerLine,
    coroutine: MaybeUninit<Switch>,
    yielder: Cell<*const Yielder<(), ()>>,
    context: StackContext,
    stack: MaybeUninit<Stack>,
    /// What resumer and fiber pass each other; a task has no use for it.
    mailbox: Cell<*mut ()>,
}

#[repr(C, align(64))]
struct OwnerLine(StackOwner);

const _: () = assert!(
    size_of::<Record>() <= RECORD_BYTES,
    "the record must fit its place"
);

const _: () = assert!(
    offset_of!(Record, context) + offset_of!(StackContext, innermost) <= 128,
    "what a parking call looks at must lie in the second line of the record"
);

/// What `resume` came back with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Suspended,
    Finished,
}

/// A started fiber; a plain pointer, owned by the worker that started it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fiber(NonNull<Record>);

/// The function a fiber runs.
pub(crate) type Entry = unsafe fn(*mut ());

impl Fiber {
    /// Prepares `entry(argument)` on `stack`; it runs at the first `resume`.
    ///
    /// # Safety
    /// `entry` may be called with `argument` on this thread and does not unwind. What `owner` points
    /// to lives until `finish`.
    pub(crate) unsafe fn new(
        stack: Stack,
        owner: StackOwner,
        entry: Entry,
        argument: *mut (),
    ) -> Fiber {
        // SAFETY: the caller's contract; what the closure holds is plain words.
        unsafe { Fiber::with_body(stack, owner, move |_| begin(entry, argument)) }
    }

    /// Prepares `body` on `stack`, which it is moved to; it is given its own fiber.
    ///
    /// # Safety
    /// `body` does not unwind, and what it borrows lives until it has ended or was discarded; if it is
    /// lost, for ever. What `owner` points to lives until `finish`.
    #[inline]
    pub(crate) unsafe fn with_body(
        stack: Stack,
        owner: StackOwner,
        body: impl FnOnce(Fiber),
    ) -> Fiber {
        let bound = |address| StackPointer::new(address).expect("because no stack is at address 0");
        let bounds = Bounds {
            top: bound(stack.top()),
            limit: bound(stack.limit()),
        };
        let place = std::ptr::with_exposed_provenance_mut::<Record>(stack.record_addr());
        let record = NonNull::new(place).expect("because no stack is at address 0");
        // SAFETY: `top()` leaves RECORD_BYTES of the slot above it for this record, aligned, and the
        // slot belongs to us through `stack`.
        unsafe {
            record.write(Record {
                owner: OwnerLine(owner),
                coroutine: MaybeUninit::uninit(),
                stack: MaybeUninit::new(stack),
                yielder: Cell::new(std::ptr::null()),
                context: StackContext::new(),
                mailbox: Cell::new(std::ptr::null_mut()),
            });
        };
        let fiber = Fiber(record);
        let first = move |yielder: &Yielder<(), ()>, ()| {
            // SAFETY: the record outlives the coroutine, which runs inside it.
            unsafe { fiber.0.as_ref() }.yielder.set(yielder);
            body(fiber);
        };
        // SAFETY: the caller's contract.
        let switch: Switch = unsafe { Coroutine::with_stack_unchecked(bounds, first) };
        // SAFETY: the record was written above; nobody else has the fiber yet.
        let record = unsafe { &mut *fiber.0.as_ptr() };
        record.coroutine.write(switch);
        fiber
    }

    /// Runs the fiber until it suspends or ends.
    ///
    /// # Safety
    /// By the thread that made it, not from within itself, and not after `Finished`.
    #[inline]
    pub(crate) unsafe fn resume(self) -> Step {
        // SAFETY: the place is computed, nothing is read.
        let field = unsafe { &raw mut (*self.0.as_ptr()).coroutine };
        // SAFETY: initialised in `new` (`MaybeUninit<T>` is laid out as `T`); while the fiber runs it
        // touches other fields of the record only, so this is the one reference to it.
        let coroutine = unsafe { &mut *field.cast::<Switch>() };
        match coroutine.resume(()) {
            CoroutineResult::Yield(()) => Step::Suspended,
            CoroutineResult::Return(()) => Step::Finished,
        }
    }

    /// It will be resumed soon.
    #[inline]
    pub(crate) fn prefetch(self) {
        // The second line: coroutine, yielder, deadlines.
        prefetch(self.0.as_ptr().wrapping_byte_add(64));
    }

    /// Goes back to the resumer; returns at the next `resume`.
    ///
    /// # Safety
    /// Called on this fiber's own stack.
    #[inline]
    pub(crate) unsafe fn suspend(self) {
        // SAFETY: the fiber is running, so its record is alive and the yielder was set at its start.
        let yielder = unsafe { self.0.as_ref() }.yielder.get();
        // SAFETY: corosensei's yielder stays where it is until the coroutine's function returns.
        unsafe { &*yielder }.suspend(());
    }

    /// Gives the stack back.
    ///
    /// # Safety
    /// `resume` returned `Finished`; the fiber is not used again.
    #[inline]
    pub(crate) unsafe fn finish(self) -> Stack {
        // SAFETY: nothing runs on the stack any more, so the record is ours alone.
        let record = unsafe { self.0.as_ref() };
        // SAFETY: initialised in `new`, read once.
        let coroutine = unsafe { record.coroutine.assume_init_read() };
        debug_assert!(coroutine.done());
        drop(coroutine);
        record.owner.0.clear();
        // SAFETY: initialised in `new`, read once.
        unsafe { record.stack.assume_init_read() }
    }

    /// Drops the body of a fiber that was never resumed, and gives the stack back, and how that ended: it
    /// runs user code.
    ///
    /// # Safety
    /// It was not resumed, and is not used again.
    pub(crate) unsafe fn discard(self) -> (Stack, thread::Result<()>) {
        // SAFETY: nothing runs on the stack, so the record is ours alone.
        let record = unsafe { self.0.as_ref() };
        // SAFETY: initialised in `with_body`, read once.
        let mut coroutine = unsafe { record.coroutine.assume_init_read() };
        debug_assert!(!coroutine.started());
        // Subtle: drops the body where it lies. `drop` would do so too, and make a panic an abort.
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| coroutine.force_unwind()));
        // SAFETY: nothing is left of the body: a destructor that panics does not keep the others from
        // being run.
        unsafe { coroutine.force_reset() };
        drop(coroutine);
        record.owner.0.clear();
        // SAFETY: initialised in `with_body`, read once.
        (unsafe { record.stack.assume_init_read() }, outcome)
    }

    /// What resumer and fiber pass each other, a pointer into the frame of whoever wrote it.
    ///
    /// # Safety
    /// The fiber is not finished, and the reference does not outlive it.
    #[inline]
    pub(crate) unsafe fn mailbox<'a>(self) -> &'a Cell<*mut ()> {
        // SAFETY: the caller's contract.
        let record = unsafe { self.0.as_ref() };
        &record.mailbox
    }

    /// Deadlines and shields of this stack.
    ///
    /// # Safety
    /// The fiber is not finished, and the reference does not outlive it.
    pub(crate) unsafe fn context<'a>(self) -> &'a StackContext {
        // SAFETY: the caller's contract.
        let record = unsafe { self.0.as_ref() };
        &record.context
    }
}

/// Runs `f` on `stack` and comes back when it has ended; a panic goes on in the caller.
///
/// Parking inside works: the frames below stay in place, and the worker resumes into `f`.
pub(crate) fn call_on<R>(stack: Stack, owner: StackOwner, f: impl FnOnce() -> R) -> (Stack, R) {
    struct Return {
        record: NonNull<StackOwner>,
        stack: Option<Stack>,
        give_back: fn(Stack),
    }
    impl Drop for Return {
        fn drop(&mut self) {
            // SAFETY: the record was written below and the stack is still ours.
            unsafe { self.record.as_ref() }.clear();
            if let Some(stack) = self.stack.take() {
                (self.give_back)(stack);
            }
        }
    }
    let bound = |address| StackPointer::new(address).expect("because no stack is at address 0");
    let bounds = Bounds {
        top: bound(stack.top()),
        limit: bound(stack.limit()),
    };
    let place = std::ptr::with_exposed_provenance_mut::<StackOwner>(stack.record_addr());
    let record = NonNull::new(place).expect("because no stack is at address 0");
    // SAFETY: `top()` leaves RECORD_BYTES above it, and the owner is the first part of a record.
    unsafe { record.write(owner) };
    let mut back = Return {
        record,
        stack: Some(stack),
        give_back: super::stack::give_shared,
    };
    let value = corosensei::on_stack(bounds, f);
    let stack = back.stack.take().expect("because it was put there above");
    drop(back);
    (stack, value)
}

/// The outermost user frame. The name makes std's short backtraces end here.
#[inline(never)]
fn __rust_begin_short_backtrace(entry: Entry, argument: *mut ()) {
    // SAFETY: the contract of `Fiber::new`.
    unsafe { entry(argument) };
    // Keeps the call above from becoming a tail call, which would lose this frame.
    std::hint::black_box(());
}

fn begin(entry: Entry, argument: *mut ()) {
    __rust_begin_short_backtrace(entry, argument);
}
