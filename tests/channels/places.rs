//! Every operation × {same worker, other worker, OS thread} × {ready, waits, late, cancelled, peer gone}.
//!
//! Each case checks the values too: what was sent is what is received, and what was refused comes back.

use crate::table::{Case, End, fill_table};
use greenroom::queue::{Channel, GetError, PutError};
use greenroom::sync::Mutex;
use greenroom::sync::mpsc::{
    Receiver, RecvTimeoutError, SendTimeoutError, SyncSender, TryRecvError, TrySendError, channel,
    sync_channel,
};
use std::time::Duration;

const VALUE: &str = "the value";

/// Sends by either kind of sender.
type Send = Box<dyn Fn(&'static str) + std::marker::Send>;

/// Waits to receive; the peer sends.
#[derive(Debug)]
struct Receives {
    receiver: Mutex<Receiver<&'static str>>,
    sender: Mutex<Option<Sends>>,
}

struct Sends(Send);

impl std::fmt::Debug for Sends {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sends")
    }
}

impl Receives {
    fn from_unbounded() -> Receives {
        let (sender, receiver) = channel();
        Receives::new(receiver, Box::new(move |value| sender.send(value).unwrap()))
    }

    fn from_bounded(bound: usize) -> Receives {
        let (sender, receiver) = sync_channel(bound);
        Receives::new(receiver, Box::new(move |value| sender.send(value).unwrap()))
    }

    fn new(receiver: Receiver<&'static str>, sender: Send) -> Receives {
        Receives {
            receiver: Mutex::new(receiver),
            sender: Mutex::new(Some(Sends(sender))),
        }
    }
}

fn received<E>(outcome: Result<&'static str, E>, otherwise: impl Fn(E) -> End) -> End {
    match outcome {
        Ok(value) => {
            assert_eq!(value, VALUE);
            End::Done
        }
        Err(error) => otherwise(error),
    }
}

impl Case for Receives {
    fn wait(&self) -> End {
        let receiver = self.receiver.lock().unwrap();
        received(receiver.recv(), |_| End::PeerGone)
    }

    fn wait_for(&self, limit: Duration) -> End {
        let receiver = self.receiver.lock().unwrap();
        received(receiver.recv_timeout(limit), |error| match error {
            RecvTimeoutError::Timeout => End::TimedOut,
            RecvTimeoutError::Disconnected => End::PeerGone,
        })
    }

    fn try_now(&self) -> End {
        let receiver = self.receiver.lock().unwrap();
        received(receiver.try_recv(), |error| match error {
            TryRecvError::Empty => End::TimedOut,
            TryRecvError::Disconnected => End::PeerGone,
        })
    }

    fn help(&self) {
        let sender = self.sender.lock().unwrap();
        sender.as_ref().unwrap().0(VALUE);
    }

    fn leave(&self) -> bool {
        self.sender.lock().unwrap().take();
        true
    }
}

/// Waits to send into a channel that is full; the peer receives.
#[derive(Debug)]
struct SendsInto {
    sender: SyncSender<&'static str>,
    receiver: Mutex<Option<Receiver<&'static str>>>,
}

impl SendsInto {
    fn full(bound: usize) -> SendsInto {
        let (sender, receiver) = sync_channel(bound);
        for _ in 0..bound {
            sender.try_send(VALUE).unwrap();
        }
        assert!(sender.try_send(VALUE).is_err());
        SendsInto {
            sender,
            receiver: Mutex::new(Some(receiver)),
        }
    }
}

fn kept(value: &str, end: End) -> End {
    assert_eq!(value, VALUE);
    end
}

impl Case for SendsInto {
    fn wait(&self) -> End {
        match self.sender.send(VALUE) {
            Ok(()) => End::Done,
            Err(error) => kept(error.0, End::PeerGone),
        }
    }

    fn wait_for(&self, limit: Duration) -> End {
        match self.sender.send_timeout(VALUE, limit) {
            Ok(()) => End::Done,
            Err(SendTimeoutError::Timeout(value)) => kept(value, End::TimedOut),
            Err(SendTimeoutError::Disconnected(value)) => kept(value, End::PeerGone),
        }
    }

    fn try_now(&self) -> End {
        match self.sender.try_send(VALUE) {
            Ok(()) => End::Done,
            Err(TrySendError::Full(value)) => kept(value, End::TimedOut),
            Err(TrySendError::Disconnected(value)) => kept(value, End::PeerGone),
        }
    }

    fn help(&self) {
        let receiver = self.receiver.lock().unwrap();
        assert_eq!(receiver.as_ref().unwrap().recv(), Ok(VALUE));
    }

    fn leave(&self) -> bool {
        self.receiver.lock().unwrap().take();
        true
    }
}

#[derive(Debug)]
struct Gets(Channel<&'static str>);

impl Case for Gets {
    fn wait(&self) -> End {
        received(self.0.get(), |_| End::PeerGone)
    }

    fn wait_for(&self, limit: Duration) -> End {
        received(self.0.get_timeout(limit), ended_get)
    }

    fn try_now(&self) -> End {
        received(self.0.try_get(), ended_get)
    }

    fn help(&self) {
        self.0.put(VALUE).unwrap();
    }

    fn leave(&self) -> bool {
        self.0.shutdown();
        true
    }
}

fn ended_get(error: GetError) -> End {
    match error {
        GetError::Empty => End::TimedOut,
        GetError::ShutDown => End::PeerGone,
    }
}

#[derive(Debug)]
struct Puts(Channel<&'static str>);

fn ended_put(outcome: Result<(), PutError<&'static str>>) -> End {
    match outcome {
        Ok(()) => End::Done,
        Err(PutError::Full(value)) => kept(value, End::TimedOut),
        Err(PutError::ShutDown(value)) => kept(value, End::PeerGone),
    }
}

impl Case for Puts {
    fn wait(&self) -> End {
        match self.0.put(VALUE) {
            Ok(()) => End::Done,
            Err(refused) => kept(refused.0, End::PeerGone),
        }
    }

    fn wait_for(&self, limit: Duration) -> End {
        ended_put(self.0.put_timeout(VALUE, limit))
    }

    fn try_now(&self) -> End {
        ended_put(self.0.try_put(VALUE))
    }

    fn help(&self) {
        assert_eq!(self.0.get(), Ok(VALUE));
    }

    fn leave(&self) -> bool {
        self.0.shutdown();
        true
    }
}

#[test]
fn recv_from_an_unbounded_channel_in_every_place() {
    fill_table(Receives::from_unbounded);
}

#[test]
fn recv_from_a_bounded_channel_in_every_place() {
    fill_table(|| Receives::from_bounded(2));
}

#[test]
fn recv_at_a_rendezvous_in_every_place() {
    fill_table(|| Receives::from_bounded(0));
}

#[test]
fn send_into_a_full_channel_in_every_place() {
    fill_table(|| SendsInto::full(2));
}

#[test]
fn send_at_a_rendezvous_in_every_place() {
    fill_table(|| SendsInto::full(0));
}

#[test]
fn get_from_a_channel_in_every_place() {
    fill_table(|| Gets(Channel::new()));
}

#[test]
fn put_into_a_channel_in_every_place() {
    fill_table(|| Puts(Channel::new()));
}
