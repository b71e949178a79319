//! Items from producers to consumers through one queue, each side as fast as it can; per item.
//!
//! The floor is crossbeam's channel between as many OS threads, in the same place: on one core for one
//! worker, on both for two.

use super::crew::{Body, Crew};
use super::pingpong::OPEN;
use crate::clock::Clock;
use crate::micro::Lab;
use greenroom::queue::Queue;
use std::hint::black_box;
use std::io;
use std::sync::{Arc, mpsc};

/// Items per run.
const ITEMS: usize = 400_000;

/// How many take part and how much room there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stream {
    /// Producers, and as many consumers.
    pub(super) pairs: usize,
    /// None: any number of items.
    pub(super) room: Option<usize>,
}

/// Room for any number, one producer, one consumer.
pub(super) const UNBOUNDED: Stream = Stream {
    pairs: 1,
    room: None,
};

impl Stream {
    pub(super) const fn room(self, items: usize) -> Stream {
        Stream {
            room: Some(items),
            ..self
        }
    }

    pub(super) const fn pairs(self, pairs: usize) -> Stream {
        Stream { pairs, ..self }
    }

    /// Nanoseconds per item that goes from a `put` to a `get`; one `get` per consumer.
    fn carry<G: Fn() + Send + 'static>(
        self,
        lab: &Lab,
        crew: Crew<'_>,
        clock: Clock,
        put: impl Fn() + Clone + Send + 'static,
        gets: impl IntoIterator<Item = G>,
    ) -> io::Result<f64> {
        let each = (lab.share(ITEMS) / self.pairs).max(1);
        let mut bodies: Vec<Body> = Vec::with_capacity(2 * self.pairs);
        for get in gets {
            // By turns, so that a crew that sits apart has the producers on one worker.
            let put = put.clone();
            bodies.push(Box::new(move || (0..each).for_each(|_| put())));
            bodies.push(Box::new(move || (0..each).for_each(|_| get())));
        }
        let total_ns = crew.time(clock, bodies)?;
        Ok(total_ns as f64 / (each * self.pairs) as f64)
    }

    fn green(self, lab: &Lab, crew: Crew<'_>, clock: Clock) -> io::Result<f64> {
        let queue = Arc::new(match self.room {
            None => Queue::unbounded(),
            Some(items) => Queue::bounded(items),
        });
        let source = Arc::clone(&queue);
        let put = move || queue.put(1_u64).expect(OPEN);
        let get = move || _ = black_box(source.get().expect(OPEN));
        self.carry(lab, crew, clock, put, vec![get; self.pairs])
    }

    /// Green threads of one worker.
    pub(super) fn one(self, lab: &Lab) -> io::Result<f64> {
        self.green(lab, Crew::Green(&lab.one), Clock::Cpu)
    }

    /// Green threads of two workers, where the scheduler puts them; on the wall.
    pub(super) fn two(self, lab: &Lab) -> io::Result<f64> {
        self.green(lab, Crew::Green(&lab.two), Clock::Wall)
    }

    /// Producers on one worker, consumers on the other; on the wall.
    pub(super) fn apart(self, lab: &Lab) -> io::Result<f64> {
        self.green(lab, Crew::Apart(&lab.two), Clock::Wall)
    }

    /// OS threads and crossbeam's channel.
    pub(super) fn threads(self, lab: &Lab, clock: Clock) -> io::Result<f64> {
        let (sender, receiver) = match self.room {
            None => crossbeam_channel::unbounded(),
            Some(items) => crossbeam_channel::bounded(items),
        };
        let put = move || sender.send(1_u64).expect(OPEN);
        let get = move || _ = black_box(receiver.recv().expect(OPEN));
        self.carry(lab, Crew::Os, clock, put, vec![get; self.pairs])
    }

    /// Green threads of one worker and our mpsc; one pair only.
    pub(super) fn channel(self, lab: &Lab) -> io::Result<f64> {
        let crew = Crew::Green(&lab.one);
        if let Some(items) = self.room {
            let (sender, receiver) = greenroom::sync::mpsc::sync_channel(items);
            let put = move || sender.send(1_u64).expect(OPEN);
            let get = move || _ = black_box(receiver.recv().expect(OPEN));
            return self.carry(lab, crew, Clock::Cpu, put, [get]);
        }
        let (sender, receiver) = greenroom::sync::mpsc::channel();
        let put = move || sender.send(1_u64).expect(OPEN);
        let get = move || _ = black_box(receiver.recv().expect(OPEN));
        self.carry(lab, crew, Clock::Cpu, put, [get])
    }

    /// OS threads of one core and std's mpsc; one pair only.
    pub(super) fn std_channel(self, lab: &Lab) -> io::Result<f64> {
        if let Some(items) = self.room {
            let (sender, receiver) = mpsc::sync_channel(items);
            let put = move || sender.send(1_u64).expect(OPEN);
            let get = move || _ = black_box(receiver.recv().expect(OPEN));
            return self.carry(lab, Crew::Os, Clock::Cpu, put, [get]);
        }
        let (sender, receiver) = mpsc::channel();
        let put = move || sender.send(1_u64).expect(OPEN);
        let get = move || _ = black_box(receiver.recv().expect(OPEN));
        self.carry(lab, Crew::Os, Clock::Cpu, put, [get])
    }
}
