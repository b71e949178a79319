//! How to wait for what tells nobody when it comes: ask again, less and less often.
//!
//! For the partner of a FIFO and for the lock of a file. Both can be waited for in the kernel only, by a
//! thread of its own for each; asking costs a few system calls per 20 ms instead, and can be cancelled.

use crate::sched::current;
use crate::sys::clock::NEVER_NS;
use crate::thread::sleep;
use std::time::Duration;

/// The first pause; what comes soon is noticed soon.
const PAUSE_MIN: Duration = Duration::from_millis(1);
/// The longest pause. At it, 500 waiters cost 3.5 % of a core in opens to read, 7 % in opens to write, 25 % in
/// locks, which the pool asks for. Doubled, half of that, and all are told later.
const PAUSE_MAX: Duration = Duration::from_millis(20);

/// Whether whoever runs now may block in the kernel for good: an OS thread, with no deadline to keep.
pub(super) fn may_block() -> bool {
    current::task().is_none()
        && current::with_context(|context| context.deadline_ns.get()) == NEVER_NS
}

/// Pauses between two questions.
#[derive(Debug)]
pub(super) struct Patience(Duration);

impl Patience {
    pub(super) fn new() -> Patience {
        Patience(PAUSE_MIN)
    }

    /// Parks for a while. Unwinds for an interrupt.
    pub(super) fn pause(&mut self) {
        sleep(self.0);
        self.0 = (self.0 * 2).min(PAUSE_MAX);
    }
}
