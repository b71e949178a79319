//! Lending the caller's own variables and buffers to the blocking pool.
//!
//! The wait is what makes it sound: `job::run_on` returns or unwinds only when the closure has ended or
//! was taken back unbegun. A green thread that its runtime abandons while it waits here is never
//! resumed, and its stack is never freed, so what the pool still writes to stays where it is.
#![expect(unsafe_code, reason = "hides the closure's lifetime behind a pointer")]

use super::Lane;
use super::job::{Begun, Interrupted, run_on};
use crate::park::interrupt;
use crate::sched::current;

/// Runs `f`, which may borrow, where it may block: on a thread of `lane`'s if called from a green
/// thread, else right here. Parks. Masked once `f` has begun; unwinds for an interrupt before.
pub(crate) fn lend<T: Send>(lane: Lane, f: impl FnOnce() -> T + Send) -> T {
    match try_lend(lane, f) {
        Ok(value) => value,
        Err(Interrupted) => interrupt::raise(),
    }
}

/// As [`lend`], for callers that must tidy up before they unwind.
pub(crate) fn try_lend<F, T>(lane: Lane, f: F) -> Result<T, Interrupted>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    if current::task().is_none() {
        return if interrupt::is_pending() {
            Err(Interrupted)
        } else {
            Ok(f())
        };
    }
    let mut slot = Slot {
        f: Some(f),
        value: None,
    };
    let errand = Errand {
        slot: (&raw mut slot).cast(),
        run: run_slot::<F, T>,
    };
    run_on(lane, Begun::Wait, move || errand.run())?;
    Ok(slot
        .value
        .expect("because the closure has ended, and not by a panic"))
}

/// In the frame of the wait.
struct Slot<F, T> {
    f: Option<F>,
    value: Option<T>,
}

/// A slot without its types and lifetimes.
struct Errand {
    slot: *mut (),
    /// Safety: `slot` is what it was made for, alive, and nobody else's during the call.
    run: unsafe fn(*mut ()),
}

// SAFETY: `try_lend` demands that closure and value are `Send`; the pointer is used by one thread.
unsafe impl Send for Errand {}

impl Errand {
    fn run(self) {
        // SAFETY: the slot lies in the frame of `try_lend`, which waits until this has ended, and does
        // not look at it meanwhile; `run` was instantiated with its types.
        unsafe { (self.run)(self.slot) }
    }
}

/// # Safety
/// `slot` points to a `Slot<F, T>` that is alive and nobody else's during the call.
unsafe fn run_slot<F: FnOnce() -> T, T>(slot: *mut ()) {
    // SAFETY: the caller's contract.
    let slot = unsafe { &mut *slot.cast::<Slot<F, T>>() };
    if let Some(f) = slot.f.take() {
        slot.value = Some(f());
    }
}
