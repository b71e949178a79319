//! The header of a task's slot: what everybody may know of a task, and who keeps it alive.
//!
//! Reference counted by hand: the scheduler holds one reference from spawn to the end (it travels
//! through the queues as a [`TaskPtr`]), each handle holds one ([`TaskRef`]). User data (closure,
//! result, locals) never dies with the last reference: it is dropped by the task itself or by its
//! handle, so the last reference may go on any thread, also on a scheduler's stack.
#![expect(
    unsafe_code,
    reason = "a hand-counted slot, reached through raw pointers"
)]

use super::locals::Locals;
use super::reason::ReasonCell;
use super::state::State;
use super::wait_queue::WaitQueue;
use super::watch::Watchers;
use crate::context::fiber::Fiber;
use crate::context::stack::StackSize;
use crate::sys::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence};
use crate::sys::lock::Lock;
use crate::sys::prefetch::prefetch;
use std::cell::Cell;
use std::panic::Location;
use std::ptr::{self, NonNull};

/// Operations that depend on the closure's and the result's types.
#[derive(Debug)]
pub(crate) struct VTable {
    /// On the task's own stack: runs the closure (or, cancelled, drops it) and stores the result.
    pub(crate) run: unsafe fn(NonNull<Header>),
    /// Moves the result to `*mut thread::Result<T>`.
    pub(crate) take_result: unsafe fn(NonNull<Header>, *mut ()),
    /// Drops the stored result in place.
    pub(crate) drop_result: unsafe fn(NonNull<Header>),
    /// Frees the slot's memory.
    pub(crate) free: unsafe fn(NonNull<Header>),
}

/// The type-independent part of a task's slot, at its start.
/// The fields that a park and a wake touch come first, side by side: with a thousand connections each
/// cache line more per message is time (see "Costs" in design.md).
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Header {
    /// See `task/state.rs`.
    pub(crate) state: State,
    /// Stack class, needed when the task first runs.
    pub(crate) stack_size: StackSize,
    /// Whether the task must run on `home` even though it has not started.
    pub(crate) is_pinned: bool,
    /// The stack and what is suspended on it; touched by the home worker only.
    pub(crate) fiber: Cell<Option<Fiber>>,
    /// What the task waits for.
    pub(crate) reason: ReasonCell,
    /// Where its stack will be touched first when it runs again; a hint, see `prefetch_stack`.
    pub(crate) resumes_at: Cell<*const u8>,
    id: u64,
    /// The worker that this task belongs to (`sched::Shared`); null until it starts or is pinned.
    /// Relaxed is enough: whoever wakes the task claimed it through `state`, which orders this.
    pub(crate) home: AtomicPtr<()>,
    /// Link of the inbox; owned by whoever owns the enqueued task.
    pub(crate) inbox_next: AtomicPtr<Header>,
    /// Its green-thread locals; touched by the task itself only, and empty when it is done.
    pub(crate) locals: Locals,
    refs: AtomicUsize,
    vtable: &'static VTable,
    /// Links of the home worker's list of started tasks; touched by that worker only.
    pub(crate) list_prev: Cell<*const Header>,
    pub(crate) list_next: Cell<*const Header>,
    /// Who waits for the task's end.
    pub(crate) joiners: Lock<WaitQueue>,
    /// Who is told of it besides.
    pub(crate) watchers: Watchers,
    name: Option<Box<str>>,
    spawned_at: &'static Location<'static>,
}

// SAFETY: the Cells and the locals are touched only by the task's home worker (or, before the first
// run, by the one thread that holds the queued task); every other field is atomic, locked or constant.
unsafe impl Sync for Header {}
// SAFETY: as above; no field is tied to the thread that made it.
unsafe impl Send for Header {}

/// Offset of the last of the hot fields.
const HOT_BYTES: usize = std::mem::offset_of!(Header, home);

/// Lines of a stack that a task touches at once when it runs on after a wait: the frames from the
/// switch up to the loop that tries again.
const RESUME_LINES: usize = 6;

/// Bits of an owner word that hold the id: 2^56 spawns take centuries.
pub(crate) const OWNER_ID_BITS: u32 = 56;

/// What a spawn fixes for the life of the task.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) name: Option<Box<str>>,
    pub(crate) spawned_at: &'static Location<'static>,
    pub(crate) stack_size: StackSize,
    /// The worker it is bound to from the start, or null.
    pub(crate) home: *mut (),
}

pub(crate) fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    // Relaxed: uniqueness is all that is asked for. 2^64 spawns take centuries.
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Header {
    /// A header with two references: the scheduler's and the handle's.
    pub(crate) fn new(vtable: &'static VTable, identity: Identity) -> Header {
        Header {
            refs: AtomicUsize::new(2),
            vtable,
            state: State::new(),
            stack_size: identity.stack_size,
            is_pinned: !identity.home.is_null(),
            home: AtomicPtr::new(identity.home),
            inbox_next: AtomicPtr::new(ptr::null_mut()),
            locals: Locals::new(),
            list_prev: Cell::new(ptr::null()),
            list_next: Cell::new(ptr::null()),
            fiber: Cell::new(None),
            reason: ReasonCell::new(),
            resumes_at: Cell::new(ptr::null()),
            joiners: Lock::new(WaitQueue::new()),
            watchers: Watchers::new(),
            id: next_id(),
            name: identity.name,
            spawned_at: identity.spawned_at,
        }
    }

    pub(crate) fn vtable(&self) -> &'static VTable {
        self.vtable
    }

    /// Unique in the process, never reused.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The id, and in the high byte a mark of the home worker: what a lock notes of its owner.
    ///
    /// Marks of two workers may be equal; they only decide whether spinning can help.
    #[inline]
    pub(crate) fn owner_word(&self) -> u64 {
        let home = self.home.load(Ordering::Relaxed).addr() as u64;
        self.id | ((home >> 6) | 0x80) << OWNER_ID_BITS
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(crate) fn spawned_at(&self) -> &'static Location<'static> {
        self.spawned_at
    }

    /// The task will be looked at soon.
    #[inline]
    pub(crate) fn prefetch(this: *const Header) {
        prefetch(this);
        // The hot fields straddle two lines if the slot is so aligned.
        prefetch(this.wrapping_byte_add(HOT_BYTES));
    }

    /// The task will run soon; by its home worker only, and after `prefetch` has had its time.
    #[inline]
    pub(crate) fn prefetch_stack(&self) {
        let Some(fiber) = self.fiber.get() else {
            return;
        };
        fiber.prefetch();
        let resumes_at = self.resumes_at.get();
        for line in 0..RESUME_LINES {
            prefetch(resumes_at.wrapping_add(line * 64));
        }
    }

    /// `'conn-17'` or `#42`: how messages name this task.
    pub(crate) fn label(&self) -> String {
        match self.name() {
            Some(name) => format!("'{name}'"),
            None => format!("#{}", self.id),
        }
    }
}

/// The scheduler's reference: owned by exactly one queue, or by the worker that runs the task.
///
/// Copying it would run a task twice, so it is neither `Clone` nor `Copy`; losing it leaks the task.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TaskPtr(NonNull<Header>);

// SAFETY: the queues hand a task from thread to thread only before it starts (its closure is Send, or
// it is pinned) or to its home worker.
unsafe impl Send for TaskPtr {}

impl TaskPtr {
    /// Takes over the scheduler's reference: right after spawn, or after `state` said "enqueue".
    pub(crate) fn new(header: NonNull<Header>) -> TaskPtr {
        TaskPtr(header)
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: the scheduler's reference keeps the slot alive.
        unsafe { self.0.as_ref() }
    }

    /// The raw pointer; the caller takes over the reference.
    pub(crate) fn into_raw(self) -> NonNull<Header> {
        self.0
    }

    /// Gives up the scheduler's reference, at the end of the task.
    pub(crate) fn release(self) {
        drop(TaskRef(self.0));
    }
}

/// A counted reference to a task's slot.
#[derive(Debug)]
pub(crate) struct TaskRef(NonNull<Header>);

// SAFETY: the count is atomic and the header is Sync; see `Header` for what the last reference drops.
unsafe impl Send for TaskRef {}
// SAFETY: as above.
unsafe impl Sync for TaskRef {}

impl TaskRef {
    /// Takes over one reference that is already counted.
    ///
    /// # Safety
    /// The caller owns a counted reference to a live slot and gives it up.
    pub(crate) unsafe fn from_counted(header: NonNull<Header>) -> TaskRef {
        TaskRef(header)
    }

    /// A further reference to a task that is known to be alive.
    pub(crate) fn of(header: &Header) -> TaskRef {
        // Relaxed: the caller's borrow proves that the count is not zero.
        header.refs.fetch_add(1, Ordering::Relaxed);
        TaskRef(NonNull::from(header))
    }

    pub(crate) fn header(&self) -> &Header {
        // SAFETY: this reference keeps the slot alive.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn as_ptr(&self) -> NonNull<Header> {
        self.0
    }
}

impl Clone for TaskRef {
    fn clone(&self) -> TaskRef {
        TaskRef::of(self.header())
    }
}

impl Drop for TaskRef {
    fn drop(&mut self) {
        // Release: what this owner did with the slot happens before it is freed.
        if self.header().refs.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        // Acquire: pairs with the Release above of every other owner.
        fence(Ordering::Acquire);
        let free = self.header().vtable.free;
        // SAFETY: the count is zero, so nobody else can reach the slot.
        unsafe { free(self.0) };
    }
}
