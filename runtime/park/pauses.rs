//! Pauses that grow, for what tells nobody when it comes: ask, pause, ask again.
//!
//! For a few things that the kernel lets one wait for only in a call that blocks (room at a Unix listener,
//! the partner of a FIFO, the lock of a file, a child held by a tracer). Each pause is twice as long as
//! the one before. Nothing that an event can announce may come here.

use super::Parker;
use super::interrupt;
use crate::sys::clock::now_ns;
use crate::task::WaitReason;

/// How long to pause next.
#[derive(Debug)]
pub(crate) struct Pauses {
    next_ns: u64,
    max_ns: u64,
}

impl Pauses {
    /// From `min_ns`, how late what comes soon is noticed, to `max_ns`, how late anything is.
    pub(crate) const fn new(min_ns: u64, max_ns: u64) -> Pauses {
        Pauses {
            next_ns: min_ns,
            max_ns,
        }
    }

    /// Parks for a while, at most until `deadline_ns`; comes back early for an interrupt, which is the
    /// caller's to raise.
    pub(crate) fn pause(&mut self, reason: WaitReason, deadline_ns: u64) {
        let until_ns = now_ns().saturating_add(self.next_ns).min(deadline_ns);
        self.next_ns = self.next_ns.saturating_mul(2).min(self.max_ns);
        let parker = Parker::current();
        while now_ns() < until_ns && !interrupt::is_pending() {
            parker.park(reason, until_ns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock::NEVER_NS;

    #[test]
    fn pauses_grow_to_their_bound_and_end_at_the_deadline() {
        let mut pauses = Pauses::new(100_000, 350_000);
        for expected_ns in [100_000, 200_000, 350_000, 350_000] {
            let begun_ns = now_ns();
            pauses.pause(WaitReason::Sleep, NEVER_NS);
            assert!(now_ns() - begun_ns >= expected_ns);
        }
        let mut long = Pauses::new(u64::MAX, u64::MAX);
        long.pause(WaitReason::Sleep, now_ns() + 1_000);
    }
}
