//! What the wheel costs: printed, not asserted, for a shared machine proves nothing by a limit.
//!
//! `cargo test --release -- --nocapture arm_and_cancel_cost`

use super::{Random, Timers};
use std::time::Instant;

/// Prints what a timeout that never fires costs; run with `--release --nocapture`.
#[test]
fn arm_and_cancel_cost() {
    let rounds: u64 = if cfg!(debug_assertions) {
        100_000
    } else {
        10_000_000
    };
    for waiting in [0, 1_000] {
        let mut timers = Timers::new(waiting + 1, 0);
        for index in 1..=waiting {
            timers.arm(index, 1_000_000_000 + index as u64 * 1_000_000);
        }
        let start = Instant::now();
        for round in 0..rounds {
            timers.arm(0, 5_000_000_000 + round);
            std::hint::black_box(&mut timers.wheel);
            assert!(timers.cancel(0));
        }
        let cost = start.elapsed().as_nanos() as f64 / rounds as f64;
        println!("arm + cancel, {waiting} others armed: {cost:.1} ns");
    }
    let count = 1_000_000;
    let mut timers = Timers::new(count, 0);
    let mut random = Random(1);
    let start = Instant::now();
    for index in 0..count {
        timers.arm(index, 500_000_000 + random.below(1_000_000_000));
    }
    let armed = start.elapsed();
    let start = Instant::now();
    let mut fired = 0;
    while let Some(at) = timers.wheel.next_expiry() {
        timers.wheel.fire(at, |_| fired += 1);
    }
    let drained = start.elapsed();
    assert_eq!(fired, count);
    let each = |time: std::time::Duration| time.as_nanos() as f64 / count as f64;
    println!(
        "one million: arm {:.1} ns, fire {:.1} ns each",
        each(armed),
        each(drained)
    );
}
