//! Whose turn it is at a file that says only "ready": one reader and one writer at a time.
//!
//! An event wakes everybody who waits for the file, and each of them would find it ready before the
//! first has taken what there is; the others would sit in a call of the kernel's, where no cancel and no
//! timeout is heard. So "wait until ready, then call" is done by one at a time, and who waits for the
//! turn hears both. Those of a FIFO or terminal belong to the file, not to who has opened it: each of its
//! readers may have done that. What knows `RWF_NOWAIT` needs no turns. Called by `descriptor`.

use super::evented::{Direction, Stop};
use crate::sync::raw_mutex::RawMutex;
use crate::sys::file::{self, FileId};
use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The turns of one file, one for each direction.
#[derive(Debug)]
pub(super) struct Turns {
    /// `None`: of one open file.
    file: Option<FileId>,
    read: RawMutex,
    write: RawMutex,
}

/// Those of the files that somebody has open. Held for moments, and never across a park.
static OF_FILES: Mutex<BTreeMap<FileId, Weak<Turns>>> = Mutex::new(BTreeMap::new());

impl Turns {
    /// Of one open file and its clones. What has no name (a timerfd, an inotify) shares one inode with all
    /// of its kind, so it must not be asked for that.
    pub(super) fn alone() -> Arc<Turns> {
        Turns::made(None)
    }

    /// Of the FIFO or terminal behind `fd`, whoever else has it open.
    pub(super) fn of(fd: BorrowedFd<'_>) -> Arc<Turns> {
        let Ok(file) = file::id(fd) else {
            return Turns::alone();
        };
        let mut files = OF_FILES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = files.get(&file).and_then(Weak::upgrade) {
            return known;
        }
        let turns = Turns::made(Some(file));
        files.insert(file, Arc::downgrade(&turns));
        turns
    }

    fn made(file: Option<FileId>) -> Arc<Turns> {
        Arc::new(Turns {
            file,
            read: RawMutex::new(),
            write: RawMutex::new(),
        })
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

impl Drop for Turns {
    fn drop(&mut self) {
        let Some(file) = self.file else { return };
        let mut files = OF_FILES.lock().unwrap_or_else(PoisonError::into_inner);
        // Somebody may have made new ones meanwhile.
        if files
            .get(&file)
            .is_some_and(|known| known.strong_count() == 0)
        {
            files.remove(&file);
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
