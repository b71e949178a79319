//! `Queue`, `LifoQueue`, `PriorityQueue`: three orders, one face, which a macro writes for each of them.
//! The protocol is in `core`, the orders in `store`. Three types rather than one with a parameter for
//! the order: with a parameter `Queue::unbounded()` could not be inferred.

use super::core::{Core, FOREVER, Labels, Nothing, Refused, UNBOUNDED};
use super::error::{GetError, PutError, ShutDown, TaskDoneError};
use super::iter::{Iter, TryIter};
use super::store::{Fifo, Lifo, Priority};
use crate::sys::clock::deadline_after;
use crate::task::reason::At;
use std::fmt;
use std::time::Duration;

const LABELS: Labels = Labels {
    get: At::Get,
    put: At::Put,
};

macro_rules! queue {
    ($(#[$doc:meta])* $name:ident, $store:ident $(, $bound:path)?) => {
        $(#[$doc])*
        pub struct $name<T> {
            core: Core<T, $store<T>>,
        }

        impl<T $(: $bound)?> $name<T> {
            /// A queue for any number of items. Never full.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let queue = greenroom::queue::", stringify!($name), "::unbounded();")]
            /// queue.put(1).unwrap();
            /// assert_eq!(queue.capacity(), None);
            /// ```
            pub const fn unbounded() -> $name<T> {
                $name {
                    core: Core::new($store::new(), UNBOUNDED, LABELS),
                }
            }

            /// A queue for at most `capacity` items. With 0 an item goes from hand to hand.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let queue = greenroom::queue::", stringify!($name), "::bounded(1);")]
            /// queue.put(1).unwrap();
            /// assert!(queue.is_full());
            /// ```
            pub const fn bounded(capacity: usize) -> $name<T> {
                $name {
                    core: Core::new($store::new(), capacity, LABELS),
                }
            }

            /// Puts an item. Parks while the queue is full.
            ///
            /// # Errors
            /// [`ShutDown`], with the item.
            ///
            /// # Cancel
            /// The item was not put; it is dropped by the unwinding.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let queue = greenroom::queue::", stringify!($name), "::bounded(1);")]
            /// queue.put("item").unwrap();
            /// assert_eq!(queue.get(), Ok("item"));
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

            /// Puts an item if there is room. Never parks. Python's `put_nowait`.
            ///
            /// # Errors
            /// [`PutError`], with the item.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let queue = greenroom::queue::", stringify!($name), "::bounded(1);")]
            /// assert!(queue.try_put(1).is_ok());
            /// assert_eq!(queue.try_put(2).unwrap_err().into_inner(), 2);
            /// ```
            pub fn try_put(&self, item: T) -> Result<(), PutError<T>> {
                self.core.try_put(item).map_err(PutError::from)
            }

            /// As [`put`](Self::put), for at most `timeout`.
            ///
            /// # Errors
            /// [`PutError`], with the item.
            ///
            /// # Cancel
            /// As `put`.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" use greenroom::queue::{PutError, ", stringify!($name), "};")]
            #[doc = concat!(" let queue = ", stringify!($name), "::bounded(1);")]
            /// queue.put(1).unwrap();
            /// let late = queue.put_timeout(2, std::time::Duration::from_millis(1));
            /// assert_eq!(late, Err(PutError::Full(2)));
            /// ```
            pub fn put_timeout(&self, item: T, timeout: Duration) -> Result<(), PutError<T>> {
                self.core
                    .put(item, deadline_after(timeout))
                    .map_err(PutError::from)
            }

            /// Takes an item. Parks while the queue is empty.
            ///
            /// # Errors
            /// [`ShutDown`], when nothing is left.
            ///
            /// # Cancel
            /// Nothing was taken. An item that came in that instant is returned, and the next parking call
            /// unwinds.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let queue = greenroom::queue::", stringify!($name), "::unbounded();")]
            /// queue.put(1).unwrap();
            /// assert_eq!(queue.get(), Ok(1));
            /// ```
            #[inline]
            pub fn get(&self) -> Result<T, ShutDown> {
                self.core.get(FOREVER).map_err(|nothing| match nothing {
                    Nothing::ShutDown => ShutDown(()),
                    Nothing::Empty => unreachable!("there was no limit to the wait"),
                })
            }

            /// Takes an item if there is one. Never parks. Python's `get_nowait`.
            ///
            /// # Errors
            /// [`GetError`].
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" use greenroom::queue::{GetError, ", stringify!($name), "};")]
            #[doc = concat!("assert_eq!(", stringify!($name), "::<u8>::unbounded().try_get(), Err(GetError::Empty));")]
            /// ```
            pub fn try_get(&self) -> Result<T, GetError> {
                self.core.try_get().map_err(GetError::from)
            }

            /// As [`get`](Self::get), for at most `timeout`.
            ///
            /// # Errors
            /// [`GetError`].
            ///
            /// # Cancel
            /// As `get`.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" use greenroom::queue::{GetError, ", stringify!($name), "};")]
            #[doc = concat!(" let queue = ", stringify!($name), "::<u8>::unbounded();")]
            /// let late = queue.get_timeout(std::time::Duration::from_millis(1));
            /// assert_eq!(late, Err(GetError::Empty));
            /// ```
            pub fn get_timeout(&self, timeout: Duration) -> Result<T, GetError> {
                self.core
                    .get(deadline_after(timeout))
                    .map_err(GetError::from)
            }

            /// A clone of what `get` would take, without taking it. Parks while the queue is empty.
            ///
            /// `Clone` runs while the queue is locked: it must not use the queue; if it parks, it panics. An
            /// item that a waiting `get` takes at once is never seen, nor one in a putter's hands.
            ///
            /// # Errors
            /// [`ShutDown`], when nothing is left.
            ///
            /// # Cancel
            /// Nothing happened.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let queue = greenroom::queue::", stringify!($name), "::unbounded();")]
            /// queue.put(1).unwrap();
            /// assert_eq!(queue.peek(), Ok(1));
            /// assert_eq!(queue.get(), Ok(1));
            /// ```
            pub fn peek(&self) -> Result<T, ShutDown>
            where
                T: Clone,
            {
                self.core.peek(FOREVER).map_err(|_| ShutDown(()))
            }

            /// As [`peek`](Self::peek), if there is an item. Never parks.
            ///
            /// # Errors
            /// [`GetError`].
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" use greenroom::queue::{GetError, ", stringify!($name), "};")]
            #[doc = concat!("assert_eq!(", stringify!($name), "::<u8>::unbounded().try_peek(), Err(GetError::Empty));")]
            /// ```
            pub fn try_peek(&self) -> Result<T, GetError>
            where
                T: Clone,
            {
                self.core.try_peek().map_err(GetError::from)
            }

            /// As [`peek`](Self::peek), for at most `timeout`.
            ///
            /// # Errors
            /// [`GetError`].
            ///
            /// # Cancel
            /// Nothing happened.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let queue = greenroom::queue::", stringify!($name), "::<u8>::unbounded();")]
            /// assert!(queue.peek_timeout(std::time::Duration::ZERO).is_err());
            /// ```
            pub fn peek_timeout(&self, timeout: Duration) -> Result<T, GetError>
            where
                T: Clone,
            {
                self.core
                    .peek(deadline_after(timeout))
                    .map_err(GetError::from)
            }

            /// How many items lie in the queue: a moment later there may be more or fewer. Never parks.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let queue = greenroom::queue::", stringify!($name), "::unbounded();")]
            /// queue.put(1).unwrap();
            /// assert_eq!(queue.len(), 1);
            /// ```
            pub fn len(&self) -> usize {
                self.core.len()
            }

            /// Whether no item lies in the queue. Never parks.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" assert!(greenroom::queue::", stringify!($name), "::<u8>::unbounded().is_empty());")]
            /// ```
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Whether the queue holds as many items as it may. Never parks.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" assert!(!greenroom::queue::", stringify!($name), "::<u8>::bounded(1).is_full());")]
            /// ```
            pub fn is_full(&self) -> bool {
                self.capacity()
                    .is_some_and(|capacity| self.len() >= capacity)
            }

            /// The greatest number of items, if there is a bound. Never parks.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" assert_eq!(greenroom::queue::", stringify!($name), "::<u8>::bounded(7).capacity(), Some(7));")]
            /// ```
            pub fn capacity(&self) -> Option<usize> {
                self.core.capacity()
            }

            /// Says that an item that was taken is done with; see [`join`](Self::join). Never parks.
            ///
            /// # Errors
            /// More items were said to be done than were put.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let queue = greenroom::queue::", stringify!($name), "::unbounded();")]
            /// queue.put(1).unwrap();
            /// queue.get().unwrap();
            /// queue.task_done().unwrap();
            /// assert!(queue.task_done().is_err());
            /// ```
            pub fn task_done(&self) -> Result<(), TaskDoneError> {
                if self.core.finish_one() {
                    Ok(())
                } else {
                    Err(TaskDoneError)
                }
            }

            /// Waits until as many items were said to be done as were put. Parks.
            ///
            /// # Cancel
            /// Nothing happened.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let queue = greenroom::queue::", stringify!($name), "::<u8>::unbounded();")]
            /// queue.join(); // Nothing was put.
            /// ```
            pub fn join(&self) {
                self.core.join(FOREVER);
            }

            /// As [`join`](Self::join), for at most `timeout`. `false`: the time was up.
            ///
            /// # Cancel
            /// Nothing happened.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let queue = greenroom::queue::", stringify!($name), "::unbounded();")]
            /// queue.put(1).unwrap();
            /// assert!(!queue.join_timeout(std::time::Duration::from_millis(1)));
            /// ```
            #[must_use = "says whether all items are done"]
            pub fn join_timeout(&self, timeout: Duration) -> bool {
                self.core.join(deadline_after(timeout))
            }

            /// How many items were put and not yet said to be done. Never parks.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let queue = greenroom::queue::", stringify!($name), "::unbounded();")]
            /// queue.put(1).unwrap();
            /// assert_eq!(queue.unfinished(), 1);
            /// ```
            pub fn unfinished(&self) -> usize {
                self.core.unfinished()
            }

            /// No more puts: they are refused, also those that wait. Gets go on until the queue is empty, and are
            /// refused then. Never parks. Python's `shutdown()`.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" use greenroom::queue::{", stringify!($name), ", ShutDown};")]
            #[doc = concat!(" let queue = ", stringify!($name), "::unbounded();")]
            /// queue.put(1).unwrap();
            /// queue.shutdown();
            /// assert_eq!(queue.put(2), Err(ShutDown(2)));
            /// assert_eq!(queue.get(), Ok(1));
            /// assert_eq!(queue.get(), Err(ShutDown(())));
            /// ```
            pub fn shutdown(&self) {
                self.core.shut_down();
            }

            /// As [`shutdown`](Self::shutdown), and the queue is emptied: what lay in it comes back (of a
            /// priority queue in no order) and counts as done. Never parks. Python's `shutdown(immediate=True)`.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let queue = greenroom::queue::", stringify!($name), "::unbounded();")]
            /// queue.put(1).unwrap();
            /// assert_eq!(queue.shutdown_now(), [1]);
            /// assert!(queue.get().is_err());
            /// queue.join(); // Nobody has to finish what nobody got.
            /// ```
            pub fn shutdown_now(&self) -> Vec<T> {
                self.core.shut_down_now()
            }

            /// Whether the queue was shut down. Never parks.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" assert!(!greenroom::queue::", stringify!($name), "::<u8>::unbounded().is_shutdown());")]
            /// ```
            pub fn is_shutdown(&self) -> bool {
                self.core.is_shut_down()
            }

            /// Takes items until the queue was shut down and is empty. Each step parks.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let queue = greenroom::queue::", stringify!($name), "::unbounded();")]
            /// (1..=3).for_each(|n| queue.put(n).unwrap());
            /// queue.shutdown();
            /// assert_eq!(queue.iter().sum::<i32>(), 6);
            /// ```
            pub fn iter(&self) -> Iter<'_, T, $store<T>> {
                Iter::new(&self.core)
            }

            /// Takes what is there, without waiting for more. Never parks.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let queue = greenroom::queue::", stringify!($name), "::unbounded();")]
            /// (1..=3).for_each(|n| queue.put(n).unwrap());
            /// assert_eq!(queue.try_iter().count(), 3);
            /// ```
            pub fn try_iter(&self) -> TryIter<'_, T, $store<T>> {
                TryIter::new(&self.core)
            }

            /// For the arms of a select.
            pub(crate) fn core(&self) -> &Core<T, $store<T>> {
                &self.core
            }
        }

        impl<T $(: $bound)?> Default for $name<T> {
            fn default() -> $name<T> {
                $name::unbounded()
            }
        }

        impl<'a, T $(: $bound)?> IntoIterator for &'a $name<T> {
            type Item = T;
            type IntoIter = Iter<'a, T, $store<T>>;

            fn into_iter(self) -> Iter<'a, T, $store<T>> {
                self.iter()
            }
        }

        /// Never blocks: shows `<locked>` if somebody is at it just now.
        impl<T $(: $bound)?> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.core.fmt(f, stringify!($name))
            }
        }
    };
}

queue! {
    /// A queue for many producers and many consumers: first in, first out.
    ///
    /// Shared by reference (`scope`, a `static`) or in an `Arc`. Those who wait are served in the order in
    /// which they came. `bounded(0)` has no room: a put waits until a get takes the item from its hands.
    /// Source: Python's `queue.Queue`, gevent's `JoinableQueue`.
    ///
    /// # Examples
    /// ```
    /// use greenroom::queue::Queue;
    /// static JOBS: Queue<u32> = Queue::unbounded();
    /// greenroom::run(|| {
    ///     let worker = greenroom::thread::spawn(|| {
    ///         for job in &JOBS {
    ///             assert!(job < 3);
    ///             JOBS.task_done().unwrap();
    ///         }
    ///     });
    ///     (0..3).for_each(|job| JOBS.put(job).unwrap());
    ///     JOBS.join(); // Until the worker is done with all three.
    ///     JOBS.shutdown();
    ///     worker.join().unwrap();
    /// });
    /// ```
    Queue, Fifo
}

queue! {
    /// A queue that gives the newest item first. Source: Python's `queue.LifoQueue`.
    ///
    /// # Examples
    /// ```
    /// let stack = greenroom::queue::LifoQueue::unbounded();
    /// (1..=3).for_each(|n| stack.put(n).unwrap());
    /// assert_eq!(stack.try_iter().collect::<Vec<_>>(), [3, 2, 1]);
    /// ```
    LifoQueue, Lifo
}

queue! {
    /// A queue that gives the smallest item first, and equals in the order in which they were put.
    ///
    /// `Ord` runs while the queue (in a select, every queue of it) is locked: it must be quick, and must
    /// not use queues, events or whatever else of greenroom's can be waited for. If it parks, it panics;
    /// if it panics, the item that was being put or taken may be lost. Source: Python's
    /// `queue.PriorityQueue`. For pairs of priority and item give the pair an `Ord` of its own that looks
    /// at the priority only; [`std::cmp::Reverse`] turns the order round.
    ///
    /// # Examples
    /// ```
    /// let queue = greenroom::queue::PriorityQueue::unbounded();
    /// for pair in [(2, "tea"), (1, "fire"), (2, "cake")] {
    ///     queue.put(pair).unwrap();
    /// }
    /// assert_eq!(queue.get(), Ok((1, "fire")));
    /// assert_eq!(queue.get(), Ok((2, "cake")));
    /// ```
    PriorityQueue, Priority, Ord
}
