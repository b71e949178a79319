//! What may stand in an arm, and how the arms of a `select!` are brought to the engine.
//!
//! A [`Case`] is an arm with a typed outcome. The traits below it say which types have one; they are
//! implemented by this crate only.

use super::end::{Due, Ended};
use super::queue::{Give, Take};
use crate::group::Member;
use crate::io::arm::ReadyArm;
use crate::io::evented::Evented;
use crate::net::{TcpListener, TcpStream};
use crate::park::choose::{Arm, Gated};
use crate::queue::core::Core;
use crate::queue::store::Store;
use crate::queue::{Fifo, Lifo, LifoQueue, Priority, PriorityQueue, Queue, ShutDown};
use crate::task::TaskRef;
use crate::thread::{JoinHandle, LocalJoinHandle, ScopedJoinHandle};
use std::io;
use std::rc::Rc;
use std::sync::Arc;

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
    fn outcome(self) -> Self::Outcome;
}

/// An arm without its types.
#[doc(hidden)]
pub struct Erased<'a>(pub(crate) &'a mut dyn Arm);

impl std::fmt::Debug for Erased<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Erased")
    }
}

/// Where items can be received from: a [`Queue`], a [`Channel`](crate::queue::Channel), a
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

/// Where items can be sent to: a [`Queue`], a [`Channel`](crate::queue::Channel), a
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

/// What has an end that can be waited for: a [`JoinHandle`], a [`ScopedJoinHandle`], a
/// [`LocalJoinHandle`], a [`Member`] of a group, or a pointer to one.
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

/// What can be waited for to be readable or writable: a [`TcpStream`], a [`TcpListener`], or a
/// pointer to one.
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
pub struct Join<'a>(Gated<Ended<'a>>);

/// Waits for readiness.
#[doc(hidden)]
pub struct Ready<'a>(ReadyArm<'a>);

/// Waits for a point in time.
#[doc(hidden)]
pub struct At<'a>(Due, std::marker::PhantomData<&'a ()>);

opaque! {
    Recv<'a, T, S, E>;
    Send<'a, T, S, E>;
    Join<'a>;
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

    fn outcome(self) -> Result<T, E> {
        self.arm.0.outcome().ok_or_else(self.closed)
    }
}

impl<T, S: Store<T>, E> Case for Send<'_, T, S, E> {
    type Outcome = Result<(), E>;

    fn erase(&mut self) -> Erased<'_> {
        Erased(&mut self.arm)
    }

    fn outcome(self) -> Result<(), E> {
        self.arm.outcome().map_err(self.refused)
    }
}

impl Case for Join<'_> {
    type Outcome = ();

    fn erase(&mut self) -> Erased<'_> {
        Erased(&mut self.0)
    }

    fn outcome(self) {}
}

impl Case for Ready<'_> {
    type Outcome = io::Result<()>;

    fn erase(&mut self) -> Erased<'_> {
        Erased(&mut self.0)
    }

    fn outcome(self) -> io::Result<()> {
        self.0.outcome()
    }
}

impl Case for At<'_> {
    type Outcome = ();

    fn erase(&mut self) -> Erased<'_> {
        Erased(&mut self.0)
    }

    fn outcome(self) {}
}

macro_rules! queues {
    ($($queue:ident, $store:ident $(, $bound:path)?;)*) => {$(
        impl<T> Sealed for $queue<T> {}

        impl<T $(: $bound)?> Source for $queue<T> {
            type Item = T;
            type Error = ShutDown;
            type Store = $store<T>;

            fn recv_case(&self) -> Recv<'_, T, $store<T>, ShutDown> {
                Recv::new(self.core(), || ShutDown(()))
            }
        }

        impl<T $(: $bound)?> Sink for $queue<T> {
            type Item = T;
            type Error = ShutDown<T>;
            type Store = $store<T>;

            fn send_case<'a>(&'a self, item: &'a mut Option<T>) -> Send<'a, T, $store<T>, ShutDown<T>> {
                Send::new(self.core(), item, ShutDown)
            }
        }
    )*};
}

queues! {
    Queue, Fifo;
    LifoQueue, Lifo;
    PriorityQueue, Priority, Ord;
}

fn ended(task: &TaskRef) -> Join<'_> {
    Join(Ended::new(task))
}

impl<T> Sealed for JoinHandle<T> {}
impl<T> Joinable for JoinHandle<T> {
    fn join_case(&self) -> Join<'_> {
        ended(self.task())
    }
}

impl<T> Sealed for Member<T> {}
impl<T> Joinable for Member<T> {
    fn join_case(&self) -> Join<'_> {
        ended(self.task())
    }
}

impl<T> Sealed for LocalJoinHandle<T> {}
impl<T> Joinable for LocalJoinHandle<T> {
    fn join_case(&self) -> Join<'_> {
        ended(self.task())
    }
}

impl<T> Sealed for ScopedJoinHandle<'_, T> {}
impl<T> Joinable for ScopedJoinHandle<'_, T> {
    fn join_case(&self) -> Join<'_> {
        ended(self.task())
    }
}

fn ready(evented: &Evented, direction: Direction) -> Ready<'_> {
    let direction = match direction {
        Direction::Read => crate::io::evented::Direction::Read,
        Direction::Write => crate::io::evented::Direction::Write,
    };
    Ready(ReadyArm::new(evented, direction))
}

impl Sealed for TcpStream {}
impl Pollable for TcpStream {
    fn ready_case(&self, direction: Direction) -> Ready<'_> {
        ready(&self.evented, direction)
    }
}

impl Sealed for TcpListener {}
impl Pollable for TcpListener {
    fn ready_case(&self, direction: Direction) -> Ready<'_> {
        ready(&self.evented, direction)
    }
}

macro_rules! pointers {
    ($($pointer:ty),*) => {$(
        impl<X: Sealed + ?Sized> Sealed for $pointer {}

        impl<X: Source + ?Sized> Source for $pointer {
            type Item = X::Item;
            type Error = X::Error;
            type Store = X::Store;

            fn recv_case(&self) -> Recv<'_, X::Item, X::Store, X::Error> {
                (**self).recv_case()
            }
        }

        impl<X: Sink + ?Sized> Sink for $pointer {
            type Item = X::Item;
            type Error = X::Error;
            type Store = X::Store;

            fn send_case<'a>(
                &'a self,
                item: &'a mut Option<X::Item>,
            ) -> Send<'a, X::Item, X::Store, X::Error> {
                (**self).send_case(item)
            }
        }

        impl<X: Joinable + ?Sized> Joinable for $pointer {
            fn join_case(&self) -> Join<'_> {
                (**self).join_case()
            }
        }

        impl<X: Pollable + ?Sized> Pollable for $pointer {
            fn ready_case(&self, direction: Direction) -> Ready<'_> {
                (**self).ready_case(direction)
            }
        }
    )*};
}

pointers!(&X, Rc<X>, Arc<X>, Box<X>);
