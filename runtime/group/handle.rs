//! What all handles have in common, for those who wait for many of them.
//!
//! A result is taken by a step of its own, after the end was seen: that step neither parks nor unwinds,
//! so an interrupt that comes in that instant cannot lose it.

use crate::select::Joinable;
use crate::task::TaskRef;
use crate::thread::{JoinHandle, LocalJoinHandle, Result, ScopedJoinHandle};

/// The right to join a green thread, of whatever kind: a [`JoinHandle`], a [`Member`](super::Member), a
/// [`ScopedJoinHandle`], a [`LocalJoinHandle`]. Implemented by this crate only.
///
/// # Examples
/// ```
/// use greenroom::group::{Handle, as_completed};
/// fn first<H: Handle>(handles: Vec<H>) -> H::Output {
///     as_completed(handles).next().unwrap().1.unwrap()
/// }
/// let handle = greenroom::thread::spawn(|| 42);
/// assert_eq!(first(vec![handle]), 42);
/// ```
pub trait Handle: Joinable {
    /// What the green thread returns.
    type Output;

    /// Its slot.
    #[doc(hidden)]
    fn end(&self) -> End<'_>;

    /// Takes the result.
    #[doc(hidden)]
    fn into_result(self, ended: HasEnded) -> Result<Self::Output>;
}

/// The slot of a green thread.
#[doc(hidden)]
#[derive(Debug)]
pub struct End<'a>(pub(super) &'a TaskRef);

/// Says that the end was seen.
#[doc(hidden)]
#[derive(Debug)]
pub struct HasEnded(pub(super) ());

macro_rules! handles {
    ($($handle:ty),*) => {$(
        impl<T> Handle for $handle {
            type Output = T;

            fn end(&self) -> End<'_> {
                End(self.task())
            }

            fn into_result(self, _: HasEnded) -> Result<T> {
                self.into_result()
            }
        }
    )*};
}

handles!(JoinHandle<T>, LocalJoinHandle<T>, ScopedJoinHandle<'_, T>);
