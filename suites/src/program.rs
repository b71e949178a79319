//! A small concurrent program on some queues, and how it is run for real.
//!
//! Each actor is a green thread or an OS thread that performs its operations in order and notes each
//! one with the times of its begin and end, taken from one counter. An operation that is unwound (by
//! a cancellation or a deadline) is not noted: it must have had no effect. When every actor is through,
//! or nothing moves for a while because all wait for each other, every queue is shut down, so that each
//! program ends. Whoever is still waiting then has missed a wake.

use crate::queue::{Any, Item, Kind};
use greenroom::queue::{GetError, PutError};
use greenroom::select::Select;
use greenroom::thread::Builder;
use greenroom::{Runtime, timeout};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long a call may wait.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// Not at all.
    Try,
    /// So many microseconds, by the call's own limit.
    Own(u16),
    /// So many microseconds, by a `timeout` around it.
    Around(u16),
    /// For ever.
    None,
}

/// One arm of a select.
#[derive(Clone, Copy, Debug)]
pub enum Arm {
    /// Receives from this queue.
    Recv(usize),
    /// Sends an item of this rank to this queue.
    Send(usize, u8),
}

/// One operation. Queues are numbered round and round.
#[derive(Clone, Debug)]
pub enum Op {
    /// Puts an item of this rank.
    Put(usize, u8, Limit),
    /// Gets an item, and maybe says that it is done.
    Get(usize, bool, Limit),
    /// Looks at the next item.
    Peek(usize, Limit),
    /// Waits for the first of several.
    Select(Vec<Arm>, Limit),
    /// Lets others run.
    Yield,
    /// Shuts a queue down.
    Shutdown(usize),
    /// Shuts a queue down and empties it.
    ShutdownNow(usize),
}

/// Where an actor runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// On this worker, modulo their number.
    Worker(usize),
    /// On an OS thread.
    Thread,
}

/// What one thread does.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Where.
    pub place: Place,
    /// In this order.
    pub ops: Vec<Op>,
    /// Cancelled after so many microseconds, unless it is an OS thread.
    pub cancelled_after: Option<u16>,
}

/// Queues and actors.
#[derive(Clone, Debug)]
pub struct Program {
    /// The queues' orders and bounds.
    pub queues: Vec<(Kind, Option<usize>)>,
    /// Who works on them.
    pub actors: Vec<Actor>,
}

/// What an operation did.
#[derive(Clone, Debug)]
pub enum Event {
    /// The item was put.
    Put(Item),
    /// The item was taken.
    Got(Item),
    /// The item was seen.
    Seen(Item),
    /// Refused, because the queue was shut down.
    Refused,
    /// Full or empty.
    Late,
    /// One item was said to be done.
    Done,
    /// Shut down; this lay in the queue and was dropped.
    Shut(Vec<Item>),
}

/// An operation that came back.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Who.
    pub actor: usize,
    /// On which queue.
    pub queue: usize,
    /// Before the call.
    pub begin: u64,
    /// After the call.
    pub end: u64,
    /// What it did.
    pub event: Event,
}

/// What actors share.
#[derive(Debug)]
pub struct Stage {
    /// The queues, as the program names them.
    pub queues: Vec<Any>,
    entries: Mutex<Vec<Entry>>,
    clock: AtomicU64,
    through: AtomicUsize,
}

/// Counts an actor as through when it ends, in whatever way, also if it was cancelled before it began.
struct Through(Arc<Stage>);

impl Drop for Through {
    fn drop(&mut self) {
        self.0.through.fetch_add(1, Ordering::Release);
    }
}

impl Stage {
    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    fn note(&self, actor: usize, queue: usize, begin: u64, event: Event) {
        let end = self.now();
        let entry = Entry {
            actor,
            queue,
            begin,
            end,
            event,
        };
        self.entries
            .lock()
            .expect("no actor panics here")
            .push(entry);
    }

    /// Everything that came back.
    ///
    /// # Panics
    /// If an actor panicked while it noted something.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        self.entries.lock().expect("no actor panics here").clone()
    }

    fn act(&self, actor: usize, number: usize, op: &Op) {
        let queue_of = |queue: usize| queue % self.queues.len();
        let begin = self.now();
        let item = |rank| item(actor, number, 0, rank);
        match op {
            Op::Put(queue, rank, limit) => {
                let queue = queue_of(*queue);
                let item = item(*rank);
                if let Some(result) = self.put(queue, item, *limit) {
                    self.note(actor, queue, begin, put_event(item, result));
                }
            }
            Op::Get(queue, is_done, limit) => {
                let queue = queue_of(*queue);
                let Some(result) = self.get(queue, *limit) else {
                    return;
                };
                let event = result.map_or_else(nothing_event, Event::Got);
                let got = matches!(event, Event::Got(_));
                self.note(actor, queue, begin, event);
                if got && *is_done {
                    self.queues[queue]
                        .task_done()
                        .expect("it was put and not yet done");
                    self.note(actor, queue, begin, Event::Done);
                }
            }
            Op::Peek(queue, limit) => {
                let queue = queue_of(*queue);
                if let Some(result) = self.peek(queue, *limit) {
                    let event = result.map_or_else(nothing_event, Event::Seen);
                    self.note(actor, queue, begin, event);
                }
            }
            Op::Select(arms, limit) => self.select(actor, number, arms, *limit),
            Op::Yield => greenroom::thread::yield_now(),
            Op::Shutdown(queue) => {
                let queue = queue_of(*queue);
                self.queues[queue].shutdown();
                self.note(actor, queue, begin, Event::Shut(Vec::new()));
            }
            Op::ShutdownNow(queue) => {
                let queue = queue_of(*queue);
                let items = self.queues[queue].shutdown_now();
                self.note(actor, queue, begin, Event::Shut(items));
            }
        }
    }

    /// `None`: a `timeout` unwound it.
    fn put(&self, queue: usize, item: Item, limit: Limit) -> Option<Result<(), PutError<Item>>> {
        let queue = &self.queues[queue];
        match limit {
            Limit::Try => Some(queue.try_put(item)),
            Limit::Own(us) => Some(queue.put(item, Some(micros(us)))),
            Limit::Around(us) => timeout(micros(us), || queue.put(item, None)).ok(),
            Limit::None => Some(queue.put(item, None)),
        }
    }

    fn get(&self, queue: usize, limit: Limit) -> Option<Result<Item, GetError>> {
        let queue = &self.queues[queue];
        match limit {
            Limit::Try => Some(queue.try_get()),
            Limit::Own(us) => Some(queue.get(Some(micros(us)))),
            Limit::Around(us) => timeout(micros(us), || queue.get(None)).ok(),
            Limit::None => Some(queue.get(None)),
        }
    }

    fn peek(&self, queue: usize, limit: Limit) -> Option<Result<Item, GetError>> {
        let queue = &self.queues[queue];
        match limit {
            Limit::Try => Some(queue.try_peek()),
            Limit::Own(us) => Some(queue.peek(Some(micros(us)))),
            Limit::Around(us) => timeout(micros(us), || queue.peek(None)).ok(),
            Limit::None => Some(queue.peek(None)),
        }
    }

    fn select(&self, actor: usize, number: usize, arms: &[Arm], limit: Limit) {
        let begin = self.now();
        let mut places: Vec<Option<Item>> = (0..)
            .zip(arms)
            .map(|(part, arm)| match arm {
                Arm::Recv(_) => None,
                Arm::Send(_, rank) => Some(item(actor, number, part, *rank)),
            })
            .collect();
        let lent = places.iter().flatten().count();
        let mut select = Select::new();
        for (arm, place) in arms.iter().zip(&mut places) {
            match *arm {
                Arm::Recv(queue) => {
                    let queue = queue % self.queues.len();
                    self.queues[queue].recv_arm(&mut select, move |item| {
                        (queue, item.map_or(Event::Refused, Event::Got))
                    });
                }
                Arm::Send(queue, _) => {
                    let queue = queue % self.queues.len();
                    let item = place.expect("it was just put there");
                    self.queues[queue].send_arm(&mut select, place, move |refused| {
                        (queue, refused.map_or(Event::Put(item), |_| Event::Refused))
                    });
                }
            }
        }
        let outcome = match limit {
            Limit::Try => select.try_wait(),
            Limit::Own(us) => select.wait_timeout(micros(us)),
            Limit::Around(us) => timeout(micros(us), || select.wait()).ok(),
            Limit::None => Some(select.wait()),
        };
        let left = places.iter().flatten().count();
        assert!(
            lent - left <= 1,
            "{} items were sent by one select",
            lent - left
        );
        match outcome {
            Some((queue, event)) => self.note(actor, queue, begin, event),
            None => assert_eq!(lent, left, "nothing happened, and an item is gone"),
        }
    }
}

fn micros(us: u16) -> Duration {
    Duration::from_micros(u64::from(us))
}

/// Numbered so that the items of one actor ascend.
fn item(actor: usize, number: usize, part: usize, rank: u8) -> Item {
    let id = (actor * 1_000 + number) * 100 + part;
    Item {
        rank,
        id: u32::try_from(id).expect("programs are small"),
    }
}

/// Who put it.
#[must_use]
pub fn producer(item: Item) -> u32 {
    item.id / 100_000
}

fn put_event(item: Item, result: Result<(), PutError<Item>>) -> Event {
    match result {
        Ok(()) => Event::Put(item),
        Err(refused) => {
            let is_shut = matches!(refused, PutError::ShutDown(_));
            assert_eq!(refused.into_inner().id, item.id, "another item came back");
            if is_shut { Event::Refused } else { Event::Late }
        }
    }
}

fn nothing_event(error: GetError) -> Event {
    match error {
        GetError::Empty => Event::Late,
        GetError::ShutDown => Event::Refused,
    }
}

/// How long a program may stand still before its queues are shut down.
const STILL: Duration = Duration::from_millis(2);

/// How long it may take to end after that.
const END: Duration = Duration::from_secs(30);

/// Runs it to its end.
///
/// # Panics
/// If an actor panics, or does not end.
#[must_use]
pub fn run(program: &Program, runtime: &Runtime) -> Arc<Stage> {
    let queues = program
        .queues
        .iter()
        .map(|&(kind, capacity)| Any::new(kind, capacity));
    let stage = Arc::new(Stage {
        queues: queues.collect(),
        entries: Mutex::default(),
        clock: AtomicU64::new(0),
        through: AtomicUsize::new(0),
    });
    let (mut greens, mut threads) = (Vec::new(), Vec::new());
    for (number, actor) in program.actors.iter().enumerate() {
        let (through, ops) = (Through(stage.clone()), actor.ops.clone());
        let body = move || {
            let Through(stage) = &through;
            for (step, op) in ops.iter().enumerate() {
                stage.act(number, step, op);
            }
        };
        match actor.place {
            Place::Worker(index) => {
                let builder = Builder::new().worker(index % runtime.workers());
                let handle = runtime
                    .run(|| builder.spawn(body))
                    .expect("the worker exists");
                greens.push((handle, actor.cancelled_after));
            }
            Place::Thread => threads.push(std::thread::spawn(body)),
        }
    }
    let start = Instant::now();
    let mut cancels: Vec<_> = greens
        .iter()
        .filter_map(|(handle, after)| Some((micros((*after)?), handle)))
        .collect();
    cancels.sort_by_key(|(after, _)| *after);
    for (after, handle) in cancels {
        while start.elapsed() < after {
            std::thread::yield_now();
        }
        handle.cancel();
    }
    wait_until_still(&stage, program.actors.len());
    stage.queues.iter().enumerate().for_each(|(queue, any)| {
        let begin = stage.now();
        any.shutdown();
        stage.note(usize::MAX, queue, begin, Event::Shut(Vec::new()));
    });
    let end = Instant::now() + END;
    while stage.through.load(Ordering::Acquire) < program.actors.len() {
        assert!(
            Instant::now() < end,
            "somebody waits for ever: {:?}",
            stage.queues
        );
        std::thread::sleep(Duration::from_micros(20));
    }
    for (handle, _) in greens {
        if let Err(payload) = handle.join()
            && !payload.is::<greenroom::Cancelled>()
        {
            std::panic::resume_unwind(payload);
        }
    }
    for handle in threads {
        if let Err(payload) = handle.join() {
            std::panic::resume_unwind(payload);
        }
    }
    stage
}

/// Until all actors are through, or the clock has stood still for a while.
fn wait_until_still(stage: &Stage, actors: usize) {
    let (mut seen, mut since) = (stage.clock.load(Ordering::SeqCst), Instant::now());
    while stage.through.load(Ordering::Acquire) < actors && since.elapsed() < STILL {
        std::thread::sleep(Duration::from_micros(20));
        let now = stage.clock.load(Ordering::SeqCst);
        if now != seen {
            (seen, since) = (now, Instant::now());
        }
    }
}
