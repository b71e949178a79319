//! Something that a loom thread can block on: stands in for whatever wakes a real one.
//!
//! Not `loom::thread::park`: its unpark orders memory at once, even for a thread that has not parked
//! yet, which would hide a missing order from the model.

use loom::sync::{Condvar, Mutex};
use std::fmt;

/// A flag that one thread waits for and takes.
pub(crate) struct Event {
    is_set: Mutex<bool>,
    changed: Condvar,
}

impl Event {
    pub(crate) fn new() -> Event {
        Event {
            is_set: Mutex::new(false),
            changed: Condvar::new(),
        }
    }

    /// Sets it; returns whether it was set.
    pub(crate) fn set(&self) -> bool {
        let mut is_set = self.is_set.lock().expect("because loom does not poison");
        self.changed.notify_one();
        std::mem::replace(&mut *is_set, true)
    }

    /// Waits until it is set, and takes it.
    pub(crate) fn take(&self) {
        let mut is_set = self.is_set.lock().expect("because loom does not poison");
        while !*is_set {
            is_set = self
                .changed
                .wait(is_set)
                .expect("because loom does not poison");
        }
        *is_set = false;
    }

    pub(crate) fn is_set(&self) -> bool {
        *self.is_set.lock().expect("because loom does not poison")
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Event { .. }")
    }
}
