//! `spawn`, `spawn_later`: a greenlet that is started as it is made.
//!
//! The caller's place goes along, as it does with the native `spawn`.

use super::greenlet::Greenlet;
use std::time::Duration;

/// Spawns a greenlet. Never parks. Source: `gevent.spawn`.
///
/// # Panics
/// As [`thread::spawn`](crate::thread::spawn).
///
/// # Examples
/// ```
/// let greenlet = greenroom::gevent::spawn(|| 6 * 7);
/// assert_eq!(greenlet.get(true, None).unwrap(), 42);
/// ```
#[track_caller]
pub fn spawn<F, T>(f: F) -> Greenlet<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + Sync + 'static,
{
    let greenlet = Greenlet::new(f);
    greenlet.start();
    greenlet
}

/// Spawns a greenlet that runs `f` after `delay`. Never parks. Source: `gevent.spawn_later`.
///
/// # Panics
/// As [`thread::spawn`](crate::thread::spawn).
///
/// # Examples
/// ```
/// use std::time::Duration;
/// let greenlet = greenroom::gevent::spawn_later(Duration::from_millis(1), || 6 * 7);
/// assert_eq!(greenlet.get(true, None).unwrap(), 42);
/// ```
#[track_caller]
pub fn spawn_later<F, T>(delay: Duration, f: F) -> Greenlet<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + Sync + 'static,
{
    let greenlet = Greenlet::new(f);
    greenlet.start_later(delay);
    greenlet
}
