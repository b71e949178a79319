//! The select protocol: wait for the first of several things, of which exactly one happens.
//!
//! ```text
//!   select                                         a giver, at one of the arms
//!   1. look at each arm alone; one is ready? take it, done
//!   2. lock every arm's gate, in the order of addresses
//!   3. look at each arm; one is ready? take it, unlock, done
//!   4. queue one node per arm, all with one ticket; unlock
//!   5. park until the ticket is decided            1. lock the gate
//!   6. interrupted or too late? close the ticket   2. take the first node: win its ticket, or drop
//!   7. lock each gate in turn, take the nodes off     the node and take the next
//!   8. the winner's arm has its gift in its slot   3. write its slot, claim; unlock; wake
//! ```
//! *One winner:* the ticket is decided by one compare-and-swap, by a giver or by step 6. A giver gives
//! only after it has won, so the losing arms neither get nor lose anything.
//! *Never two tickets:* in step 3 a select may itself give to a select that waits at one of its arms.
//! It then holds all its gates and has queued nothing, so its own outcome is not open; only the
//! other's ticket is to be won. If nodes were queued one by one, both tickets would have to be won
//! at once. That is the reason for step 2, and for the order: two selects on the same gates.
//! *Nothing is missed:* from step 3 to step 4 the gates are held, so whoever makes an arm ready comes
//! before the look or finds the node.
//! *Withdrawing* (step 7) takes locks, never parks, and comes before any unwinding. It also waits for
//! the giver that has won and is still writing, since that one holds the gate of its arm.
//! Rejected: a helper task per arm (two may both have an effect); waking the select to look again
//! (it would have to pass the wake on when it takes another arm, and FIFO would be lost).

use super::wait_list::{self, Mask, Outcome, Wait, Why};
use super::{Parker, interrupt};
use crate::sched::current;
use crate::sched::run::spend_budget;
use crate::sys::clock::{NEVER_NS, now_ns};
use crate::sys::lock::{Gate, Lock};
use crate::task::WaitReason;
use crate::task::reason::Address;
use crate::task::ticket::Ticket;
use crate::task::wait_queue::{Claimed, WaitNode, WaitQueue};

/// One thing that a select may wait for; most are a [`Gated`]. It stays in place while the select runs,
/// and so does its slot.
pub(crate) trait Arm {
    /// The lock that guards what it waits for. `None`: nothing is shared, as with a point in time.
    fn gate(&self) -> Option<&dyn Gate>;

    /// Before any gate is taken, at every round: what cannot be done under a lock. May make system
    /// calls, does not park. `true`: ready, and done.
    fn prepare(&mut self, _patience: Patience) -> bool {
        false
    }

    /// Under the gate: does it if it can be done now, keeps the outcome for later, and adds whom that
    /// lets go on.
    fn attempt(&mut self, wakes: &mut Vec<Claimed>) -> Attempt;

    /// What a giver writes to or takes from, while others look at the arm: an `UnsafeCell`. Null:
    /// nothing.
    fn slot(&self) -> *mut () {
        std::ptr::null_mut()
    }

    /// Under the gate: calls `body` with the queue in which the select's node waits. Does nothing if
    /// nobody will give, see `deadline_ns`.
    fn with_queue(&self, body: &mut dyn FnMut(&mut WaitQueue));

    /// The arm has won, all nodes are off, no gate is held. `false`: a false alarm, wait on.
    fn accept(&mut self) -> bool {
        true
    }

    /// When the arm wins by itself.
    fn deadline_ns(&self) -> u64 {
        NEVER_NS
    }
}

/// What an arm does whose state lies under one lock.
pub(crate) trait GatedArm {
    /// What the lock guards.
    type State;

    fn lock(&self) -> &Lock<Self::State>;

    /// As [`Arm::prepare`].
    fn prepare(&mut self, _patience: Patience) -> bool {
        false
    }

    /// As [`Arm::attempt`].
    fn attempt(&mut self, state: &mut Self::State, wakes: &mut Vec<Claimed>) -> Attempt;

    /// As [`Arm::slot`].
    fn slot(&self) -> *mut () {
        std::ptr::null_mut()
    }

    /// Where the select's node waits.
    fn queue<'s>(&self, state: &'s mut Self::State) -> &'s mut WaitQueue;

    /// As [`Arm::accept`].
    fn accept(&mut self) -> bool {
        true
    }
}

/// Makes an [`Arm`] of a [`GatedArm`].
#[derive(Debug)]
pub(crate) struct Gated<A>(pub(crate) A);

impl<A: GatedArm> Arm for Gated<A> {
    fn gate(&self) -> Option<&dyn Gate> {
        // Unsized by hand: a gate is compared by its address, and may guard anything.
        Some(self.0.lock())
    }

    fn prepare(&mut self, patience: Patience) -> bool {
        self.0.prepare(patience)
    }

    #[expect(unsafe_code, reason = "the engine holds the gate, without a guard")]
    fn attempt(&mut self, wakes: &mut Vec<Claimed>) -> Attempt {
        let state = self.0.lock().as_ptr();
        // SAFETY: called with the gate held, and the reference ends with the call.
        self.0.attempt(unsafe { &mut *state }, wakes)
    }

    fn slot(&self) -> *mut () {
        self.0.slot()
    }

    #[expect(unsafe_code, reason = "the engine holds the gate, without a guard")]
    fn with_queue(&self, body: &mut dyn FnMut(&mut WaitQueue)) {
        let state = self.0.lock().as_ptr();
        // SAFETY: called with the gate held, and the reference ends with the call.
        body(self.0.queue(unsafe { &mut *state }));
    }

    fn accept(&mut self) -> bool {
        self.0.accept()
    }
}

/// What became of an attempt under the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Done,
    NotReady,
    /// Something changed since `prepare`: unlock everything and begin again.
    Again,
}

/// In which order ready arms are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// At random.
    Fair,
    /// From the first.
    Biased,
}

/// What a select does when no arm is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Returns at once: `default`.
    None,
    /// Waits, at most until this time.
    Until(u64),
}

/// Waits for the first arm and returns its number. `TimedOut`: none, as `patience` says.
///
/// Does not unwind: for `Interrupted` the caller tidies up and calls `interrupt::raise`.
pub(crate) fn choose(
    arms: &mut [&mut dyn Arm],
    order: Order,
    patience: Patience,
) -> Outcome<usize> {
    if interrupt::is_pending() {
        return Outcome::Interrupted;
    }
    spend_budget_unless_impatient(patience);
    loop {
        let turns = Turns::new(order, arms.len());
        if let Some(index) = take_ready(arms, turns, patience) {
            return Outcome::Ready(index);
        }
        if let Some(outcome) = wait_at_all(arms, turns, patience) {
            return outcome;
        }
    }
}

/// A `default` makes a select a `try_` call, which never yields.
fn spend_budget_unless_impatient(patience: Patience) {
    if patience != Patience::None {
        spend_budget();
    }
}

/// An order of the arms without a list of them: round a circle, in steps of one length. The circle of a
/// fair order has a prime size, so every step gets everywhere; places beyond the last arm are empty.
///
/// Rejected: steps of one from a random arm. Of two ready neighbours among 24 arms the second would win
/// one time in 24; with random steps any two win equally often, and of more none is left far behind.
#[derive(Clone, Copy, Debug)]
struct Turns {
    count: usize,
    size: usize,
    start: usize,
    step: usize,
}

impl Turns {
    fn new(order: Order, count: usize) -> Turns {
        let size = count.max(2);
        match order {
            Order::Biased => Turns {
                count,
                size,
                start: 0,
                step: 1,
            },
            Order::Fair => {
                let size = prime_from(size);
                let random = random();
                let (start, rest) = (random % size, random / size);
                Turns {
                    count,
                    size,
                    start,
                    step: 1 + rest % (size - 1),
                }
            }
        }
    }

    /// The arms' numbers, each once.
    fn iter(self) -> impl Iterator<Item = usize> {
        let places = (0..self.size).map(move |turn| (self.start + turn * self.step) % self.size);
        places.filter(move |&place| place < self.count)
    }
}

/// The least prime that is no less than `least`, which is 2 or more: for some arms found in a few
/// divisions, since primes are dense.
fn prime_from(least: usize) -> usize {
    let is_prime = |number: &usize| {
        let mut divisors = (2..).take_while(|divisor| divisor * divisor <= *number);
        divisors.all(|divisor| !number.is_multiple_of(divisor))
    };
    (least..)
        .find(is_prime)
        .expect("because there is always another prime")
}

/// Step 1: each arm under its own gate only. Most selects end here.
fn take_ready(arms: &mut [&mut dyn Arm], turns: Turns, patience: Patience) -> Option<usize> {
    let mut wakes = Wakes::default();
    for index in turns.iter() {
        if arms[index].prepare(patience) {
            return Some(index);
        }
        let attempt = Held::acquire(arms, &[index]).arms[index].attempt(&mut wakes.0);
        wakes.wake();
        if attempt == Attempt::Done {
            return Some(index);
        }
    }
    None
}

/// Steps 2 to 8. `None`: begin again.
fn wait_at_all(
    arms: &mut [&mut dyn Arm],
    turns: Turns,
    patience: Patience,
) -> Option<Outcome<usize>> {
    let gates = sorted_gates(arms);
    let mut wakes = Wakes::default();
    let held = Held::acquire(arms, &gates);
    let mut seen = Attempt::NotReady;
    let found = turns.iter().find(|&index| {
        seen = held.arms[index].attempt(&mut wakes.0);
        seen != Attempt::NotReady
    });
    if found.is_some() || patience == Patience::None {
        return match (found, seen) {
            (Some(index), Attempt::Done) => Some(Outcome::Ready(index)),
            (Some(_), _) => None,
            (None, _) => Some(Outcome::TimedOut),
        };
    }
    let parker = Parker::current();
    let ticket = Ticket::new();
    let nodes = enlist(held.arms, &parker, &ticket);
    drop(held);
    let why = park_until_decided(arms, &parker, &ticket, patience);
    withdraw(arms, &nodes);
    finish(arms, turns, &ticket, why)
}

/// Step 4. The nodes are on the heap: as many as arms.
#[expect(unsafe_code, reason = "queues nodes that the caller withdraws")]
fn enlist(arms: &[&mut dyn Arm], parker: &Parker, ticket: &Ticket) -> Vec<WaitNode> {
    let mut nodes = Vec::with_capacity(arms.len());
    for (number, arm) in (0_u32..).zip(arms) {
        nodes.push(WaitNode::of_arm(
            parker.waiter(),
            arm.slot(),
            ticket,
            number,
        ));
    }
    for (arm, node) in arms.iter().zip(&nodes) {
        arm.with_queue(&mut |queue| {
            // SAFETY: the vector is complete, so the nodes stay in place; `wait_at_all` withdraws every
            // one of them before it ends, and what it calls in between does not unwind.
            unsafe { queue.push(node) };
        });
    }
    nodes
}

/// Steps 5 and 6.
fn park_until_decided(
    arms: &[&mut dyn Arm],
    parker: &Parker,
    ticket: &Ticket,
    patience: Patience,
) -> Option<Why> {
    let own_ns = match patience {
        Patience::None => 0,
        Patience::Until(deadline_ns) => deadline_ns,
    };
    let earliest_ns = arms.iter().map(|arm| arm.deadline_ns()).min();
    let wait = Wait {
        reason: reason(arms),
        deadline_ns: own_ns.min(earliest_ns.unwrap_or(NEVER_NS)),
        mask: Mask::Open,
    };
    loop {
        parker.park_masked(wait.reason, wait.deadline_ns, wait.mask);
        if !ticket.is_open() {
            return None;
        }
        if let Some(why) = wait_list::must_end(wait) {
            // `Err`: somebody won just before, and has given or is about to.
            return ticket.close().is_ok().then_some(why);
        }
    }
}

/// The number of arms, and where the first is that is anywhere: as those name it who wait there alone.
fn reason(arms: &[&mut dyn Arm]) -> WaitReason {
    let count = u32::try_from(arms.len()).unwrap_or(u32::MAX);
    let gate = arms.iter().find_map(|arm| arm.gate());
    WaitReason::Select(count, gate.map_or(Address(0), Address::of))
}

/// Step 7.
fn withdraw(arms: &[&mut dyn Arm], nodes: &[WaitNode]) {
    for (arm, node) in arms.iter().zip(nodes) {
        acquire(*arm);
        arm.with_queue(&mut |queue| {
            queue.remove(node);
        });
        release(*arm);
    }
}

/// Step 8.
fn finish(
    arms: &mut [&mut dyn Arm],
    turns: Turns,
    ticket: &Ticket,
    why: Option<Why>,
) -> Option<Outcome<usize>> {
    match why {
        Some(Why::Interrupted) => Some(Outcome::Interrupted),
        Some(Why::TimedOut) => {
            let now_ns = now_ns();
            let mut order = turns.iter();
            let due = order.find(|&index| arms[index].deadline_ns() <= now_ns);
            Some(due.map_or(Outcome::TimedOut, Outcome::Ready))
        }
        None => {
            let winner = ticket.winner().expect("because it was decided by a giver");
            let winner = usize::try_from(winner).expect("because arms are counted by usize");
            arms[winner].accept().then_some(Outcome::Ready(winner))
        }
    }
}

fn acquire(arm: &dyn Arm) {
    if let Some(gate) = arm.gate() {
        gate.acquire();
    }
}

#[expect(unsafe_code, reason = "gives back a lock that has no guard")]
fn release(arm: &dyn Arm) {
    if let Some(gate) = arm.gate() {
        // SAFETY: the callers have just acquired it.
        unsafe { gate.release() };
    }
}

/// The arms whose gates are to be taken, each gate once, in the order of addresses.
fn sorted_gates(arms: &[&mut dyn Arm]) -> Vec<usize> {
    let address = |index: &usize| {
        let gate = arms[*index].gate();
        gate.map(|gate| std::ptr::from_ref(gate).addr())
    };
    let mut order: Vec<usize> = (0..arms.len()).collect();
    order.retain(|index| address(index).is_some());
    order.sort_by_key(address);
    order.dedup_by_key(|index| address(index));
    order
}

/// Holds gates of `arms` until it is dropped, also by unwinding: an attempt may run a user's `Ord`,
/// which may panic.
struct Held<'h, 'a> {
    arms: &'h mut [&'a mut dyn Arm],
    gates: &'h [usize],
}

impl<'h, 'a> Held<'h, 'a> {
    fn acquire(arms: &'h mut [&'a mut dyn Arm], gates: &'h [usize]) -> Held<'h, 'a> {
        gates.iter().for_each(|&index| acquire(&*arms[index]));
        Held { arms, gates }
    }
}

impl Drop for Held<'_, '_> {
    fn drop(&mut self) {
        let Held { arms, gates } = self;
        gates.iter().for_each(|&index| release(&*arms[index]));
    }
}

/// Wakes what it holds when it goes, also by unwinding. Declared before what holds the gates, so that
/// it goes after them.
#[derive(Default)]
struct Wakes(Vec<Claimed>);

impl Wakes {
    fn wake(&mut self) {
        self.0.drain(..).for_each(wait_list::wake);
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        self.wake();
    }
}

/// A random number, well enough spread for fairness (xorshift32); a state per stack, so no atomics.
fn random() -> usize {
    current::with_context(|context| {
        let mut state = context.random.get();
        if state == 0 {
            state = u32::try_from(now_ns() & 0x7fff_ffff).unwrap_or(1) | 1;
        }
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        context.random.set(state);
        state as usize
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_visit_every_arm_once() {
        for count in 0..200 {
            for order in [Order::Fair, Order::Biased] {
                let turns = Turns::new(order, count);
                let mut seen: Vec<usize> = turns.iter().collect();
                if order == Order::Fair {
                    seen.sort_unstable();
                }
                assert_eq!(seen, (0..count).collect::<Vec<_>>(), "{turns:?}");
            }
        }
    }
}
