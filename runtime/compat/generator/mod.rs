//! Generators: functions that hand out values one by one, and go on where they were. Python's, with types.
//!
//! The body runs on a stack of its own, so it yields from any depth of calls, and nothing is rewritten into
//! a state machine. No scheduler takes part: [`Generator::next`] switches to the body, [`Yielder::yield_`]
//! switches back. Works on OS threads and in green threads; in the latter a body may park, which parks the
//! green thread. A deadline around `next` holds inside the body; one that the body sets holds while it runs.
//!
//! ```
//! use greenroom::generator::Generator;
//!
//! let fibonacci: Generator<(), u64> = Generator::new(|y| {
//!     let (mut a, mut b) = (0, 1);
//!     loop {
//!         y.yield_(a);
//!         (a, b) = (b, a + b);
//!     }
//! });
//! assert_eq!(fibonacci.take(8).collect::<Vec<_>>(), [0, 1, 1, 2, 3, 5, 8, 13]);
//! ```
//!
//! # Whose a generator is
//! It belongs to the green thread or OS thread that made it. Resumed elsewhere it panics and says so;
//! dropped elsewhere, or after its owner's end, it leaks its stack with all that lies on it: the body may
//! hold a lock as its owner, or borrow from its owner's thread-locals. Bodies are `'static`; one that borrows
//! lives inside a call of [`scoped`], which ends it before it returns. (A generator that is forgotten keeps its
//! borrows for ever: another thread may use them, in a `thread::scope` of the suspended body.)
//! ```compile_fail,E0597
//! use greenroom::generator::Generator;
//! let text = String::from("borrowed");
//! let letters: Generator<(), char> = Generator::new(|y| y.yield_all(text.chars()));
//! ```
//! Nor does it go to another thread:
//! ```compile_fail,E0277
//! use greenroom::generator::Generator;
//! let here: Generator<(), ()> = Generator::new(|_| ());
//! std::thread::spawn(move || drop(here));
//! ```
//! Nor does its yielder leave the body:
//! ```compile_fail
//! use greenroom::generator::{Generator, Yielder};
//! let mut kept: Option<&Yielder<(), ()>> = None;
//! let _: Generator<(), ()> = Generator::new(|y| kept = Some(y));
//! ```

mod core;
mod face;
mod scoped;
mod yielder;

pub use self::core::State;
pub use scoped::{Scoped, scoped};
pub use yielder::Yielder;

use self::core::Core;
use crate::context::stack::StackSize;
use crate::park::panics::Unwinding;
use face::face;
use std::any::Any;
use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::panic::Location;

/// A function that is suspended between two values: `S` is what is sent to it, `Y` what it yields, `R` what it
/// returns.
///
/// See [the module](self). Where the types cannot be inferred, the body's parameter names them:
/// `|y: &Yielder<Sent, Yielded>| …`. Dropped in the middle, it unwinds the body, whose destructors run; a body that
/// catches that and yields again is leaked.
///
/// # Examples
/// The notes' consumer, which waits for what it is sent:
/// ```
/// use greenroom::generator::Generator;
/// let mut consumer: Generator<u32, ()> = Generator::new(|y| {
///     loop {
///         let bun = y.yield_(());
///         println!("eating bun {bun}");
///     }
/// });
/// consumer.start();
/// (1..=3).for_each(|bun| drop(consumer.send(bun)));
/// ```
pub struct Generator<S, Y, R = ()>
where
    S: 'static,
    Y: 'static,
    R: 'static,
{
    core: Core<S, Y, R>,
}

impl<S, Y, R> Generator<S, Y, R> {
    /// A generator whose body runs from the first `start` or `next` on. Its stack has 192 KiB, of which only
    /// the pages that are touched cost memory.
    ///
    /// # Panics
    /// If there is no stack to be had (see [`Builder::make`]).
    ///
    /// # Examples
    /// See [`Generator`].
    #[track_caller]
    #[inline]
    pub fn new<F>(body: F) -> Generator<S, Y, R>
    where
        F: FnOnce(&Yielder<S, Y>) -> R + 'static,
    {
        Builder::new()
            .make(body)
            .expect("failed to make a generator")
    }
}

face!(Generator<S, Y, R>, [], 'static);

/// Settings of a generator before it is made.
///
/// # Examples
/// ```
/// use greenroom::generator::{Builder, Generator};
/// let deep: Generator<(), usize> = Builder::new().stack_size(8 << 20).make(|y| y.yield_(1))?;
/// assert_eq!(deep.sum::<usize>(), 1);
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
    #[inline]
    pub fn new() -> Builder {
        Builder::default()
    }

    /// At least so many bytes of stack, up to 1 GiB.
    ///
    /// # Examples
    /// See [`Builder`].
    #[must_use]
    pub fn stack_size(self, bytes: usize) -> Builder {
        Builder {
            stack_bytes: Some(bytes),
        }
    }

    /// Makes the generator.
    ///
    /// # Errors
    /// `InvalidInput` for a stack above 1 GiB; `OutOfMemory` when memory, address space or kernel maps have
    /// run out; `Other` on an OS thread that destroys its thread-locals.
    ///
    /// # Examples
    /// See [`Builder`].
    #[track_caller]
    #[inline]
    #[expect(unsafe_code, reason = "makes a core whose body borrows nothing")]
    pub fn make<S, Y, R, F>(self, body: F) -> io::Result<Generator<S, Y, R>>
    where
        F: FnOnce(&Yielder<S, Y>) -> R + 'static,
    {
        let size = self.size()?;
        // SAFETY: body and values are 'static.
        let core = unsafe { Core::new(size, Location::caller(), body) };
        Ok(Generator { core: core? })
    }

    #[inline]
    fn size(self) -> io::Result<StackSize> {
        self.stack_bytes
            .map_or(Ok(StackSize::DEFAULT), StackSize::from_bytes)
    }
}

/// What unwinds the body of a generator that is closed or dropped: the payload that a `catch_unwind` in
/// there sees. Python's `GeneratorExit`.
///
/// # Examples
/// ```
/// use greenroom::generator::{Generator, GeneratorExit};
/// use std::panic::{AssertUnwindSafe, catch_unwind};
/// let mut tidy: Generator<(), (), bool> = Generator::new(|y| {
///     let ended = catch_unwind(AssertUnwindSafe(|| y.yield_(())));
///     ended.is_err_and(|payload| payload.is::<GeneratorExit>())
/// });
/// tidy.start();
/// assert_eq!(tidy.close(), Some(true));
/// ```
#[derive(Debug)]
pub struct GeneratorExit {
    /// No panic: it poisons no lock.
    _unwinding: Unwinding,
}

impl GeneratorExit {
    fn begin() -> GeneratorExit {
        GeneratorExit {
            _unwinding: Unwinding::begin(),
        }
    }
}
