//! What all faces of a generator share: its strand, its state, and the exchange of values with the body.
//!
//! Values travel through an [`Exchange`] in the resumer's frame, whose address the body finds in its
//! fiber's mailbox at each resume. Nothing is allocated.
//!
//! ```text
//!   resume: exchange.input = Send(v) ──► mailbox ──► switch ──► yield_ takes the input, returns v
//!   resume returns it  ◄── switch ◄── exchange.yielded = Some(y) ◄── yield_(y)
//! ```
//! A generator's body may hold what belongs to its maker: a guard whose owner is the task, a borrowed
//! thread-local. So it runs, and unwinds, in its maker only; elsewhere its stack is leaked.
#![expect(unsafe_code, reason = "switches stacks; values go by pointer")]

use super::yielder::Yielder;
use crate::compat::strand::{self, Footing, Locks, Strand};
use crate::context::fiber::Step;
use crate::context::stack::StackSize;
use crate::sched::current;
use std::any::Any;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::panic::{self, AssertUnwindSafe, Location};
use std::thread;

pub(super) type Payload = Box<dyn Any + Send>;

/// What a resume brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Start,
    /// `sent` is there.
    Send,
    /// `thrown` is there.
    Throw,
    Close,
}

/// What resumer and body pass each other; lies in the resumer's frame.
///
/// Single fields rather than an `Option<Input>`: an enum of two words, written in parts and read as a whole,
/// stalls the processor for as long as the switch takes.
pub(super) struct Exchange<S, Y> {
    pub(super) order: Order,
    pub(super) sent: MaybeUninit<S>,
    pub(super) thrown: MaybeUninit<Payload>,
    /// There when the body has suspended.
    pub(super) yielded: MaybeUninit<Y>,
    pub(super) footing: Footing,
}

impl<S, Y> Exchange<S, Y> {
    #[inline(always)]
    pub(super) fn send(&mut self, value: S) {
        self.order = Order::Send;
        self.sent.write(value);
    }

    fn throw(&mut self, payload: Payload) {
        self.order = Order::Throw;
        self.thrown.write(payload);
    }

    fn close(&mut self) {
        self.order = Order::Close;
    }
}

/// The whole of it: the end of the body needs its own type.
#[repr(C)]
struct Letter<S, Y, R> {
    /// First: a `Yielder` knows this part only.
    exchange: Exchange<S, Y>,
    /// There when the body has ended.
    outcome: MaybeUninit<thread::Result<R>>,
}

/// Where a generator stands; as Python's `inspect.getgeneratorstate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// The body has not begun.
    Created,
    /// It waits in a `yield_`.
    Suspended,
    /// It has returned, or was unwound.
    Finished,
}

pub(super) struct Core<S, Y, R> {
    strand: Option<Strand>,
    state: State,
    owner: u64,
    /// Where it was made.
    locks: Locks,
    returned: Option<R>,
    made_at: &'static Location<'static>,
    _values: PhantomData<fn(S) -> Y>,
    /// Not `Send`: the body is not.
    _here: PhantomData<*mut ()>,
}

/// How a resume ended, but for panics of the body's.
pub(super) enum Turn<Y, R> {
    Yielded(Y),
    Returned(R),
    Unwound(Payload),
}

impl<S, Y, R> Core<S, Y, R> {
    /// # Safety
    /// What `body` and the values borrow lives until the generator has finished; if its stack is leaked,
    /// for ever.
    ///
    /// # Errors
    /// No stack, or an OS thread at its end.
    pub(super) unsafe fn new<F>(
        size: StackSize,
        made_at: &'static Location<'static>,
        body: F,
    ) -> io::Result<Core<S, Y, R>>
    where
        F: FnOnce(&Yielder<S, Y>) -> R,
    {
        let owner = current::prepare_strands()?;
        let first = move |fiber| {
            let yielder = Yielder::new(fiber);
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| body(&yielder)));
            // SAFETY: the fiber runs, so it is not finished.
            let mail = unsafe { fiber.mailbox() }.get();
            let letter = mail.cast::<Letter<S, Y, R>>();
            // SAFETY: what `turn` has put there, and waits beside; nothing else refers to the field.
            unsafe { (*letter).outcome = MaybeUninit::new(outcome) };
        };
        // SAFETY: the caller's contract; `first` catches what unwinds. The report names no memory but what
        // is static.
        let strand = unsafe { Strand::new(size, strand::owner_of(owner, made_at), first) };
        Ok(Core {
            strand: Some(strand?),
            state: State::Created,
            owner,
            locks: Locks::now(),
            returned: None,
            made_at,
            _values: PhantomData,
            _here: PhantomData,
        })
    }

    #[inline(always)]
    pub(super) fn state(&self) -> State {
        self.state
    }

    pub(super) fn take_returned(&mut self) -> Option<R> {
        self.returned.take()
    }

    /// Runs the body until its next yield. `None`: it has returned, now or earlier. Panics of the body's go
    /// on in the caller.
    ///
    /// `bring` says what the body gets; to start it, nothing.
    #[inline(always)]
    #[track_caller]
    pub(super) fn resume(&mut self, bring: impl FnOnce(&mut Exchange<S, Y>)) -> Option<Y> {
        match self.turn(bring)? {
            Turn::Yielded(value) => Some(value),
            Turn::Returned(value) => {
                self.returned = Some(value);
                None
            }
            Turn::Unwound(payload) => panic::resume_unwind(payload),
        }
    }

    /// `None`: it had finished before.
    #[inline(always)]
    #[track_caller]
    fn turn(&mut self, bring: impl FnOnce(&mut Exchange<S, Y>)) -> Option<Turn<Y, R>> {
        let strand = self.strand.as_mut()?;
        if self.owner != current::strand_owner() {
            refuse_stranger(self.made_at);
        }
        let context = current::context();
        // SAFETY: of whoever runs this, and it lives as long.
        let context = unsafe { &*context };
        if self.locks != Locks::of(context) {
            refuse_in_lock();
        }
        let mut letter: Letter<S, Y, R> = Letter {
            exchange: Exchange {
                order: Order::Start,
                sent: MaybeUninit::uninit(),
                thrown: MaybeUninit::uninit(),
                yielded: MaybeUninit::uninit(),
                footing: Footing::new(context),
            },
            outcome: MaybeUninit::uninit(),
        };
        bring(&mut letter.exchange);
        let mail = (&raw mut letter).cast::<()>();
        // SAFETY: the owner was compared; `&mut self` is only to be had outside of the body, and a finished
        // strand is taken out. The body sees a `Letter` of its types, which stays until it suspends.
        let step = unsafe { strand.resume(context, mail) };
        match step {
            Step::Suspended => {
                self.state = State::Suspended;
                // SAFETY: a body suspends in `Yielder::switch` only, which has put a value there.
                Some(Turn::Yielded(unsafe {
                    letter.exchange.yielded.assume_init()
                }))
            }
            Step::Finished => {
                // SAFETY: the last thing a body does is to put its outcome there.
                let outcome = unsafe { letter.outcome.assume_init() };
                Some(self.end(outcome))
            }
        }
    }

    #[inline]
    fn end(&mut self, outcome: thread::Result<R>) -> Turn<Y, R> {
        self.state = State::Finished;
        if let Some(strand) = self.strand.take() {
            // SAFETY: the caller has seen its end.
            unsafe { strand.finish() };
        }
        match outcome {
            Ok(value) => Turn::Returned(value),
            Err(payload) => Turn::Unwound(payload),
        }
    }

    /// A generator whose body never began: drops the body. Runs user code.
    fn discard(&mut self) {
        self.state = State::Finished;
        if let Some(strand) = self.strand.take() {
            // SAFETY: the state says that it was never resumed.
            unsafe { strand.discard() };
        }
    }

    /// Raises `payload` where the body waits.
    #[track_caller]
    pub(super) fn throw(&mut self, payload: Payload) -> Option<Y> {
        self.assert_owner();
        match self.state {
            State::Suspended => self.resume(|exchange| exchange.throw(payload)),
            State::Created => {
                self.discard();
                panic::resume_unwind(payload)
            }
            State::Finished => panic::resume_unwind(payload),
        }
    }

    /// Unwinds the body. `Some`: it returned a value instead.
    #[track_caller]
    pub(super) fn close(&mut self) -> Option<R> {
        match self.try_close() {
            Ok(value) => value,
            Err(Stubborn) => panic!("{Stubborn}"),
        }
    }

    fn try_close(&mut self) -> Result<Option<R>, Stubborn> {
        self.assert_owner();
        match self.state {
            State::Finished => return Ok(None),
            State::Created => {
                self.discard();
                return Ok(None);
            }
            State::Suspended => {}
        }
        match self.turn(Exchange::close) {
            None => Ok(None),
            Some(Turn::Yielded(_)) => Err(Stubborn),
            Some(Turn::Returned(value)) => Ok(Some(value)),
            Some(Turn::Unwound(payload)) if payload.is::<super::GeneratorExit>() => Ok(None),
            Some(Turn::Unwound(payload)) => panic::resume_unwind(payload),
        }
    }

    #[track_caller]
    fn assert_owner(&self) {
        if self.strand.is_some() && self.owner != current::strand_owner() {
            refuse_stranger(self.made_at);
        }
    }

    /// Unwinds the body until it has ended: for generators that borrow, which must not be leaked.
    pub(super) fn end_or_abort(&mut self) {
        /// A body that catches its unwinding so often will never end.
        const TRIES: usize = 100;
        if cfg!(panic = "abort") && self.state == State::Suspended {
            abort("cannot be unwound with panic = \"abort\"");
        }
        let mut panicked = None;
        for _ in 0..TRIES {
            // What it yields instead is dropped in there, and may panic too.
            let closed = panic::catch_unwind(AssertUnwindSafe(|| self.try_close().is_ok()));
            if let Err(payload) = closed {
                panicked.get_or_insert(payload);
            }
            if self.state == State::Finished {
                return match panicked {
                    // As when a destructor panics; during unwinding that would end the process.
                    Some(payload) if !thread::panicking() => panic::resume_unwind(payload),
                    _ => {}
                };
            }
        }
        abort("catches its unwinding and yields again");
    }

    /// Drops whatever is left, in the owner; leaks elsewhere.
    fn abandon(&mut self) {
        let is_owner = self.owner == current::strand_owner() && self.locks == Locks::now();
        match self.state {
            State::Finished => {}
            State::Created if is_owner => self.discard(),
            State::Suspended if is_owner && cfg!(panic = "unwind") => {
                let was_panicking = thread::panicking();
                let closed = panic::catch_unwind(AssertUnwindSafe(|| self.try_close().is_err()));
                match closed {
                    Ok(false) => {}
                    Ok(true) => log::error!(
                        "dropped generator, made at {}: {Stubborn}; its stack is leaked",
                        self.made_at
                    ),
                    // As when a destructor panics; during unwinding that would end the process.
                    Err(payload) if !was_panicking => panic::resume_unwind(payload),
                    Err(_) => log::error!(
                        "dropped generator, made at {}: its body panicked while it was unwound",
                        self.made_at
                    ),
                }
            }
            State::Created | State::Suspended => {
                log::debug!(
                    "generator, made at {}, dropped by another than its owner, or under a queue's lock: its \
                     stack is leaked",
                    self.made_at
                );
            }
        }
    }
}

/// The body yielded when it was told to end.
#[derive(Debug)]
struct Stubborn;

impl fmt::Display for Stubborn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("generator ignored GeneratorExit")
    }
}

#[cold]
#[track_caller]
fn refuse_stranger(made_at: &Location<'_>) -> ! {
    panic!(
        "a generator belongs to the green thread or OS thread that made it (at {made_at}), and was \
         resumed elsewhere"
    );
}

#[cold]
#[track_caller]
fn refuse_in_lock() -> ! {
    panic!(
        "a generator made outside of Ord or Clone of a queue's items must not be resumed in there, where the queue is locked, nor the other way round"
    );
}

#[cold]
fn abort(complaint: &str) -> ! {
    crate::sys::fatal::abort(format_args!(
        "greenroom: the body of a scoped generator {complaint}; what it borrows is about to go away"
    ));
}

impl<S, Y, R> Drop for Core<S, Y, R> {
    fn drop(&mut self) {
        if self.strand.is_some() {
            self.abandon();
        }
    }
}

impl<S, Y, R> fmt::Debug for Core<S, Y, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generator")
            .field("state", &self.state)
            .field("made_at", &format_args!("{}", self.made_at))
            .finish_non_exhaustive()
    }
}
