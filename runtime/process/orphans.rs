//! Children that were given up while they ran: reaped later, so that they do not stay zombies.
//!
//! `output`, `status` and `wait_with_output` have their child to themselves. If an interrupt unwinds one
//! of them, nobody is left who could wait for it, which cannot happen with std. So it comes here, and
//! every start of a child looks after some of those that are here, as Python's `subprocess` does.
//! Rejected: killing it (the caller may have given it up on purpose); a thread that waits. A `Child`
//! that the user drops is not adopted: as with std, it is its owner's to wait for.

use crate::sys::lock::Lock;
use std::collections::VecDeque;
use std::process::Child;

/// Looked after per start: one system call each.
const LOOKS: usize = 16;

static ORPHANS: Lock<VecDeque<Child>> = Lock::new(VecDeque::new());

/// Takes a child that may still run, without its streams.
pub(super) fn adopt(mut child: Child) {
    if may_run(&mut child) {
        ORPHANS.lock().push_back(child);
    }
}

/// Reaps those that have ended, of the few that it looks at. Out of the list for that: the questions are
/// system calls, and the lock is for moments.
pub(super) fn look_after() {
    let looked_at: Vec<Child> = {
        let mut orphans = ORPHANS.lock();
        let count = orphans.len().min(LOOKS);
        orphans.drain(..count).collect()
    };
    looked_at.into_iter().for_each(adopt);
}

/// An error is no reason to ask again: the process is not ours to wait for.
fn may_run(child: &mut Child) -> bool {
    matches!(child.try_wait(), Ok(None))
}
