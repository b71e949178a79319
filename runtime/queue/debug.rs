//! What `Debug` shows of a queue: how full it is, and how many wait at either end.
//!
//! Never waits, and never calls the formatter under the lock.

use super::core::{Core, State, UNBOUNDED};
use super::store::Store;
use std::fmt;

/// What can be said without waiting.
impl<T, S: Store<T>> Core<T, S> {
    pub(crate) fn fmt(&self, f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
        let mut text = f.debug_struct(name);
        // Taken down first: the formatter may be the user's, and does not write under the lock.
        let Some(seen) = self.state.try_lock().map(|state| Seen::of(&state)) else {
            return text.field("state", &format_args!("<locked>")).finish();
        };
        text.field("len", &seen.len);
        if let Some(capacity) = seen.capacity {
            text.field("capacity", &capacity);
        }
        text.field("unfinished", &seen.unfinished)
            .field("shut_down", &seen.is_shut)
            .field("getters", &seen.getters)
            .field("putters", &seen.putters)
            .finish()
    }
}

/// What `Debug` shows.
struct Seen {
    len: usize,
    capacity: Option<usize>,
    unfinished: usize,
    is_shut: bool,
    getters: usize,
    putters: usize,
}

impl Seen {
    fn of<T, S: Store<T>>(state: &State<T, S>) -> Seen {
        Seen {
            len: state.len(),
            capacity: (state.capacity != UNBOUNDED).then_some(state.capacity),
            unfinished: state.unfinished,
            is_shut: state.is_shut,
            getters: state.getters.len(),
            putters: state.putters.len(),
        }
    }
}
