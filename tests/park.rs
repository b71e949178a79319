//! `park`, `unpark` and the token: nothing but a park consumes it, and no wake is lost.
//!
//! The races run for a seeded number of rounds; a lost wake shows as a hang, which the watchdog ends.

mod common;

use common::{FOREVER, Flag, Rng, Rt, SHORT, everywhere, for_each_runtime, let_others_run};
use common::{on_every_runtime, until, watchdog};
use greenroom::net::{TcpListener, TcpStream};
use greenroom::thread::{self, Thread};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Rounds in release; a debug build is several times slower.
const ROUNDS: u64 = if cfg!(debug_assertions) {
    50_000
} else {
    1_000_000
};

fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (client, listener.accept().unwrap().0)
}

/// Asserts that no token is left.
#[track_caller]
fn assert_no_token() {
    let start = Instant::now();
    thread::park_timeout(SHORT);
    assert!(start.elapsed() >= SHORT, "a token was left");
}

#[test]
fn unpark_before_park() {
    everywhere(|| {
        thread::current().unpark();
        thread::park();
        assert_no_token();
    });
}

#[test]
fn unparks_before_park_are_one_token() {
    everywhere(|| {
        for _ in 0..3 {
            thread::current().unpark();
        }
        thread::park();
        assert_no_token();
    });
}

#[test]
fn unpark_from_another_thread_publishes_what_was_written() {
    everywhere(|| {
        for round in 1..200 {
            let data = Arc::new(AtomicUsize::new(0));
            let (shared, waiter) = (Arc::clone(&data), thread::current());
            let waker = thread::spawn(move || {
                shared.store(round, Ordering::Relaxed);
                waiter.unpark();
            });
            thread::park();
            assert_eq!(data.load(Ordering::Relaxed), round);
            waker.join().unwrap();
        }
    });
}

#[test]
fn unpark_of_a_finished_thread_is_nothing() {
    on_every_runtime(|| {
        let handle = thread::spawn(|| ());
        let ended = handle.thread().clone();
        handle.join().unwrap();
        ended.unpark();
    });
    let _watchdog = watchdog();
    let ended = std::thread::spawn(thread::current).join().unwrap();
    ended.unpark();
}

/// What a thread does that is unparked while it reads.
fn read_then_park(mut stream: TcpStream, is_reading: &Flag) {
    is_reading.raise();
    let mut byte = [0];
    assert_eq!(stream.read(&mut byte).unwrap(), 1);
    thread::park();
    assert_no_token();
}

#[test]
fn unpark_during_a_read_is_kept_for_the_next_park() {
    on_every_runtime(|| {
        let (stream, mut peer) = pair();
        let (is_reading, seen) = (Flag::default(), Flag::default());
        let raised = is_reading.clone();
        let ended = seen.clone();
        let reader = thread::spawn_local(move || {
            read_then_park(stream, &raised);
            ended.raise();
        });
        until(|| is_reading.is_up());
        reader.thread().unpark();
        reader.thread().unpark();
        let_others_run();
        assert!(!seen.is_up(), "the unpark ended the read");
        peer.write_all(b"x").unwrap();
        reader.join().unwrap();
    });
}

#[test]
fn unpark_of_an_os_thread_during_a_read_is_kept_for_the_next_park() {
    let _watchdog = watchdog();
    let (stream, mut peer) = pair();
    let (is_reading, (send, receive)) = (Flag::default(), std::sync::mpsc::channel::<Thread>());
    let raised = is_reading.clone();
    let reader = std::thread::spawn(move || {
        send.send(thread::current()).unwrap();
        read_then_park(stream, &raised);
    });
    let who = receive.recv().unwrap();
    is_reading.spin();
    who.unpark();
    peer.write_all(b"x").unwrap();
    reader.join().unwrap();
}

#[test]
fn unpark_during_sleep_and_join_is_kept_for_the_next_park() {
    everywhere(|| {
        let me = thread::current();
        let waker = thread::spawn(move || me.unpark());
        let start = Instant::now();
        thread::sleep(SHORT);
        assert!(start.elapsed() >= SHORT, "the unpark ended the sleep");
        waker.join().unwrap();
        thread::park();
        assert_no_token();
    });
}

#[test]
fn wake_of_a_yielded_task() {
    on_every_runtime(|| {
        let rounds = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&rounds);
        let yielder = thread::spawn_local(move || {
            for _ in 0..100 {
                counted.fetch_add(1, Ordering::Relaxed);
                thread::yield_now();
            }
            // All the wakes of the queued task together are one token.
            thread::park();
            assert_no_token();
        });
        // The yielder is queued whenever this task runs: a wake must not queue it a second time.
        while rounds.load(Ordering::Relaxed) < 100 {
            let before = rounds.load(Ordering::Relaxed);
            yielder.thread().unpark();
            yielder.thread().unpark();
            thread::yield_now();
            assert!(
                rounds.load(Ordering::Relaxed) <= before + 1,
                "it ran twice in one round"
            );
        }
        yielder.join().unwrap();
    });
}

#[test]
fn wakes_from_an_os_thread_hit_a_task_that_yields_and_parks_by_turns() {
    for_each_runtime(|rt| {
        let is_over = Flag::default();
        let over = is_over.clone();
        let task = rt.spawn(move || {
            for round in 0..2_000 {
                thread::yield_now();
                if round % 3 == 0 {
                    thread::park();
                }
            }
            over.raise();
        });
        let who = task.thread().clone();
        while !is_over.is_up() {
            who.unpark();
        }
        task.join().unwrap();
    });
}

#[test]
fn park_timeout_zero_huge_and_in_time() {
    everywhere(|| {
        thread::park_timeout(Duration::ZERO);
        thread::current().unpark();
        thread::park_timeout(Duration::ZERO);
        assert_no_token();
        for huge in [Duration::MAX, FOREVER, Duration::from_secs(1 << 33)] {
            let me = thread::current();
            let waker = thread::spawn(move || me.unpark());
            thread::park_timeout(huge);
            waker.join().unwrap();
            assert_no_token();
        }
    });
}

/// Waits in one of the ways that end by an unpark.
fn park_somehow(rng: &mut Rng) {
    match rng.below(8) {
        0 => thread::park_timeout(FOREVER),
        1 => thread::park_timeout(Duration::from_micros(rng.below(50))),
        _ => thread::park(),
    }
    for _ in 0..rng.below(64) {
        std::hint::spin_loop();
    }
}

/// One side of a ping-pong: waits for its turn, then passes it on.
fn volley(turn: &AtomicU64, parity: u64, rounds: u64, other: &Thread, mut rng: Rng) {
    loop {
        let now = turn.load(Ordering::Acquire);
        if now >= rounds {
            other.unpark();
            return;
        }
        if now % 2 == parity {
            turn.store(now + 1, Ordering::Release);
            other.unpark();
        } else {
            park_somehow(&mut rng);
        }
    }
}

/// A seeded ping-pong between a green thread of `rt` and whoever `second` makes.
fn ping_pong(rt: &Rt, rounds: u64, rng: &mut Rng, partner_is_green: bool) {
    let turn = Arc::new(AtomicU64::new(0));
    let (send, receive) = std::sync::mpsc::channel::<Thread>();
    let (mut first_rng, second_rng) = (rng.split(), rng.split());
    let theirs = Arc::clone(&turn);
    let partner = move |me: Thread| {
        send.send(thread::current()).unwrap();
        volley(&theirs, 1, rounds, &me, second_rng);
    };
    let first = rt.spawn(move || {
        let me = thread::current();
        let os_thread = if partner_is_green {
            thread::spawn(move || partner(me));
            None
        } else {
            Some(std::thread::spawn(move || partner(me)))
        };
        let other = loop {
            match receive.try_recv() {
                Ok(other) => break other,
                Err(_) => thread::yield_now(),
            }
        };
        volley(&turn, 0, rounds, &other, first_rng.split());
        os_thread
    });
    if let Some(os_thread) = first.join().unwrap() {
        os_thread.join().unwrap();
    }
}

#[test]
fn wake_sleep_race_over_a_million_seeded_rounds() {
    let _watchdog = watchdog();
    let mut rng = Rng::seeded();
    let rts = [Rt::with_workers(1), Rt::with_workers(4), Rt::Global];
    let [one, four, global] = &rts;
    ping_pong(one, ROUNDS / 2, &mut rng, true);
    ping_pong(four, ROUNDS * 3 / 10, &mut rng, true);
    ping_pong(one, ROUNDS / 10, &mut rng, false);
    ping_pong(global, ROUNDS / 20, &mut rng, true);
    ping_pong(global, ROUNDS / 20, &mut rng, false);
}
