//! Why a switch did not happen.
//!
//! One type for users, with the value that was to go; one list of reasons for the inside.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Dead,
    Foreign,
    OtherType,
    Dying,
    Unwinding,
    Locked,
    Ending,
    Exited,
}

/// A switch that did not happen, or brought no value. Python's `greenlet.error`.
///
/// # Examples
/// ```
/// use greenroom::greenlet::Greenlet;
/// let ended = Greenlet::new(|n: i32| n + 1);
/// assert_eq!(ended.switch(1), 2);
/// let error = ended.try_switch(5).unwrap_err();
/// assert!(error.is_dead());
/// assert_eq!(error.into_value(), Some(5));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SwitchError<T> {
    pub(super) reason: Reason,
    pub(super) value: Option<T>,
}

impl<T> SwitchError<T> {
    /// The value that was to be handed over, if it was not.
    ///
    /// # Examples
    /// See [`SwitchError`].
    pub fn into_value(self) -> Option<T> {
        self.value
    }

    /// Whether the greenlet has ended.
    ///
    /// # Examples
    /// See [`SwitchError`].
    pub fn is_dead(&self) -> bool {
        self.reason == Reason::Dead
    }

    /// Whether the greenlet belongs to another green thread or OS thread.
    ///
    /// # Examples
    /// See [`SwitchError`].
    pub fn is_foreign(&self) -> bool {
        self.reason == Reason::Foreign
    }

    /// Whether the switch happened, and a greenlet has ended by [`GreenletExit`](super::GreenletExit) instead
    /// of giving back a value.
    ///
    /// # Examples
    /// See [`SwitchError`].
    pub fn is_exit(&self) -> bool {
        self.reason == Reason::Exited
    }
}

impl<T> fmt::Debug for SwitchError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SwitchError")
            .field("reason", &self.reason)
            .finish_non_exhaustive()
    }
}

impl<T> fmt::Display for SwitchError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.reason {
            Reason::Dead => "cannot switch to a greenlet that has ended",
            Reason::Foreign => {
                "cannot switch to a greenlet of another green thread or OS thread: it belongs to the one \
                 that made it"
            }
            Reason::OtherType => {
                "cannot switch to a greenlet that carries another type: all that switch to each other \
                 carry the same"
            }
            Reason::Dying => "a greenlet that is unwound, because its last handle is gone, cannot switch",
            Reason::Unwinding => "a greenlet must not switch in a destructor while its body unwinds",
            Reason::Locked => {
                "Ord or Clone of a queue's items must not switch to a greenlet made outside, nor out of \
                 there: the queue is locked while they run"
            }
            Reason::Ending => "cannot switch while the thread's locals are destroyed",
            Reason::Exited => "the greenlet has ended by GreenletExit and gives back no value",
        })
    }
}

impl<T> std::error::Error for SwitchError<T> {}
