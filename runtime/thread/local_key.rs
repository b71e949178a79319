//! `thread_local!` and `LocalKey`: variables of which each green thread has its own.
//!
//! A key is a place in a map that hangs on the running task, or on an OS thread that is no worker; the
//! map and its end are in `task/locals`, who has which in `sched/current`. What std's documentation
//! says of its keys holds here word for word, with "green thread" for "thread". User code (initialisers,
//! closures) runs here and never inside the map, so it may use any key, panic, or park.

use crate::sched::current;
use crate::task::locals::{Key, Lookup};
use std::error::Error;
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

/// Declares variables of which each green thread has its own, as [`LocalKey`]s.
///
/// The syntax is that of [`std::thread_local!`]: any number of declarations, with attributes and
/// visibility; an initialiser that runs at each green thread's first use, or a `const { … }` block,
/// which is evaluated by the compiler. On an OS thread that is no worker the variable is that thread's.
///
/// Differs from std's: there a variable belongs to the worker's OS thread, is shared by all green
/// threads that run there, and outlives them.
///
/// # Examples
/// ```
/// use greenroom::thread;
/// use std::cell::{Cell, RefCell};
///
/// greenroom::thread_local! {
///     /// The request that this green thread serves.
///     pub static REQUEST: Cell<u32> = const { Cell::new(0) };
///     static LOG: RefCell<Vec<String>> = RefCell::new(Vec::new());
/// }
///
/// greenroom::run(|| {
///     let servers: Vec<_> = (1..=3)
///         .map(|request| {
///             thread::spawn(move || {
///                 REQUEST.set(request);
///                 thread::yield_now(); // The others set theirs.
///                 LOG.with_borrow_mut(|log| log.push(format!("served {}", REQUEST.get())));
///                 LOG.take()
///             })
///         })
///         .collect();
///     let logs: Vec<_> = servers.into_iter().map(|server| server.join().unwrap()).collect();
///     assert_eq!(logs, [["served 1"], ["served 2"], ["served 3"]]);
///     assert_eq!(REQUEST.get(), 0);
/// });
/// ```
#[macro_export]
macro_rules! thread_local {
    () => {};
    ($(#[$attribute:meta])* $vis:vis static $name:ident: $type:ty = const $init:block $(; $($rest:tt)*)?) => {
        $(#[$attribute])*
        $vis static $name: $crate::thread::LocalKey<$type> =
            $crate::thread::LocalKey::__new(|| const { $init });
        $($crate::thread_local! { $($rest)* })?
    };
    ($(#[$attribute:meta])* $vis:vis static $name:ident: $type:ty = $init:expr $(; $($rest:tt)*)?) => {
        $(#[$attribute])*
        $vis static $name: $crate::thread::LocalKey<$type> =
            $crate::thread::LocalKey::__new(|| $init);
        $($crate::thread_local! { $($rest)* })?
    };
}

/// A variable of which each green thread has its own; made by [`thread_local!`](crate::thread_local).
///
/// A green thread's value is made when that green thread first uses the key, and dropped when it ends:
/// after its closure has returned or unwound, on its own stack, before [`join`](super::JoinHandle::join)
/// returns. An OS thread's value is dropped when the OS thread ends. Source:
/// [`std::thread::LocalKey`].
///
/// # Whose variable
/// The value belongs to the green thread that runs, whatever stack it is on:
/// [`with_big_stack`](crate::with_big_stack) closures share their caller's. What a green thread gives to
/// [`unblock`](crate::unblock) runs on an OS thread, and sees that thread's. A child starts with fresh
/// values; nothing is inherited.
///
/// # Initialisation
/// An initialiser may use other keys, park, and panic; if it unwinds, the next use tries again. If it
/// uses its own key, that use initialises it first, and what the outer initialiser returns takes the
/// place of that value.
///
/// # Destructors
/// The value that was initialised last is dropped first. A destructor may park, and may use other keys:
/// those not yet dropped, also ones that were never used before, which are then dropped in their turn.
/// Keys whose value has been dropped, or is just being dropped, give an [`AccessError`]; values without a
/// destructor stay readable. A destructor that panics ends the process.
///
/// They do not run for a green thread that its runtime abandoned at the end of its shutdown's grace
/// (its values are leaked), nor for any that lives when the process ends.
///
/// # Cancel
/// Destructors run shielded: neither cancellation nor a deadline from outside ends their waits.
///
/// # Examples
/// ```
/// use std::cell::Cell;
/// greenroom::thread_local! {
///     static VISITS: Cell<u32> = const { Cell::new(0) };
/// }
/// VISITS.set(VISITS.get() + 1); // This OS thread's.
/// let fresh = greenroom::thread::spawn(|| VISITS.get()).join().unwrap();
/// assert_eq!((VISITS.get(), fresh), (1, 0));
/// ```
/// The reference cannot leave the closure, as the value ends with the green thread:
/// ```compile_fail
/// greenroom::thread_local! {
///     static NAME: String = String::from("Ada");
/// }
/// let name: &'static String = NAME.with(|name| name);
/// ```
pub struct LocalKey<T: 'static> {
    key: Key,
    init: fn() -> T,
    /// Invariant, as std's key, so that one place in the maps has one type.
    _type: PhantomData<fn(T) -> T>,
}

impl<T: 'static> LocalKey<T> {
    /// For `thread_local!` only.
    #[doc(hidden)]
    pub const fn __new(init: fn() -> T) -> LocalKey<T> {
        LocalKey {
            key: Key::new(),
            init,
            _type: PhantomData,
        }
    }

    /// Calls `f` with the running green thread's value, made now if this is its first use.
    ///
    /// Parks only if `f` or the initialiser does; the reference stays good meanwhile.
    ///
    /// # Panics
    /// During or after the value's destructor; see [`try_with`](LocalKey::try_with). Passes on a panic of
    /// `f` and of the initialiser.
    ///
    /// # Examples
    /// ```
    /// greenroom::thread_local! {
    ///     static NAME: String = format!("visitor {}", 1);
    /// }
    /// greenroom::run(|| assert_eq!(NAME.with(|name| name.len()), 9));
    /// ```
    #[inline]
    #[track_caller]
    pub fn with<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        match self.try_with(f) {
            Ok(value) => value,
            Err(error) => panic_destroyed(error),
        }
    }

    /// As [`with`](LocalKey::with), for destructors, where the value may be gone.
    ///
    /// # Errors
    /// [`AccessError`] if the green thread's value has been dropped or is being dropped; on an OS thread
    /// also once all its values have been.
    ///
    /// # Panics
    /// Passes on a panic of `f` and of the initialiser.
    ///
    /// # Examples
    /// ```
    /// use greenroom::thread::AccessError;
    /// struct Last;
    /// impl Drop for Last {
    ///     fn drop(&mut self) {
    ///         assert!(matches!(LAST.try_with(|_| ()), Err(AccessError { .. })));
    ///     }
    /// }
    /// greenroom::thread_local! {
    ///     static LAST: Last = Last;
    /// }
    /// greenroom::run(|| assert!(LAST.try_with(|_| ()).is_ok()));
    /// ```
    #[inline]
    pub fn try_with<F, R>(&'static self, f: F) -> Result<R, AccessError>
    where
        F: FnOnce(&T) -> R,
    {
        let value = self.value(self.init)?;
        Ok(f(&value))
    }

    /// Calls `f` with the value; if there was none it is `first`, else `f` gets that one too.
    #[track_caller]
    pub(super) fn with_first<R>(&'static self, first: T, f: impl FnOnce(Option<T>, &T) -> R) -> R {
        let mut first = Some(first);
        let take = || first.take().expect("because a value is made once");
        match self.value(take) {
            Ok(value) => f(first, &value),
            Err(error) => panic_destroyed(error),
        }
    }

    /// The value of whoever runs, alive for as long as the `Rc` is.
    #[inline]
    fn value(&'static self, make: impl FnOnce() -> T) -> Result<Rc<T>, AccessError> {
        match current::with_locals(|locals| locals.get(&self.key)) {
            Some(Lookup::Alive(value)) => Ok(value),
            Some(Lookup::Unused) => self.initialise(make),
            Some(Lookup::Destroyed) | None => Err(AccessError),
        }
    }

    #[cold]
    #[inline(never)]
    fn initialise(&'static self, make: impl FnOnce() -> T) -> Result<Rc<T>, AccessError> {
        let value = Rc::new(make());
        let earlier = current::with_locals(|locals| locals.put(&self.key, Rc::clone(&value)));
        // Dropped out here: `make` has used its own key, and a destructor may use any.
        earlier.map(drop).ok_or(AccessError)?;
        Ok(value)
    }
}

#[cold]
#[track_caller]
fn panic_destroyed(error: AccessError) -> ! {
    panic!("cannot access a Thread Local Storage value during or after destruction: {error:?}")
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

/// The value of a [`LocalKey`] is gone: its green thread is ending. Source: [`std::thread::AccessError`].
///
/// # Examples
/// ```
/// use greenroom::thread::AccessError;
/// greenroom::thread_local! {
///     static KEY: u32 = 42;
/// }
/// let value: Result<u32, AccessError> = KEY.try_with(|value| *value);
/// assert_eq!(value, Ok(42));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessError;

impl fmt::Debug for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessError").finish()
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("already destroyed")
    }
}

impl Error for AccessError {}
