//! What happened on one thread, in order: a list that bodies and destructors write to.

use std::cell::RefCell;
use std::fmt::Display;
use std::rc::Rc;

/// A list of events. Clones write to the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal(Rc<RefCell<Vec<String>>>);

impl Journal {
    pub(crate) fn note(&self, event: impl Display) {
        self.0.borrow_mut().push(event.to_string());
    }

    /// Everything since the last time, in one line.
    pub(crate) fn take(&self) -> String {
        self.0.take().join(" ")
    }

    /// Notes `event` when dropped.
    pub(crate) fn at_drop(&self, event: impl Display) -> AtDrop {
        AtDrop(self.clone(), event.to_string())
    }
}

#[derive(Debug)]
pub(crate) struct AtDrop(Journal, String);

impl Drop for AtDrop {
    fn drop(&mut self) {
        self.0.note(&self.1);
    }
}
