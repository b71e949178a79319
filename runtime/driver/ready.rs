//! What a source remembers of its descriptor between waits: readiness bits and an event count.
//!
//! | bits | name | meaning |
//! |---|---|---|
//! | 0 | `READ` | a read may succeed: try it before parking |
//! | 1 | `WRITE` | a write may succeed |
//! | 2 | `CLOSED` | the peer ended its direction, an error or urgent data waits: a short read proves nothing |
//! | 3– | count | events seen so far, wraps |
//!
//! Set by events, cleared by the operation that found the descriptor drained. The race: an operation
//! drains the socket, new data raises an event, then the operation clears the bit and the event is
//! lost. So a clear is a compare-and-swap against the word read *before* the operation; the event
//! changed the count, the clear fails, the next operation tries again. A wrong "ready" costs one failed
//! call, a wrong "not ready" would hang: bits start set and every doubt sets them.
//!
//! Subtle: data and end of stream can come in one edge. A read that takes just the data is short, yet
//! no further edge will come. CLOSED therefore forbids clearing by short reads; only a read's real
//! "would block" clears it, because then the kernel has said that the next change raises a new edge.
//! Test: `data_and_fin_in_one_edge_end_the_stream`; model: `models/`.

use crate::sys::atomic::{AtomicU32, Ordering};

const READ: u32 = 1;
const WRITE: u32 = 1 << 1;
const CLOSED: u32 = 1 << 2;
const COUNT_ONE: u32 = 1 << 3;

/// A direction of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Reading, accepting.
    Read,
    /// Writing, connecting.
    Write,
}

impl Direction {
    fn bit(self) -> u32 {
        match self {
            Direction::Read => READ,
            Direction::Write => WRITE,
        }
    }
}

/// The word as an operation saw it before it tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot(u32);

impl Snapshot {
    pub(crate) fn is_ready(self, direction: Direction) -> bool {
        self.0 & direction.bit() != 0
    }
}

/// The readiness word of one source.
#[derive(Debug)]
pub(crate) struct Readiness(AtomicU32);

impl Readiness {
    /// Optimistic: the first operation just tries (after an accept the data is often there).
    pub(crate) fn new() -> Readiness {
        Readiness(AtomicU32::new(READ | WRITE))
    }

    /// For a new descriptor in a reused place.
    pub(crate) fn reset(&self) {
        self.0.store(READ | WRITE, Ordering::Release);
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        // Acquire: pairs with `set`; an operation that follows sees the socket after the event.
        Snapshot(self.0.load(Ordering::Acquire))
    }

    /// An event came.
    pub(crate) fn set(&self, read: bool, write: bool, closed: bool) {
        let bits = if read { READ } else { 0 }
            | if write { WRITE } else { 0 }
            | if closed { CLOSED } else { 0 };
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            let next = (seen | bits).wrapping_add(COUNT_ONE);
            // AcqRel: see `snapshot` and `clear`.
            match self
                .0
                .compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// The operation that began at `seen` drained (or filled) the socket without "would block".
    pub(crate) fn clear_after_short(&self, seen: Snapshot, direction: Direction) {
        if seen.0 & CLOSED == 0 {
            self.clear(seen, direction.bit());
        }
    }

    /// The operation that began at `seen` got "would block".
    pub(crate) fn clear_after_would_block(&self, seen: Snapshot, direction: Direction) {
        // Subtle: a full send buffer says nothing of the end of the other direction.
        let bits = match direction {
            Direction::Read => READ | CLOSED,
            Direction::Write => WRITE,
        };
        self.clear(seen, bits);
    }

    fn clear(&self, seen: Snapshot, bits: u32) {
        // Subtle: strong, and once. A failure means that an event (or the other direction's clear)
        // came in between; then one more attempt of the operation is the cheap and safe answer.
        let _ =
            self.0
                .compare_exchange(seen.0, seen.0 & !bits, Ordering::AcqRel, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_event_between_try_and_clear_is_kept() {
        let ready = Readiness::new();
        let seen = ready.snapshot();
        ready.set(true, false, false);
        ready.clear_after_would_block(seen, Direction::Read);
        assert!(ready.snapshot().is_ready(Direction::Read));
        let seen = ready.snapshot();
        ready.clear_after_would_block(seen, Direction::Read);
        assert!(!ready.snapshot().is_ready(Direction::Read));
        assert!(ready.snapshot().is_ready(Direction::Write));
    }

    #[test]
    fn readiness_short_read_after_fin_is_not_the_end() {
        let ready = Readiness::new();
        ready.set(true, false, true);
        let seen = ready.snapshot();
        ready.clear_after_short(seen, Direction::Read);
        assert!(
            ready.snapshot().is_ready(Direction::Read),
            "the end of stream is still to be read"
        );
        let seen = ready.snapshot();
        ready.clear_after_would_block(seen, Direction::Read);
        assert!(!ready.snapshot().is_ready(Direction::Read));
    }
}
