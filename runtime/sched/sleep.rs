//! Falling asleep without missing work: the handshake between a worker and those who bring work.
//!
//! | word | meaning | set by |
//! |---|---|---|
//! | `AWAKE` | runs, or looks for work by itself | the worker |
//! | `SLEEPING` | about to wait in epoll, or waiting: ring if you bring work | the worker |
//! | `RUNG` | somebody has rung (or is about to), once is enough | the bringer |
//!
//! ```text
//!   bringer                               worker
//!   1. publish the work                   1. store SLEEPING
//!   2. fence(SeqCst)                      2. fence(SeqCst)
//!   3. look: SLEEPING? -> RUNG, ring      3. look once more for work -> if any, stay awake
//!                                         4. wait in epoll;  5. swap AWAKE
//! ```
//! The race: the worker looks (empty), the bringer publishes and looks (awake), the worker sleeps.
//! The fences forbid that both looks miss: of two fences one is first, and the side with the later
//! fence sees what the other wrote before its own (Dekker). A ring costs 2.5–6.8 µs, so step 3 of the
//! bringer is a plain load while the worker is awake: no syscall, no shared write. Model: `models/`.

use crate::sys::atomic::{AtomicU32, Ordering, fence};

const AWAKE: u32 = 0;
const SLEEPING: u32 = 1;
const RUNG: u32 = 2;

/// One worker's side of the handshake.
#[derive(Debug)]
pub(crate) struct Sleep(AtomicU32);

impl Sleep {
    pub(crate) fn new() -> Sleep {
        Sleep(AtomicU32::new(AWAKE))
    }

    /// Worker, steps 1 and 2. Afterwards it must look for work once more.
    pub(crate) fn announce(&self) {
        // Relaxed: ordered against the look by the fence.
        self.0.store(SLEEPING, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Worker, step 5, also when the look found something.
    pub(crate) fn awake(&self) {
        // Relaxed: the work itself is acquired from the inbox or the deque. A swap, not a store: it
        // must not be overtaken by a bringer's RUNG of this very sleep.
        self.0.swap(AWAKE, Ordering::Relaxed);
    }

    /// Bringer, steps 2 and 3, after the work was published. `true`: ring the worker's bell.
    pub(crate) fn must_ring(&self) -> bool {
        fence(Ordering::SeqCst);
        self.claim_sleeper()
    }

    /// Step 3 alone, for a bringer that has fenced already. `true`: ring.
    pub(crate) fn claim_sleeper(&self) -> bool {
        // Relaxed: ordered by the fence above; only one bringer wins the ring.
        self.0.load(Ordering::Relaxed) == SLEEPING
            && self
                .0
                .compare_exchange(SLEEPING, RUNG, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// Whether the worker sleeps or is about to: a hint for placing work.
    pub(crate) fn is_asleep(&self) -> bool {
        self.0.load(Ordering::Relaxed) != AWAKE
    }
}
