//! `Group`: members without a bound.
//!
//! A thin face of `roster`; what it shares with `Pool` is in `face`.

use super::member::Member;
use super::roster::{Roster, UNBOUNDED};
use crate::thread::Builder;
use std::io;
use std::sync::Arc;

/// Green threads that are joined and cancelled together. Any thread may spawn, join and cancel; clones
/// are the same group.
///
/// A group does not own its members' lives: when the last clone is dropped they live on, as green
/// threads do whose handle is dropped. For children that must not outlive a function there is
/// [`thread::scope`](crate::thread::scope). A member leaves the group when it has ended, however it did.
///
/// # Examples
/// ```
/// use greenroom::group::Group;
/// let group = Group::new();
/// for number in 0..3 {
///     group.spawn(move || println!("hello from {number}"));
/// }
/// assert!(group.join().into_result().is_ok());
/// ```
#[derive(Clone)]
pub struct Group(pub(super) Arc<Roster>);

impl Group {
    /// An empty group. Never parks.
    ///
    /// # Examples
    /// ```
    /// assert!(greenroom::group::Group::new().is_empty());
    /// ```
    pub fn new() -> Group {
        Group(Roster::new(UNBOUNDED))
    }

    /// Spawns a member. Never parks.
    ///
    /// # Panics
    /// As [`thread::spawn`](crate::thread::spawn).
    ///
    /// # Examples
    /// ```
    /// let group = greenroom::group::Group::new();
    /// assert_eq!(group.spawn(|| 6 * 7).join().unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> Member<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.spawn_with(Builder::new(), f)
            .expect("failed to spawn thread")
    }

    /// Spawns a member with a name, a stack size, on a worker. Never parks.
    ///
    /// # Errors
    /// As [`Builder::spawn`].
    ///
    /// # Panics
    /// If the name contains a NUL byte.
    ///
    /// # Examples
    /// ```
    /// use greenroom::{group::Group, thread::Builder};
    /// let group = Group::new();
    /// let member = group.spawn_with(Builder::new().name("reader".into()), || ())?;
    /// assert_eq!(member.thread().name(), Some("reader"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_with<F, T>(&self, builder: Builder, f: F) -> io::Result<Member<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let room = self.0.try_room().expect("because a group is never full");
        self.0.spawn(room, builder, f)
    }
}

impl Default for Group {
    fn default() -> Group {
        Group::new()
    }
}
