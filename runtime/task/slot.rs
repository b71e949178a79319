//! The slot of one task: header, then the closure until it runs, then the result until it is taken.
//!
//! One allocation per spawn. The only file that knows a task's types; everything else goes through
//! the header's table of functions.
#![expect(
    unsafe_code,
    reason = "a slot that changes its content, reached by a raw pointer"
)]

use super::header::{Header, Identity, TaskPtr, TaskRef, VTable};
use crate::sys::fatal;
use std::any::Any;
use std::cell::UnsafeCell;
use std::mem::{self, ManuallyDrop};
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;

/// What a task yields to its joiner; std's `thread::Result`.
///
/// # Examples
/// ```
/// let handle = greenroom::thread::spawn(|| 6 * 7);
/// let result: greenroom::thread::Result<i32> = handle.join();
/// assert_eq!(result.unwrap(), 42);
/// ```
pub type Result<T> = std::result::Result<T, Box<dyn Any + Send + 'static>>;

/// `repr(C)`: both begin where the union does, so a pointer to it is a pointer to either.
#[repr(C)]
union Body<F, T> {
    closure: ManuallyDrop<F>,
    /// Only written and read through a pointer.
    _result: ManuallyDrop<Result<T>>,
}

#[repr(C)]
struct Slot<F, T> {
    header: Header,
    body: UnsafeCell<Body<F, T>>,
}

/// Called on the task's own stack around the user's closure; lives above this rank.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    /// Turns the private payload of a cancellation into what `join` shows.
    pub(crate) translate: fn(Box<dyn Any + Send>) -> Box<dyn Any + Send>,
    /// What `join` shows of a task that was cancelled before it ran.
    pub(crate) cancelled: fn() -> Box<dyn Any + Send>,
    /// Masks cancellation for the rest of the task: destructors at its end run to their end.
    pub(crate) shield: fn(),
}

/// Supplies the [`Frame`]; a trait so that the table of functions stays a constant.
pub(crate) trait Root {
    /// The functions of the layer above.
    const FRAME: Frame;
}

/// Makes a slot with two references: the scheduler's, and the handle's.
///
/// # Safety
/// The caller keeps what `F` and `T` borrow alive until the task is done.
pub(crate) unsafe fn create<F, T, R>(identity: Identity, closure: F) -> (TaskPtr, TaskRef)
where
    F: FnOnce() -> T,
    R: Root,
{
    let slot = Box::new(Slot::<F, T> {
        header: Header::new(const { &vtable::<F, T, R>() }, identity),
        body: UnsafeCell::new(Body {
            closure: ManuallyDrop::new(closure),
        }),
    });
    let header = NonNull::from(Box::leak(slot)).cast::<Header>();
    // SAFETY: a new header counts two references; one is taken here, one by the TaskPtr.
    let handle = unsafe { TaskRef::from_counted(header) };
    (TaskPtr::new(header), handle)
}

const fn vtable<F, T, R>() -> VTable
where
    F: FnOnce() -> T,
    R: Root,
{
    VTable {
        run: run::<F, T, R>,
        take_result: take_result::<F, T>,
        drop_result: drop_result::<F, T>,
        free: free::<F, T>,
    }
}

/// # Safety
/// `header` is the start of a live `Slot<F, T>` of exactly these types.
unsafe fn body<'a, F, T>(header: NonNull<Header>) -> *mut Body<F, T>
where
    F: 'a,
    T: 'a,
{
    let slot = header.cast::<Slot<F, T>>().as_ptr();
    // SAFETY: the caller's contract; only the place is computed, nothing is read.
    let cell = unsafe { &raw const (*slot).body };
    UnsafeCell::raw_get(cell)
}

/// # Safety
/// Called once, on the task's own stack, while the slot holds the closure.
unsafe fn run<F, T, R>(header: NonNull<Header>)
where
    F: FnOnce() -> T,
    R: Root,
{
    // SAFETY: the table was made for these types.
    let place = unsafe { body::<F, T>(header) };
    // SAFETY: the slot holds the closure, and it is read once.
    let closure = unsafe { place.cast::<F>().read() };
    // SAFETY: the scheduler's reference keeps the header alive while the task runs.
    let head = unsafe { header.as_ref() };
    let result = if head.state.is_cancelled() {
        // A cancelled task that never ran still drops its closure here, on a green stack of its own
        // worker: drops may park, and a local closure may touch only its own worker.
        (R::FRAME.shield)();
        let dropped = panic::catch_unwind(AssertUnwindSafe(|| drop(closure)));
        Err(dropped.err().unwrap_or_else(R::FRAME.cancelled))
    } else {
        panic::catch_unwind(AssertUnwindSafe(closure)).map_err(R::FRAME.translate)
    };
    // SAFETY: the closure was moved out above; nobody reads the place before RESULT_READY.
    unsafe { place.cast::<Result<T>>().write(result) };
    if !head.state.publish_result() {
        (R::FRAME.shield)();
        // SAFETY: the result was just written, and no handle is left that could take it.
        unsafe { drop_result::<F, T>(header) };
    }
    // Last, so that all of the above may use them; before DONE, so that `join` waits for them.
    if !head.locals.is_unused() {
        (R::FRAME.shield)();
        head.locals.destroy();
    }
}

/// # Safety
/// The slot holds a result that nobody has taken; `into` is a valid `*mut Result<T>`.
unsafe fn take_result<F, T>(header: NonNull<Header>, into: *mut ()) {
    // SAFETY: the table was made for these types.
    let place = unsafe { body::<F, T>(header) };
    // SAFETY: the caller's contract: the result is there and is read once.
    let result = unsafe { place.cast::<Result<T>>().read() };
    // SAFETY: the caller's contract on `into`.
    unsafe { into.cast::<Result<T>>().write(result) };
}

/// # Safety
/// The slot holds a result that nobody has taken.
unsafe fn drop_result<F, T>(header: NonNull<Header>) {
    // SAFETY: the table was made for these types.
    let place = unsafe { body::<F, T>(header) };
    // SAFETY: the caller's contract: the result is there and is read once.
    let result = unsafe { place.cast::<Result<T>>().read() };
    if panic::catch_unwind(AssertUnwindSafe(|| drop(result))).is_err() {
        // As std: a result whose destructor panics cannot be reported to anybody.
        fatal::abort(format_args!(
            "fatal runtime error: green thread result panicked on drop, aborting"
        ));
    }
}

/// # Safety
/// No reference to the slot is left, and closure and result have been moved out or dropped.
unsafe fn free<F, T>(header: NonNull<Header>) {
    // SAFETY: made by `Box` in `create` for these types; the union drops nothing by itself.
    drop(unsafe { Box::from_raw(header.cast::<Slot<F, T>>().as_ptr()) });
}

/// Moves the result out of a finished task's slot.
///
/// # Safety
/// The task is done, `T` is its result type, and the result is taken once.
pub(crate) unsafe fn take<T>(task: &TaskRef) -> Result<T> {
    let mut result = mem::MaybeUninit::<Result<T>>::uninit();
    let take_result = task.header().vtable().take_result;
    // SAFETY: the caller's contract, and `result` has room.
    unsafe { take_result(task.as_ptr(), result.as_mut_ptr().cast()) };
    // SAFETY: `take_result` wrote it.
    unsafe { result.assume_init() }
}
