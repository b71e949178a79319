//! Timers of one worker: an intrusive hierarchical timing wheel.
//!
//! The node lives in the stack frame of the parked task that waits for it, so that arming and
//! cancelling, which is what nearly every timeout does, allocates nothing and costs a few stores.
//! Pure by design: no syscall, no clock read, no atomic. Time comes in as an argument, payloads go out
//! as data. Only the worker that owns the wheel may touch it or the nodes armed in it, and nothing
//! here ever wakes a task or calls upward.
//!
//! Layout: `list` links nodes, `wheel` decides which list; here are the node and the unit of time.

mod list;
#[cfg(test)]
mod tests;
mod wheel;

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomPinned;
use std::ptr::NonNull;

pub(crate) use wheel::Wheel;

/// Resolution of the wheel: 2^15 ns = 32.8 µs.
///
/// A timer never fires early and at most one tick late. The kernel's default timer slack is 50 µs, so
/// a finer tick buys nothing; a coarser one would show in `sleep(100 µs)`. Doubling it saves one
/// cascade for one deadline in six and doubles the lateness.
pub(crate) const TICK_NS: u64 = 1 << TICK_SHIFT;
const TICK_SHIFT: u32 = 15;

/// A neighbour in a slot's list, if there is one.
type Link<T> = Option<NonNull<TimerNode<T>>>;

/// Where a node is; the wheel alone changes it.
///
/// | from   | to      | by                                    |
/// |--------|---------|---------------------------------------|
/// | any    | `Armed` | `Wheel::arm` (moves an armed node)    |
/// | `Armed`| `Idle`  | `Wheel::cancel`                       |
/// | `Armed`| `Fired` | `Wheel::fire`, before the payload goes out |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    /// In the list with this index, which the wheel needs to find the list's head again.
    Armed(usize),
    Fired,
}

/// One deadline and what to wake when it passes.
///
/// Pinned where it was made from `arm` until it fired or was cancelled, because its neighbours point
/// to it. All that changes is in cells: the frame that owns the node and the wheel both hold shared
/// references, never an exclusive one. `!Send`, `!Sync` (raw pointers) and `!Unpin`.
pub(crate) struct TimerNode<T: Copy> {
    prev: Cell<Link<T>>,
    next: Cell<Link<T>>,
    /// First tick at whose start the deadline has passed.
    tick: Cell<u64>,
    state: Cell<State>,
    payload: T,
    _pinned: PhantomPinned,
}

impl<T: Copy> TimerNode<T> {
    /// An idle node. `payload` is what `fire` hands out: whom to wake.
    pub(crate) const fn new(payload: T) -> TimerNode<T> {
        TimerNode {
            prev: Cell::new(None),
            next: Cell::new(None),
            tick: Cell::new(0),
            state: Cell::new(State::Idle),
            payload,
            _pinned: PhantomPinned,
        }
    }

    /// Whether the deadline passed and `fire` handed out the payload.
    #[cfg(test)]
    pub(crate) fn has_fired(&self) -> bool {
        self.state.get() == State::Fired
    }

    /// Whether a wheel points to this node: it must neither move nor end now.
    pub(crate) fn is_armed(&self) -> bool {
        matches!(self.state.get(), State::Armed(_))
    }
}

impl<T: Copy> Drop for TimerNode<T> {
    /// Catches a broken `arm` contract where it happens, not at the corrupted list it leaves behind.
    fn drop(&mut self) {
        debug_assert!(
            !self.is_armed(),
            "a timer node ended while a wheel points to it"
        );
    }
}

impl<T: Copy> fmt::Debug for TimerNode<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimerNode")
            .field("state", &self.state.get())
            .field("tick", &self.tick.get())
            .finish_non_exhaustive()
    }
}

/// The first tick that starts at or after `deadline_ns`: rounding up is what "never early" means.
const fn tick_after(deadline_ns: u64) -> u64 {
    deadline_ns.div_ceil(TICK_NS)
}

/// The last tick that has started by `now_ns`.
const fn tick_reached(now_ns: u64) -> u64 {
    now_ns >> TICK_SHIFT
}
