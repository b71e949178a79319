//! The body's end of a generator: where it yields.
//!
//! All that is needed is the fiber: its mailbox leads to the exchange of whichever resume runs the body now.
#![expect(
    unsafe_code,
    reason = "suspends the running strand; values go by pointer"
)]

use super::Generator;
use super::GeneratorExit;
use super::core::{Exchange, Order, Payload, State};
use crate::compat::strand::Bar;
use crate::context::fiber::Fiber;
use crate::park::panics::raise_thrown;
use std::fmt;
use std::marker::PhantomData;
use std::panic;

/// What the body of a [`Generator`] yields through. Python's `yield`.
///
/// Bodies get it by shared reference: were it `&mut`, two nested bodies could swap theirs, and suspend each
/// other's stacks.
///
/// # Examples
/// ```
/// use greenroom::generator::Generator;
/// let mut adder = Generator::new(|y| {
///     let mut sum = 0;
///     loop {
///         sum += y.yield_(sum);
///     }
/// });
/// let _: &mut Generator<i32, i32, ()> = &mut adder;
/// assert_eq!(adder.start(), Some(0));
/// assert_eq!(adder.send(3), Some(3));
/// assert_eq!(adder.send(4), Some(7));
/// ```
pub struct Yielder<S, Y> {
    fiber: Fiber,
    _values: PhantomData<fn(Y) -> S>,
    /// Not `Send`: it suspends the stack that it is called on.
    _here: PhantomData<*mut ()>,
}

/// What came of a yield.
enum Input<S> {
    Sent(S),
    Thrown(Payload),
    Close,
}

impl<S, Y> Yielder<S, Y> {
    pub(super) fn new(fiber: Fiber) -> Yielder<S, Y> {
        Yielder {
            fiber,
            _values: PhantomData,
            _here: PhantomData,
        }
    }

    /// Hands `value` to whoever resumed the generator, and waits for the next resume: returns what was sent.
    /// Does not park: the resumer runs on.
    ///
    /// Unwinds if the generator is closed or dropped meanwhile (with [`GeneratorExit`]), or if something is
    /// [thrown](Generator::throw) into it.
    ///
    /// # Panics
    /// In a destructor that runs during unwinding, where nobody could unwind the rest (Rust then ends the
    /// process); and in `Ord` or `Clone` of the items of a queue, which is locked meanwhile.
    ///
    /// # Examples
    /// ```
    /// use greenroom::generator::Generator;
    /// let mut countdown: Generator<(), u32> = Generator::new(|y| {
    ///     for n in (1..=3).rev() {
    ///         y.yield_(n);
    ///     }
    /// });
    /// assert_eq!(countdown.by_ref().collect::<Vec<_>>(), [3, 2, 1]);
    /// ```
    #[inline]
    pub fn yield_(&self, value: Y) -> S {
        match self.switch(value) {
            Input::Sent(value) => value,
            Input::Thrown(payload) => raise_thrown(payload),
            Input::Close => exit(),
        }
    }

    /// Yields everything that `inner` yields, and returns what it returns. Values that are sent, and what is
    /// thrown, go to `inner`; closing closes it first. Python's `yield from`.
    ///
    /// If `inner` has started, it is first sent the default of its type. Each value passes through every
    /// generator between: the deeper the nest, the more switches it takes.
    ///
    /// # Panics
    /// If `inner` has finished before. Panics of `inner`.
    ///
    /// # Examples
    /// ```
    /// use greenroom::generator::Generator;
    /// let chained: Generator<(), i32, i32> = Generator::new(|y| {
    ///     let mut inner = Generator::new(|y| {
    ///         y.yield_(1);
    ///         y.yield_(2);
    ///         10
    ///     });
    ///     let ten = y.yield_from(&mut inner);
    ///     y.yield_(3);
    ///     ten
    /// });
    /// assert_eq!(chained.collect::<Vec<_>>(), [1, 2, 3]);
    /// ```
    pub fn yield_from<R>(&self, inner: &mut Generator<S, Y, R>) -> R
    where
        S: Default,
    {
        let mut item = match inner.state() {
            State::Created => inner.start(),
            State::Suspended => inner.send(S::default()),
            State::Finished => panic!("yield_from: the inner generator has finished"),
        };
        while let Some(value) = item {
            item = match self.switch(value) {
                Input::Sent(value) => inner.send(value),
                Input::Thrown(payload) => inner.throw(payload),
                Input::Close => {
                    inner.close();
                    exit();
                }
            };
        }
        inner
            .take_return()
            .expect("because a generator that ends its iteration has returned")
    }

    /// Yields every item of an iterator; what is sent meanwhile is dropped.
    ///
    /// # Panics
    /// As [`Yielder::yield_`]; panics of the iterator.
    ///
    /// # Examples
    /// ```
    /// use greenroom::generator::Generator;
    /// let letters: Generator<(), char> = Generator::new(|y| y.yield_all("abc".chars()));
    /// assert_eq!(letters.collect::<String>(), "abc");
    /// ```
    pub fn yield_all(&self, items: impl IntoIterator<Item = Y>) {
        for item in items {
            drop(self.yield_(item));
        }
    }

    #[inline(always)]
    fn exchange(&self) -> *mut Exchange<S, Y> {
        // SAFETY: a yielder is only to be had while its body runs, so the fiber is not finished.
        unsafe { self.fiber.mailbox() }.get().cast()
    }

    #[inline(always)]
    fn switch(&self, value: Y) -> Input<S> {
        // SAFETY: the mailbox leads to the exchange of the resume that runs this, which waits in its frame;
        // here and below the one reference to it.
        let before = unsafe { &mut *self.exchange() };
        if let Err(bar) = before.footing.check() {
            refuse(bar);
        }
        before.yielded.write(value);
        // SAFETY: on the strand's own stack, or on one of a strand that was resumed from it and is left in
        // the middle: a yielder is borrowed by frames of its body only, and is not `Send`.
        unsafe { self.fiber.suspend() };
        // SAFETY: as above, of the resume that runs this now.
        let now = unsafe { &mut *self.exchange() };
        match now.order {
            // SAFETY: the order says that it is there, and each resume's is taken once, here.
            Order::Send => Input::Sent(unsafe { now.sent.assume_init_read() }),
            // SAFETY: as above.
            Order::Throw => Input::Thrown(unsafe { now.thrown.assume_init_read() }),
            Order::Close => Input::Close,
            Order::Start => unreachable!("only a created generator is started"),
        }
    }
}

#[cold]
fn refuse(bar: Bar) -> ! {
    match bar {
        Bar::Locked => panic!(
            "Ord or Clone of a queue's items must not yield: the queue is locked while they run"
        ),
        Bar::Unwinding => {
            panic!("a generator must not yield in a destructor while its body unwinds")
        }
    }
}

#[cold]
fn exit() -> ! {
    panic::resume_unwind(Box::new(GeneratorExit::begin()))
}

impl<S, Y> fmt::Debug for Yielder<S, Y> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Yielder").finish_non_exhaustive()
    }
}
