//! Functions over items, on green threads of their own: without a group, and what groups share.
//!
//! `map` and `apply` wait for all they start before they return, so they may borrow; they stand on
//! `thread::scope`. The lazy ones outlive their caller's frame and own what they use.

use super::imap::{Imap, ImapUnordered};
use super::member::{Batch, Member};
use super::roster::Roster;
use super::unbounded::Group;
use crate::sys::clock::NEVER_NS;
use crate::thread::{self, Builder};
use std::panic::{self, Location};
use std::sync::Arc;

/// Calls `f` with every item, each on a green thread of its own, and waits for all of them. The values
/// are in the order of the items. Items and `f` may borrow. Parks.
///
/// Starts all at once; for a bound use [`Pool::map`](super::Pool::map). Source: gevent's `Group.map`.
///
/// # Panics
/// Re-raises the first panic, in the order of the items, after all have ended.
///
/// # Cancel
/// Cancels the green threads, waits for them, then unwinds.
///
/// # Examples
/// ```
/// let words = [String::from("green"), String::from("room")];
/// assert_eq!(greenroom::group::map(&words, |word| word.len()), [5, 4]);
/// ```
#[track_caller]
pub fn map<I, F, T>(items: I, f: F) -> Vec<T>
where
    I: IntoIterator<Item: Send>,
    F: Fn(I::Item) -> T + Sync,
    T: Send,
{
    values(map_results(items, f))
}

/// As [`map`], with each green thread's panic in the place of its value. Parks.
///
/// # Panics
/// As [`thread::spawn`](crate::thread::spawn). A panic of the items passes through, after those that
/// were started have ended.
///
/// # Cancel
/// As `map`.
///
/// # Examples
/// ```
/// let results = greenroom::group::map_results([1, 0], |n| 6 / n);
/// assert!(results[0].is_ok() && results[1].is_err());
/// ```
#[track_caller]
pub fn map_results<I, F, T>(items: I, f: F) -> Vec<thread::Result<T>>
where
    I: IntoIterator<Item: Send>,
    F: Fn(I::Item) -> T + Sync,
    T: Send,
{
    let (f, at) = (&f, Location::caller());
    thread::scope(|s| {
        let start = |item| {
            let child = Builder::new().at(at).spawn_scoped(s, move || f(item));
            child.expect("failed to spawn thread")
        };
        let children: Vec<_> = items.into_iter().map(start).collect();
        children.into_iter().map(|child| child.join()).collect()
    })
}

/// Calls `f` with the items as the results are consumed, in the order of the items. At most `lookahead`
/// items are started and not consumed. Never parks; its iterator does. Source: gevent's `Group.imap`.
///
/// # Panics
/// If `lookahead` is 0.
///
/// # Examples
/// ```
/// let squares = greenroom::group::imap(0.., |n| n * n, 4);
/// let squares: Vec<u32> = squares.take(4).map(Result::unwrap).collect();
/// assert_eq!(squares, [0, 1, 4, 9]);
/// ```
#[track_caller]
pub fn imap<I, F, T>(items: I, f: F, lookahead: usize) -> Imap<I::IntoIter, F, T>
where
    I: IntoIterator<Item: Send + 'static>,
    F: Fn(I::Item) -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    Group::new().imap(items, f, lookahead)
}

/// As [`imap`], with the results in the order in which they come. Never parks; its iterator does.
///
/// # Panics
/// If `lookahead` is 0.
///
/// # Examples
/// ```
/// let squares = greenroom::group::imap_unordered(0..4, |n| n * n, 2);
/// assert_eq!(squares.map(Result::unwrap).sum::<u32>(), 14);
/// ```
#[track_caller]
pub fn imap_unordered<I, F, T>(items: I, f: F, lookahead: usize) -> ImapUnordered<I::IntoIter, F, T>
where
    I: IntoIterator<Item: Send + 'static>,
    F: Fn(I::Item) -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    Group::new().imap_unordered(items, f, lookahead)
}

/// Runs `f`, which may borrow, on a green thread of its own and waits for its value. Parks.
///
/// # Panics
/// Re-raises a panic of `f`.
///
/// # Cancel
/// Cancels the green thread, waits for it, then unwinds.
///
/// # Examples
/// ```
/// let text = String::from("hello");
/// assert_eq!(greenroom::group::apply(|| text.len()), 5);
/// ```
#[track_caller]
pub fn apply<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    let at = Location::caller();
    let result = thread::scope(|s| {
        let child = Builder::new().at(at).spawn_scoped(s, f);
        child.expect("failed to spawn thread").join()
    });
    result.unwrap_or_else(|payload| panic::resume_unwind(payload))
}

/// Spawns a green thread that runs `f`, and then `callback` with its value. Never parks.
///
/// A panic of either is what a join of the green thread shows; without a value there is no callback.
///
/// # Panics
/// As [`thread::spawn`](crate::thread::spawn).
///
/// # Examples
/// ```
/// let member = greenroom::group::apply_async(|| 6 * 7, |value| println!("{value}"));
/// assert_eq!(member.join().unwrap(), 42);
/// ```
#[track_caller]
pub fn apply_async<F, C, T>(f: F, callback: C) -> Member<T>
where
    F: FnOnce() -> T + Send + 'static,
    C: FnOnce(&T) + Send + 'static,
    T: Send + 'static,
{
    Group::new().spawn(with_callback(f, callback))
}

pub(super) fn with_callback<F, C, T>(f: F, callback: C) -> impl FnOnce() -> T
where
    F: FnOnce() -> T,
    C: FnOnce(&T),
{
    move || {
        let value = f();
        callback(&value);
        value
    }
}

/// Waits for one member, which does not outlive the wait.
pub(super) fn wait_for<T>(member: Member<T>) -> T {
    let mut batch = Batch::new();
    batch.push(member);
    let result = batch.take_first(NEVER_NS);
    result
        .expect("because there was no limit to the wait")
        .unwrap_or_else(|payload| panic::resume_unwind(payload))
}

/// One member of the roster per item, all of them joined.
#[track_caller]
pub(super) fn results<I, F, T>(roster: &Arc<Roster>, items: I, f: F) -> Vec<thread::Result<T>>
where
    I: IntoIterator<Item: Send + 'static>,
    F: Fn(I::Item) -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    let f = Arc::new(f);
    let mut batch = Batch::new();
    for item in items {
        let f = Arc::clone(&f);
        let room = roster.room(NEVER_NS).expect("because there was no limit");
        let member = roster.spawn(room, Builder::new(), move || f(item));
        batch.push(member.expect("failed to spawn thread"));
    }
    std::iter::from_fn(|| batch.take_first(NEVER_NS)).collect()
}

/// The values, or the first panic.
pub(super) fn values<T>(results: Vec<thread::Result<T>>) -> Vec<T> {
    let values: thread::Result<Vec<T>> = results.into_iter().collect();
    values.unwrap_or_else(|payload| panic::resume_unwind(payload))
}
