//! What cannot be seen from outside: lent buffers under fire, and what is left to itself.
//!
//! The buffers are checked twice: when the wait has ended they hold all of the closure's writes or none,
//! and what is written to them then is still there later.

use super::job::Run;
use super::pool::Pool;
use super::{Lane, ask, lend};
use crate::thread::{self, spawn};
use crate::time::timeout;
use std::hint::black_box;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

const TRIES: usize = if cfg!(debug_assertions) {
    20_000
} else {
    100_000
};
const THREADS: usize = 8;
const WRITTEN: u8 = 0xA5;
const OURS: u8 = 0x5A;

/// SplitMix64.
struct Rng(u64);

impl Rng {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % bound
    }
}

/// How the tries of one green thread ended.
#[derive(Default)]
struct Ends {
    done: AtomicUsize,
    stopped: AtomicUsize,
}

/// Lends a buffer of this frame.
fn try_once(lane: Lane, rng: &mut Rng, ends: &Ends) {
    let mut buffer = [0u8; 256];
    let spins = rng.below(2_000);
    let fill = |buffer: &mut [u8; 256]| {
        for byte in buffer.iter_mut() {
            *byte = WRITTEN;
            (0..spins / 256).for_each(|n| _ = black_box(n));
        }
    };
    let lent = &mut buffer;
    let ended = panic::catch_unwind(AssertUnwindSafe(|| lend(lane, || fill(lent))));
    let expected = if ended.is_ok() { WRITTEN } else { 0 };
    let count = if ended.is_ok() {
        &ends.done
    } else {
        &ends.stopped
    };
    count.fetch_add(1, Ordering::Relaxed);
    assert_eq!(black_box(&buffer), &[expected; 256]);
    black_box(&mut buffer).fill(OURS);
    (0..rng.below(500)).for_each(|n| _ = black_box(n));
    assert_eq!(
        black_box(&buffer),
        &[OURS; 256],
        "written to after the wait"
    );
    if let Err(payload) = ended {
        panic::resume_unwind(payload);
    }
}

/// One that is cut short by timeouts, and by a cancellation from another thread.
fn be_cut_short(rng: &mut Rng, ends: &Arc<Ends>, tries: usize) {
    for n in 0..tries {
        let lane = if n % 2 == 0 { Lane::Brief } else { Lane::Long };
        let limit = Duration::from_nanos(rng.below(60_000));
        if n % 3 == 0 {
            let mut rng = Rng(rng.below(u64::MAX));
            let ends = Arc::clone(ends);
            let victim = spawn(move || try_once(lane, &mut rng, &ends));
            thread::sleep(limit);
            victim.cancel();
            if let Err(payload) = victim.join() {
                assert!(payload.is::<crate::Cancelled>());
            }
        } else {
            // Elapsed or not: `try_once` has checked.
            let _ = timeout(limit, || try_once(lane, rng, ends));
        }
    }
}

#[test]
fn lent_buffers_are_written_during_the_wait_or_never() {
    let seed = std::time::UNIX_EPOCH
        .elapsed()
        .map_or(1, |now| now.subsec_nanos());
    println!("seed {seed}");
    for workers in [1, 2] {
        let runtime = crate::Runtime::builder().workers(workers).build().unwrap();
        let ends = Arc::new(Ends::default());
        let threads: Vec<_> = (0..THREADS as u64)
            .map(|n| {
                let ends = Arc::clone(&ends);
                let mut rng = Rng(u64::from(seed) << 8 | n);
                runtime.spawn(move || be_cut_short(&mut rng, &ends, TRIES / THREADS / 2))
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
        println!(
            "{} done, {} stopped",
            count(&ends.done),
            count(&ends.stopped)
        );
        assert!(count(&ends.done) > 0 && count(&ends.stopped) > 0);
    }
}

#[test]
fn value_that_nobody_waits_for_may_panic_in_its_destructor() {
    struct Value(Arc<AtomicBool>);
    impl Drop for Value {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
            panic::resume_unwind(Box::new("in the destructor"));
        }
    }
    let (begun, go, dropped) = <(Arc<AtomicBool>, Arc<AtomicBool>, Arc<AtomicBool>)>::default();
    let waits = |flag: &AtomicBool| {
        while !flag.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
    };
    let (theirs, may_go, value) = (Arc::clone(&begun), Arc::clone(&go), Arc::clone(&dropped));
    let asker = spawn(move || {
        ask(Lane::Names, move || {
            theirs.store(true, Ordering::SeqCst);
            waits(&may_go);
            Value(value)
        })
    });
    waits(&begun);
    asker.cancel();
    assert!(
        asker
            .join()
            .is_err_and(|payload| payload.is::<crate::Cancelled>())
    );
    go.store(true, Ordering::SeqCst);
    waits(&dropped);
    // Its thread is neither gone nor taken for busy.
    let names = || super::unblock_stats().lanes.swap_remove(2);
    while names().running > 0 {
        std::thread::yield_now();
    }
    assert!(names().threads > 0);
}

struct Says(Sender<()>);

impl Run for Says {
    fn run(&self) {
        let _ = self.0.send(());
    }

    fn hand_back(&self) {}
}

fn run_one(pool: &'static Pool) {
    let (said, hears) = channel();
    pool.submit(Arc::new(Says(said)));
    hears.recv().unwrap();
}

#[test]
fn idle_thread_ends_after_its_time_or_never() {
    static STAYS: Pool = Pool::new(Lane::Children, 1, None);
    static ENDS: Pool = Pool::new(Lane::Children, 1, Some(Duration::from_millis(5)));
    run_one(&STAYS);
    run_one(&ENDS);
    while ENDS.load().threads > 0 {
        thread::yield_now();
    }
    assert_eq!(STAYS.load().threads, 1);
    run_one(&STAYS);
    assert_eq!(STAYS.load().threads, 1);
}
