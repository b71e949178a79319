//! Waiting for many green threads: all of them, some, any, or one after the other as they end.
//!
//! `as_completed` registers once at each handle (`watched`), so ten thousand cost ten thousand
//! registrations however often it is asked; the others stand on it, or on the select.

use super::handle::Handle;
use super::watched::Watched;
use crate::select::{Joinable, Select};
use crate::sys::clock::{NEVER_NS, deadline_after};
use crate::thread::{self, CancelOutcome, cancel};
use crate::time::Elapsed;
use std::fmt;
use std::iter::FusedIterator;
use std::time::Duration;

/// Results in the order in which the green threads end, each with its place among the handles: what
/// [`as_completed`] returns.
///
/// Dropped early it detaches what is left, as dropping the handles does, and leaves nothing behind.
///
/// # Examples
/// ```
/// use greenroom::{group::{AsCompleted, as_completed}, thread};
/// let mut results: AsCompleted<_> = as_completed([thread::spawn(|| 42)]);
/// assert_eq!(results.next().unwrap().1.unwrap(), 42);
/// assert!(results.next().is_none());
/// ```
pub struct AsCompleted<H: Handle> {
    watched: Watched<H>,
    deadline_ns: u64,
}

/// Yields the results of `handles` as the green threads end. Never parks; its iterator does.
///
/// Source: gevent's `iwait`, Python's `concurrent.futures.as_completed`.
///
/// # Panics
/// If a green thread's own handle is among them.
///
/// # Examples
/// ```
/// use greenroom::{group::as_completed, thread};
/// let waiting = thread::spawn(thread::park);
/// let waited_for = waiting.thread().clone();
/// let quick = thread::spawn(|| ());
/// let mut results = as_completed([waiting, quick]);
/// assert_eq!(results.next().unwrap().0, 1);
/// waited_for.unpark();
/// assert_eq!(results.next().unwrap().0, 0);
/// ```
pub fn as_completed<H: Handle>(handles: impl IntoIterator<Item = H>) -> AsCompleted<H> {
    completed_until(handles, NEVER_NS)
}

/// As [`as_completed`], for at most `timeout` altogether: then the iterator ends, and
/// [`remaining`](AsCompleted::remaining) says how many were left. Never parks; its iterator does.
///
/// # Panics
/// As `as_completed`.
///
/// # Examples
/// ```
/// use greenroom::{group::{as_completed_timeout, cancel_all}, thread};
/// use std::time::Duration;
/// let mut results = as_completed_timeout([thread::spawn(thread::park)], Duration::from_millis(1));
/// assert!(results.next().is_none());
/// assert_eq!(results.remaining(), 1);
/// assert_eq!(cancel_all(results.into_unfinished().iter().map(|(_, handle)| handle)), 1);
/// ```
pub fn as_completed_timeout<H: Handle>(
    handles: impl IntoIterator<Item = H>,
    timeout: Duration,
) -> AsCompleted<H> {
    completed_until(handles, deadline_after(timeout))
}

fn completed_until<H: Handle>(
    handles: impl IntoIterator<Item = H>,
    deadline_ns: u64,
) -> AsCompleted<H> {
    let mut watched = Watched::new();
    handles.into_iter().for_each(|handle| watched.add(handle));
    AsCompleted {
        watched,
        deadline_ns,
    }
}

fn placed<T>((token, result): (u64, T)) -> (usize, T) {
    let place = usize::try_from(token).expect("because tokens count handles");
    (place, result)
}

impl<H: Handle> AsCompleted<H> {
    /// How many results have not been taken. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::{group::as_completed, thread};
    /// let mut results = as_completed([thread::spawn(|| ()), thread::spawn(|| ())]);
    /// results.next();
    /// assert_eq!(results.remaining(), 1);
    /// ```
    pub fn remaining(&self) -> usize {
        self.watched.len()
    }

    /// The next result, if a green thread has ended whose result was not taken. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::{group::as_completed, thread};
    /// let mut results = as_completed([thread::spawn(thread::park)]);
    /// assert!(results.try_next().is_none());
    /// ```
    pub fn try_next(&mut self) -> Option<(usize, thread::Result<H::Output>)> {
        self.watched.try_take().map(placed)
    }

    /// As `next`, for at most `timeout`. Parks.
    ///
    /// # Errors
    /// [`Elapsed`], if the time was up.
    ///
    /// # Cancel
    /// As `next`.
    ///
    /// # Examples
    /// ```
    /// use greenroom::{group::as_completed, thread};
    /// let mut results = as_completed([thread::spawn(thread::park)]);
    /// assert!(results.next_timeout(std::time::Duration::from_millis(1)).is_err());
    /// ```
    #[expect(clippy::type_complexity, reason = "an item of the iterator, in full")]
    pub fn next_timeout(
        &mut self,
        timeout: Duration,
    ) -> Result<Option<(usize, thread::Result<H::Output>)>, Elapsed> {
        let deadline_ns = self.deadline_ns.min(deadline_after(timeout));
        match self.watched.take(deadline_ns) {
            Some(taken) => Ok(Some(placed(taken))),
            None if self.watched.len() == 0 => Ok(None),
            None => Err(Elapsed),
        }
    }

    /// Hands back what was not taken, with its place among the handles, in that order. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::{group::as_completed, thread};
    /// let results = as_completed([thread::spawn(|| 1), thread::spawn(|| 2)]);
    /// let (place, handle) = results.into_unfinished().pop().unwrap();
    /// assert_eq!((place, handle.join().unwrap()), (1, 2));
    /// ```
    pub fn into_unfinished(mut self) -> Vec<(usize, H)> {
        self.watched.release().into_iter().map(placed).collect()
    }
}

/// The next result is waited for. Parks.
///
/// # Cancel
/// No result is lost: one that came in that instant is returned, and the next parking call unwinds.
impl<H: Handle> Iterator for AsCompleted<H> {
    type Item = (usize, thread::Result<H::Output>);

    fn next(&mut self) -> Option<Self::Item> {
        self.watched.take(self.deadline_ns).map(placed)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.remaining()))
    }
}

impl<H: Handle> FusedIterator for AsCompleted<H> {}

impl<H: Handle> fmt::Debug for AsCompleted<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted")
            .field("remaining", &self.remaining())
            .finish_non_exhaustive()
    }
}

/// What [`join_all`] has: results in the order of the ends, and the handles of those that are left. Each
/// with its place among the handles; every place is there once.
///
/// # Examples
/// ```
/// use greenroom::{group::{Joined, join_all}, thread};
/// let handles = [thread::spawn(thread::park), thread::spawn(thread::yield_now)];
/// let joined: Joined<_> = join_all(handles, None, Some(1));
/// assert_eq!(joined.finished[0].0, 1);
/// assert_eq!(joined.unfinished[0].0, 0);
/// ```
pub struct Joined<H: Handle> {
    /// Who has ended, first come, first.
    pub finished: Vec<(usize, thread::Result<H::Output>)>,
    /// Who has not, or was not asked any more, in the order of the handles.
    pub unfinished: Vec<(usize, H)>,
}

impl<H: Handle> Joined<H> {
    /// The results in the order of the handles. Never parks. The unfinished are detached.
    ///
    /// # Examples
    /// ```
    /// use greenroom::{group::join_all, thread};
    /// let handles = (0..3).map(|n| thread::spawn(move || n * n));
    /// let results = join_all(handles, None, None).into_results();
    /// let squares: Vec<i32> = results.into_iter().map(Result::unwrap).collect();
    /// assert_eq!(squares, [0, 1, 4]);
    /// ```
    pub fn into_results(mut self) -> Vec<thread::Result<H::Output>> {
        self.finished.sort_unstable_by_key(|(place, _)| *place);
        self.finished
            .into_iter()
            .map(|(_, result)| result)
            .collect()
    }
}

impl<H: Handle> fmt::Debug for Joined<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joined")
            .field("finished", &self.finished.len())
            .field("unfinished", &self.unfinished.len())
            .finish()
    }
}

/// Waits until all of `handles` have ended, or `count` of them, or `timeout` has passed. Parks.
///
/// A time-out of zero takes what has ended. Source: gevent's `joinall`.
///
/// # Panics
/// If a green thread's own handle is among them.
///
/// # Cancel
/// Detaches all of them; their results are dropped. To keep them, use [`as_completed`].
///
/// # Examples
/// ```
/// use greenroom::{group::join_all, thread};
/// use std::time::Duration;
/// let handles = [thread::spawn(|| 42), thread::spawn(|| panic!("oh no"))];
/// let joined = join_all(handles, Some(Duration::from_secs(5)), None);
/// assert!(joined.unfinished.is_empty());
/// let results = joined.into_results();
/// assert!(results[0].is_ok() && results[1].is_err());
/// ```
pub fn join_all<H: Handle>(
    handles: impl IntoIterator<Item = H>,
    timeout: Option<Duration>,
    count: Option<usize>,
) -> Joined<H> {
    let deadline_ns = timeout.map_or(NEVER_NS, deadline_after);
    let mut completed = completed_until(handles, deadline_ns);
    let count = count.unwrap_or(usize::MAX);
    let mut finished = Vec::with_capacity(completed.remaining().min(count));
    finished.extend(completed.by_ref().take(count));
    Joined {
        finished,
        unfinished: completed.into_unfinished(),
    }
}

/// Waits until one of `handles` has ended, and returns its place: the first, if there are several. Takes
/// nothing: its `join` does not wait. Parks.
///
/// Each call registers at all of them; to take many one after the other use [`as_completed`].
///
/// # Panics
/// Without handles: it would wait for ever.
///
/// # Cancel
/// The handles are as before.
///
/// # Examples
/// ```
/// use greenroom::{group::wait_any, thread};
/// let handles = [thread::spawn(thread::park), thread::spawn(|| ())];
/// assert_eq!(wait_any(&handles), 1);
/// ```
pub fn wait_any<H: Joinable>(handles: &[H]) -> usize {
    assert!(
        !handles.is_empty(),
        "a wait for any of no handles would last for ever"
    );
    any_of(handles).wait()
}

/// As [`wait_any`], for at most `timeout`. `None`: the time was up. With zero it looks, and never parks.
///
/// # Cancel
/// The handles are as before.
///
/// # Examples
/// ```
/// use greenroom::{group::wait_any_timeout, thread};
/// use std::time::Duration;
/// let handles = [thread::spawn(thread::park)];
/// assert_eq!(wait_any_timeout(&handles, Duration::from_millis(1)), None);
/// ```
pub fn wait_any_timeout<H: Joinable>(handles: &[H], timeout: Duration) -> Option<usize> {
    if timeout.is_zero() {
        return any_of(handles).try_wait();
    }
    any_of(handles).wait_timeout(timeout)
}

fn any_of<H: Joinable>(handles: &[H]) -> Select<'_, usize> {
    let mut select = Select::new().biased();
    for (place, handle) in handles.iter().enumerate() {
        select.join(handle, move || place);
    }
    select
}

/// Asks each of `handles` to end, as their `cancel`. Returns how many had not ended. Never parks.
///
/// Source: gevent's `killall`, without the wait.
///
/// # Examples
/// ```
/// use greenroom::{group::cancel_all, thread};
/// let handles = [thread::spawn(thread::park), thread::spawn(thread::park)];
/// assert_eq!(cancel_all(&handles), 2);
/// for handle in handles {
///     assert!(handle.join().is_err());
/// }
/// ```
pub fn cancel_all<'a, H: Handle + 'a>(handles: impl IntoIterator<Item = &'a H>) -> usize {
    let asked = |handle: &&H| cancel(handle.end().0) == CancelOutcome::Requested;
    handles.into_iter().filter(asked).count()
}
