//! A queue as a plain list, for one thread: what each call must answer.

use crate::queue::{Item, Kind};

/// Why an item was not put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No room.
    Full,
    /// Shut down.
    ShutDown,
}

/// The list, in the order in which items were put.
#[derive(Debug)]
pub struct Model {
    kind: Kind,
    capacity: usize,
    items: Vec<Item>,
    is_shut: bool,
    unfinished: usize,
}

impl Model {
    /// An empty one.
    #[must_use]
    pub fn new(kind: Kind, capacity: Option<usize>) -> Model {
        Model {
            kind,
            capacity: capacity.unwrap_or(usize::MAX),
            items: Vec::new(),
            is_shut: false,
            unfinished: 0,
        }
    }

    /// Puts, if that is possible at once.
    ///
    /// # Errors
    /// Why not.
    pub fn put(&mut self, item: Item) -> Result<(), Refusal> {
        if self.is_shut {
            return Err(Refusal::ShutDown);
        }
        if self.items.len() >= self.capacity {
            return Err(Refusal::Full);
        }
        self.items.push(item);
        self.unfinished += 1;
        Ok(())
    }

    /// Where the next item lies.
    fn next(&self) -> Option<usize> {
        match self.kind {
            Kind::Fifo => (!self.items.is_empty()).then_some(0),
            Kind::Lifo => self.items.len().checked_sub(1),
            // `min_by_key` gives the first of equals.
            Kind::Priority => (0..self.items.len()).min_by_key(|&index| self.items[index].rank),
        }
    }

    /// The next item, which stays.
    #[must_use]
    pub fn peek(&self) -> Option<Item> {
        self.next().map(|index| self.items[index])
    }

    /// Takes the next item.
    pub fn get(&mut self) -> Option<Item> {
        self.next().map(|index| self.items.remove(index))
    }

    /// `false`: nothing was unfinished.
    pub fn task_done(&mut self) -> bool {
        let had_some = self.unfinished > 0;
        self.unfinished = self.unfinished.saturating_sub(1);
        had_some
    }

    /// How many were put and not said to be done.
    #[must_use]
    pub fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// As [`Any::state`](crate::queue::Any::state).
    #[must_use]
    pub fn state(&self) -> (usize, bool, bool, bool) {
        let len = self.items.len();
        (len, len == 0, len >= self.capacity, self.is_shut)
    }

    /// No more puts.
    pub fn shutdown(&mut self) {
        self.is_shut = true;
    }

    /// No more puts, and everything comes out, in the order of gets.
    pub fn shutdown_now(&mut self) -> Vec<Item> {
        self.is_shut = true;
        let items: Vec<Item> = std::iter::from_fn(|| self.get()).collect();
        self.unfinished = self.unfinished.saturating_sub(items.len());
        items
    }
}
