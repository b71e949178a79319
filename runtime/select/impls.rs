//! Which types may stand in which arm, and as what: the traits of `case`, implemented.
//!
//! Also for pointers to such types, so that an `Arc` in a `select!` needs no dereferencing.

use super::case::sealed::Sealed;
use super::case::{
    Acquire, Direction, Join, Joinable, Permits, Pollable, Ready, Recv, Send, Sink, Source, Wait,
    Waitable,
};
use super::crowd::{Come, Permit};
use super::end::Ended;
use crate::group::Member;
use crate::io::arm::ReadyArm;
use crate::io::evented::Evented;
use crate::io::{PipeReader, PipeWriter};
use crate::net::{TcpListener, TcpStream, UdpSocket};
use crate::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use crate::process::{ChildStderr, ChildStdin, ChildStdout};
use crate::queue::{Channel, Fifo, Lifo, LifoQueue, Priority, PriorityQueue, Queue, ShutDown};
use crate::signal::Signals;
use crate::sync::mpsc::{Receiver, RecvError, SendError, Sender, SyncSender};
use crate::sync::{AsyncResult, BoundedSemaphore, Event, Semaphore, WaitGroup};
use crate::task::TaskRef;
use crate::thread::{JoinHandle, LocalJoinHandle, ScopedJoinHandle};
use std::rc::Rc;
use std::sync::Arc;

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

impl<T> Sealed for Channel<T> {}

impl<T> Source for Channel<T> {
    type Item = T;
    type Error = ShutDown;
    type Store = Fifo<T>;

    fn recv_case(&self) -> Recv<'_, T, Fifo<T>, ShutDown> {
        Recv::new(self.core(), || ShutDown(()))
    }
}

impl<T> Sink for Channel<T> {
    type Item = T;
    type Error = ShutDown<T>;
    type Store = Fifo<T>;

    fn send_case<'a>(&'a self, item: &'a mut Option<T>) -> Send<'a, T, Fifo<T>, ShutDown<T>> {
        Send::new(self.core(), item, ShutDown)
    }
}

impl<T> Sealed for Receiver<T> {}

impl<T> Source for Receiver<T> {
    type Item = T;
    type Error = RecvError;
    type Store = Fifo<T>;

    fn recv_case(&self) -> Recv<'_, T, Fifo<T>, RecvError> {
        Recv::new(self.core(), || RecvError)
    }
}

macro_rules! senders {
    ($($sender:ident),*) => {$(
        impl<T> Sealed for $sender<T> {}

        impl<T> Sink for $sender<T> {
            type Item = T;
            type Error = SendError<T>;
            type Store = Fifo<T>;

            fn send_case<'a>(
                &'a self,
                item: &'a mut Option<T>,
            ) -> Send<'a, T, Fifo<T>, SendError<T>> {
                Send::new(self.core(), item, SendError)
            }
        }
    )*};
}

senders!(Sender, SyncSender);

macro_rules! waitables {
    ($($what:ident <$($param:ident),*>),*) => {$(
        impl<$($param),*> Sealed for $what<$($param),*> {}

        impl<$($param),*> Waitable for $what<$($param),*> {
            fn wait_case(&self) -> Wait<'_> {
                Wait(Box::new(Come::new(self)))
            }
        }
    )*};
}

waitables!(Event<>, WaitGroup<>, AsyncResult<T, E>);

macro_rules! permits {
    ($($semaphore:ident),*) => {$(
        impl Sealed for $semaphore {}

        impl Permits for $semaphore {
            fn acquire_case(&self) -> Acquire<'_> {
                Acquire {
                    arm: Permit::new(self.raw().state()),
                    semaphore: self.raw(),
                }
            }
        }
    )*};
}

permits!(Semaphore, BoundedSemaphore);

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

macro_rules! sockets {
    ($($socket:ty),*) => {$(
        impl Sealed for $socket {}
        impl Pollable for $socket {
            fn ready_case(&self, direction: Direction) -> Ready<'_> {
                ready(&self.evented, direction)
            }
        }
    )*};
}

sockets!(
    TcpStream,
    TcpListener,
    UnixStream,
    UnixListener,
    UnixDatagram,
    UdpSocket
);

macro_rules! pipes {
    ($($pipe:ident),*) => {$(
        impl Sealed for $pipe {}
        impl Pollable for $pipe {
            fn ready_case(&self, direction: Direction) -> Ready<'_> {
                ready(self.descriptor().evented(), direction)
            }
        }
    )*};
}

pipes!(ChildStdin, ChildStdout, ChildStderr, PipeReader, PipeWriter);

impl Sealed for Signals {}
impl Pollable for Signals {
    fn ready_case(&self, direction: Direction) -> Ready<'_> {
        ready(self.evented(), direction)
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

        impl<X: Waitable + ?Sized> Waitable for $pointer {
            fn wait_case(&self) -> Wait<'_> {
                (**self).wait_case()
            }
        }

        impl<X: Permits + ?Sized> Permits for $pointer {
            fn acquire_case(&self) -> Acquire<'_> {
                (**self).acquire_case()
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
