//! `Semaphore`, `BoundedSemaphore`, and the guard that holds a permit of either.
//!
//! Thin faces of `raw_semaphore`, which has the protocol.

use super::raw_semaphore::{Permits, RawSemaphore};
use crate::sys::clock::{NEVER_NS, deadline_after};
use crate::sys::lock::Lock;
use std::fmt;
use std::time::Duration;

/// A number of permits, of which everybody takes one and gives it back.
///
/// Those who wait get their permits in the order in which they came. Permits have no owner: one may
/// [`forget`](SemaphoreGuard::forget) the guard here and [`release`](Semaphore::release) elsewhere.
/// Source: Python's `threading.Semaphore`.
///
/// # Examples
/// ```
/// use greenroom::sync::Semaphore;
/// static AT_ONCE: Semaphore = Semaphore::new(2);
/// greenroom::thread::scope(|s| {
///     for _ in 0..10 {
///         s.spawn(|| {
///             let _permit = AT_ONCE.acquire(); // Two of them at a time.
///             greenroom::thread::yield_now();
///         });
///     }
/// });
/// assert_eq!(AT_ONCE.available(), 2);
/// ```
pub struct Semaphore {
    raw: RawSemaphore,
}

/// As [`Semaphore`], with never more free permits than at the start: to release more is an error.
/// Source: Python's `threading.BoundedSemaphore`.
///
/// # Examples
/// ```
/// let semaphore = greenroom::sync::BoundedSemaphore::new(1);
/// let permit = semaphore.acquire();
/// assert!(semaphore.try_acquire().is_none());
/// drop(permit);
/// assert!(semaphore.release().is_err()); // Nobody had taken one.
/// ```
pub struct BoundedSemaphore {
    raw: RawSemaphore,
}

macro_rules! acquiring {
    ($semaphore:ident) => {
        impl $semaphore {
            /// Takes a permit. Parks a green thread, blocks an OS thread, while there is none.
            ///
            /// # Cancel
            /// No permit was taken; one that came in that instant goes to the next.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let semaphore = greenroom::sync::", stringify!($semaphore), "::new(1);")]
            /// let permit = semaphore.acquire();
            /// assert_eq!(semaphore.available(), 0);
            /// drop(permit);
            /// assert_eq!(semaphore.available(), 1);
            /// ```
            #[inline]
            pub fn acquire(&self) -> SemaphoreGuard<'_> {
                let is_mine = self.raw.acquire(NEVER_NS);
                debug_assert!(is_mine);
                self.guard()
            }

            /// Takes a permit if there is one. Never parks.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let semaphore = greenroom::sync::", stringify!($semaphore), "::new(1);")]
            /// let permit = semaphore.try_acquire();
            /// assert!(permit.is_some());
            /// assert!(semaphore.try_acquire().is_none());
            /// ```
            pub fn try_acquire(&self) -> Option<SemaphoreGuard<'_>> {
                let is_mine = self.raw.try_acquire();
                is_mine.then(|| self.guard())
            }

            #[doc = concat!("As [`acquire`](", stringify!($semaphore), "::acquire), for at most `timeout`.")]
            ///
            /// # Cancel
            /// As `acquire`.
            ///
            /// # Examples
            /// ```
            /// use std::time::Duration;
            #[doc = concat!("let semaphore = greenroom::sync::", stringify!($semaphore), "::new(1);")]
            /// let permit = semaphore.acquire();
            /// assert!(semaphore.acquire_timeout(Duration::from_millis(1)).is_none());
            /// drop(permit);
            /// assert!(semaphore.acquire_timeout(Duration::ZERO).is_some());
            /// ```
            pub fn acquire_timeout(&self, timeout: Duration) -> Option<SemaphoreGuard<'_>> {
                let is_mine = self.raw.acquire(deadline_after(timeout));
                is_mine.then(|| self.guard())
            }

            /// How many permits are free: a moment later there may be more or fewer. Never parks.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let semaphore = greenroom::sync::", stringify!($semaphore), "::new(3);")]
            /// assert_eq!(semaphore.available(), 3);
            /// ```
            pub fn available(&self) -> usize {
                self.raw.available()
            }

            /// For the arms of a select.
            pub(crate) fn permits(&self) -> &Lock<Permits> {
                self.raw.state()
            }

            /// Holds a permit that was just taken, here or by the arm of a select.
            ///
            /// Subtle: made only then, never as the argument of a `then_some`: its drop gives one back.
            pub(crate) fn guard(&self) -> SemaphoreGuard<'_> {
                SemaphoreGuard { raw: &self.raw }
            }
        }

        /// Never blocks: shows `<locked>` if somebody is at it just now.
        impl fmt::Debug for $semaphore {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.raw.fmt(f, stringify!($semaphore))
            }
        }
    };
}

acquiring!(Semaphore);
acquiring!(BoundedSemaphore);

impl Semaphore {
    /// A semaphore with so many free permits.
    ///
    /// # Examples
    /// ```
    /// static DONE: greenroom::sync::Semaphore = greenroom::sync::Semaphore::new(0);
    /// assert_eq!(DONE.available(), 0);
    /// ```
    pub const fn new(permits: usize) -> Semaphore {
        Semaphore {
            raw: RawSemaphore::new(permits, usize::MAX),
        }
    }

    /// Adds a permit, or gives one back whose guard was forgotten. Never parks.
    ///
    /// # Panics
    /// There are [`usize::MAX`] permits already.
    ///
    /// # Examples
    /// ```
    /// let semaphore = greenroom::sync::Semaphore::new(0);
    /// semaphore.release();
    /// assert!(semaphore.try_acquire().is_some());
    /// ```
    #[inline]
    pub fn release(&self) {
        assert!(self.raw.release(), "a semaphore has too many permits");
    }

    /// Adds so many permits. Never parks. Python's `release(n)`.
    ///
    /// # Panics
    /// There would be more than [`usize::MAX`] permits.
    ///
    /// # Examples
    /// ```
    /// let semaphore = greenroom::sync::Semaphore::new(0);
    /// semaphore.release_many(3);
    /// assert_eq!(semaphore.available(), 3);
    /// ```
    pub fn release_many(&self, permits: usize) {
        let is_added = self.raw.release_many(permits);
        assert!(is_added, "a semaphore has too many permits");
    }
}

impl BoundedSemaphore {
    /// A semaphore with so many free permits, and never more.
    ///
    /// # Examples
    /// ```
    /// let semaphore = greenroom::sync::BoundedSemaphore::new(2);
    /// assert_eq!(semaphore.bound(), 2);
    /// ```
    pub const fn new(bound: usize) -> BoundedSemaphore {
        BoundedSemaphore {
            raw: RawSemaphore::new(bound, bound),
        }
    }

    /// The greatest number of free permits. Never parks.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(greenroom::sync::BoundedSemaphore::new(2).bound(), 2);
    /// ```
    pub fn bound(&self) -> usize {
        self.raw.bound()
    }

    /// Gives back a permit whose guard was forgotten. Never parks.
    ///
    /// # Errors
    /// [`ReleaseError`]: there would be more free permits than the bound. Nothing was released.
    ///
    /// # Examples
    /// ```
    /// let semaphore = greenroom::sync::BoundedSemaphore::new(1);
    /// semaphore.acquire().forget();
    /// assert!(semaphore.release().is_ok());
    /// assert!(semaphore.release().is_err());
    /// ```
    #[inline]
    pub fn release(&self) -> Result<(), ReleaseError> {
        self.raw.release().then_some(()).ok_or(ReleaseError)
    }

    /// Gives back so many permits, or none. Never parks.
    ///
    /// # Errors
    /// As [`release`](BoundedSemaphore::release).
    ///
    /// # Examples
    /// ```
    /// let semaphore = greenroom::sync::BoundedSemaphore::new(2);
    /// semaphore.acquire().forget();
    /// assert!(semaphore.release_many(2).is_err());
    /// assert!(semaphore.release_many(1).is_ok());
    /// ```
    pub fn release_many(&self, permits: usize) -> Result<(), ReleaseError> {
        let is_added = self.raw.release_many(permits);
        is_added.then_some(()).ok_or(ReleaseError)
    }
}

/// A permit. Dropping it gives it back. It may be sent to another thread.
///
/// A bounded semaphore that others have filled up meanwhile, by releasing what they had not taken,
/// takes no more: the permit is then gone.
///
/// # Examples
/// ```
/// use greenroom::sync::{Semaphore, SemaphoreGuard};
/// let semaphore = Semaphore::new(1);
/// let permit: SemaphoreGuard<'_> = semaphore.acquire();
/// greenroom::thread::scope(|s| {
///     s.spawn(move || drop(permit));
/// });
/// assert_eq!(semaphore.available(), 1);
/// ```
#[must_use = "if unused the permit is given back at once"]
pub struct SemaphoreGuard<'a> {
    raw: &'a RawSemaphore,
}

impl SemaphoreGuard<'_> {
    /// Keeps the permit out of the semaphore for good, or until somebody releases it. Never parks.
    ///
    /// # Examples
    /// ```
    /// let semaphore = greenroom::sync::Semaphore::new(1);
    /// semaphore.acquire().forget();
    /// assert_eq!(semaphore.available(), 0);
    /// ```
    pub fn forget(self) {
        std::mem::forget(self);
    }
}

impl Drop for SemaphoreGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.raw.give_back();
    }
}

/// Never blocks.
impl fmt::Debug for SemaphoreGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.raw.fmt(f, "SemaphoreGuard")
    }
}

/// A [`BoundedSemaphore`] was to be given more permits than were taken. Python's `ValueError`.
///
/// # Examples
/// ```
/// let error = greenroom::sync::BoundedSemaphore::new(1).release().unwrap_err();
/// assert_eq!(error.to_string(), "the semaphore was released too many times");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReleaseError;

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the semaphore was released too many times")
    }
}

impl std::error::Error for ReleaseError {}
