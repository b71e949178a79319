//! `Pool`: members within a bound.
//!
//! A thin face of `roster`; what it shares with `Group` is in `face`.

use super::member::Member;
use super::roster::Roster;
use crate::sys::clock::{NEVER_NS, deadline_after};
use crate::thread::Builder;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// A [`Group`](super::Group) of bounded size: a spawn waits while it is full, first come, first served.
///
/// The room of a member is free again when the green thread has ended: by returning, by a panic, or
/// cancelled, also before it ran. A member that spawns into its own full pool waits for the others, and
/// if they do the same, for ever; [`apply`](Pool::apply) from a member runs in place for that reason.
///
/// # Examples
/// ```
/// use greenroom::{group::Pool, thread};
/// use std::time::Duration;
/// let pool = Pool::new(2);
/// for _ in 0..6 {
///     pool.spawn(|| thread::sleep(Duration::from_millis(1))); // Two at a time.
/// }
/// assert!(pool.join().into_result().is_ok());
/// ```
#[derive(Clone)]
pub struct Pool(pub(super) Arc<Roster>);

impl Pool {
    /// An empty pool with room for `size` members. Never parks.
    ///
    /// # Panics
    /// If `size` is 0: a spawn would wait for ever.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(greenroom::group::Pool::new(2).free_count(), 2);
    /// ```
    pub fn new(size: usize) -> Pool {
        assert!(size > 0, "a pool without room would never run anything");
        Pool(Roster::new(size))
    }

    /// Spawns a member. Parks while the pool is full.
    ///
    /// # Panics
    /// As [`thread::spawn`](crate::thread::spawn).
    ///
    /// # Cancel
    /// Nothing was spawned; `f` is dropped by the unwinding.
    ///
    /// # Examples
    /// ```
    /// let pool = greenroom::group::Pool::new(1);
    /// assert_eq!(pool.spawn(|| 6 * 7).join().unwrap(), 42);
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

    /// Spawns a member with a name, a stack size, on a worker. Parks while the pool is full.
    ///
    /// # Errors
    /// As [`Builder::spawn`].
    ///
    /// # Panics
    /// If the name contains a NUL byte.
    ///
    /// # Cancel
    /// As [`spawn`](Pool::spawn).
    ///
    /// # Examples
    /// ```
    /// use greenroom::{group::Pool, thread::Builder};
    /// let pool = Pool::new(1);
    /// let member = pool.spawn_with(Builder::new().name("reader".into()), || ())?;
    /// assert_eq!(member.thread().name(), Some("reader"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn_with<F, T>(&self, builder: Builder, f: F) -> io::Result<Member<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let room = self.0.room(NEVER_NS).expect("because there was no limit");
        self.0.spawn(room, builder, f)
    }

    /// Spawns a member if there is room. Never parks.
    ///
    /// # Errors
    /// The closure, if the pool is full.
    ///
    /// # Panics
    /// As [`thread::spawn`](crate::thread::spawn).
    ///
    /// # Examples
    /// ```
    /// let pool = greenroom::group::Pool::new(1);
    /// assert!(pool.try_spawn(greenroom::thread::park).is_ok());
    /// let refused = pool.try_spawn(|| 6 * 7).unwrap_err();
    /// assert_eq!(refused(), 42);
    /// ```
    #[track_caller]
    pub fn try_spawn<F, T>(&self, f: F) -> Result<Member<T>, F>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let Some(room) = self.0.try_room() else {
            return Err(f);
        };
        let member = self.0.spawn(room, Builder::new(), f);
        Ok(member.expect("failed to spawn thread"))
    }

    /// As [`spawn`](Pool::spawn), but waits for room for at most `timeout`.
    ///
    /// # Errors
    /// The closure, if the time was up.
    ///
    /// # Panics
    /// As [`thread::spawn`](crate::thread::spawn).
    ///
    /// # Cancel
    /// As `spawn`.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let pool = greenroom::group::Pool::new(1);
    /// pool.spawn(greenroom::thread::park);
    /// assert!(pool.spawn_timeout(|| 6 * 7, Duration::from_millis(1)).is_err());
    /// ```
    #[track_caller]
    pub fn spawn_timeout<F, T>(&self, f: F, timeout: Duration) -> Result<Member<T>, F>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let Some(room) = self.0.room(deadline_after(timeout)) else {
            return Err(f);
        };
        let member = self.0.spawn(room, Builder::new(), f);
        Ok(member.expect("failed to spawn thread"))
    }

    /// For how many members there is room. Never parks.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(greenroom::group::Pool::new(2).size(), 2);
    /// ```
    pub fn size(&self) -> usize {
        self.0.size()
    }

    /// For how many more there is room now. Never parks.
    ///
    /// # Examples
    /// ```
    /// let pool = greenroom::group::Pool::new(2);
    /// pool.spawn(greenroom::thread::park);
    /// assert_eq!(pool.free_count(), 1);
    /// ```
    pub fn free_count(&self) -> usize {
        self.0.free()
    }

    /// Waits until there is room, in the order of those who spawn; takes none. Somebody else may have
    /// taken it by the time this returns. Parks.
    ///
    /// # Cancel
    /// Nothing has happened.
    ///
    /// # Examples
    /// ```
    /// let pool = greenroom::group::Pool::new(1);
    /// pool.spawn(|| ());
    /// pool.wait_available();
    /// ```
    pub fn wait_available(&self) {
        drop(self.0.room(NEVER_NS));
    }

    /// As [`wait_available`](Pool::wait_available), for at most `timeout`. `false`: the time was up.
    ///
    /// # Cancel
    /// Nothing has happened.
    ///
    /// # Examples
    /// ```
    /// let pool = greenroom::group::Pool::new(1);
    /// pool.spawn(greenroom::thread::park);
    /// assert!(!pool.wait_available_timeout(std::time::Duration::from_millis(1)));
    /// ```
    pub fn wait_available_timeout(&self, timeout: Duration) -> bool {
        self.0.room(deadline_after(timeout)).is_some()
    }
}
