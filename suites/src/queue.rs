//! Any of the three queues, with or without a bound, behind one face.

use greenroom::queue::{GetError, LifoQueue, PriorityQueue, PutError, Queue, TaskDoneError};
use greenroom::select::Select;
use std::cmp::Ordering;
use std::time::Duration;

/// What lies in the queues: ordered by rank only, so that equals show their order of arrival.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    /// Smallest first, in a priority queue.
    pub rank: u8,
    /// Unlike that of any other item of the program.
    pub id: u32,
}

impl Ord for Item {
    fn cmp(&self, other: &Item) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Item) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Item) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Item {}

/// Which order a queue has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// First in, first out.
    Fifo,
    /// Last in, first out.
    Lifo,
    /// Smallest first.
    Priority,
}

/// A queue of any kind.
#[derive(Debug)]
pub enum Any {
    /// See [`Queue`].
    Fifo(Queue<Item>),
    /// See [`LifoQueue`].
    Lifo(LifoQueue<Item>),
    /// See [`PriorityQueue`].
    Priority(PriorityQueue<Item>),
}

macro_rules! each {
    ($any:expr, $queue:ident => $body:expr) => {
        match $any {
            Any::Fifo($queue) => $body,
            Any::Lifo($queue) => $body,
            Any::Priority($queue) => $body,
        }
    };
}

impl Any {
    /// `None`: without a bound.
    #[must_use]
    pub fn new(kind: Kind, capacity: Option<usize>) -> Any {
        match (kind, capacity) {
            (Kind::Fifo, None) => Any::Fifo(Queue::unbounded()),
            (Kind::Fifo, Some(capacity)) => Any::Fifo(Queue::bounded(capacity)),
            (Kind::Lifo, None) => Any::Lifo(LifoQueue::unbounded()),
            (Kind::Lifo, Some(capacity)) => Any::Lifo(LifoQueue::bounded(capacity)),
            (Kind::Priority, None) => Any::Priority(PriorityQueue::unbounded()),
            (Kind::Priority, Some(capacity)) => Any::Priority(PriorityQueue::bounded(capacity)),
        }
    }

    /// `put` without a limit, `put_timeout` with one.
    ///
    /// # Errors
    /// As the queue's.
    pub fn put(&self, item: Item, limit: Option<Duration>) -> Result<(), PutError<Item>> {
        each!(self, queue => match limit {
            None => queue.put(item).map_err(|refused| PutError::ShutDown(refused.0)),
            Some(limit) => queue.put_timeout(item, limit),
        })
    }

    /// See [`Queue::try_put`].
    ///
    /// # Errors
    /// As there.
    pub fn try_put(&self, item: Item) -> Result<(), PutError<Item>> {
        each!(self, queue => queue.try_put(item))
    }

    /// `get` without a limit, `get_timeout` with one.
    ///
    /// # Errors
    /// As the queue's.
    pub fn get(&self, limit: Option<Duration>) -> Result<Item, GetError> {
        each!(self, queue => match limit {
            None => queue.get().map_err(|_| GetError::ShutDown),
            Some(limit) => queue.get_timeout(limit),
        })
    }

    /// See [`Queue::try_get`].
    ///
    /// # Errors
    /// As there.
    pub fn try_get(&self) -> Result<Item, GetError> {
        each!(self, queue => queue.try_get())
    }

    /// `peek` without a limit, `peek_timeout` with one.
    ///
    /// # Errors
    /// As the queue's.
    pub fn peek(&self, limit: Option<Duration>) -> Result<Item, GetError> {
        each!(self, queue => match limit {
            None => queue.peek().map_err(|_| GetError::ShutDown),
            Some(limit) => queue.peek_timeout(limit),
        })
    }

    /// See [`Queue::try_peek`].
    ///
    /// # Errors
    /// As there.
    pub fn try_peek(&self) -> Result<Item, GetError> {
        each!(self, queue => queue.try_peek())
    }

    /// See [`Queue::task_done`].
    ///
    /// # Errors
    /// As there.
    pub fn task_done(&self) -> Result<(), TaskDoneError> {
        each!(self, queue => queue.task_done())
    }

    /// See [`Queue::join_timeout`].
    #[must_use]
    pub fn join_timeout(&self, limit: Duration) -> bool {
        each!(self, queue => queue.join_timeout(limit))
    }

    /// See [`Queue::unfinished`].
    #[must_use]
    pub fn unfinished(&self) -> usize {
        each!(self, queue => queue.unfinished())
    }

    /// Items that lie in it, and whether it is empty, full, shut down.
    #[must_use]
    pub fn state(&self) -> (usize, bool, bool, bool) {
        each!(self, queue => (queue.len(), queue.is_empty(), queue.is_full(), queue.is_shutdown()))
    }

    /// See [`Queue::shutdown`].
    pub fn shutdown(&self) {
        each!(self, queue => queue.shutdown());
    }

    /// See [`Queue::shutdown_now`].
    #[must_use]
    pub fn shutdown_now(&self) -> Vec<Item> {
        each!(self, queue => queue.shutdown_now())
    }

    /// Adds an arm that receives from it.
    pub fn recv_arm<'a, R>(
        &'a self,
        select: &mut Select<'a, R>,
        then: impl FnOnce(Option<Item>) -> R + 'a,
    ) {
        each!(self, queue => select.recv(queue, |item| then(item.ok())));
    }

    /// Adds an arm that sends to it. `then` is told the item if it was refused.
    pub fn send_arm<'a, R>(
        &'a self,
        select: &mut Select<'a, R>,
        place: &'a mut Option<Item>,
        then: impl FnOnce(Option<Item>) -> R + 'a,
    ) {
        each!(self, queue => select.send(queue, place, |sent| then(sent.err().map(|refused| refused.0))));
    }
}
