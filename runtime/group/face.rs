//! What `Group` and `Pool` share: a macro writes it for both.
//!
//! A thin face: the protocol is in `roster`, the maps in `map`.

use super::imap::{Imap, ImapUnordered};
use super::map;
use super::member::Member;
use super::pool::Pool;
use super::report::Report;
use super::unbounded::Group;
use crate::sys::clock::{NEVER_NS, deadline_after};
use crate::thread;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

macro_rules! shared {
    ($name:ident, $new:literal) => {
        impl $name {
            /// How many members there are: spawned and not ended. Never parks.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let members = greenroom::group::", $new, ";")]
            /// members.spawn(greenroom::thread::park);
            /// assert_eq!(members.len(), 1);
            /// ```
            pub fn len(&self) -> usize {
                self.0.len()
            }

            /// Whether there is no member. Never parks.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let members = greenroom::group::", $new, ";")]
            /// assert!(members.is_empty());
            /// ```
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Waits until there is no member, also of those spawned meanwhile. Parks.
            ///
            /// Reports the panics since the last report, but of those members that were joined by
            /// their handles. Of several that join at the same time one gets the report.
            ///
            /// # Panics
            /// If a member joins its own group.
            ///
            /// # Cancel
            /// The members live on, and what is to be reported is kept.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let members = greenroom::group::", $new, ";")]
            /// members.spawn(|| panic!("oh no"));
            /// members.spawn(|| ());
            /// let report = members.join();
            /// assert_eq!(report.failures()[0].message(), "oh no");
            /// ```
            #[track_caller]
            pub fn join(&self) -> Report {
                self.0.join(NEVER_NS).expect("because there was no limit")
            }

            /// As [`join`](Self::join), for at most `timeout`. `None`: the time was up.
            ///
            /// # Panics
            /// As `join`.
            ///
            /// # Cancel
            /// As `join`.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let members = greenroom::group::", $new, ";")]
            /// members.spawn(greenroom::thread::park);
            /// assert!(members.join_timeout(std::time::Duration::from_millis(1)).is_none());
            /// ```
            #[track_caller]
            pub fn join_timeout(&self, timeout: Duration) -> Option<Report> {
                self.0.join(deadline_after(timeout))
            }

            /// The report, if there is no member. Never parks.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let members = greenroom::group::", $new, ";")]
            /// assert!(members.try_join().is_some());
            /// ```
            pub fn try_join(&self) -> Option<Report> {
                self.0.try_join()
            }

            /// Asks every member to end, also one that calls this; see
            /// [`JoinHandle::cancel`](crate::thread::JoinHandle::cancel). Returns how many had not
            /// ended. Never parks.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let members = greenroom::group::", $new, ";")]
            /// members.spawn(greenroom::thread::park);
            /// assert_eq!(members.cancel(), 1);
            /// assert!(members.join().into_result().is_ok()); // A cancellation is no panic.
            /// ```
            pub fn cancel(&self) -> usize {
                self.0.cancel()
            }

            /// Runs `f` on a member and waits for its value. Called by a member, it runs `f` in place:
            /// in a full pool it could wait for ever. Parks.
            ///
            /// # Panics
            /// Re-raises a panic of `f`.
            ///
            /// # Cancel
            /// Cancels the member, and does not wait for it.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let members = greenroom::group::", $new, ";")]
            /// assert_eq!(members.apply(|| 6 * 7), 42);
            /// ```
            #[track_caller]
            pub fn apply<F, T>(&self, f: F) -> T
            where
                F: FnOnce() -> T + Send + 'static,
                T: Send + 'static,
            {
                if self.0.is_mine() {
                    return f();
                }
                map::wait_for(self.spawn(f))
            }

            /// Spawns a member that runs `f`, and then `callback` with its value. Parks as `spawn` does.
            ///
            /// A panic of either is the member's; without a value there is no callback.
            ///
            /// # Panics
            /// As `spawn`.
            ///
            /// # Cancel
            /// As `spawn`.
            ///
            /// # Examples
            /// ```
            /// use greenroom::queue::Queue;
            /// let done = std::sync::Arc::new(Queue::unbounded());
            /// let theirs = done.clone();
            #[doc = concat!(" let members = greenroom::group::", $new, ";")]
            /// let member = members.apply_async(|| 6 * 7, move |value| theirs.put(*value).unwrap());
            /// assert_eq!(done.get(), Ok(42));
            /// assert_eq!(member.join().unwrap(), 42);
            /// ```
            #[track_caller]
            pub fn apply_async<F, C, T>(&self, f: F, callback: C) -> Member<T>
            where
                F: FnOnce() -> T + Send + 'static,
                C: FnOnce(&T) + Send + 'static,
                T: Send + 'static,
            {
                self.spawn(map::with_callback(f, callback))
            }

            /// Calls `f` with every item, each on a member of its own, and waits for all of them. The
            /// values are in the order of the items. Parks.
            ///
            /// # Panics
            /// Re-raises the first panic, in the order of the items, after all have ended.
            ///
            /// # Cancel
            /// Cancels the members, and does not wait for them.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let members = greenroom::group::", $new, ";")]
            /// assert_eq!(members.map(0..4, |n| n * n), [0, 1, 4, 9]);
            /// ```
            #[track_caller]
            pub fn map<I, F, T>(&self, items: I, f: F) -> Vec<T>
            where
                I: IntoIterator<Item: Send + 'static>,
                F: Fn(I::Item) -> T + Send + Sync + 'static,
                T: Send + 'static,
            {
                map::values(self.map_results(items, f))
            }

            /// As [`map`](Self::map), with each member's panic in the place of its value.
            ///
            /// # Panics
            /// As `spawn`. A panic of the items passes through.
            ///
            /// # Cancel
            /// As `map`.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let members = greenroom::group::", $new, ";")]
            /// let results = members.map_results([1, 0], |n| 6 / n);
            /// assert!(results[0].is_ok() && results[1].is_err());
            /// ```
            #[track_caller]
            pub fn map_results<I, F, T>(&self, items: I, f: F) -> Vec<thread::Result<T>>
            where
                I: IntoIterator<Item: Send + 'static>,
                F: Fn(I::Item) -> T + Send + Sync + 'static,
                T: Send + 'static,
            {
                map::results(&self.0, items, f)
            }

            /// Calls `f` with the items as the results are consumed, in the order of the items. At most
            /// `lookahead` items are started and not consumed. Never parks; its iterator does.
            ///
            /// # Panics
            /// If `lookahead` is 0.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let members = greenroom::group::", $new, ";")]
            /// let mut squares = members.imap(0.., |n| n * n, 4);
            /// assert_eq!(squares.nth(3).unwrap().unwrap(), 9);
            /// ```
            #[track_caller]
            pub fn imap<I, F, T>(&self, items: I, f: F, lookahead: usize) -> Imap<I::IntoIter, F, T>
            where
                I: IntoIterator<Item: Send + 'static>,
                F: Fn(I::Item) -> T + Send + Sync + 'static,
                T: Send + 'static,
            {
                Imap::new(
                    Arc::clone(&self.0),
                    items.into_iter(),
                    f,
                    lookahead,
                    Location::caller(),
                )
            }

            /// As [`imap`](Self::imap), with the results in the order in which they come.
            ///
            /// # Panics
            /// If `lookahead` is 0.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let members = greenroom::group::", $new, ";")]
            /// let squares = members.imap_unordered(0..4, |n| n * n, 4);
            /// assert_eq!(squares.map(Result::unwrap).sum::<u32>(), 14);
            /// ```
            #[track_caller]
            pub fn imap_unordered<I, F, T>(
                &self,
                items: I,
                f: F,
                lookahead: usize,
            ) -> ImapUnordered<I::IntoIter, F, T>
            where
                I: IntoIterator<Item: Send + 'static>,
                F: Fn(I::Item) -> T + Send + Sync + 'static,
                T: Send + 'static,
            {
                ImapUnordered::new(
                    Arc::clone(&self.0),
                    items.into_iter(),
                    f,
                    lookahead,
                    Location::caller(),
                )
            }
        }

        /// Never blocks: shows `<locked>` if somebody is at it just now.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt_as(stringify!($name), f)
            }
        }
    };
}

shared!(Group, "Group::new()");
shared!(Pool, "Pool::new(2)");
