//! How to wait for what tells nobody when it comes: ask again, less and less often.
//!
//! For the partner of a FIFO and for the lock of a file. Both can be waited for in the kernel only, by a
//! thread of its own for each; asking costs a few system calls per 20 ms instead, and can be cancelled.

use crate::park::interrupt;
use crate::park::pauses::Pauses;
use crate::sched::current;
use crate::sys::clock::NEVER_NS;
use crate::task::WaitReason;

/// The first pause; what comes soon is noticed soon.
const PAUSE_MIN_NS: u64 = 1_000_000;
/// The longest pause. At it, 500 waiters cost 3.5 % of a core in opens to read, 7 % in opens to write, 25 % in
/// locks, which the pool asks for. Doubled, half of that, and all are told later.
const PAUSE_MAX_NS: u64 = 20_000_000;

/// Whether whoever runs now may block in the kernel for good: an OS thread, with no deadline to keep.
pub(super) fn may_block() -> bool {
    current::task().is_none()
        && current::with_context(|context| context.deadline_ns.get()) == NEVER_NS
}

/// Pauses between two questions.
#[derive(Debug)]
pub(super) struct Patience {
    reason: WaitReason,
    pauses: Pauses,
}

impl Patience {
    pub(super) fn new(reason: WaitReason) -> Patience {
        Patience {
            reason,
            pauses: Pauses::new(PAUSE_MIN_NS, PAUSE_MAX_NS),
        }
    }

    /// Parks for a while. Unwinds for an interrupt.
    pub(super) fn pause(&mut self) {
        self.pauses.pause(self.reason, NEVER_NS);
        interrupt::check();
    }
}
