//! `Imap` and `ImapUnordered`: a function over items, a few of them ahead of who consumes the results.
//!
//! All that happens outside the members happens in `next`, on the consumer's side: items are pulled one
//! by one, and only when there may be one more in flight. An item is pulled before room is asked for and
//! kept if there is none: pulling may itself need room, in the same pool, and must not wait for it while
//! holding some.

use super::member::{Batch, Member};
use super::roster::Roster;
use super::watched::Watched;
use crate::sys::clock::{NEVER_NS, deadline_after};
use crate::thread::{self, Builder};
use crate::time::Elapsed;
use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// What starts members: items, a function, and where to spawn.
struct Feed<I: Iterator, F> {
    roster: Arc<Roster>,
    /// `None`: it has ended.
    items: Option<I>,
    /// Pulled, and there was no room.
    held: Option<I::Item>,
    f: Arc<F>,
    lookahead: usize,
    /// Where the members say that they were spawned.
    at: &'static Location<'static>,
}

/// How long a feed may wait for room.
#[derive(Clone, Copy)]
enum Patience {
    None,
    Until(u64),
}

impl<I, F, T> Feed<I, F>
where
    I: Iterator<Item: Send + 'static>,
    F: Fn(I::Item) -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    fn new(
        roster: Arc<Roster>,
        items: I,
        f: F,
        lookahead: usize,
        at: &'static Location<'static>,
    ) -> Feed<I, F> {
        assert!(
            lookahead > 0,
            "a look-ahead of zero would never start anything"
        );
        Feed {
            roster,
            items: Some(items),
            held: None,
            f: Arc::new(f),
            lookahead,
            at,
        }
    }

    /// Starts one more, if `in_flight` allows it, there is an item, and there is room in time.
    fn start(&mut self, in_flight: usize, patience: Patience) -> Option<Member<T>> {
        if in_flight >= self.lookahead {
            return None;
        }
        if self.held.is_none() {
            self.held = self.items.as_mut()?.next();
        }
        if self.held.is_none() {
            self.items = None;
            return None;
        }
        let room = match patience {
            // With some in flight there is something to wait for already.
            Patience::Until(deadline_ns) if in_flight == 0 => self.roster.room(deadline_ns)?,
            _ => self.roster.try_room()?,
        };
        let item = self.held.take()?;
        let f = Arc::clone(&self.f);
        let member = self
            .roster
            .spawn(room, Builder::new().at(self.at), move || f(item));
        Some(member.expect("failed to spawn thread"))
    }
}

impl<I: Iterator, F> Feed<I, F> {
    fn is_done(&self) -> bool {
        self.items.is_none() && self.held.is_none()
    }
}

macro_rules! imap {
    (
        $(#[$doc:meta])* $name:ident, $function:literal, $set:ty,
        $new:expr, $push:ident, $take:ident, $try_take:ident, $result:expr
    ) => {
        $(#[$doc])*
        pub struct $name<I: Iterator, F, T: Send + 'static> {
            feed: Feed<I, F>,
            started: $set,
        }

        impl<I, F, T> $name<I, F, T>
        where
            I: Iterator<Item: Send + 'static>,
            F: Fn(I::Item) -> T + Send + Sync + 'static,
            T: Send + 'static,
        {
            pub(super) fn new(roster: Arc<Roster>, items: I, f: F, lookahead: usize, at: &'static Location<'static>) -> Self {
                $name {
                    feed: Feed::new(roster, items, f, lookahead, at),
                    started: $new,
                }
            }

            fn fill(&mut self, patience: Patience) {
                while let Some(member) = self.feed.start(self.started.len(), patience) {
                    self.started.$push(member);
                }
            }

            /// Whether every item was taken and every result consumed. Items are seen to end only by
            /// looking for one more. Never parks.
            ///
            /// # Examples
            /// ```
            #[doc = concat!(" let mut results = greenroom::group::", $function, "(0..1, |n| n, 2);")]
            /// assert!(!results.is_done());
            /// assert!(results.next().is_some() && results.next().is_none());
            /// assert!(results.is_done());
            /// ```
            pub fn is_done(&self) -> bool {
                self.feed.is_done() && self.started.len() == 0
            }

            /// The next result, if it is there; starts what may be started. Never parks, unless the
            /// items do. `None`: it is not there, or nothing is left: see [`is_done`](Self::is_done).
            ///
            /// # Examples
            /// ```
            /// use greenroom::thread::sleep;
            /// let times = [std::time::Duration::from_secs(60)];
            #[doc = concat!(" let mut results = greenroom::group::", $function, "(times, sleep, 2);")]
            /// assert!(results.try_next().is_none());
            /// ```
            pub fn try_next(&mut self) -> Option<thread::Result<T>> {
                self.fill(Patience::None);
                self.started.$try_take().map($result)
            }

            /// As `next`, for at most `timeout`, not counting the items' own waits. Parks.
            ///
            /// # Errors
            /// [`Elapsed`], if the time was up.
            ///
            /// # Panics
            /// As `next`.
            ///
            /// # Cancel
            /// As `next`.
            ///
            /// # Examples
            /// ```
            /// use greenroom::thread::sleep;
            /// use std::time::Duration;
            /// let times = [Duration::from_secs(60)];
            #[doc = concat!(" let mut results = greenroom::group::", $function, "(times, sleep, 2);")]
            /// assert!(results.next_timeout(Duration::from_millis(1)).is_err());
            /// ```
            pub fn next_timeout(
                &mut self,
                timeout: Duration,
            ) -> Result<Option<thread::Result<T>>, Elapsed> {
                match self.next_until(deadline_after(timeout)) {
                    Some(result) => Ok(Some(result)),
                    None if self.is_done() => Ok(None),
                    None => Err(Elapsed),
                }
            }

            fn next_until(&mut self, deadline_ns: u64) -> Option<thread::Result<T>> {
                self.fill(Patience::Until(deadline_ns));
                self.started.$take(deadline_ns).map($result)
            }
        }

        /// The next result is waited for: the member's value, or its panic. Parks.
        ///
        /// # Panics
        /// If a green thread cannot be spawned. A panic of the items passes through.
        ///
        /// # Cancel
        /// No result is lost: `next` may be called again, or the iterator dropped.
        impl<I, F, T> Iterator for $name<I, F, T>
        where
            I: Iterator<Item: Send + 'static>,
            F: Fn(I::Item) -> T + Send + Sync + 'static,
            T: Send + 'static,
        {
            type Item = thread::Result<T>;

            fn next(&mut self) -> Option<thread::Result<T>> {
                self.next_until(NEVER_NS)
            }
        }

        impl<I: Iterator, F, T: Send> fmt::Debug for $name<I, F, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name))
                    .field("started", &self.started.len())
                    .field("lookahead", &self.feed.lookahead)
                    .finish_non_exhaustive()
            }
        }
    };
}

imap! {
    /// Results in the order of the items: what [`imap`](super::imap) returns.
    ///
    /// Dropped early it cancels what it has started, and does not wait for it.
    ///
    /// # Examples
    /// ```
    /// use greenroom::group::Imap;
    /// let mut squares: Imap<_, _, u32> = greenroom::group::imap(0.., |n| n * n, 4);
    /// assert_eq!(squares.nth(3).unwrap().unwrap(), 9);
    /// ```
    Imap, "imap", Batch<T>, Batch::new(), push, take_first, try_take_first, |result| result
}

imap! {
    /// Results as the members end: what [`imap_unordered`](super::imap_unordered) returns.
    ///
    /// Dropped early it cancels what it has started, and does not wait for it.
    ///
    /// # Examples
    /// ```
    /// use greenroom::group::ImapUnordered;
    /// let squares: ImapUnordered<_, _, u32> = greenroom::group::imap_unordered(0..4, |n| n * n, 4);
    /// assert_eq!(squares.map(Result::unwrap).sum::<u32>(), 14);
    /// ```
    ImapUnordered, "imap_unordered", Crowd<T>, Crowd(Watched::new()), push, take, try_take,
    |(_, result)| result
}

/// Members under watch. Cancels those that nobody has taken when it is dropped, and does not wait.
struct Crowd<T: Send + 'static>(Watched<Member<T>>);

impl<T: Send> Crowd<T> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn push(&mut self, member: Member<T>) {
        self.0.add(member);
    }

    fn take(&mut self, deadline_ns: u64) -> Option<(u64, thread::Result<T>)> {
        self.0.take(deadline_ns)
    }

    fn try_take(&mut self) -> Option<(u64, thread::Result<T>)> {
        self.0.try_take()
    }
}

impl<T: Send> Drop for Crowd<T> {
    fn drop(&mut self) {
        for member in self.0.handles() {
            member.cancel();
        }
    }
}
