//! `Channel`: a queue without room, where an item goes from hand to hand.
//!
//! A thin face of `core` with capacity 0, which has the protocol.

use super::core::{Core, FOREVER, Labels, Nothing, Refused};
use super::error::{GetError, PutError, ShutDown};
use super::store::Fifo;
use crate::sys::clock::deadline_after;
use crate::task::reason::At;
use std::fmt;
use std::iter::FusedIterator;
use std::time::Duration;

const LABELS: Labels = Labels {
    get: At::Receive,
    put: At::Send,
};

/// A meeting place for many producers and many consumers: a put ends when a get has taken the item.
///
/// Those who wait at either end are served in the order in which they came. Source: gevent's
/// `queue.Channel`, Go's unbuffered channel.
///
/// # Examples
/// ```
/// use greenroom::queue::Channel;
/// let channel = Channel::new();
/// greenroom::thread::scope(|s| {
///     s.spawn(|| {
///         for number in 1..=3 {
///             channel.put(number).unwrap(); // Parks until the loop below has taken it.
///         }
///         channel.shutdown();
///     });
///     assert_eq!(channel.iter().sum::<i32>(), 6);
/// });
/// ```
pub struct Channel<T> {
    core: Core<T, Fifo<T>>,
}

impl<T> Channel<T> {
    /// A channel at which nobody waits.
    ///
    /// # Examples
    /// ```
    /// static CHANNEL: greenroom::queue::Channel<u8> = greenroom::queue::Channel::new();
    /// assert!(CHANNEL.try_get().is_err());
    /// ```
    pub const fn new() -> Channel<T> {
        Channel {
            core: Core::new(Fifo::new(), 0, LABELS),
        }
    }

    /// Hands an item over. Parks until somebody gets it.
    ///
    /// # Errors
    /// [`ShutDown`], with the item.
    ///
    /// # Cancel
    /// Nobody got the item; it is dropped by the unwinding.
    ///
    /// # Examples
    /// ```
    /// let channel = greenroom::queue::Channel::new();
    /// greenroom::thread::scope(|s| {
    ///     let getter = s.spawn(|| channel.get());
    ///     channel.put("item").unwrap();
    ///     assert_eq!(getter.join().unwrap(), Ok("item"));
    /// });
    /// ```
    #[inline]
    pub fn put(&self, item: T) -> Result<(), ShutDown<T>> {
        self.core
            .put(item, FOREVER)
            .map_err(|refused| match refused {
                Refused::ShutDown(item) => ShutDown(item),
                Refused::Full(_) => unreachable!("there was no limit to the wait"),
            })
    }

    /// Hands an item over if somebody waits for one. Never parks.
    ///
    /// # Errors
    /// [`PutError`], with the item: `Full` if nobody waits.
    ///
    /// # Examples
    /// ```
    /// let channel = greenroom::queue::Channel::new();
    /// assert_eq!(channel.try_put(1).unwrap_err().into_inner(), 1);
    /// ```
    pub fn try_put(&self, item: T) -> Result<(), PutError<T>> {
        self.core.try_put(item).map_err(PutError::from)
    }

    /// As [`put`](Channel::put), for at most `timeout`.
    ///
    /// # Errors
    /// [`PutError`], with the item: `Full` if nobody came.
    ///
    /// # Cancel
    /// As `put`.
    ///
    /// # Examples
    /// ```
    /// use greenroom::queue::{Channel, PutError};
    /// let late = Channel::new().put_timeout(2, std::time::Duration::from_millis(1));
    /// assert_eq!(late, Err(PutError::Full(2)));
    /// ```
    pub fn put_timeout(&self, item: T, timeout: Duration) -> Result<(), PutError<T>> {
        self.core
            .put(item, deadline_after(timeout))
            .map_err(PutError::from)
    }

    /// Takes an item from whoever puts one. Parks until somebody does.
    ///
    /// # Errors
    /// [`ShutDown`].
    ///
    /// # Cancel
    /// Nothing was taken. An item that came in that instant is returned, and the next parking call
    /// unwinds.
    ///
    /// # Examples
    /// ```
    /// let channel = greenroom::queue::Channel::<u8>::new();
    /// channel.shutdown();
    /// assert!(channel.get().is_err());
    /// ```
    #[inline]
    pub fn get(&self) -> Result<T, ShutDown> {
        self.core.get(FOREVER).map_err(|nothing| match nothing {
            Nothing::ShutDown => ShutDown(()),
            Nothing::Empty => unreachable!("there was no limit to the wait"),
        })
    }

    /// Takes an item if somebody waits to put one. Never parks.
    ///
    /// # Errors
    /// [`GetError`].
    ///
    /// # Examples
    /// ```
    /// use greenroom::queue::{Channel, GetError};
    /// assert_eq!(Channel::<u8>::new().try_get(), Err(GetError::Empty));
    /// ```
    pub fn try_get(&self) -> Result<T, GetError> {
        self.core.try_get().map_err(GetError::from)
    }

    /// As [`get`](Channel::get), for at most `timeout`.
    ///
    /// # Errors
    /// [`GetError`].
    ///
    /// # Cancel
    /// As `get`.
    ///
    /// # Examples
    /// ```
    /// let channel = greenroom::queue::Channel::<u8>::new();
    /// assert!(channel.get_timeout(std::time::Duration::from_millis(1)).is_err());
    /// ```
    pub fn get_timeout(&self, timeout: Duration) -> Result<T, GetError> {
        self.core
            .get(deadline_after(timeout))
            .map_err(GetError::from)
    }

    /// Refuses all puts and gets from here on, also those that wait. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::queue::{Channel, ShutDown};
    /// let channel = Channel::new();
    /// channel.shutdown();
    /// assert_eq!(channel.put('x'), Err(ShutDown('x')));
    /// ```
    pub fn shutdown(&self) {
        self.core.shut_down();
    }

    /// Whether the channel was shut down. Never parks.
    ///
    /// # Examples
    /// ```
    /// assert!(!greenroom::queue::Channel::<u8>::new().is_shutdown());
    /// ```
    pub fn is_shutdown(&self) -> bool {
        self.core.is_shut_down()
    }

    /// Takes items until the channel is shut down. Each step parks.
    ///
    /// # Examples
    /// ```
    /// let channel = greenroom::queue::Channel::<u8>::new();
    /// channel.shutdown();
    /// assert_eq!(channel.iter().count(), 0);
    /// ```
    pub fn iter(&self) -> ChannelIter<'_, T> {
        ChannelIter { channel: self }
    }

    /// For the arms of a select.
    pub(crate) fn core(&self) -> &Core<T, Fifo<T>> {
        &self.core
    }
}

impl<T> Default for Channel<T> {
    fn default() -> Channel<T> {
        Channel::new()
    }
}

impl<'a, T> IntoIterator for &'a Channel<T> {
    type Item = T;
    type IntoIter = ChannelIter<'a, T>;

    fn into_iter(self) -> ChannelIter<'a, T> {
        self.iter()
    }
}

/// Never blocks: shows `<locked>` if somebody is at it just now. The balance is the number of waiting
/// putters less that of waiting getters, as gevent has it.
impl<T> fmt::Debug for Channel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Channel");
        // Taken down first: the formatter may be the user's, and does not write under the lock.
        let seen = self.core.state.try_lock().map(|state| {
            let (putters, getters) = (state.putters.len(), state.getters.len());
            (state.is_shut, putters.cast_signed() - getters.cast_signed())
        });
        match seen {
            Some((is_shut, balance)) => {
                text.field("shut_down", &is_shut).field("balance", &balance)
            }
            None => text.field("state", &format_args!("<locked>")),
        };
        text.finish()
    }
}

/// Takes items until the channel is shut down; see [`Channel::iter`].
///
/// # Examples
/// ```
/// let channel = greenroom::queue::Channel::<u8>::new();
/// channel.shutdown();
/// for _ in &channel {
///     unreachable!("it is shut down");
/// }
/// ```
#[must_use = "iterators do nothing unless they are consumed"]
pub struct ChannelIter<'a, T> {
    channel: &'a Channel<T>,
}

impl<T> Iterator for ChannelIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.channel.get().ok()
    }
}

impl<T> FusedIterator for ChannelIter<'_, T> {}

impl<T> fmt::Debug for ChannelIter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelIter").finish_non_exhaustive()
    }
}
