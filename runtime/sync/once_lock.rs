//! `OnceLock`: std's, a cell that is written once.
//!
//! A thin typed face over `Once`, which says who writes: the cell is written by the one who runs, and
//! read by those who have seen that it is done.
#![expect(unsafe_code, reason = "a cell that is written once")]

use super::once::Once;
use crate::sys::clock::{NEVER_NS, deadline_after};
use std::cell::UnsafeCell;
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::time::Duration;

/// A cell that is written once. Source: [`std::sync::OnceLock`].
///
/// An initialisation that panics, or is cancelled or timed out, leaves it empty, and the next one tries
/// again: it is never poisoned.
///
/// # Examples
/// ```
/// use greenroom::sync::OnceLock;
/// static NAME: OnceLock<String> = OnceLock::new();
/// assert_eq!(NAME.get_or_init(|| "first".to_owned()), "first");
/// assert_eq!(NAME.get_or_init(|| unreachable!()), "first");
/// ```
pub struct OnceLock<T> {
    once: Once,
    /// Written by the runner of `once`; only read once that is done.
    value: UnsafeCell<Option<T>>,
}

// SAFETY: shared, it gives out shared references to the value, and takes in a value of any thread.
unsafe impl<T: Sync + Send> Sync for OnceLock<T> {}
// SAFETY: it owns its value.
unsafe impl<T: Send> Send for OnceLock<T> {}

impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for OnceLock<T> {}
impl<T: UnwindSafe> UnwindSafe for OnceLock<T> {}

impl<T> OnceLock<T> {
    /// An empty cell.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(greenroom::sync::OnceLock::<u32>::new().get(), None);
    /// ```
    #[must_use]
    pub const fn new() -> OnceLock<T> {
        OnceLock {
            once: Once::new(),
            value: UnsafeCell::new(None),
        }
    }

    /// The value, if there is one: one load. Never parks.
    ///
    /// # Examples
    /// ```
    /// let cell = greenroom::sync::OnceLock::from(5);
    /// assert_eq!(cell.get(), Some(&5));
    /// ```
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if self.once.is_completed() {
            // SAFETY: done: nobody writes any more while it is shared.
            unsafe { &*self.value.get() }.as_ref()
        } else {
            None
        }
    }

    /// The value, if there is one. Never parks.
    ///
    /// # Examples
    /// ```
    /// let mut cell = greenroom::sync::OnceLock::from(5);
    /// *cell.get_mut().unwrap() += 1;
    /// assert_eq!(cell.into_inner(), Some(6));
    /// ```
    #[inline]
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut().as_mut()
    }

    /// Waits until there is a value. Parks.
    ///
    /// # Panics
    /// Called by the initialisation itself.
    ///
    /// # Cancel
    /// Unwinds.
    ///
    /// # Examples
    /// ```
    /// let cell = greenroom::sync::OnceLock::new();
    /// greenroom::thread::scope(|s| {
    ///     s.spawn(|| cell.set(5));
    ///     assert_eq!(*cell.wait(), 5);
    /// });
    /// ```
    #[track_caller]
    pub fn wait(&self) -> &T {
        self.once.wait_until(NEVER_NS, true);
        self.written()
    }

    /// As [`wait`](OnceLock::wait), for at most `timeout`. Parks. Beyond std.
    ///
    /// # Panics
    /// As `wait`.
    ///
    /// # Cancel
    /// Unwinds.
    ///
    /// # Examples
    /// ```
    /// let cell = greenroom::sync::OnceLock::<u32>::new();
    /// assert_eq!(cell.wait_timeout(std::time::Duration::from_millis(1)), None);
    /// ```
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> Option<&T> {
        self.once
            .wait_until(deadline_after(timeout), true)
            .then(|| self.written())
    }

    /// Writes the value, if there is none. Parks while somebody initialises it.
    ///
    /// # Errors
    /// The value given, if there was one already.
    ///
    /// # Panics
    /// Called by the initialisation itself.
    ///
    /// # Cancel
    /// Unwinds, and drops the value given.
    ///
    /// # Examples
    /// ```
    /// let cell = greenroom::sync::OnceLock::new();
    /// assert_eq!(cell.set(5), Ok(()));
    /// assert_eq!(cell.set(6), Err(6));
    /// ```
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut given = Some(value);
        self.get_or_init(|| given.take().expect("because this runs at most once"));
        given.map_or(Ok(()), Err)
    }

    /// The value; if there is none, first `f` makes it. Parks while somebody else initialises it; if
    /// there is a value, it is one load.
    ///
    /// # Panics
    /// `f` calls this again. As `f` does; then the cell stays empty.
    ///
    /// # Cancel
    /// Waiting, it leaves. Inside `f`, the cell stays empty.
    ///
    /// # Examples
    /// ```
    /// let cell = greenroom::sync::OnceLock::new();
    /// assert_eq!(*cell.get_or_init(|| 5), 5);
    /// assert_eq!(*cell.get_or_init(|| 6), 5);
    /// ```
    #[inline]
    #[track_caller]
    pub fn get_or_init<F: FnOnce() -> T>(&self, f: F) -> &T {
        match self.get() {
            Some(value) => value,
            None => self.init(f),
        }
    }

    #[cold]
    #[track_caller]
    fn init<F: FnOnce() -> T>(&self, f: F) -> &T {
        self.once.call_once_force(|_| {
            let value = f();
            // SAFETY: only the runner is here, and nobody reads before it is done.
            unsafe { *self.value.get() = Some(value) };
        });
        self.written()
    }

    /// The value, which has been seen to be there.
    #[inline]
    fn written(&self) -> &T {
        self.get().expect("because it is done only with a value")
    }

    /// The value, if there is one, without the cell.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(greenroom::sync::OnceLock::from(5).into_inner(), Some(5));
    /// ```
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// Takes the value out, if there is one, and leaves the cell empty. Never parks.
    ///
    /// # Examples
    /// ```
    /// let mut cell = greenroom::sync::OnceLock::from(5);
    /// assert_eq!(cell.take(), Some(5));
    /// assert_eq!(cell.get(), None);
    /// ```
    pub fn take(&mut self) -> Option<T> {
        self.once.reset();
        self.value.get_mut().take()
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> OnceLock<T> {
        OnceLock::new()
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> OnceLock<T> {
        let mut cell = OnceLock::new();
        *cell.value.get_mut() = Some(value);
        cell.once.set(false);
        cell
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> OnceLock<T> {
        self.get()
            .map_or_else(OnceLock::new, |value| OnceLock::from(value.clone()))
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &OnceLock<T>) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

/// As std's. Never blocks.
impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_tuple("OnceLock");
        match self.get() {
            Some(value) => text.field(value),
            None => text.field(&format_args!("<uninit>")),
        };
        text.finish()
    }
}
