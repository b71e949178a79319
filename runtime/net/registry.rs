//! Which green threads run a server's handlers, so that they can be cancelled when its grace is over.
//!
//! Pure bookkeeping: `serve` holds its lock around every call and cancels after it let go.

use crate::task::TaskRef;

/// The tasks of running handlers: places in a vector, reused.
#[derive(Default)]
pub(super) struct Registry {
    places: Vec<Option<TaskRef>>,
    free: Vec<usize>,
}

impl Registry {
    pub(super) fn insert(&mut self, task: TaskRef) -> usize {
        if let Some(place) = self.free.pop() {
            self.places[place] = Some(task);
            return place;
        }
        self.places.push(Some(task));
        self.places.len() - 1
    }

    pub(super) fn remove(&mut self, place: usize) -> Option<TaskRef> {
        self.free.push(place);
        self.places[place].take()
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &TaskRef> {
        self.places.iter().flatten()
    }
}
