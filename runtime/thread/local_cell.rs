//! Shorthands for keys of a `Cell` or `RefCell`, as std has them.
//!
//! Each is one `with` around the cell's method of the same name. `set` puts its value in as the first one
//! instead of running the initialiser.

use super::local_key::LocalKey;
use std::cell::{Cell, RefCell};

impl<T: 'static> LocalKey<Cell<T>> {
    /// Sets the value; on first use without running the initialiser. Never parks, unless the old value's
    /// destructor does.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with).
    ///
    /// # Examples
    /// ```
    /// use std::cell::Cell;
    /// greenroom::thread_local! {
    ///     static DEPTH: Cell<u32> = panic!("nobody has set it");
    /// }
    /// greenroom::run(|| {
    ///     DEPTH.set(7);
    ///     assert_eq!(DEPTH.get(), 7);
    /// });
    /// ```
    #[track_caller]
    pub fn set(&'static self, value: T) {
        self.with_first(Cell::new(value), |value, cell| {
            if let Some(value) = value {
                cell.set(value.into_inner());
            }
        });
    }

    /// A copy of the value. Parks only if the initialiser does.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with).
    ///
    /// # Examples
    /// ```
    /// use std::cell::Cell;
    /// greenroom::thread_local! {
    ///     static DEPTH: Cell<u32> = const { Cell::new(1) };
    /// }
    /// greenroom::run(|| assert_eq!(DEPTH.get(), 1));
    /// ```
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// Takes the value and leaves the default. Parks only if the initialiser does.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with).
    ///
    /// # Examples
    /// ```
    /// use std::cell::Cell;
    /// greenroom::thread_local! {
    ///     static NEXT: Cell<Option<u32>> = const { Cell::new(Some(1)) };
    /// }
    /// greenroom::run(|| assert_eq!((NEXT.take(), NEXT.take()), (Some(1), None)));
    /// ```
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// Sets the value and returns the one before. Parks only if the initialiser does.
    ///
    /// # Panics
    /// As [`with`](LocalKey::with).
    ///
    /// # Examples
    /// ```
    /// use std::cell::Cell;
    /// greenroom::thread_local! {
    ///     static DEPTH: Cell<u32> = const { Cell::new(1) };
    /// }
    /// greenroom::run(|| assert_eq!((DEPTH.replace(2), DEPTH.get()), (1, 2)));
    /// ```
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Calls `f` with the value borrowed. Parks only if `f` or the initialiser does.
    ///
    /// # Panics
    /// If it is mutably borrowed; and as [`with`](LocalKey::with).
    ///
    /// # Examples
    /// ```
    /// use std::cell::RefCell;
    /// greenroom::thread_local! {
    ///     static NAMES: RefCell<Vec<&'static str>> = RefCell::new(vec!["Ada"]);
    /// }
    /// greenroom::run(|| NAMES.with_borrow(|names| assert_eq!(names.len(), 1)));
    /// ```
    #[track_caller]
    pub fn with_borrow<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        self.with(|cell| f(&cell.borrow()))
    }

    /// Calls `f` with the value mutably borrowed. Parks only if `f` or the initialiser does.
    ///
    /// # Panics
    /// If it is borrowed; and as [`with`](LocalKey::with).
    ///
    /// # Examples
    /// ```
    /// use std::cell::RefCell;
    /// greenroom::thread_local! {
    ///     static NAMES: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    /// }
    /// greenroom::run(|| {
    ///     NAMES.with_borrow_mut(|names| names.push("Ada"));
    ///     assert_eq!(NAMES.take(), ["Ada"]);
    /// });
    /// ```
    #[track_caller]
    pub fn with_borrow_mut<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&mut T) -> R,
    {
        self.with(|cell| f(&mut cell.borrow_mut()))
    }

    /// Sets the value; on first use without running the initialiser. Never parks, unless the old value's
    /// destructor does.
    ///
    /// # Panics
    /// If it is borrowed; and as [`with`](LocalKey::with).
    ///
    /// # Examples
    /// ```
    /// use std::cell::RefCell;
    /// greenroom::thread_local! {
    ///     static NAME: RefCell<String> = panic!("nobody has set it");
    /// }
    /// greenroom::run(|| {
    ///     NAME.set("Ada".to_owned());
    ///     assert_eq!(NAME.take(), "Ada");
    /// });
    /// ```
    #[track_caller]
    pub fn set(&'static self, value: T) {
        self.with_first(RefCell::new(value), |value, cell| {
            if let Some(value) = value {
                // Subtle: not `*borrow_mut() = …`, whose guard would be held by the old value's destructor.
                drop(cell.replace(value.into_inner()));
            }
        });
    }

    /// Takes the value and leaves the default. Parks only if the initialiser does.
    ///
    /// # Panics
    /// If it is borrowed; and as [`with`](LocalKey::with).
    ///
    /// # Examples
    /// ```
    /// use std::cell::RefCell;
    /// greenroom::thread_local! {
    ///     static NAME: RefCell<String> = RefCell::new("Ada".to_owned());
    /// }
    /// greenroom::run(|| assert_eq!((NAME.take(), NAME.take()), ("Ada".into(), "".into())));
    /// ```
    #[track_caller]
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(RefCell::take)
    }

    /// Sets the value and returns the one before. Parks only if the initialiser does.
    ///
    /// # Panics
    /// If it is borrowed; and as [`with`](LocalKey::with).
    ///
    /// # Examples
    /// ```
    /// use std::cell::RefCell;
    /// greenroom::thread_local! {
    ///     static NAME: RefCell<String> = RefCell::new("Ada".to_owned());
    /// }
    /// greenroom::run(|| assert_eq!(NAME.replace("Bob".to_owned()), "Ada"));
    /// ```
    #[track_caller]
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}
