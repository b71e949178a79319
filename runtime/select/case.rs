//! What may stand in an arm, and how the arms of a `select!` are brought to the engine.
//!
//! A [`Case`] is an arm with a typed outcome. The traits below it say which types have one; they are
//! implemented by this crate only.

use super::crowd::Permit;
use super::end::{Due, Ended};
use super::queue::{Give, Take};
use crate::io::arm::ReadyArm;
use crate::park::choose::{Arm, Gated};
use crate::queue::core::Core;
use crate::queue::store::Store;
use crate::sync::SemaphoreGuard;
use crate::sync::raw_semaphore::RawSemaphore;
use std::io;

pub(crate) mod sealed {
    //! Keeps the traits to this crate.

    /// Implemented by the types that may stand in an arm.
    pub trait Sealed {}
}

use sealed::Sealed;

/// An arm of a select with the type of what it gives.
pub trait Case: Sealed {
    /// What the winner gives.
    type Outcome;

    /// The engine's view of it.
    #[doc(hidden)]
    fn erase(&mut self) -> Erased<'_>;

    /// After it has won.
    #[doc(hidden)]
    fn outcome(self, won: Won) -> Self::Outcome;
}

/// Says that a case has won: only the engine's callers can, so nobody takes an outcome that is not his.
#[doc(hidden)]
#[derive(Debug)]
pub struct Won(());

impl Won {
    pub(super) fn by_the_engine() -> Won {
        Won(())
    }
}

/// An arm without its types.
#[doc(hidden)]
pub struct Erased<'a>(pub(crate) &'a mut dyn Arm);

impl std::fmt::Debug for Erased<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Erased")
    }
}

/// Where items can be received from: a [`Queue`](crate::queue::Queue), a
/// [`Channel`](crate::queue::Channel), a
/// [`Receiver`](crate::sync::mpsc::Receiver), or a pointer to one.
///
/// # Examples
/// ```
/// use greenroom::{queue::Queue, select};
/// let queue = Queue::unbounded();
/// queue.put(7).unwrap();
/// let item = select! { recv(queue) -> item => item };
/// assert_eq!(item, Ok(7));
/// ```
pub trait Source: Sealed {
    /// What is received.
    type Item;
    /// What is received when nothing will come any more.
    type Error;
    /// How the queue is ordered.
    #[doc(hidden)]
    type Store: Store<Self::Item>;

    /// An arm that receives.
    #[doc(hidden)]
    fn recv_case(&self) -> Recv<'_, Self::Item, Self::Store, Self::Error>;
}

/// Where items can be sent to: a [`Queue`](crate::queue::Queue), a
/// [`Channel`](crate::queue::Channel), a
/// [`Sender`](crate::sync::mpsc::Sender) or [`SyncSender`](crate::sync::mpsc::SyncSender), or a
/// pointer to one.
///
/// # Examples
/// ```
/// use greenroom::{queue::Queue, select};
/// let queue = Queue::bounded(1);
/// let mut item = Some(7);
/// select! { send(queue, item) -> sent => sent.unwrap() }
/// assert_eq!((item, queue.get()), (None, Ok(7)));
/// ```
pub trait Sink: Sealed {
    /// What is sent.
    type Item;
    /// The refused item, when nothing can be sent any more.
    type Error;
    /// How the queue is ordered.
    #[doc(hidden)]
    type Store: Store<Self::Item>;

    /// An arm that sends.
    #[doc(hidden)]
    fn send_case<'a>(
        &'a self,
        item: &'a mut Option<Self::Item>,
    ) -> Send<'a, Self::Item, Self::Store, Self::Error>;
}

/// What has an end that can be waited for: a [`JoinHandle`](crate::thread::JoinHandle), a
/// [`ScopedJoinHandle`](crate::thread::ScopedJoinHandle), a
/// [`LocalJoinHandle`](crate::thread::LocalJoinHandle), a [`Member`](crate::group::Member) of a group,
/// or a pointer to one.
///
/// # Examples
/// ```
/// use greenroom::{select, thread};
/// let handle = thread::spawn(|| 42);
/// let value = select! { join(handle) => handle.join().unwrap() };
/// assert_eq!(value, 42);
/// ```
pub trait Joinable: Sealed {
    /// An arm that waits for the end.
    #[doc(hidden)]
    fn join_case(&self) -> Join<'_>;
}

/// What can be waited for to be readable or writable: a [`TcpStream`](crate::net::TcpStream), a
/// [`TcpListener`](crate::net::TcpListener), a [`UdpSocket`](crate::net::UdpSocket), a Unix socket, an end of
/// a [`pipe`](crate::io::pipe), a stream of a child ([`ChildStdin`](crate::process::ChildStdin) and its like), [`Signals`](crate::signal::Signals)
/// (readable: one has come), or a pointer to one.
///
/// # Examples
/// ```
/// use greenroom::{net::TcpListener, select};
/// use std::time::Duration;
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let is_ready = select! {
///     readable(listener) -> result => result.is_ok(),
///     after(Duration::from_millis(1)) => false,
/// };
/// assert!(!is_ready);
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait Pollable: Sealed {
    /// The descriptor behind it.
    #[doc(hidden)]
    fn ready_case(&self, direction: Direction) -> Ready<'_>;
}

/// What lets everybody go who waits for it: an [`Event`](crate::sync::Event), a
/// [`WaitGroup`](crate::sync::WaitGroup), an [`AsyncResult`](crate::sync::AsyncResult), or a
/// pointer to one.
///
/// # Examples
/// ```
/// use greenroom::{select, sync::Event};
/// let event = Event::new();
/// event.set();
/// select! { wait(event) => () }
/// ```
pub trait Waitable: Sealed {
    /// An arm that waits for it.
    #[doc(hidden)]
    fn wait_case(&self) -> Wait<'_>;
}

/// Where a permit can be taken: a [`Semaphore`](crate::sync::Semaphore), a
/// [`BoundedSemaphore`](crate::sync::BoundedSemaphore), or a pointer to one.
///
/// # Examples
/// ```
/// use greenroom::{select, sync::Semaphore};
/// let semaphore = Semaphore::new(1);
/// let permit = select! { acquire(semaphore) -> permit => permit };
/// assert_eq!(semaphore.available(), 0);
/// drop(permit);
/// ```
pub trait Permits: Sealed {
    /// An arm that takes a permit.
    #[doc(hidden)]
    fn acquire_case(&self) -> Acquire<'_>;
}

/// What a socket is waited for.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub enum Direction {
    Read,
    Write,
}

macro_rules! opaque {
    ($($(#[$doc:meta])* $name:ident <$($param:tt),*> $(where $($bound:tt)*)? ;)*) => {$(
        impl<$($param),*> Sealed for $name<$($param),*> {}

        impl<$($param),*> std::fmt::Debug for $name<$($param),*> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}

/// Receives.
#[doc(hidden)]
pub struct Recv<'a, T, S, E> {
    arm: Gated<Take<'a, T, S>>,
    closed: fn() -> E,
}

/// Sends.
#[doc(hidden)]
pub struct Send<'a, T, S, E> {
    arm: Give<'a, T, S>,
    refused: fn(T) -> E,
}

/// Waits for an end.
#[doc(hidden)]
pub struct Join<'a>(pub(super) Gated<Ended<'a>>);

/// Waits for an event.
#[doc(hidden)]
pub struct Wait<'a>(pub(super) Box<dyn Arm + 'a>);

/// Takes a permit.
#[doc(hidden)]
pub struct Acquire<'a> {
    pub(super) arm: Gated<Permit<'a>>,
    pub(super) semaphore: &'a RawSemaphore,
}

/// Waits for readiness.
#[doc(hidden)]
pub struct Ready<'a>(pub(super) ReadyArm<'a>);

/// Waits for a point in time.
#[doc(hidden)]
pub struct At<'a>(Due, std::marker::PhantomData<&'a ()>);

opaque! {
    Recv<'a, T, S, E>;
    Send<'a, T, S, E>;
    Join<'a>;
    Wait<'a>;
    Acquire<'a>;
    Ready<'a>;
    At<'a>;
}

impl<'a, T, S: Store<T>, E> Recv<'a, T, S, E> {
    pub(crate) fn new(core: &'a Core<T, S>, closed: fn() -> E) -> Recv<'a, T, S, E> {
        Recv {
            arm: Take::new(core),
            closed,
        }
    }
}

impl<'a, T, S: Store<T>, E> Send<'a, T, S, E> {
    pub(crate) fn new(
        core: &'a Core<T, S>,
        item: &'a mut Option<T>,
        refused: fn(T) -> E,
    ) -> Send<'a, T, S, E> {
        Send {
            arm: Give::new(core, item),
            refused,
        }
    }
}

impl At<'_> {
    pub(crate) fn new(deadline_ns: u64) -> Self {
        At(Due::new(deadline_ns), std::marker::PhantomData)
    }
}

impl<T, S: Store<T>, E> Case for Recv<'_, T, S, E> {
    type Outcome = Result<T, E>;

    fn erase(&mut self) -> Erased<'_> {
        Erased(&mut self.arm)
    }

    fn outcome(self, _won: Won) -> Result<T, E> {
        self.arm.0.outcome().ok_or_else(self.closed)
    }
}

impl<T, S: Store<T>, E> Case for Send<'_, T, S, E> {
    type Outcome = Result<(), E>;

    fn erase(&mut self) -> Erased<'_> {
        Erased(&mut self.arm)
    }

    fn outcome(self, _won: Won) -> Result<(), E> {
        self.arm.outcome().map_err(self.refused)
    }
}

impl Case for Join<'_> {
    type Outcome = ();

    fn erase(&mut self) -> Erased<'_> {
        Erased(&mut self.0)
    }

    fn outcome(self, _won: Won) {}
}

impl Case for Wait<'_> {
    type Outcome = ();

    fn erase(&mut self) -> Erased<'_> {
        Erased(&mut *self.0)
    }

    fn outcome(self, _won: Won) {}
}

impl<'a> Case for Acquire<'a> {
    type Outcome = SemaphoreGuard<'a>;

    fn erase(&mut self) -> Erased<'_> {
        Erased(&mut self.arm)
    }

    fn outcome(self, _won: Won) -> SemaphoreGuard<'a> {
        SemaphoreGuard::of(self.semaphore)
    }
}

impl Case for Ready<'_> {
    type Outcome = io::Result<()>;

    fn erase(&mut self) -> Erased<'_> {
        Erased(&mut self.0)
    }

    fn outcome(self, _won: Won) -> io::Result<()> {
        self.0.outcome()
    }
}

impl Case for At<'_> {
    type Outcome = ();

    fn erase(&mut self) -> Erased<'_> {
        Erased(&mut self.0)
    }

    fn outcome(self, _won: Won) {}
}
