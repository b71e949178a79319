//! `LazyLock`: std's, a value that its first use makes.
//!
//! A thin typed face over `Once`. The function is there once only and must not be lost half-way: it
//! runs shielded, and a cancellation or a deadline is noticed after it. The alternative, to poison a
//! static for everybody because one task that came by was cancelled, serves nobody.
#![expect(unsafe_code, reason = "a cell that is written once")]

use super::once::Once;
use crate::park::interrupt;
use std::cell::UnsafeCell;
use std::fmt;
use std::mem;
use std::ops::{Deref, DerefMut};
use std::panic::{self, AssertUnwindSafe, RefUnwindSafe, UnwindSafe};

enum State<T, F> {
    Unmade(F),
    Made(T),
    /// The function runs, or has panicked.
    Spent,
}

/// A value that its first use makes. Source: [`std::sync::LazyLock`].
///
/// Poisoned for good if the function panics. Cancellation and deadlines from outside are masked while
/// it runs.
///
/// # Examples
/// ```
/// use greenroom::sync::LazyLock;
/// static PRIMES: LazyLock<Vec<u32>> = LazyLock::new(|| vec![2, 3, 5]);
/// assert_eq!(PRIMES.len(), 3);
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    once: Once,
    /// Written by the runner of `once`; only read once that is done.
    state: UnsafeCell<State<T, F>>,
}

// SAFETY: shared, it gives out shared references to the value; the function is moved to the thread
// that runs it, and its value stays there or not.
unsafe impl<T: Sync + Send, F: Send> Sync for LazyLock<T, F> {}

impl<T: RefUnwindSafe + UnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}
impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for LazyLock<T, F> {}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// A value that `f` will make.
    ///
    /// # Examples
    /// ```
    /// let lazy = greenroom::sync::LazyLock::new(|| 5);
    /// assert_eq!(*lazy, 5);
    /// ```
    pub const fn new(f: F) -> LazyLock<T, F> {
        LazyLock {
            once: Once::new(),
            state: UnsafeCell::new(State::Unmade(f)),
        }
    }

    /// The value; the first use makes it, as dereferencing does. Parks while another one makes it; if
    /// it is made, it is one load.
    ///
    /// # Panics
    /// The function panics, or has, or uses the value that it makes.
    ///
    /// # Cancel
    /// Waiting, it leaves. Running the function, it is masked.
    ///
    /// # Examples
    /// ```
    /// use greenroom::sync::LazyLock;
    /// let lazy = LazyLock::new(|| 5);
    /// assert_eq!(*LazyLock::force(&lazy), 5);
    /// ```
    #[inline]
    #[track_caller]
    pub fn force(this: &LazyLock<T, F>) -> &T {
        match LazyLock::get(this) {
            Some(value) => value,
            None => LazyLock::make_shared(this),
        }
    }

    #[cold]
    #[track_caller]
    fn make_shared(this: &LazyLock<T, F>) -> &T {
        this.once.call_once_force(|once| {
            if once.is_poisoned() {
                poisoned();
            }
            // SAFETY: only the runner is here, and nobody reads before it is done.
            let state = unsafe { &mut *this.state.get() };
            make(state);
        });
        LazyLock::get(this).expect("because it is done only with a value")
    }

    /// The value, exclusively; the first use makes it. Parks as the function does.
    ///
    /// # Panics
    /// The function panics, or has.
    ///
    /// # Cancel
    /// Masked while the function runs.
    ///
    /// # Examples
    /// ```
    /// use greenroom::sync::LazyLock;
    /// let mut lazy = LazyLock::new(|| 5);
    /// *LazyLock::force_mut(&mut lazy) += 1;
    /// assert_eq!(*lazy, 6);
    /// ```
    #[track_caller]
    pub fn force_mut(this: &mut LazyLock<T, F>) -> &mut T {
        if !this.once.is_completed() {
            if matches!(this.state.get_mut(), State::Spent) {
                poisoned();
            }
            let state = this.state.get_mut();
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| make(state)));
            this.once.set(outcome.is_err());
            if let Err(payload) = outcome {
                panic::resume_unwind(payload);
            }
        }
        LazyLock::get_mut(this).expect("because it has just been made")
    }
}

impl<T, F> LazyLock<T, F> {
    /// The value, if it was made. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::sync::LazyLock;
    /// let lazy = LazyLock::new(|| 5);
    /// assert_eq!(LazyLock::get(&lazy), None);
    /// LazyLock::force(&lazy);
    /// assert_eq!(LazyLock::get(&lazy), Some(&5));
    /// ```
    #[inline]
    pub fn get(this: &LazyLock<T, F>) -> Option<&T> {
        if !this.once.is_completed() {
            return None;
        }
        // SAFETY: done: nobody writes any more while it is shared.
        match unsafe { &*this.state.get() } {
            State::Made(value) => Some(value),
            State::Unmade(_) | State::Spent => None,
        }
    }

    /// The value, exclusively, if it was made. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::sync::LazyLock;
    /// let mut lazy = LazyLock::new(|| 5);
    /// assert_eq!(LazyLock::get_mut(&mut lazy), None);
    /// ```
    #[inline]
    pub fn get_mut(this: &mut LazyLock<T, F>) -> Option<&mut T> {
        match this.state.get_mut() {
            State::Made(value) => Some(value),
            State::Unmade(_) | State::Spent => None,
        }
    }
}

/// Runs the function, and puts its value in its place.
fn make<T, F: FnOnce() -> T>(state: &mut State<T, F>) {
    let State::Unmade(f) = mem::replace(state, State::Spent) else {
        unreachable!("a LazyLock is made once");
    };
    *state = State::Made(interrupt::shielded(f));
}

#[cold]
#[track_caller]
fn poisoned() -> ! {
    panic!("LazyLock instance has previously been poisoned")
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[inline]
    #[track_caller]
    fn deref(&self) -> &T {
        LazyLock::force(self)
    }
}

impl<T, F: FnOnce() -> T> DerefMut for LazyLock<T, F> {
    #[inline]
    #[track_caller]
    fn deref_mut(&mut self) -> &mut T {
        LazyLock::force_mut(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> LazyLock<T> {
        LazyLock::new(T::default)
    }
}

/// As std's. Never blocks.
impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_tuple("LazyLock");
        match LazyLock::get(self) {
            Some(value) => text.field(value),
            None => text.field(&format_args!("<uninit>")),
        };
        text.finish()
    }
}
