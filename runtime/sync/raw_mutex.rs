//! The lock behind `Mutex`: one word, a queue, and a rule for who is next.
//!
//! | bits of the word | meaning | changed by |
//! |---|---|---|
//! | 0 | `LOCKED`: somebody owns it | whoever takes it, by compare-and-swap; its owner |
//! | 1 | `WAITERS`: the queue is not empty | under the queue's lock only |
//!
//! ```text
//!   lock                                        unlock
//!   1. 0 -> LOCKED? done                        1. LOCKED -> 0? done
//!   2. owner runs elsewhere? spin a little      2. lock the queue
//!   3. lock the queue                           3. fair now? hand over to the first: LOCKED stays
//!   4. not LOCKED? take it, done                     else: clear LOCKED, and wake it to try
//!   5. set WAITERS, queue up, unlock; park
//!   6. handed over? done                        4. unlock the queue; wake
//!      woken? try; too late? queue up in front
//! ```
//! *Race:* the owner unlocks between the waiter's look and its queueing. Step 5 sets WAITERS by
//! compare-and-swap against a word that has LOCKED, under the queue's lock; so either the unlocker's
//! step 1 came first and the waiter sees it, or it fails, and step 2 waits for the waiter's node.
//! *Who is next.* A lock that is handed over is owned by somebody who does not run yet, and whoever
//! comes meanwhile queues up too: with short sections that is a convoy, in which each section costs a
//! park and a wake, or microseconds if the waiter is on another thread. A lock that is let go may be
//! taken by whoever runs, again and again. So it is handed over
//! - to a waiter of this worker, if the owner has switched while it held the lock: its sections are
//!   long, and it would take the lock again before anybody else runs;
//! - to a waiter that was woken, came too late, and has been the first in line for [`FAIR_NS`] since:
//!   nobody starves. Counted from there, and not from its arrival: in a long queue everybody has waited
//!   for long, and to hand over to each of them would be the convoy again.
//!
//! Else it is let go, and the first waiter woken to try. If it comes too late it stays the first.
//! *Cancelled* waiters leave the queue. One that got the lock in the same instant passes it on.
//! Model: `models/src/mutex.rs`.

use crate::park::interrupt;
use crate::park::wait_list::{self, End, Gift, Mask, Wait, Why};
use crate::sched::current;
use crate::sys::atomic::{AtomicU32, AtomicU64, Ordering};
use crate::sys::clock::{NEVER_NS, now_ns};
use crate::sys::lock::Lock;
use crate::task::WaitReason;
use crate::task::reason::{LockKind, Owner};
use crate::task::wait_queue::{WaitQueue, Waiter};
use std::cell::Cell;

const LOCKED: u32 = 1;
const WAITERS: u32 = 2;

/// A waiter that was overtaken is not overtaken any more after this time, as in Go's mutex. Doubled:
/// more throughput under contention, longer tails.
const FAIR_NS: u64 = 1_000_000;

/// Looks at the word while an owner on another thread finishes: from 100 ns to 500 ns, depending on
/// the processor, which is about what a park and a wake cost at the least.
const SPINS: u32 = 12;

/// See the module.
#[derive(Debug)]
pub(crate) struct RawMutex {
    word: AtomicU32,
    /// What waiters say that they wait for.
    kind: LockKind,
    /// Whoever took it last; see `Header::owner_word`. A diagnostic, and a hint for spinning.
    owner: AtomicU64,
    /// In which run of its worker the owner took it; see `current::run_number`. Changed by owners only.
    taken_in: AtomicU32,
    waiters: Lock<WaitQueue>,
}

/// A waiter's slot, reached under the queue's lock.
struct Turn {
    outcome: Cell<Option<Outcome>>,
    /// When it first came too late.
    late_ns: Cell<u64>,
}

impl Turn {
    fn is_overdue(&self) -> bool {
        let late_ns = self.late_ns.get();
        late_ns != NEVER_NS && late_ns + FAIR_NS <= now_ns()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It owns the lock.
    Handed,
    /// The lock was let go: it may try.
    Woken,
}

impl RawMutex {
    pub(crate) const fn new() -> RawMutex {
        RawMutex::of_kind(LockKind::Mutex)
    }

    pub(crate) const fn of_kind(kind: LockKind) -> RawMutex {
        RawMutex {
            word: AtomicU32::new(0),
            kind,
            owner: AtomicU64::new(0),
            taken_in: AtomicU32::new(0),
            waiters: Lock::new(WaitQueue::new()),
        }
    }

    /// Takes it; unwinds for an interrupt.
    #[inline]
    pub(crate) fn lock(&self) {
        interrupt::check();
        if !self.try_lock() && self.lock_slowly(NEVER_NS, Mask::Open).is_err() {
            interrupt::raise();
        }
    }

    /// Takes it; `false`: there is an interrupt, which is the caller's to raise.
    pub(crate) fn lock_unless_interrupted(&self) -> bool {
        !interrupt::is_pending()
            && (self.try_lock() || self.lock_slowly(NEVER_NS, Mask::Open).is_ok())
    }

    /// Takes it, come what may.
    pub(crate) fn lock_masked(&self) {
        if !self.try_lock() {
            let taken = self.lock_slowly(NEVER_NS, Mask::Masked);
            debug_assert!(taken.is_ok());
        }
    }

    /// Takes it before the deadline, or not; unwinds for an interrupt.
    pub(crate) fn lock_until(&self, deadline_ns: u64) -> bool {
        interrupt::check();
        if self.try_lock() {
            return true;
        }
        match self.lock_slowly(deadline_ns, Mask::Open) {
            Ok(()) => true,
            Err(Why::TimedOut) => false,
            Err(Why::Interrupted) => interrupt::raise(),
        }
    }

    /// Takes it if nobody owns it.
    #[inline]
    pub(crate) fn try_lock(&self) -> bool {
        // Acquire: pairs with the Release of `unlock`.
        let taken = self
            .word
            .compare_exchange(0, LOCKED, Ordering::Acquire, Ordering::Relaxed)
            .is_ok();
        if taken {
            self.note_owner();
        }
        taken || self.overtake()
    }

    /// Takes a lock that is free although somebody waits, on his way.
    #[inline]
    fn overtake(&self) -> bool {
        self.word.load(Ordering::Relaxed) == WAITERS && {
            let taken = self
                .word
                .compare_exchange(
                    WAITERS,
                    WAITERS | LOCKED,
                    Ordering::Acquire,
                    Ordering::Relaxed,
                )
                .is_ok();
            if taken {
                self.note_owner();
            }
            taken
        }
    }

    #[inline]
    fn note_owner(&self) {
        // Relaxed: a diagnostic, and what only the owner reads.
        self.owner.store(current::owner_word(), Ordering::Relaxed);
        self.taken_in
            .store(current::run_number(), Ordering::Relaxed);
    }

    /// Who owns it, or did last.
    pub(crate) fn owner(&self) -> Owner {
        Owner::of(self.owner.load(Ordering::Relaxed))
    }

    /// Whether the queue has been announced; for the models.
    #[cfg(greenroom_loom)]
    pub(crate) fn has_waiters(&self) -> bool {
        self.word.load(Ordering::Relaxed) & WAITERS != 0
    }

    /// Step 2 of `lock`. Only if the owner may be running.
    fn spin(&self) -> bool {
        if current::is_of_this_worker(self.owner.load(Ordering::Relaxed)) {
            return false;
        }
        for _ in 0..SPINS {
            std::hint::spin_loop();
            if self.word.load(Ordering::Relaxed) & LOCKED == 0 && self.try_lock() {
                return true;
            }
        }
        false
    }

    #[cold]
    fn lock_slowly(&self, deadline_ns: u64, mask: Mask) -> Result<(), Why> {
        if self.spin() {
            return Ok(());
        }
        let turn = Turn {
            outcome: Cell::new(None),
            late_ns: Cell::new(NEVER_NS),
        };
        let slot = (&raw const turn).cast_mut().cast();
        let mut end = End::Back;
        loop {
            let mut guard = self.waiters.lock();
            if self.take_or_announce() {
                return Ok(());
            }
            let reason = WaitReason::Lock(self.kind, self.owner());
            let wait = Wait {
                reason,
                deadline_ns,
                mask,
            };
            match wait_list::wait_given_at(end, &self.waiters, guard, |queue| queue, slot, wait) {
                Gift::Given => {}
                Gift::Withdrawn(why, queue) => {
                    guard = queue;
                    if guard.is_empty() {
                        self.word.fetch_and(!WAITERS, Ordering::Relaxed);
                    }
                    return Err(why);
                }
            }
            let is_mine = turn.outcome.take() == Some(Outcome::Handed) || self.try_lock();
            if mask == Mask::Open && interrupt::is_pending() {
                self.pass_on(is_mine);
                return Err(Why::Interrupted);
            }
            if is_mine {
                self.note_owner();
                return Ok(());
            }
            end = End::Front;
            turn.late_ns.set(turn.late_ns.get().min(now_ns()));
        }
    }

    /// Too late to leave the queue: it was the lock's turn to come here, so it goes on.
    fn pass_on(&self, is_mine: bool) {
        // Subtle: whoever runs for another reason may be here before the owner that woke it has let go
        // (step 3), but not before that owner is through with the queue. If the lock is taken even
        // then, somebody has overtaken, and his unlock finds those who wait.
        let is_mine = is_mine || {
            drop(self.waiters.lock());
            self.try_lock()
        };
        if is_mine {
            self.unlock();
        }
    }

    /// Under the queue's lock: takes the lock, or makes sure that its owner looks at the queue.
    fn take_or_announce(&self) -> bool {
        let mut seen = self.word.load(Ordering::Relaxed);
        loop {
            let next = if seen & LOCKED == 0 {
                seen | LOCKED
            } else {
                seen | WAITERS
            };
            // Acquire: pairs with the Release of `unlock`, if it takes.
            match self
                .word
                .compare_exchange_weak(seen, next, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) if seen & LOCKED == 0 => {
                    self.note_owner();
                    return true;
                }
                Ok(_) => return false,
                Err(now) => seen = now,
            }
        }
    }

    /// Gives it up; by whoever took it.
    #[inline]
    pub(crate) fn unlock(&self) {
        // Release: what was done under the lock is visible to the next owner.
        if self
            .word
            .compare_exchange(LOCKED, 0, Ordering::Release, Ordering::Relaxed)
            .is_err()
        {
            self.unlock_slowly();
        }
    }

    #[cold]
    fn unlock_slowly(&self) {
        let claimed = {
            let mut queue = self.waiters.lock();
            let has_switched = self.taken_in.load(Ordering::Relaxed) != current::run_number();
            let hands_over = queue.first().is_some_and(|node| {
                (has_switched && is_here(node.waiter())) || turn(node.slot()).is_overdue()
            });
            let outcome = if hands_over {
                Outcome::Handed
            } else {
                Outcome::Woken
            };
            let claimed = queue.take_first_with(|slot| turn(slot).outcome.set(Some(outcome)));
            let waiters = if queue.is_empty() { 0 } else { WAITERS };
            let locked = if hands_over { LOCKED } else { 0 };
            // Release: as in `unlock`. A swap: while LOCKED, under the queue's lock, nobody else
            // changes the word.
            self.word.swap(locked | waiters, Ordering::Release);
            claimed
        };
        claimed.into_iter().for_each(wait_list::wake);
    }
}

/// Whether a waiter is a task of the worker that runs this.
#[expect(unsafe_code, reason = "reads a queued waiter's header")]
fn is_here(waiter: Waiter) -> bool {
    match waiter {
        // SAFETY: its node is queued and we hold the queue's lock, so the task is in its wait.
        Waiter::Task(header) => current::is_of_this_worker(unsafe { header.as_ref() }.owner_word()),
        Waiter::Thread(_) => false,
    }
}

/// The slot of a queued node.
#[expect(unsafe_code, reason = "a node's slot is untyped")]
fn turn<'a>(slot: *mut ()) -> &'a Turn {
    // SAFETY: every node of a mutex's queue has a `Turn` in its frame, and it is queued: its frame
    // stands. The reference is used under the queue's lock only.
    unsafe { &*slot.cast::<Turn>() }
}
