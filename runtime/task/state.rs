//! The state word of a task: who may run it, who must enqueue it, what was asked of it.
//!
//! | bits | name | set by | cleared by |
//! |---|---|---|---|
//! | 0–1 | phase: `ACTIVE` 0, `PARKED` 1, `DONE` 2 | see below | |
//! | 2 | `NOTIFIED`: an internal wake came while active | wakers | the task's next suspend, or settle |
//! | 3 | `TOKEN`: the user's park token | `Thread::unpark` | `thread::park*` only |
//! | 4 | `CANCEL`: cancellation was asked for | anyone | never |
//! | 5 | `JOIN_INTEREST`: a handle wants the result | spawn | the handle |
//! | 6 | `RESULT_READY`: the result is in the slot | the task, at its end | never |
//! | 7 | `JOIN_WAITER`: somebody may wait for `DONE` | joiners | never |
//! | 8 | `ABANDONED`: its runtime ended, it never will | its worker | never |
//!
//! `ACTIVE` is one phase for "queued" and "running": a waker does the same in both, only the owning
//! worker can tell them apart (by its `current`), and a yield then needs no atomic at all.
//!
//! ```text
//!            spawn                wake: PARKED -> ACTIVE, the waker enqueues
//!              v              +--------------------------------------------+
//!           ACTIVE  --settle (no NOTIFIED)-->  PARKED  --------------------+
//!              |    <-settle (NOTIFIED): cleared, the worker enqueues again
//!              +--finish-->  DONE      wake: ACTIVE -> NOTIFIED, DONE -> nothing
//! ```
//!
//! The race it closes ("woken before asleep"): a task publishes that it waits, then suspends; the wake
//! may come in between, while the task still runs on its stack. It then only sets NOTIFIED, and settle,
//! which runs after the switch, on the worker's stack, sees it. The transition to PARKED and the claim
//! to enqueue are one compare-and-swap each, so a task is enqueued exactly once.
//! Tests: the exhaustive table below; `models/` runs wake against settle under loom.

use crate::sys::atomic::{AtomicU32, Ordering};

const PHASE: u32 = 0b11;
const ACTIVE: u32 = 0;
const PARKED: u32 = 1;
const DONE: u32 = 2;
const NOTIFIED: u32 = 1 << 2;
const TOKEN: u32 = 1 << 3;
const CANCEL: u32 = 1 << 4;
const JOIN_INTEREST: u32 = 1 << 5;
const RESULT_READY: u32 = 1 << 6;
const JOIN_WAITER: u32 = 1 << 7;
const ABANDONED: u32 = 1 << 8;

/// What a waker has to do next.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// The waker took the task out of PARKED and must enqueue it, exactly once.
    Enqueue,
    /// Nothing: the task will notice by itself, or is done.
    Nothing,
}

/// The state word; see the module's table.
#[derive(Debug)]
pub(crate) struct State(AtomicU32);

impl State {
    /// A spawned task, queued, with a handle that wants its result.
    pub(crate) fn new() -> State {
        State(AtomicU32::new(ACTIVE | JOIN_INTEREST))
    }

    /// An internal wake: the task shall look at its condition again.
    #[inline]
    pub(crate) fn wake(&self) -> Wake {
        self.wake_with(0)
    }

    /// The user's unpark: leaves the token and wakes.
    pub(crate) fn unpark(&self) -> Wake {
        self.wake_with(TOKEN)
    }

    /// Asks for cancellation and wakes.
    pub(crate) fn cancel(&self) -> Wake {
        self.wake_with(CANCEL)
    }

    #[inline]
    fn wake_with(&self, bits: u32) -> Wake {
        // Relaxed: only a first guess for the compare-and-swap.
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            let (next, outcome) = match seen & PHASE {
                DONE => return Wake::Nothing,
                PARKED => ((seen & !PHASE) | bits, Wake::Enqueue),
                // Subtle: written even if NOTIFIED is set already. The write is what makes the
                // waker's data visible to the task that clears the bit.
                _ => (seen | NOTIFIED | bits, Wake::Nothing),
            };
            // AcqRel: Release publishes what the waker did to the task that clears NOTIFIED or runs
            // again; Acquire because an Enqueue hands over what the task wrote before it parked.
            match self
                .0
                .compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return outcome,
                Err(now) => seen = now,
            }
        }
    }

    /// The running task, about to suspend: takes a wake that came before. `true`: do not suspend.
    #[inline]
    pub(crate) fn take_notified(&self) -> bool {
        // Relaxed first look: a wake that is missed here is seen by settle.
        if self.0.load(Ordering::Relaxed) & NOTIFIED == 0 {
            return false;
        }
        // Acquire: pairs with the Release of the waker whose bit this clears.
        self.0.fetch_and(!NOTIFIED, Ordering::AcqRel);
        true
    }

    /// The worker, after the task switched out to wait. `true`: it is parked now, and may already run
    /// elsewhere in time: do not touch it again. `false`: it was woken meanwhile, enqueue it.
    #[inline]
    pub(crate) fn settle_parked(&self) -> bool {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            let (next, parked) = if seen & NOTIFIED == 0 {
                (seen | PARKED, true)
            } else {
                (seen & !NOTIFIED, false)
            };
            // Release: whoever wakes the task sees all it did; Acquire: pairs with the waker.
            match self
                .0
                .compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return parked,
                Err(now) => seen = now,
            }
        }
    }

    /// Takes the user's park token.
    pub(crate) fn take_token(&self) -> bool {
        if self.0.load(Ordering::Relaxed) & TOKEN == 0 {
            return false;
        }
        // Acquire: what was written before `unpark` is visible after `park`, as std promises.
        self.0.fetch_and(!TOKEN, Ordering::AcqRel) & TOKEN != 0
    }

    /// Whether cancellation was asked for.
    #[inline]
    pub(crate) fn is_cancelled(&self) -> bool {
        // Relaxed: carries no data; a task that misses it is woken and looks again.
        self.0.load(Ordering::Relaxed) & CANCEL != 0
    }

    /// The task put its result into the slot. `true`: a handle will take or drop it; `false`: the
    /// task must drop it itself, on its own stack.
    pub(crate) fn publish_result(&self) -> bool {
        // Release: the result; pairs with the Acquire in `drop_interest` and `is_done`.
        self.0.fetch_or(RESULT_READY, Ordering::AcqRel) & JOIN_INTEREST != 0
    }

    /// The handle gives up its claim. `true`: the result is there and the handle must drop it.
    pub(crate) fn drop_interest(&self) -> bool {
        self.0.fetch_and(!JOIN_INTEREST, Ordering::AcqRel) & RESULT_READY != 0
    }

    /// The worker: the task has ended and its stack is free. `true`: wake the joiners.
    pub(crate) fn finish(&self) -> bool {
        debug_assert_eq!(self.0.load(Ordering::Relaxed) & PHASE, ACTIVE);
        // Release: everything the task did happens before `join` returns.
        self.0.fetch_or(DONE, Ordering::AcqRel) & JOIN_WAITER != 0
    }

    /// The worker: the task will never run again, its runtime has ended. Joiners must be woken.
    pub(crate) fn abandon(&self) {
        self.0.fetch_or(ABANDONED, Ordering::AcqRel);
    }

    /// Announces a joiner before it looks once more: mirrors `finish`, whose caller looks at the
    /// waiters only if this bit was set.
    pub(crate) fn announce_joiner(&self) {
        self.0.fetch_or(JOIN_WAITER, Ordering::AcqRel);
    }

    /// Whether the task has ended: its result is in the slot, its stack is free.
    pub(crate) fn is_done(&self) -> bool {
        // Acquire: pairs with the Release in `finish`.
        self.0.load(Ordering::Acquire) & PHASE == DONE
    }

    /// Whether the task was left behind by a runtime that ended.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.0.load(Ordering::Acquire) & ABANDONED != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(word: u32) -> State {
        State(AtomicU32::new(word))
    }

    fn word(state: &State) -> u32 {
        state.0.load(Ordering::Relaxed)
    }

    /// Every phase × every combination of the other bits: 3 × 2^7 words.
    fn all_words() -> impl Iterator<Item = u32> {
        (0..3u32).flat_map(|phase| (0..128u32).map(move |bits| phase | (bits << 2)))
    }

    #[test]
    fn state_wake_table_is_exhaustive() {
        for before in all_words() {
            for (bits, wake) in [
                (0, State::wake as fn(&State) -> Wake),
                (TOKEN, State::unpark),
                (CANCEL, State::cancel),
            ] {
                let state = with(before);
                let outcome = wake(&state);
                let (want, want_outcome) = match before & PHASE {
                    ACTIVE => (before | NOTIFIED | bits, Wake::Nothing),
                    PARKED => ((before & !PHASE) | bits, Wake::Enqueue),
                    _ => (before, Wake::Nothing),
                };
                assert_eq!(
                    (word(&state), outcome),
                    (want, want_outcome),
                    "from {before:#b}"
                );
            }
        }
    }

    #[test]
    fn state_settle_table_is_exhaustive() {
        for before in all_words().filter(|word| word & PHASE == ACTIVE) {
            let state = with(before);
            let parked = state.settle_parked();
            if before & NOTIFIED == 0 {
                assert!(parked, "from {before:#b}");
                assert_eq!(word(&state), before | PARKED);
            } else {
                assert!(!parked, "from {before:#b}");
                assert_eq!(word(&state), before & !NOTIFIED);
            }
        }
    }

    #[test]
    fn state_bits_are_taken_once_and_touch_nothing_else() {
        for before in all_words() {
            let state = with(before);
            assert_eq!(state.take_token(), before & TOKEN != 0);
            assert_eq!(word(&state), before & !TOKEN);
            assert!(!state.take_token());

            let state = with(before);
            assert_eq!(state.take_notified(), before & NOTIFIED != 0);
            assert_eq!(word(&state), before & !NOTIFIED);

            let state = with(before);
            assert_eq!(state.publish_result(), before & JOIN_INTEREST != 0);
            assert_eq!(word(&state), before | RESULT_READY);

            let state = with(before);
            assert_eq!(state.drop_interest(), before & RESULT_READY != 0);
            assert_eq!(word(&state), before & !JOIN_INTEREST);

            let state = with(before);
            state.announce_joiner();
            assert_eq!(word(&state), before | JOIN_WAITER);
            state.abandon();
            assert_eq!(word(&state), before | JOIN_WAITER | ABANDONED);
        }
    }

    #[test]
    fn state_finish_is_final() {
        for before in all_words().filter(|word| word & PHASE == ACTIVE) {
            let state = with(before);
            assert_eq!(state.finish(), before & JOIN_WAITER != 0);
            assert!(state.is_done());
            assert_eq!(state.wake(), Wake::Nothing);
            assert_eq!(state.cancel(), Wake::Nothing);
            assert_eq!(word(&state), before | DONE);
        }
    }

    /// Result ownership: whichever of the two comes second owns the result, never both, never none.
    #[test]
    fn state_result_has_exactly_one_owner() {
        let state = State::new();
        assert!(
            state.publish_result(),
            "handle first seen: the handle owns it"
        );
        assert!(state.drop_interest());
        let state = State::new();
        assert!(!state.drop_interest(), "no result yet: the task owns it");
        assert!(!state.publish_result());
    }
}
