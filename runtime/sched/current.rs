//! Who runs on this OS thread: the only use of std's `thread_local!` in the library.
//!
//! Two plain cells for workers (constant, no destructor: reading them is one load), and for ordinary
//! OS threads their deadlines, their parking handle and their greenroom locals. Tasks never migrate, so
//! a compiler that keeps a thread-local's address across a park is right to do so.
#![expect(unsafe_code, reason = "the worker and the task are reached by pointer")]

use super::hook;
use super::worker::Worker;
use crate::context::fiber::Fiber;
use crate::context::frames::StackContext;
use crate::context::overflow;
use crate::sys::signals::Mask;
use crate::sys::sigsegv::AlternateStack;
use crate::task::Header;
use crate::task::header::{OWNER_ID_BITS, next_id};
use crate::task::locals::Locals;
use std::cell::{Cell, OnceCell};
use std::io;
use std::ptr;
use std::sync::Arc;

struct Current {
    worker: Cell<*const Worker>,
    task: Cell<*const Header>,
}

std::thread_local! {
    static CURRENT: Current =
        const { Current { worker: Cell::new(ptr::null()), task: Cell::new(ptr::null()) } };
    static OS_CONTEXT: StackContext = const { StackContext::new() };
    static OS_NUMBER: Cell<u64> = const { Cell::new(0) };
    static OS_THREAD: OnceCell<Arc<dyn std::any::Any + Send + Sync>> = const { OnceCell::new() };
    static OS_USERS_MASK: Cell<Option<Mask>> = const { Cell::new(None) };
    static OS_STRANDS: Cell<u64> = const { Cell::new(UNPREPARED) };
    static OS_STRANDS_END: OsStrandsEnd = const { OsStrandsEnd(OnceCell::new()) };
    static OS_LOCALS: Locals = const { Locals::new() };
    static OS_LOCALS_END: OsLocalsEnd = const { OsLocalsEnd };
}

/// Destroys the locals of an OS thread as the thread ends. Not a destructor of `OS_LOCALS` itself: that
/// would be out of reach while it runs, and destructors may use keys that are still alive.
struct OsLocalsEnd;

impl Drop for OsLocalsEnd {
    fn drop(&mut self) {
        OS_LOCALS.with(Locals::destroy);
    }
}

/// An OS thread that has made no strand (generator or greenlet) yet...
const UNPREPARED: u64 = 0;

/// ...and one that destroys its thread-locals: strands may hold borrows of those.
const ENDING: u64 = u64::MAX;

/// What an OS thread needs to run strands, and the end of that.
struct OsStrandsEnd(OnceCell<Option<AlternateStack>>);

impl Drop for OsStrandsEnd {
    fn drop(&mut self) {
        OS_STRANDS.set(ENDING);
    }
}

/// The worker of this OS thread, if it is one.
///
/// The lifetime is the caller's: a worker outlives every task that runs on it.
#[inline]
pub(crate) fn worker<'a>() -> Option<&'a Worker> {
    // SAFETY: set by `enter` for as long as the worker's loop runs; the loop ends only when no task
    // is left that could call this, and the worker's own code does not keep the reference.
    CURRENT.with(|current| unsafe { current.worker.get().as_ref() })
}

/// The task that runs now, if any.
#[inline]
pub(crate) fn task<'a>() -> Option<&'a Header> {
    // SAFETY: set while the task runs; only code on its stack calls this, so it is alive.
    CURRENT.with(|current| unsafe { current.task.get().as_ref() })
}

/// The signal mask that child processes inherit, if this thread is one of ours and has another.
pub(crate) fn users_mask() -> Option<Mask> {
    worker().map_or_else(|| OS_USERS_MASK.get(), |worker| Some(worker.users_mask))
}

/// Makes this thread one of ours, with the mask of whoever started it.
pub(crate) fn set_users_mask(mask: Option<Mask>) {
    OS_USERS_MASK.set(mask);
}

/// The fiber that runs now, if any.
#[inline]
pub(crate) fn fiber() -> Option<Fiber> {
    task().and_then(|task| task.fiber.get())
}

/// Whoever runs now, as a lock notes its owner; 0 for an OS thread.
#[inline]
pub(crate) fn owner_word() -> u64 {
    task().map_or(0, Header::owner_word)
}

/// Whoever runs now, by a number that nobody else ever has: odd for a green thread, even for an OS
/// thread. Never 0.
#[inline]
pub(crate) fn identity() -> u64 {
    match task() {
        Some(task) => task.id() << 1 | 1,
        None => os_number() << 1,
    }
}

/// Whoever runs now, as the owner of strands: an [`identity`], or a number that owns none.
#[inline]
pub(crate) fn strand_owner() -> u64 {
    match task() {
        Some(task) => task.id() << 1 | 1,
        None => OS_STRANDS.get(),
    }
}

/// Before a strand is made: overflows on it must be reported, also on an OS thread. Returns its owner.
///
/// # Errors
/// On an OS thread that destroys its thread-locals, and those of sigaction(2) and sigaltstack(2).
#[inline]
pub(crate) fn prepare_strands() -> io::Result<u64> {
    match strand_owner() {
        UNPREPARED | ENDING => prepare_os_thread(),
        owner => Ok(owner),
    }
}

#[cold]
fn prepare_os_thread() -> io::Result<u64> {
    // It counts panics: whether a body unwinds must be known also where no runtime has started.
    hook::install();
    overflow::install()?;
    let alternate = overflow::prepare_thread()?;
    if OS_STRANDS_END.try_with(|end| end.0.set(alternate)).is_err() {
        return Err(io::Error::other(
            "no generator or greenlet can be made by an OS thread that destroys its thread-locals",
        ));
    }
    OS_STRANDS.set(identity());
    Ok(identity())
}

/// This OS thread's number, from the same count as the ids of tasks.
fn os_number() -> u64 {
    OS_NUMBER.with(|number| {
        if number.get() == 0 {
            number.set(next_id());
        }
        number.get()
    })
}

/// Whether an owner (or a waiter) is a task of the worker that runs this: then it cannot be running.
pub(crate) fn is_of_this_worker(owner_word: u64) -> bool {
    owner_word >> OWNER_ID_BITS == self::owner_word() >> OWNER_ID_BITS && owner_word != 0
}

/// Counts the runs of this worker: equal as long as a task has not switched. 0 on an OS thread.
#[inline]
pub(crate) fn run_number() -> u32 {
    worker().map_or(0, Worker::run_number)
}

/// Notes which task runs; null for none.
#[inline]
pub(super) fn set_task(task: *const Header) {
    CURRENT.with(|current| current.task.set(task));
}

/// Makes this OS thread a worker while `body` runs.
pub(super) fn enter(worker: &Worker, body: impl FnOnce()) {
    CURRENT.with(|current| current.worker.set(worker));
    body();
    CURRENT.with(|current| current.worker.set(ptr::null()));
}

/// Deadlines and shields of the stack that runs now.
#[inline]
pub(crate) fn with_context<R>(body: impl FnOnce(&StackContext) -> R) -> R {
    match fiber() {
        // SAFETY: it is the running fiber's, which is not finished while it runs this.
        Some(fiber) => body(unsafe { fiber.context() }),
        None => OS_CONTEXT.with(body),
    }
}

/// The stack context of whoever runs now; it stays in place as long as the task or OS thread runs.
#[inline]
pub(crate) fn context() -> *const StackContext {
    with_context(ptr::from_ref)
}

/// The locals of the task or OS thread that runs now. `None`: the OS thread has destroyed its own.
#[inline]
pub(crate) fn with_locals<R>(body: impl FnOnce(&Locals) -> R) -> Option<R> {
    if let Some(task) = task() {
        return Some(body(&task.locals));
    }
    OS_LOCALS.with(|locals| {
        // The first use arms the end. After it there is no map and `try_with` fails; during it there is
        // a map, so destructors may go on.
        if locals.is_unused() && OS_LOCALS_END.try_with(|_| ()).is_err() {
            return None;
        }
        Some(body(locals))
    })
}

/// This OS thread's handle object, made on first use. `None` while the thread's locals are destroyed.
pub(crate) fn os_thread<T: Send + Sync + 'static>(make: impl FnOnce() -> T) -> Option<Arc<T>> {
    OS_THREAD
        .try_with(|cell| {
            Arc::clone(cell.get_or_init(|| Arc::new(make())))
                .downcast::<T>()
                .ok()
        })
        .ok()
        .flatten()
}
