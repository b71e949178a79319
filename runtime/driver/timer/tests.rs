//! Tests of the wheel: exhaustive small cases and the edges of time; the fixture for all of them.
//!
//! Nothing here waits: time is an argument. `model` compares random steps with a sorted map, `cost`
//! prints what arming, cancelling and firing take.

#![expect(
    unsafe_code,
    reason = "arming and cancelling are unsafe; the fixture keeps the contract"
)]

mod cost;
mod model;

use super::{TICK_NS, TimerNode, Wheel, tick_after};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::ptr::NonNull;

const YEAR_NS: u64 = 365 * 24 * 3600 * 1_000_000_000;

/// A wheel and the nodes it may point to; the payload is the node's index.
struct Timers {
    wheel: Wheel<usize>,
    nodes: Vec<Pin<Box<TimerNode<usize>>>>,
}

impl Timers {
    fn new(nodes: usize, now_ns: u64) -> Timers {
        Timers {
            wheel: Wheel::new(now_ns),
            nodes: (0..nodes)
                .map(|index| Box::pin(TimerNode::new(index)))
                .collect(),
        }
    }

    fn node(&self, index: usize) -> NonNull<TimerNode<usize>> {
        NonNull::from(&*self.nodes[index])
    }

    fn arm(&mut self, index: usize, deadline_ns: u64) {
        let node = self.node(index);
        // SAFETY: boxed and pinned, and `drop` cancels it before the box goes.
        unsafe { self.wheel.arm(node, deadline_ns) };
    }

    fn cancel(&mut self, index: usize) -> bool {
        let node = self.node(index);
        // SAFETY: the node is alive and only ever armed in this wheel.
        unsafe { self.wheel.cancel(node) }
    }

    fn fire(&mut self, now_ns: u64) -> Vec<usize> {
        let mut fired = Vec::new();
        self.wheel.fire(now_ns, |index| fired.push(index));
        fired
    }

    /// Follows `next_expiry` as a driver does; returns who fired at which time, up to `until_ns`.
    fn run(&mut self, until_ns: u64) -> Vec<(u64, usize)> {
        let mut log = Vec::new();
        while let Some(at) = self.wheel.next_expiry()
            && at <= until_ns
        {
            log.extend(self.fire(at).into_iter().map(|index| (at, index)));
        }
        log
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        for index in 0..self.nodes.len() {
            self.cancel(index);
        }
        if !std::thread::panicking() {
            assert_eq!(
                self.wheel.len(),
                0,
                "the wheel counts nodes that nobody armed"
            );
            assert_eq!(
                self.wheel.next_expiry(),
                None,
                "an occupancy bit is left behind"
            );
        }
    }
}

/// SplitMix64: enough for tests, and a seed replays anywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Uniform in the exponent, so that every level is visited as often as every other.
    fn any_magnitude(&mut self) -> u64 {
        let bits = self.below(64);
        self.next() >> bits
    }
}

#[test]
fn tick_rounding_never_fires_early() {
    for deadline in [0, 1, TICK_NS - 1, TICK_NS, TICK_NS + 1, 7 * TICK_NS + 5] {
        for now in [
            0,
            1,
            TICK_NS - 1,
            TICK_NS,
            2 * TICK_NS,
            7 * TICK_NS,
            8 * TICK_NS,
        ] {
            let mut timers = Timers::new(1, 0);
            timers.arm(0, deadline);
            let fired = !timers.fire(now).is_empty();
            assert!(
                !fired || now >= deadline,
                "{deadline} fired early, at {now}"
            );
            assert!(
                fired || now < deadline + TICK_NS,
                "{deadline} not fired at {now}"
            );
        }
    }
}

/// Every pair of a present and a deadline around the digit boundaries of the first three levels.
#[test]
fn every_deadline_near_a_digit_boundary_fires_on_its_tick() {
    let edges: Vec<u64> = [0u64, 64, 128, 4096, 4160, 8192, 262_144, 262_208, 266_240]
        .iter()
        .flat_map(|edge| edge.saturating_sub(2)..edge + 3)
        .collect();
    for &now in &edges {
        for &deadline in &edges {
            let mut timers = Timers::new(1, now * TICK_NS);
            timers.arm(0, deadline * TICK_NS);
            let due = deadline.max(now) * TICK_NS;
            assert_eq!(timers.wheel.next_expiry(), Some(due), "{now} {deadline}");
            if deadline > now {
                assert_eq!(timers.fire(due - 1), [], "{now} {deadline}");
            }
            assert_eq!(timers.fire(due), [0], "{now} {deadline}");
            assert!(timers.nodes[0].has_fired());
        }
    }
}

#[test]
fn every_slot_of_every_level_fires_in_order() {
    let mut deadlines = Vec::new();
    for level in 0..8 {
        deadlines.extend((1..64u64).map(|digit| (digit << (6 * level)) * TICK_NS));
    }
    let mut timers = Timers::new(deadlines.len(), 0);
    for (index, &deadline) in deadlines.iter().enumerate().rev() {
        timers.arm(index, deadline);
    }
    assert_eq!(timers.wheel.len(), deadlines.len());
    let expected: Vec<(u64, usize)> = deadlines.iter().copied().zip(0..).collect();
    assert_eq!(timers.run(u64::MAX), expected);
}

#[test]
fn deadline_in_the_past_fires_at_the_next_call() {
    let now = 1000 * TICK_NS;
    let mut timers = Timers::new(3, now);
    timers.arm(0, 0);
    timers.arm(1, now);
    timers.arm(2, now - 1);
    assert!(timers.wheel.next_expiry().is_some_and(|at| at <= now));
    assert_eq!(timers.fire(now), [0, 1, 2]);
    assert_eq!(timers.wheel.len(), 0);
}

#[test]
fn equal_deadlines_fire_in_the_order_of_arming() {
    let deadline = 5_000 * TICK_NS;
    let mut timers = Timers::new(300, 0);
    for index in 0..100 {
        timers.arm(index, deadline);
    }
    // From elsewhere in time: other levels, had the first hundred not cascaded on the way.
    assert_eq!(timers.fire(4_100 * TICK_NS), []);
    for index in 100..200 {
        timers.arm(index, deadline);
    }
    assert_eq!(timers.fire(4_999 * TICK_NS), []);
    for index in 200..300 {
        timers.arm(index, deadline);
    }
    assert_eq!(timers.fire(deadline), (0..300).collect::<Vec<_>>());
}

#[test]
fn later_call_still_fires_by_deadline() {
    let deadlines = [900u64, 3, 70_000, 64, 3, 4_097, 65, 1];
    let mut timers = Timers::new(deadlines.len(), 0);
    for (index, ticks) in deadlines.iter().enumerate() {
        timers.arm(index, ticks * TICK_NS);
    }
    assert_eq!(timers.fire(YEAR_NS), [7, 1, 4, 3, 6, 0, 5, 2]);
}

#[test]
fn timer_cancelled_twice_is_harmless() {
    let mut timers = Timers::new(2, 0);
    assert!(!timers.cancel(0), "an idle node was never armed");
    timers.arm(0, TICK_NS);
    timers.arm(1, TICK_NS);
    assert!(timers.cancel(0));
    assert!(!timers.cancel(0));
    assert_eq!(timers.fire(TICK_NS), [1]);
    assert!(!timers.cancel(1), "it has fired");
    assert!(timers.nodes[1].has_fired() && !timers.nodes[0].has_fired());
}

#[test]
fn cancel_anywhere_in_a_slot_leaves_the_others() {
    for order in [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ] {
        for cancelled in 0..=3 {
            let mut timers = Timers::new(3, 0);
            for index in 0..3 {
                timers.arm(index, 100 * TICK_NS);
            }
            for &index in &order[..cancelled] {
                assert!(timers.cancel(index));
            }
            let left: Vec<usize> = (0..3)
                .filter(|index| !order[..cancelled].contains(index))
                .collect();
            assert_eq!(timers.fire(100 * TICK_NS), left, "{order:?} {cancelled}");
        }
    }
}

#[test]
fn armed_node_armed_again_moves() {
    let mut timers = Timers::new(1, 0);
    timers.arm(0, 10 * TICK_NS);
    timers.arm(0, 10_000 * TICK_NS);
    assert_eq!(timers.wheel.len(), 1);
    assert_eq!(timers.fire(9_999 * TICK_NS), []);
    timers.arm(0, 3);
    assert_eq!(timers.fire(9_999 * TICK_NS), [0]);
    timers.arm(0, 20_000 * TICK_NS);
    assert!(!timers.nodes[0].has_fired());
    assert_eq!(timers.fire(20_000 * TICK_NS), [0]);
}

#[test]
fn end_of_time_never_fires_and_is_cancelled() {
    let mut timers = Timers::new(3, 12_345);
    timers.arm(0, u64::MAX);
    timers.arm(1, u64::MAX - 1);
    assert_eq!(
        timers.wheel.next_expiry(),
        None,
        "there is nothing to wait for"
    );
    assert_eq!(timers.fire(u64::MAX), []);
    timers.arm(2, u64::MAX);
    assert!(timers.cancel(0) && timers.cancel(1) && timers.cancel(2));
}

#[test]
fn last_tick_that_ends_fires() {
    let last = u64::MAX / TICK_NS * TICK_NS;
    for start in [0, YEAR_NS, last - 1] {
        let mut timers = Timers::new(1, start);
        timers.arm(0, last);
        assert_eq!(timers.fire(last - 1), []);
        assert_eq!(timers.fire(last), [0]);
        assert_eq!(timers.fire(u64::MAX), []);
    }
}

#[test]
fn clock_jump_of_years_keeps_every_deadline() {
    let mut timers = Timers::new(4, 0);
    timers.arm(0, 500 * YEAR_NS);
    timers.arm(1, 100 * YEAR_NS + TICK_NS);
    assert_eq!(timers.fire(100 * YEAR_NS), []);
    timers.arm(2, 100 * YEAR_NS + 1_000_000);
    timers.arm(3, 101 * YEAR_NS);
    let due = |ns| tick_after(ns) * TICK_NS;
    let expected = [
        (due(100 * YEAR_NS + TICK_NS), 1),
        (due(100 * YEAR_NS + 1_000_000), 2),
        (due(101 * YEAR_NS), 3),
        (due(500 * YEAR_NS), 0),
    ];
    assert_eq!(timers.run(u64::MAX), expected);
}

#[test]
fn time_that_goes_back_changes_nothing() {
    let mut timers = Timers::new(2, 1_000 * TICK_NS);
    timers.arm(0, 1_001 * TICK_NS);
    timers.arm(1, 10 * TICK_NS);
    assert_eq!(timers.fire(5), [1], "only the overdue");
    assert_eq!(timers.fire(500 * TICK_NS), []);
    assert_eq!(timers.fire(1_001 * TICK_NS), [0]);
}

#[test]
fn lone_far_timer_needs_one_wake_up_and_a_crowd_one_per_level() {
    let mut timers = Timers::new(6, 0);
    timers.arm(0, 1_000_000_000);
    assert_eq!(
        timers.wheel.next_expiry(),
        Some(tick_after(1_000_000_000) * TICK_NS)
    );
    for index in 1..6 {
        timers.arm(index, 1_000_000_000 + index as u64 * 1_000);
    }
    let mut calls = 0;
    while let Some(at) = timers.wheel.next_expiry() {
        assert!(at <= 1_000_005_000 + TICK_NS);
        timers.fire(at);
        calls += 1;
    }
    assert!(calls <= 4, "{calls} wake-ups for one second of sleep");
}

#[test]
fn million_armed_and_cancelled_leaves_nothing() {
    let mut random = Random(7);
    let mut timers = Timers::new(1_000_000, 0);
    for index in 0..1_000_000 {
        timers.arm(index, random.any_magnitude());
    }
    assert_eq!(timers.wheel.len(), 1_000_000);
    for index in 0..1_000_000 {
        assert!(timers.cancel(index));
    }
    assert_eq!((timers.wheel.len(), timers.wheel.next_expiry()), (0, None));
    assert_eq!(timers.fire(u64::MAX), []);
}

#[test]
fn panic_in_the_callback_loses_only_its_payload() {
    let mut timers = Timers::new(3, 0);
    for index in 0..3 {
        timers.arm(index, 10 * TICK_NS);
    }
    let wheel = &mut timers.wheel;
    let fire = AssertUnwindSafe(|| wheel.fire(10 * TICK_NS, |_| resume_unwind(Box::new("no"))));
    let result = catch_unwind(fire);
    assert!(result.is_err());
    assert_eq!(timers.fire(10 * TICK_NS), [1, 2]);
}

#[test]
#[should_panic(expected = "a timer node ended while a wheel points to it")]
#[cfg(debug_assertions)]
fn node_that_ends_while_armed_is_caught() {
    let mut wheel = Wheel::new(0);
    let node = Box::pin(TimerNode::new(()));
    // SAFETY: broken on purpose; the wheel is not used again, so nobody follows the pointer.
    unsafe { wheel.arm(NonNull::from(&*node), 1) };
    drop(node);
}
