//! Pools: the bound, who is next, and that no room is lost whoever leaves and how.

use super::each_place;
use crate::common::{
    Census, FOREVER, Flag, Rng, SHORT, assert_cancelled, everywhere, on_every_runtime, until,
};
use greenroom::group::Pool;
use greenroom::thread;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn has_waiting(pool: &Pool, count: usize) -> bool {
    format!("{pool:?}").contains(&format!("spawning: {count}"))
}

#[test]
fn pool_spawn_is_ready_waits_and_times_out_wherever_members_run() {
    each_place(|place| {
        let pool = Pool::new(2);
        let first = pool.spawn_with(place(), thread::park).unwrap();
        let second = pool.spawn_with(place(), thread::park).unwrap();
        assert_eq!((pool.len(), pool.free_count(), pool.size()), (2, 0, 2));
        let refused = pool.try_spawn(|| 42).unwrap_err();
        assert_eq!(refused(), 42, "the closure comes back");
        let refused = pool.spawn_timeout(|| 43, SHORT).unwrap_err();
        assert_eq!(refused(), 43);
        assert!(pool.spawn_timeout(|| (), Duration::ZERO).is_err());
        assert!(!pool.wait_available_timeout(SHORT));
        assert!(!pool.wait_available_timeout(Duration::ZERO));
        first.thread().unpark();
        pool.wait_available();
        assert!(pool.wait_available_timeout(Duration::ZERO));
        assert_eq!(pool.free_count(), 1);
        let third = pool.spawn_timeout(thread::park, FOREVER).ok().unwrap();
        second.thread().unpark();
        let fourth = pool.spawn_with(place(), || 4).unwrap();
        assert_eq!(fourth.join().unwrap(), 4);
        third.cancel();
        assert_eq!(pool.join().count(), 0);
        assert_eq!(pool.free_count(), 2);
        assert!(pool.try_spawn(|| ()).is_ok());
        pool.join();
    });
}

#[test]
fn pool_gets_room_back_however_a_member_ends() {
    each_place(|place| {
        let pool = Pool::new(1);
        for round in 0..30 {
            let body = move || match round % 3 {
                0 => (),
                1 => std::panic::resume_unwind(Box::new("silent")),
                _ => thread::park(),
            };
            // Waits for the one before.
            let member = pool.spawn_with(place(), body).unwrap();
            if round % 3 == 2 {
                member.cancel();
            }
        }
        assert_eq!(pool.join().count(), 10);
        assert_eq!(pool.free_count(), 1);
    });
}

#[test]
fn room_is_free_after_the_members_locals_are_gone() {
    greenroom::thread_local!(static LAST: std::cell::RefCell<Option<Slow>> = const {
        std::cell::RefCell::new(None)
    });
    struct Slow(Flag);
    impl Drop for Slow {
        fn drop(&mut self) {
            thread::sleep(SHORT);
            self.0.raise();
        }
    }
    everywhere(|| {
        let (pool, is_gone) = (Pool::new(1), Flag::default());
        let slow = Slow(is_gone.clone());
        pool.spawn(move || LAST.with(|last| *last.borrow_mut() = Some(slow)));
        pool.wait_available();
        assert!(is_gone.is_up());
    });
}

#[test]
fn pool_serves_who_waits_first_come_first_served() {
    on_every_runtime(|| {
        let pool = Pool::new(1);
        let member = pool.spawn(thread::park);
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut spawners = Vec::new();
        for number in 0..5 {
            let (pool, order) = (pool.clone(), Arc::clone(&order));
            let theirs = pool.clone();
            spawners.push(thread::spawn(move || {
                theirs.spawn(move || order.lock().unwrap().push(number));
            }));
            until(|| has_waiting(&pool, number + 1));
        }
        assert!(pool.try_spawn(|| ()).is_err(), "nobody overtakes");
        // One from the middle and one from the front leave; those behind them do not mind.
        for leaver in [2, 0] {
            spawners[leaver].cancel();
            until(|| spawners[leaver].is_finished());
        }
        member.thread().unpark();
        for (number, spawner) in spawners.into_iter().enumerate() {
            match number {
                0 | 2 => assert_cancelled(spawner.join()),
                _ => spawner.join().unwrap(),
            }
        }
        pool.join();
        assert_eq!(*order.lock().unwrap(), [1, 3, 4]);
        assert_eq!(pool.free_count(), 1);
    });
}

#[test]
fn pool_serves_an_os_thread_that_waits() {
    let _watchdog = crate::common::watchdog();
    let pool = Pool::new(1);
    let member = pool.spawn(thread::park);
    let theirs = pool.clone();
    let spawner = std::thread::spawn(move || theirs.spawn(|| 42).join().unwrap());
    until(|| has_waiting(&pool, 1));
    member.thread().unpark();
    assert_eq!(spawner.join().unwrap(), 42);
}

#[test]
fn cancelled_spawner_drops_its_closure_and_keeps_no_room() {
    on_every_runtime(|| {
        let (pool, census) = (Pool::new(1), Census::default());
        let member = pool.spawn(thread::park);
        for _ in 0..10 {
            let (pool, captured) = (pool.clone(), census.make());
            let theirs = pool.clone();
            let spawner = thread::spawn(move || drop(theirs.spawn(move || drop(captured))));
            until(|| has_waiting(&pool, 1));
            spawner.cancel();
            assert_cancelled(spawner.join());
        }
        assert_eq!(census.dropped(), 10);
        member.thread().unpark();
        pool.join();
        assert_eq!(pool.free_count(), 1);
    });
}

/// The room comes to the first waiter in the very moment in which it is cancelled.
#[test]
fn room_handed_to_a_cancelled_spawner_goes_on_to_the_next() {
    on_every_runtime(|| {
        for _ in 0..100 {
            let pool = Pool::new(1);
            let member = pool.spawn(thread::park);
            let spawn_one = || {
                let pool = pool.clone();
                thread::spawn(move || drop(pool.spawn(|| ())))
            };
            let first = spawn_one();
            until(|| has_waiting(&pool, 1));
            let second = spawn_one();
            until(|| has_waiting(&pool, 2));
            member.thread().unpark();
            until(|| pool.is_empty() || has_waiting(&pool, 1));
            first.cancel();
            let _either = first.join();
            second.join().unwrap();
            pool.join();
            assert_eq!(pool.free_count(), 1);
        }
    });
}

#[test]
fn bound_holds_and_no_room_is_lost_under_stress() {
    let _watchdog = crate::common::watchdog();
    let mut rng = Rng::seeded();
    for workers in [1, 2] {
        let mut rng = rng.split();
        crate::common::Rt::with_workers(workers).run(move || stress(&mut rng));
    }
    // Spawners on OS threads too, members on the global runtime.
    let seeds: Vec<Rng> = (0..3).map(|_| rng.split()).collect();
    let pool = Pool::new(3);
    let running = Arc::new(AtomicUsize::new(0));
    std::thread::scope(|s| {
        for mut rng in seeds {
            let (pool, running) = (&pool, &running);
            s.spawn(move || spawn_many(pool, running, &mut rng));
        }
    });
    pool.join();
    assert_eq!((pool.len(), pool.free_count()), (0, 3));
}

fn stress(rng: &mut Rng) {
    const SIZE: usize = 3;
    let pool = Pool::new(SIZE);
    let running = Arc::new(AtomicUsize::new(0));
    let spawners: Vec<_> = (0..8)
        .map(|_| {
            let (pool, running, mut rng) = (pool.clone(), Arc::clone(&running), rng.split());
            thread::spawn(move || spawn_many(&pool, &running, &mut rng))
        })
        .collect();
    for spawner in spawners {
        if rng.below(4) == 0 {
            spawner.cancel();
        }
        let _either = spawner.join();
    }
    pool.join();
    assert_eq!((pool.len(), pool.free_count()), (0, SIZE));
    assert_eq!(running.load(Ordering::Relaxed), 0);
}

fn spawn_many(pool: &Pool, running: &Arc<AtomicUsize>, rng: &mut Rng) {
    struct Running(Arc<AtomicUsize>);
    impl Drop for Running {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    for _ in 0..200 {
        let (running, size, choice) = (Arc::clone(running), pool.size(), rng.below(8));
        let body = move || {
            let now = running.fetch_add(1, Ordering::Relaxed) + 1;
            let _running = Running(running);
            assert!(now <= size, "{now} run in a pool of {size}");
            match choice {
                0 => thread::yield_now(),
                1 => thread::sleep(Duration::from_micros(50)),
                2 => std::panic::resume_unwind(Box::new("silent")),
                3 => drop(greenroom::timeout(Duration::ZERO, thread::park)),
                _ => {}
            }
        };
        let member = match choice {
            4 => pool.try_spawn(body).ok(),
            5 => pool.spawn_timeout(body, Duration::from_micros(100)).ok(),
            6 => greenroom::timeout(Duration::from_micros(100), || pool.spawn(body)).ok(),
            _ => Some(pool.spawn(body)),
        };
        if let Some(member) = member.filter(|_| rng.below(3) == 0) {
            member.cancel();
        }
        assert!(pool.len() <= pool.size());
    }
    // A panic of `assert!` has a text, the silent ones have none that is noted as such.
    let report = pool.try_join().unwrap_or_default();
    for failure in report.failures() {
        assert_eq!(failure.message(), "silent");
    }
}

#[test]
fn pool_debug_shows_its_state() {
    everywhere(|| {
        let pool = Pool::new(2);
        let member = pool.spawn(thread::park);
        let shown = format!("{pool:?}");
        assert_eq!(
            shown,
            "Pool { size: 2, members: 1, spawning: 0, joining: 0, failures: 0 }"
        );
        assert!(format!("{member:?}").contains("is_finished: false"));
        member.cancel();
    });
}

#[test]
#[should_panic(expected = "a pool without room would never run anything")]
fn pool_without_room_is_refused() {
    let _pool = Pool::new(0);
}
