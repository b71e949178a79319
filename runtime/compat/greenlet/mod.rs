//! Greenlets: stacks that switch to each other by hand. Python's `greenlet`, with one type for all values.
//!
//! [`Greenlet::switch`] suspends whoever calls it and runs the other one, which receives the value: as the
//! argument of its body the first time, later as the result of the `switch` that it left by. Whoever calls
//! `switch` without being a greenlet (a green thread's or OS thread's own code) is the *main* greenlet. When a
//! body returns, its [parent](Greenlet::parent) goes on, with the returned value.
//!
//! The notes' dance:
//! ```
//! use greenroom::greenlet::Greenlet;
//! use std::cell::OnceCell;
//! use std::rc::Rc;
//!
//! let gr2 = Rc::new(OnceCell::<Greenlet>::new());
//! let partner = Rc::clone(&gr2);
//! let gr1 = Greenlet::new(move |()| {
//!     println!("in test1 12");
//!     partner.get().unwrap().switch(());
//!     println!("in test1 34");
//!     partner.get().unwrap().switch(());
//! });
//! let partner = gr1.clone();
//! gr2.set(Greenlet::new(move |()| {
//!     println!("in test2 56");
//!     partner.switch(());
//!     println!("in test2 78");
//! })).unwrap();
//! gr1.switch(());
//! ```
//! A greenlet belongs to the green thread or OS thread that made it, as a
//! [generator](crate::generator#whose-a-generator-is) does, and is not `Send`:
//! ```compile_fail,E0277
//! let here = greenroom::greenlet::Greenlet::new(|()| ());
//! std::thread::spawn(move || drop(here));
//! ```
//! It may park, which parks the green thread. Handles are counted: the last one to go unwinds a body that is
//! suspended. Two greenlets whose bodies hold each other's handles are never freed, if neither ends.

mod error;
mod family;
mod node;

pub use error::SwitchError;

use crate::context::stack::StackSize;
use crate::park::panics::{Unwinding, raise_thrown};
use crate::sched::current;
use error::Reason;
use family::Message;
use node::{Node, State};
use std::any::Any;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::Location;
use std::rc::Rc;

/// A body that runs when it is switched to; `T` is what all values are that go from one to the other.
///
/// See [the module](self). Cloning gives another handle of the same greenlet.
///
/// # Examples
/// ```
/// use greenroom::greenlet::Greenlet;
/// let main = Greenlet::current();
/// let double = Greenlet::new(move |mut n: i32| loop {
///     n = main.switch(2 * n);
/// });
/// assert_eq!(double.switch(4), 8);
/// assert_eq!(double.switch(5), 10);
/// ```
pub struct Greenlet<T: 'static = ()> {
    node: Rc<Node>,
    _values: PhantomData<fn(T) -> T>,
}

impl<T> Greenlet<T> {
    /// A greenlet that runs `body` when it is first switched to. Its parent is the running one. Never parks.
    ///
    /// # Panics
    /// If there is no stack to be had; on an OS thread that destroys its thread-locals; if the running
    /// greenlet carries another type.
    ///
    /// # Examples
    /// See [`Greenlet`].
    #[track_caller]
    pub fn new(body: impl FnOnce(T) -> T + 'static) -> Greenlet<T> {
        Greenlet::with_parent(&Greenlet::current(), body)
    }

    /// As [`Greenlet::new`], with another parent.
    ///
    /// # Panics
    /// As [`Greenlet::new`], and if `parent` belongs to another green thread or OS thread.
    ///
    /// # Examples
    /// ```
    /// use greenroom::greenlet::Greenlet;
    /// let outer = Greenlet::new(|n: i32| n * 10);
    /// let inner = Greenlet::with_parent(&outer, |n: i32| n + 1);
    /// // `inner` returns 2 to `outer`, which returns 20 to us.
    /// assert_eq!(inner.switch(1), 20);
    /// ```
    #[track_caller]
    pub fn with_parent(parent: &Greenlet<T>, body: impl FnOnce(T) -> T + 'static) -> Greenlet<T> {
        let made = Greenlet::make(StackSize::DEFAULT, parent, body);
        made.expect("failed to make a greenlet")
    }

    #[track_caller]
    fn make(
        size: StackSize,
        parent: &Greenlet<T>,
        body: impl FnOnce(T) -> T + 'static,
    ) -> io::Result<Greenlet<T>> {
        assert!(
            parent.node.owner == current::strand_owner(),
            "parent cannot be of another green thread or OS thread"
        );
        let parent = Rc::clone(&parent.node);
        Node::new(size, parent, Location::caller(), body).map(Greenlet::of)
    }

    fn of(node: Rc<Node>) -> Greenlet<T> {
        Greenlet {
            node,
            _values: PhantomData,
        }
    }

    /// The greenlet that runs this: the main one, outside of all bodies. Python's `getcurrent`.
    ///
    /// # Panics
    /// If it carries another type than `T`, or on a thread that destroys its locals.
    ///
    /// # Examples
    /// See [`Greenlet`].
    #[track_caller]
    pub fn current() -> Greenlet<T> {
        let node = match family::running() {
            Ok(node) => node,
            Err(reason) => panic!("{}", failed::<T>(reason)),
        };
        let is_other = node
            .carries
            .is_some_and(|carried| carried != std::any::TypeId::of::<T>());
        assert!(!is_other, "the running greenlet carries another type");
        Greenlet::of(node)
    }

    /// Runs this greenlet, which is given `value`; returns what is given to the calling one when somebody
    /// switches back. To itself: `value`. Parks only if a body does.
    ///
    /// # Panics
    /// If this one has ended, belongs to another green thread or OS thread, or carries another type; if a
    /// greenlet ends by [`GreenletExit`] and leaves no value; in a destructor while the calling body unwinds,
    /// and in `Ord` or `Clone` of the items of a queue, which is locked meanwhile. Re-raises what is [thrown](Greenlet::throw)
    /// into the calling one, and the panic of a body whose parent it is.
    ///
    /// # Examples
    /// See [the module](self).
    #[track_caller]
    pub fn switch(&self, value: T) -> T {
        match self.try_switch(value) {
            Ok(value) => value,
            Err(error) => panic!("{error}"),
        }
    }

    /// As [`Greenlet::switch`], with an error instead of the first panics.
    ///
    /// # Errors
    /// See [`SwitchError`]; unless it [is an exit](SwitchError::is_exit), it has the value.
    ///
    /// # Panics
    /// Re-raises what is thrown into the calling one, and the panic of a body whose parent it is.
    ///
    /// # Examples
    /// See [`SwitchError`].
    pub fn try_switch(&self, value: T) -> Result<T, SwitchError<T>> {
        if let Err(reason) = family::check::<T>(&self.node) {
            return Err(SwitchError {
                reason,
                value: Some(value),
            });
        }
        self.exchange(Message::Value(value))
            .ok_or(failed(Reason::Exited))
    }

    /// Raises `payload` in this greenlet, where it is suspended, and runs it; in one that has not begun, in
    /// its parent; for one that has ended, in the caller. Returns as [`Greenlet::switch`]. No panic hook runs.
    ///
    /// # Panics
    /// As [`Greenlet::switch`]. Ends the process with `panic = "abort"`.
    ///
    /// # Examples
    /// ```
    /// use greenroom::greenlet::Greenlet;
    /// use std::panic::{AssertUnwindSafe, catch_unwind};
    /// let main = Greenlet::current();
    /// let careful = Greenlet::new(move |first: &'static str| {
    ///     let caught = catch_unwind(AssertUnwindSafe(|| main.switch(first)));
    ///     caught.unwrap_err().downcast_ref::<&str>().copied().unwrap_or("?")
    /// });
    /// assert_eq!(careful.switch("hello"), "hello");
    /// assert_eq!(careful.throw(Box::new("stop it")), "stop it");
    /// ```
    #[track_caller]
    pub fn throw(&self, payload: Box<dyn Any + Send>) -> T {
        if self.is_dead() {
            raise_thrown(payload);
        }
        self.assert_reachable();
        match self.exchange(Message::Raise(payload)) {
            Some(value) => value,
            None => panic!("{}", failed::<T>(Reason::Exited)),
        }
    }

    /// Throws [`GreenletExit`] and drops whatever is given back: this one ends, unless it catches that.
    /// Harmless if it has ended.
    ///
    /// # Panics
    /// If it belongs to another green thread or OS thread, or carries another type than the running one.
    ///
    /// # Examples
    /// ```
    /// use greenroom::greenlet::Greenlet;
    /// let main = Greenlet::current();
    /// let endless = Greenlet::new(move |()| loop { main.switch(()) });
    /// endless.switch(());
    /// endless.kill();
    /// assert!(endless.is_dead());
    /// ```
    #[track_caller]
    pub fn kill(&self) {
        if self.is_dead() {
            return;
        }
        self.assert_reachable();
        drop(self.exchange(GreenletExit::message()));
    }

    #[track_caller]
    fn assert_reachable(&self) {
        if let Err(reason) = family::check::<T>(&self.node) {
            panic!("{}", failed::<T>(reason));
        }
    }

    #[track_caller]
    fn exchange(&self, message: Message<T>) -> Option<T> {
        match family::switch(&self.node, message) {
            Ok(Message::Value(value)) => Some(value),
            Ok(Message::Raise(payload)) => raise_thrown(payload),
            Ok(Message::Exited) => None,
            Err(reason) => panic!("{}", failed::<T>(reason)),
        }
    }

    /// Who goes on when this one ends. `None`: it is a main one.
    ///
    /// # Examples
    /// ```
    /// use greenroom::greenlet::Greenlet;
    /// let one = Greenlet::new(|()| ());
    /// assert!(one.parent() == Some(Greenlet::current()));
    /// ```
    pub fn parent(&self) -> Option<Greenlet<T>> {
        self.node.parent.borrow().clone().map(Greenlet::of)
    }

    /// Sets who goes on when this one ends.
    ///
    /// # Panics
    /// If it is a main one, if `parent` has another owner, or if that would make it its own ancestor.
    ///
    /// # Examples
    /// ```
    /// use greenroom::greenlet::Greenlet;
    /// let add = Greenlet::new(|n: i32| n + 1);
    /// let double = Greenlet::new(|n: i32| 2 * n);
    /// add.set_parent(&double);
    /// assert_eq!(add.switch(3), 8);
    /// ```
    #[track_caller]
    pub fn set_parent(&self, parent: &Greenlet<T>) {
        assert!(!self.node.is_main(), "a main greenlet has no parent");
        assert!(
            self.node.owner == parent.node.owner,
            "parent cannot be of another green thread or OS thread"
        );
        let mut next = Some(Rc::clone(&parent.node));
        while let Some(node) = next {
            assert!(!Rc::ptr_eq(&node, &self.node), "cyclic parent chain");
            next = node.parent.borrow().clone();
        }
        let before = self.node.parent.replace(Some(Rc::clone(&parent.node)));
        // Runs user code, if this was the last handle.
        drop(before);
    }

    /// Whether it has ended.
    ///
    /// # Examples
    /// See [`Greenlet::kill`].
    pub fn is_dead(&self) -> bool {
        self.node.state.get() == State::Dead
    }

    /// As [`Greenlet::is_dead`], by Python's name.
    ///
    /// # Examples
    /// See [`Greenlet::kill`].
    pub fn dead(&self) -> bool {
        self.is_dead()
    }

    /// Whether it has begun and not ended. Python's `bool(g)`.
    ///
    /// # Examples
    /// ```
    /// let lazy = greenroom::greenlet::Greenlet::new(|()| ());
    /// assert!(!lazy.is_active());
    /// ```
    pub fn is_active(&self) -> bool {
        matches!(self.node.state.get(), State::Suspended | State::Running)
    }
}

/// Settings of a greenlet before it is made.
///
/// # Examples
/// ```
/// use greenroom::greenlet::{Builder, Greenlet};
/// let deep: Greenlet<u32> = Builder::new().stack_size(8 << 20).make(|n| n + 1)?;
/// assert_eq!(deep.switch(1), 2);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Builder {
    stack_bytes: Option<usize>,
}

impl Builder {
    /// The defaults.
    ///
    /// # Examples
    /// See [`Builder`].
    #[must_use]
    pub fn new() -> Builder {
        Builder::default()
    }

    /// At least so many bytes of stack, up to 1 GiB; 192 KiB if not given.
    ///
    /// # Examples
    /// See [`Builder`].
    #[must_use]
    pub fn stack_size(self, bytes: usize) -> Builder {
        Builder {
            stack_bytes: Some(bytes),
        }
    }

    /// Makes a greenlet whose parent is the running one.
    ///
    /// # Errors
    /// `InvalidInput` for a stack above 1 GiB; `OutOfMemory` when memory, address space or kernel maps have
    /// run out; `Other` on an OS thread that destroys its thread-locals.
    ///
    /// # Panics
    /// If the running greenlet carries another type.
    ///
    /// # Examples
    /// See [`Builder`].
    #[track_caller]
    pub fn make<T: 'static>(self, body: impl FnOnce(T) -> T + 'static) -> io::Result<Greenlet<T>> {
        let size = self.stack_bytes;
        let size = size.map_or(Ok(StackSize::DEFAULT), StackSize::from_bytes)?;
        Greenlet::make(size, &Greenlet::current(), body)
    }
}

fn failed<T>(reason: Reason) -> SwitchError<T> {
    SwitchError {
        reason,
        value: None,
    }
}

impl<T> Clone for Greenlet<T> {
    fn clone(&self) -> Greenlet<T> {
        Greenlet::of(Rc::clone(&self.node))
    }
}

/// Whether both are handles of one greenlet.
impl<T> PartialEq for Greenlet<T> {
    fn eq(&self, other: &Greenlet<T>) -> bool {
        Rc::ptr_eq(&self.node, &other.node)
    }
}

impl<T> Eq for Greenlet<T> {}

impl<T> fmt::Debug for Greenlet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Greenlet")
            .field("state", &self.node.state.get())
            .field("is_main", &self.node.is_main())
            .finish_non_exhaustive()
    }
}

/// What unwinds a greenlet that is [killed](Greenlet::kill), or whose last handle is dropped: the payload that a
/// `catch_unwind` in its body sees. Python's `GreenletExit`.
///
/// # Examples
/// ```
/// use greenroom::greenlet::{Greenlet, GreenletExit};
/// use std::panic::{AssertUnwindSafe, catch_unwind};
/// let main = Greenlet::current();
/// let tidy = Greenlet::new(move |()| {
///     let ended = catch_unwind(AssertUnwindSafe(|| main.switch(())));
///     assert!(ended.unwrap_err().is::<GreenletExit>());
/// });
/// tidy.switch(());
/// tidy.kill();
/// ```
#[derive(Debug)]
pub struct GreenletExit {
    /// No panic: it poisons no lock.
    _unwinding: Unwinding,
}

impl GreenletExit {
    fn begin() -> GreenletExit {
        GreenletExit {
            _unwinding: Unwinding::begin(),
        }
    }
}
