//! Whose turn it is at a file that says only "ready": one reader and one writer at a time.
//!
//! An event wakes everybody who waits for the file, and each of them would find it ready before the
//! first has taken what there is; the others would sit in a call of the kernel's, where no cancel and no
//! timeout is heard. So "wait until ready, then call" is done by one at a time, and who waits for the
//! turn hears both. Shared by clones. What knows `RWF_NOWAIT` needs no turns. Called by `descriptor`.

use super::evented::{Direction, Stop};
use crate::sync::raw_mutex::RawMutex;

/// The turns of one open file, one for each direction.
#[derive(Debug)]
pub(super) struct Turns {
    read: RawMutex,
    write: RawMutex,
}

impl Turns {
    pub(super) const fn new() -> Turns {
        Turns {
            read: RawMutex::new(),
            write: RawMutex::new(),
        }
    }

    /// Parks until nobody else has the turn.
    pub(super) fn take(&self, direction: Direction) -> Result<Turn<'_>, Stop> {
        let mutex = match direction {
            Direction::Read => &self.read,
            Direction::Write => &self.write,
        };
        if mutex.lock_unless_interrupted() {
            Ok(Turn(mutex))
        } else {
            Err(Stop::Interrupted)
        }
    }
}

/// Ends when dropped.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a RawMutex);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.unlock();
    }
}
