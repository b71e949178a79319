//! `with_big_stack`: deep recursion on a stack as large as it takes, for the length of one call.
//!
//! Only address space is taken until pages are touched. Parking inside is fine, from green threads: the
//! frames stay where they are and the task goes on there.
#![expect(
    unsafe_code,
    reason = "lends the running thread's name to the overflow report"
)]

use crate::context::fiber;
use crate::context::overflow::{self, StackOwner};
use crate::context::stack::{self, StackSize};
use crate::sched::current;
use std::io;
use std::panic::Location;

/// Runs `f` on a stack of at least `bytes` and returns its value. Parks only if `f` does.
///
/// For recursion whose depth the caller knows to be large: parsers, tree walks. An overflow in there
/// is reported like any other. Up to 1 MiB costs tens of nanoseconds once the pages are warm; larger
/// stacks give their memory back each time, which costs microseconds.
///
/// # Errors
/// `InvalidInput` for more than 1 GiB; else no address space for the stack, with what to do about it.
///
/// # Panics
/// Re-raises a panic of `f`.
///
/// # Examples
/// ```
/// fn depth(n: u32) -> u32 {
///     if n == 0 { 0 } else { 1 + std::hint::black_box(depth(n - 1)) }
/// }
/// let deep = greenroom::run(|| greenroom::with_big_stack(64 << 20, || depth(100_000)))?;
/// assert_eq!(deep, 100_000);
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn with_big_stack<T>(bytes: usize, f: impl FnOnce() -> T) -> io::Result<T> {
    let location = Location::caller();
    // On an OS thread this may be the first call into the library.
    overflow::install()?;
    // Workers have theirs; std's may be too small for the report.
    let _alternate_stack = match current::task() {
        Some(_) => None,
        None => overflow::prepare_thread()?,
    };
    let stack = stack::take_shared(StackSize::from_bytes(bytes)?)?;
    let os_thread = std::thread::current();
    let owner = match current::task() {
        // SAFETY: the name belongs to the running task's header, which outlives the call below.
        Some(task) => unsafe { StackOwner::green(task.id(), task.name(), task.spawned_at()) },
        // SAFETY: the name belongs to `os_thread`, which lives in this frame.
        None => unsafe { StackOwner::borrowed(os_thread.name(), location) },
    };
    let (stack, value) = fiber::call_on(stack, owner, f);
    stack::give_shared(stack);
    Ok(value)
}
