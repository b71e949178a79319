//! `Once`: std's; whoever comes while it runs parks.
//!
//! | word | meaning | next |
//! |---|---|---|
//! | `NEW` | nobody has run it | `RUNNING`, by compare-and-swap |
//! | `POISONED` | its closure panicked | `RUNNING`, by `call_once_force` only |
//! | `RUNNING` | somebody runs it, `owner` | `DONE`; after a panic `POISONED`; after an interrupt what it was before |
//! | `DONE` | for ever | |
//!
//! Waiting is `wait_list::wait` for a condition: the runner stores the word, then wakes all, and they
//! look again. *Interrupts:* a runner that is cancelled or timed out has not failed, so it leaves the
//! word as it found it, and the next caller runs its own closure. Told apart by the payload that its
//! closure unwinds with. `OnceLock` and `LazyLock` stand on this.

use crate::park::interrupt;
use crate::park::wait_list::{self, Mask, Outcome};
use crate::sched::current;
use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sys::clock::{NEVER_NS, deadline_after};
use crate::sys::lock::Lock;
use crate::task::WaitReason;
use crate::task::reason::{LockKind, Owner};
use crate::task::wait_queue::WaitQueue;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

const NEW: u32 = 0;
const POISONED: u32 = 1;
const RUNNING: u32 = 2;
const DONE: u32 = 3;

/// Something that is done once. Source: [`std::sync::Once`].
///
/// *Who is next:* if a closure was cancelled, all who wait try to run theirs; the first to run does.
/// Differs: run again by its own closure, on the same green thread, it panics rather than deadlock.
///
/// # Examples
/// ```
/// use greenroom::sync::Once;
/// static START: Once = Once::new();
/// for _ in 0..2 {
///     START.call_once(|| println!("only once"));
/// }
/// assert!(START.is_completed());
/// ```
pub struct Once {
    word: AtomicU32,
    /// Who runs it, see `current::identity`; 0: nobody.
    owner: AtomicU64,
    waiters: Lock<WaitQueue>,
}

/// A [`Once`] that nobody has called. Source: [`std::sync::ONCE_INIT`].
///
/// # Examples
/// ```
/// # #![allow(deprecated)]
/// use greenroom::sync::{ONCE_INIT, Once};
/// static START: Once = ONCE_INIT;
/// START.call_once(|| ());
/// assert!(START.is_completed());
/// ```
#[deprecated(note = "`Once::new()` says the same")]
#[expect(clippy::declare_interior_mutable_const, reason = "std has it so")]
pub const ONCE_INIT: Once = Once::new();

impl panic::UnwindSafe for Once {}
impl panic::RefUnwindSafe for Once {}

#[expect(clippy::new_without_default, reason = "as std's, which has none")]
impl Once {
    /// One that has not been done.
    ///
    /// # Examples
    /// ```
    /// assert!(!greenroom::sync::Once::new().is_completed());
    /// ```
    #[must_use]
    pub const fn new() -> Once {
        Once {
            word: AtomicU32::new(NEW),
            owner: AtomicU64::new(0),
            waiters: Lock::new(WaitQueue::new()),
        }
    }

    /// Runs `f` if it is the first, and returns when somebody's closure has run. Parks while another
    /// one runs; if done already, it is one load.
    ///
    /// # Panics
    /// A closure panicked before. `f` calls this again. As `f` does; then the `Once` is poisoned.
    ///
    /// # Cancel
    /// Waiting, it leaves. Inside `f`, the `Once` stays undone and is not poisoned.
    ///
    /// # Examples
    /// ```
    /// let once = greenroom::sync::Once::new();
    /// let mut runs = 0;
    /// once.call_once(|| runs += 1);
    /// once.call_once(|| unreachable!());
    /// assert_eq!(runs, 1);
    /// ```
    #[inline]
    #[track_caller]
    pub fn call_once<F: FnOnce()>(&self, f: F) {
        if !self.is_completed() {
            let mut f = Some(f);
            self.call(false, &mut |_| take(&mut f)());
        }
    }

    /// As [`call_once`](Once::call_once), also after a panic, of which `f` is told. Parks likewise.
    ///
    /// # Panics
    /// `f` calls this again. As `f` does; then the `Once` is poisoned.
    ///
    /// # Cancel
    /// As `call_once`; what was poisoned stays so.
    ///
    /// # Examples
    /// ```
    /// let once = greenroom::sync::Once::new();
    /// let failed = greenroom::thread::scope(|s| {
    ///     s.spawn(|| once.call_once(|| panic!("oh no"))).join().is_err()
    /// });
    /// assert!(failed);
    /// once.call_once_force(|state| assert!(state.is_poisoned()));
    /// assert!(once.is_completed());
    /// ```
    #[inline]
    #[track_caller]
    pub fn call_once_force<F: FnOnce(&OnceState)>(&self, f: F) {
        if !self.is_completed() {
            let mut f = Some(f);
            self.call(true, &mut |state| take(&mut f)(state));
        }
    }

    /// Whether it has been done. Never parks.
    ///
    /// # Examples
    /// ```
    /// let once = greenroom::sync::Once::new();
    /// once.call_once(|| ());
    /// assert!(once.is_completed());
    /// ```
    #[inline]
    pub fn is_completed(&self) -> bool {
        // Acquire: pairs with the Release of `run`.
        self.word.load(Ordering::Acquire) == DONE
    }

    /// Returns when it has been done. Parks.
    ///
    /// # Panics
    /// Its closure panics, or has. The closure itself waits for it.
    ///
    /// # Cancel
    /// Unwinds.
    ///
    /// # Examples
    /// ```
    /// let once = greenroom::sync::Once::new();
    /// greenroom::thread::scope(|s| {
    ///     s.spawn(|| once.call_once(|| ()));
    ///     once.wait();
    /// });
    /// assert!(once.is_completed());
    /// ```
    #[track_caller]
    pub fn wait(&self) {
        self.wait_until(NEVER_NS, false);
    }

    /// As [`wait`](Once::wait), for at most `timeout`; `false`: the time was up. Parks. Beyond std.
    ///
    /// # Panics
    /// As `wait`.
    ///
    /// # Cancel
    /// Unwinds.
    ///
    /// # Examples
    /// ```
    /// let once = greenroom::sync::Once::new();
    /// assert!(!once.wait_timeout(std::time::Duration::from_millis(1)));
    /// ```
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.wait_until(deadline_after(timeout), false)
    }

    /// As [`wait`](Once::wait), and a panic does not end it. Parks.
    ///
    /// # Panics
    /// The closure itself waits for it.
    ///
    /// # Cancel
    /// Unwinds.
    ///
    /// # Examples
    /// ```
    /// let once = greenroom::sync::Once::new();
    /// greenroom::thread::scope(|s| {
    ///     s.spawn(|| once.call_once_force(|_| ()));
    ///     once.wait_force();
    /// });
    /// assert!(once.is_completed());
    /// ```
    #[track_caller]
    pub fn wait_force(&self) {
        self.wait_until(NEVER_NS, true);
    }

    /// Before the deadline? Panics if it is poisoned, unless that does not matter.
    #[track_caller]
    pub(super) fn wait_until(&self, deadline_ns: u64, ignores_poison: bool) -> bool {
        if self.is_completed() {
            return true;
        }
        let seen = self.wait_for(deadline_ns, |word| {
            word == DONE || (word == POISONED && !ignores_poison)
        });
        assert!(
            seen != Some(POISONED),
            "Once instance has previously been poisoned"
        );
        seen.is_some()
    }

    /// The word, as soon as it is what it should be; `None`: not before the deadline.
    #[track_caller]
    fn wait_for(&self, deadline_ns: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        interrupt::check();
        // Relaxed: that it is us, only we can have written.
        let owner = self.owner.load(Ordering::Relaxed);
        assert!(
            owner != current::identity(),
            "a Once (or OnceLock, LazyLock) waits for itself: its own closure has come back to it"
        );
        let reason = WaitReason::Lock(LockKind::Once, Owner::identified(owner));
        let outcome = wait_list::wait(&self.waiters, reason, deadline_ns, Mask::Open, || {
            // Acquire: pairs with the Release of `run`.
            let word = self.word.load(Ordering::Acquire);
            is_it(word).then_some(word)
        });
        match outcome {
            Outcome::Ready(word) => Some(word),
            Outcome::TimedOut => None,
            Outcome::Interrupted => interrupt::raise(),
        }
    }

    #[cold]
    #[track_caller]
    fn call(&self, ignores_poison: bool, f: &mut dyn FnMut(&OnceState)) {
        interrupt::check();
        loop {
            // Acquire: pairs with the Release of `run`.
            match self.word.load(Ordering::Acquire) {
                DONE => return,
                POISONED if !ignores_poison => panic!("Once instance has previously been poisoned"),
                RUNNING => {
                    let _ = self.wait_for(NEVER_NS, |word| word != RUNNING);
                }
                before => {
                    // Acquire: what an earlier, failed closure wrote is visible to this one.
                    let has_begun = self.word.compare_exchange(
                        before,
                        RUNNING,
                        Ordering::Acquire,
                        Ordering::Relaxed,
                    );
                    if has_begun.is_ok() {
                        return self.run(before, f);
                    }
                }
            }
        }
    }

    /// By whoever has set RUNNING.
    fn run(&self, before: u32, f: &mut dyn FnMut(&OnceState)) {
        self.owner.store(current::identity(), Ordering::Relaxed);
        let state = OnceState {
            is_poisoned: before == POISONED,
        };
        let outcome = panic::catch_unwind(AssertUnwindSafe(|| f(&state)));
        let after = match &outcome {
            Ok(()) => DONE,
            Err(payload) if interrupt::is_interrupt(payload.as_ref()) => before,
            Err(_) => POISONED,
        };
        self.owner.store(0, Ordering::Relaxed);
        // Release: what the closure wrote is visible to whoever sees the word.
        self.word.store(after, Ordering::Release);
        wait_list::wake_all(&self.waiters);
        if let Err(payload) = outcome {
            panic::resume_unwind(payload);
        }
    }

    /// Not shared: begins anew.
    pub(super) fn reset(&mut self) {
        self.word = AtomicU32::new(NEW);
    }

    /// Not shared: what it is for has been done, or has failed, without it.
    pub(super) fn set(&mut self, has_failed: bool) {
        self.word = AtomicU32::new(if has_failed { POISONED } else { DONE });
    }
}

/// `call` runs its closure at most once.
fn take<F>(f: &mut Option<F>) -> F {
    f.take()
        .expect("because only one caller in RUNNING calls it, and returns")
}

/// Shows whether it has been done. Never blocks.
impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.word.load(Ordering::Relaxed) {
            NEW => "new",
            POISONED => "poisoned",
            RUNNING => "running",
            _ => "done",
        };
        f.debug_struct("Once")
            .field("state", &format_args!("{state}"))
            .finish_non_exhaustive()
    }
}

/// What [`Once::call_once_force`] tells its closure. Source: [`std::sync::OnceState`].
///
/// # Examples
/// ```
/// use greenroom::sync::{Once, OnceState};
/// Once::new().call_once_force(|state: &OnceState| assert!(!state.is_poisoned()));
/// ```
pub struct OnceState {
    is_poisoned: bool,
}

impl fmt::Debug for OnceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("OnceState");
        text.field("poisoned", &self.is_poisoned).finish()
    }
}

impl OnceState {
    /// Whether a closure panicked before.
    ///
    /// # Examples
    /// ```
    /// greenroom::sync::Once::new().call_once_force(|state| assert!(!state.is_poisoned()));
    /// ```
    #[must_use]
    pub fn is_poisoned(&self) -> bool {
        self.is_poisoned
    }
}
