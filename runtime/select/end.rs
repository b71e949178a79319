//! Arms that wait for the end of a green thread, or for a point in time. They take nothing, so losing
//! leaves nothing behind.

use crate::park::choose::{Arm, Attempt, Gated, GatedArm, Patience};
use crate::sys::clock::now_ns;
use crate::sys::lock::{Gate, Lock};
use crate::task::TaskRef;
use crate::task::wait_queue::{Claimed, WaitQueue};
use crate::thread::join::has_ended;

/// Waits for the end of a task, as `thread/join` does; takes nothing.
#[derive(Debug)]
pub(crate) struct Ended<'a>(&'a TaskRef);

impl<'a> Ended<'a> {
    pub(crate) fn new(task: &'a TaskRef) -> Gated<Ended<'a>> {
        Gated(Ended(task))
    }
}

impl GatedArm for Ended<'_> {
    type State = WaitQueue;

    fn lock(&self) -> &Lock<WaitQueue> {
        &self.0.header().joiners
    }

    fn prepare(&mut self, _patience: Patience) -> bool {
        // Mirrors `State::finish`: the bit is set before the look under the lock, and the finisher
        // looks at the waiters if it saw the bit.
        self.0.header().state.announce_joiner();
        has_ended(self.0)
    }

    fn attempt(&mut self, _state: &mut WaitQueue, _wakes: &mut Vec<Claimed>) -> Attempt {
        if has_ended(self.0) {
            Attempt::Done
        } else {
            Attempt::NotReady
        }
    }

    fn queue<'s>(&self, state: &'s mut WaitQueue) -> &'s mut WaitQueue {
        state
    }

    fn accept(&mut self) -> bool {
        has_ended(self.0)
    }
}

/// Waits for nothing, and takes no memory: stands where an array has no arm.
#[derive(Debug)]
pub(crate) struct Never;

impl Arm for Never {
    fn gate(&self) -> Option<&dyn Gate> {
        None
    }

    fn attempt(&mut self, _wakes: &mut Vec<Claimed>) -> Attempt {
        Attempt::NotReady
    }

    fn with_queue(&self, _body: &mut dyn FnMut(&mut WaitQueue)) {}
}

/// Waits until a point in time.
#[derive(Debug)]
pub(crate) struct Due {
    deadline_ns: u64,
}

impl Due {
    pub(crate) fn new(deadline_ns: u64) -> Due {
        Due { deadline_ns }
    }
}

impl Arm for Due {
    fn gate(&self) -> Option<&dyn Gate> {
        None
    }

    fn attempt(&mut self, _wakes: &mut Vec<Claimed>) -> Attempt {
        if now_ns() >= self.deadline_ns {
            Attempt::Done
        } else {
            Attempt::NotReady
        }
    }

    fn with_queue(&self, _body: &mut dyn FnMut(&mut WaitQueue)) {}

    fn deadline_ns(&self) -> u64 {
        self.deadline_ns
    }
}
