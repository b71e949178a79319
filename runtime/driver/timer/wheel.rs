//! The hierarchical timing wheel: which list a deadline belongs to, and when that list is due.
//!
//! Called by the driver of one worker: `arm` and `cancel` when a task parks with a deadline, `fire`
//! and `next_expiry` around each epoll wait. Must never read a clock, allocate after `new`, or hold a
//! reference to a node across a call of the driver's callback.
//!
//! A binary heap would need no cascade, but `O(log n)` for the common case: a timeout armed and
//! cancelled.

#![expect(unsafe_code, reason = "arms, cancels and fires nodes it does not own")]

use super::list::List;
use super::{State, TICK_NS, TimerNode, tick_after, tick_reached};
use std::fmt;
use std::ptr::NonNull;

/// Bits in a digit; 64 slots make one level's occupancy one machine word.
const DIGIT_BITS: usize = 6;
const SLOTS_PER_LEVEL: usize = 1 << DIGIT_BITS;
const DIGIT_MASK: u64 = (1 << DIGIT_BITS) - 1;
/// Levels until every `u64` of nanoseconds has a slot: 50 bits of ticks (the last is reached only by
/// rounding up), in digits. The lists of all levels take 9 KiB per worker.
const LEVELS: usize = 9;
const _: () = assert!(tick_after(u64::MAX) >> digit_shift(LEVELS) == 0);

/// Index of the list for deadlines that had passed when they were armed.
const OVERDUE: usize = LEVELS * SLOTS_PER_LEVEL;
const LISTS: usize = OVERDUE + 1;

/// How many nodes of a higher slot `next_expiry` reads to spare an idle worker the wake-ups that
/// would only cascade. A wake-up costs microseconds, a node at worst a cache miss; twice as many would
/// pay only for workers that sleep with a handful of timers within one slot.
const PEEK_MAX: usize = 4;

/// All armed timers of one worker.
///
/// A tick number is read in digits of six bits, level 0 the lowest:
/// ```text
/// now      …  3  17  42        a deadline waits at the level of the highest digit in which it
/// deadline …  3  20   5        differs from `now`, in the slot which that digit of it names:
///                 ^            level 1, slot 20
/// ```
/// Invariant, for every node but the overdue: its slot is a function of `now` and its tick. It shares
/// with `now` all digits above its level, and its own digit there is greater. Four facts follow.
/// 1. No slot index wraps around, and whatever is in a lower level is due before anything above it.
/// 2. The first slot to look at is the lowest bit of the lowest non-empty occupancy map.
/// 3. `now` may jump to any tick before that slot's first one and leave every node where it is, so
///    that years of idle time cost as much as a millisecond.
/// 4. Equal ticks are always in the same slot: they fire in the order of arming.
///
/// When `now` reaches the first tick of a slot above level 0, the slot *cascades*: its nodes agree
/// with `now` in one digit more and move to lower levels. A node cascades at most once per level.
///
/// A wheel that is dropped forgets its nodes: nothing may be cancelled after that.
pub(crate) struct Wheel<T: Copy> {
    /// Everything before and at this tick has fired, the overdue list aside.
    now_tick: u64,
    /// Per level, bit `n` is set exactly when slot `n` has nodes.
    occupied: [u64; LEVELS],
    /// Level after level, then the overdue.
    lists: Box<[List<T>]>,
    armed: usize,
}

/// The slot that must be looked at next.
struct Earliest {
    level: usize,
    list: usize,
    /// Its first tick; nothing in the wheel is due before it.
    tick: u64,
}

impl<T: Copy> Wheel<T> {
    /// An empty wheel whose time is `now_ns`, in nanoseconds since any origin.
    pub(crate) fn new(now_ns: u64) -> Wheel<T> {
        Wheel {
            now_tick: tick_reached(now_ns),
            occupied: [0; LEVELS],
            lists: (0..LISTS).map(|_| List::EMPTY).collect(),
            armed: 0,
        }
    }

    /// How many nodes are armed.
    pub(crate) fn len(&self) -> usize {
        self.armed
    }

    /// Arms `node`: the first `fire` at or after the end of the deadline's tick hands out its payload.
    ///
    /// A deadline in the past goes with the next `fire`. One in the last tick before `u64::MAX` never
    /// fires: that tick does not end. A node that is armed already moves to the new deadline.
    ///
    /// # Safety
    /// `node` is valid, and stays valid and in place until it has fired or was cancelled. If it is
    /// armed, it is armed in this wheel.
    pub(crate) unsafe fn arm(&mut self, node: NonNull<TimerNode<T>>, deadline_ns: u64) {
        // SAFETY: the same contract.
        unsafe { self.cancel(node) };
        // SAFETY: the caller vouches that the node is valid.
        unsafe { node.as_ref() }.tick.set(tick_after(deadline_ns));
        // SAFETY: after `cancel` it is in no list; it stays in place as long as it is armed.
        unsafe { self.place(node) };
        self.armed += 1;
    }

    /// Disarms `node`; `false` if it was not armed (any more), which is harmless.
    ///
    /// # Safety
    /// `node` is valid. If it is armed, it is armed in this wheel.
    pub(crate) unsafe fn cancel(&mut self, node: NonNull<TimerNode<T>>) -> bool {
        // SAFETY: the caller vouches that the node is valid.
        let state = &unsafe { node.as_ref() }.state;
        let State::Armed(list) = state.get() else {
            return false;
        };
        state.set(State::Idle);
        // SAFETY: an armed node is in the list its state names.
        unsafe { self.unlink(node, list) };
        self.armed -= 1;
        true
    }

    /// Moves time to `now_ns` and hands out the payload of every deadline whose tick has ended.
    ///
    /// By deadline tick, and within a tick in the order of arming; deadlines that had passed when they
    /// were armed come first. Time never goes back: an earlier `now_ns` fires the overdue only.
    /// `hand_out` must not run user code; the node may be gone as soon as it returns.
    pub(crate) fn fire(&mut self, now_ns: u64, mut hand_out: impl FnMut(T)) {
        let target = tick_reached(now_ns);
        self.drain(OVERDUE, &mut hand_out);
        // Bounded: each turn empties a slot, and nodes move only to lower levels.
        while let Some(slot) = self.earliest()
            && slot.tick <= target
        {
            self.now_tick = slot.tick;
            if slot.level == 0 {
                self.drain(slot.list, &mut hand_out);
            } else {
                self.cascade(slot.list);
                // What was due at the slot's first tick; all else is later.
                self.drain(OVERDUE, &mut hand_out);
            }
        }
        self.now_tick = self.now_tick.max(target);
    }

    /// When `fire` must be called next; `None` if nothing will ever fire.
    ///
    /// Never later than the end of the earliest deadline's tick. Exact to the tick unless more than a
    /// few nodes share a slot above level 0: then the slot's first tick, at which it cascades.
    pub(crate) fn next_expiry(&self) -> Option<u64> {
        if !self.lists[OVERDUE].is_empty() {
            return Some(self.now_tick * TICK_NS);
        }
        let slot = self.earliest()?;
        let tick = if slot.level == 0 {
            None
        } else {
            self.earliest_of_few(slot.list)
        };
        tick.unwrap_or(slot.tick).checked_mul(TICK_NS)
    }

    /// The least tick in `list` if it has at most `PEEK_MAX` nodes.
    fn earliest_of_few(&self, list: usize) -> Option<u64> {
        let mut earliest = u64::MAX;
        let mut link = self.lists[list].first();
        for _ in 0..PEEK_MAX {
            let Some(node) = link else {
                break;
            };
            // SAFETY: armed nodes are valid and in place (contract of `arm`).
            let node = unsafe { node.as_ref() };
            earliest = earliest.min(node.tick.get());
            link = node.next.get();
        }
        link.is_none().then_some(earliest)
    }

    fn earliest(&self) -> Option<Earliest> {
        let level = self.occupied.iter().position(|&slots| slots != 0)?;
        let slot = self.occupied[level].trailing_zeros() as usize;
        let shift = digit_shift(level);
        let above = (self.now_tick >> shift) & !DIGIT_MASK;
        let tick = (above | slot as u64) << shift;
        Some(Earliest {
            level,
            list: list_index(level, slot),
            tick,
        })
    }

    /// Puts `node` where `now` and its tick want it.
    ///
    /// # Safety
    /// As `List::push_back`, for as long as the node is armed.
    unsafe fn place(&mut self, node: NonNull<TimerNode<T>>) {
        // SAFETY: the caller vouches that the node is valid.
        let armed = unsafe { node.as_ref() };
        let tick = armed.tick.get();
        let list = if tick <= self.now_tick {
            OVERDUE
        } else {
            self.occupy_slot_of(tick)
        };
        armed.state.set(State::Armed(list));
        // SAFETY: the same contract.
        unsafe { self.lists[list].push_back(node) };
    }

    /// Marks the slot of a future `tick` as occupied and names its list.
    fn occupy_slot_of(&mut self, tick: u64) -> usize {
        let highest_difference = (tick ^ self.now_tick).ilog2();
        let level = highest_difference as usize / DIGIT_BITS;
        let slot = ((tick >> digit_shift(level)) & DIGIT_MASK) as usize;
        self.occupied[level] |= 1 << slot;
        list_index(level, slot)
    }

    /// Takes `node` out of `list` and clears the slot's bit if it was the last.
    ///
    /// # Safety
    /// As `List::remove`.
    unsafe fn unlink(&mut self, node: NonNull<TimerNode<T>>, list: usize) {
        let nodes = &mut self.lists[list];
        // SAFETY: the same contract.
        unsafe { nodes.remove(node) };
        if nodes.is_empty() && list != OVERDUE {
            let slot = list % SLOTS_PER_LEVEL;
            self.occupied[list / SLOTS_PER_LEVEL] &= !(1 << slot);
        }
    }

    /// Redistributes a slot whose first tick is `now`.
    fn cascade(&mut self, list: usize) {
        while let Some(node) = self.lists[list].first() {
            // SAFETY: it is the first node of this list; armed nodes are valid.
            unsafe { self.unlink(node, list) };
            // SAFETY: in no list now, and still armed, so its frame keeps it in place.
            unsafe { self.place(node) };
        }
    }

    /// Fires every node of `list`. Each is out of the wheel before its payload is handed out.
    fn drain(&mut self, list: usize, hand_out: &mut impl FnMut(T)) {
        while let Some(node) = self.lists[list].first() {
            // SAFETY: it is the first node of this list; armed nodes are valid.
            unsafe { self.unlink(node, list) };
            // SAFETY: its owner cannot go on, and end the node, before this worker lets it.
            let fired = unsafe { node.as_ref() };
            fired.state.set(State::Fired);
            self.armed -= 1;
            hand_out(fired.payload);
        }
    }
}

impl<T: Copy> fmt::Debug for Wheel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wheel")
            .field("armed", &self.armed)
            .field("next_expiry_ns", &self.next_expiry())
            .finish_non_exhaustive()
    }
}

/// Where a level's digit begins in a tick number.
const fn digit_shift(level: usize) -> usize {
    level * DIGIT_BITS
}

const fn list_index(level: usize, slot: usize) -> usize {
    level * SLOTS_PER_LEVEL + slot
}
