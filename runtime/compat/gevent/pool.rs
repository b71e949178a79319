//! `gevent.pool`: the native groups, and the names that they do not have.
//!
//! Members are [`Member`](crate::group::Member)s, not greenlets: the native handle of a group.

pub use crate::group::{Group, Member, Pool};
use std::time::Duration;

/// gevent's names for what groups and pools do. Implemented by this crate only.
///
/// # Examples
/// ```
/// use greenroom::gevent::pool::{Members, Pool};
/// let pool = Pool::new(2);
/// pool.spawn(greenroom::thread::park);
/// assert!(pool.kill(true, None));
/// ```
pub trait Members: sealed::Sealed {
    /// Kills all members, and waits for their ends if `block`, for at most `timeout`. Whether there is
    /// none left. Parks, if `block`. gevent's `Group.kill`.
    ///
    /// # Panics
    /// If a member waits so for its own group.
    ///
    /// # Cancel
    /// They are asked to end, and not waited for.
    ///
    /// # Examples
    /// ```
    /// use greenroom::gevent::pool::{Group, Members};
    /// let group = Group::new();
    /// group.spawn(greenroom::thread::park);
    /// assert!(group.kill(true, None));
    /// assert!(group.is_empty());
    /// ```
    fn kill(&self, block: bool, timeout: impl Into<Option<Duration>>) -> bool;

    /// Whether a spawn would wait. Never parks. gevent's `Group.full`; a group never is.
    ///
    /// # Examples
    /// ```
    /// use greenroom::gevent::pool::{Members, Pool};
    /// let pool = Pool::new(1);
    /// assert!(!pool.full());
    /// pool.spawn(greenroom::thread::park);
    /// assert!(pool.full());
    /// ```
    fn full(&self) -> bool;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Group {}
    impl Sealed for super::Pool {}
}

macro_rules! members {
    ($($kind:ident, |$own:ident| $full:expr;)*) => {$(
        impl Members for $kind {
            fn kill(&self, block: bool, timeout: impl Into<Option<Duration>>) -> bool {
                self.cancel();
                if !block {
                    return self.is_empty();
                }
                match timeout.into() {
                    None => {
                        self.join();
                        true
                    }
                    Some(limit) => self.join_timeout(limit).is_some(),
                }
            }

            fn full(&self) -> bool {
                let $own = self;
                $full
            }
        }
    )*};
}

members! {
    Group, |_own| false;
    Pool, |own| own.free_count() == 0;
}
