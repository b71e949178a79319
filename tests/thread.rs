//! The thread API as std's users know it: spawn, join, builder, sleep, panics.
//!
//! Parking is in `park.rs`, cancellation in `cancel.rs`, scopes in `scope.rs`.

mod common;

#[path = "thread/builder.rs"]
mod builder;
#[path = "thread/fatal.rs"]
mod fatal;
#[path = "thread/join.rs"]
mod join;
#[path = "thread/like_std.rs"]
mod like_std;
#[path = "thread/like_std_waits.rs"]
mod like_std_waits;
#[path = "thread/panics.rs"]
mod panics;
#[path = "thread/sleep.rs"]
mod sleep;

use common::{Rng, Rt, everywhere, on_every_runtime, watchdog};
use greenroom::thread::{self, ThreadId};
use std::collections::HashSet;
use std::time::Duration;

#[test]
fn ids_are_unique_and_the_same_from_both_sides() {
    everywhere(|| {
        let mut ids: HashSet<ThreadId> = HashSet::from([thread::current().id()]);
        for _ in 0..100 {
            let handle = thread::spawn(|| thread::current().id());
            let id = handle.thread().id();
            assert_eq!(handle.join().unwrap(), id);
            assert!(ids.insert(id), "an id came twice");
        }
        assert_eq!(thread::current().id(), thread::current().id());
    });
}

#[test]
fn os_thread_has_its_std_name() {
    let _watchdog = watchdog();
    let named = std::thread::Builder::new().name("plain".into());
    let current = named.spawn(thread::current).unwrap().join().unwrap();
    assert_eq!(current.name(), Some("plain"));
    assert!(format!("{current:?}").contains("plain"));
}

#[test]
fn run_borrows_and_nests_and_names_its_task_main() {
    on_every_runtime(|| {
        let text = String::from("borrowed");
        let outer = thread::current().id();
        let (length, inner) = greenroom::run(|| (text.len(), thread::current().id()));
        assert_eq!(length, 8);
        assert_eq!(outer, inner, "inside a green thread it just calls");
        assert_eq!(thread::current().name(), Some("main"));
    });
}

#[test]
fn run_from_many_os_threads_at_once() {
    let _watchdog = watchdog();
    std::thread::scope(|s| {
        for i in 0..16 {
            s.spawn(move || {
                for round in 0..50 {
                    let sum = greenroom::run(|| thread::spawn(move || i + round).join().unwrap());
                    assert_eq!(sum, i + round);
                }
            });
        }
    });
}

#[test]
fn available_parallelism_is_stds() {
    assert_eq!(
        thread::available_parallelism().unwrap(),
        std::thread::available_parallelism().unwrap()
    );
}

#[test]
fn yield_now_lets_every_neighbour_run_once() {
    on_every_runtime(|| {
        let order = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let handles: Vec<_> = (0..5)
            .map(|i| {
                let order = std::rc::Rc::clone(&order);
                thread::spawn_local(move || {
                    for _ in 0..20 {
                        order.borrow_mut().push(i);
                        thread::yield_now();
                    }
                })
            })
            .collect();
        for handle in handles {
            handle.join().unwrap();
        }
        for round in order.borrow().chunks(5) {
            assert_eq!(round.iter().collect::<HashSet<_>>().len(), 5, "{round:?}");
        }
    });
}

/// One of the ways to let others run, to be woken from another place.
fn switch_somehow(rng: &mut Rng) {
    match rng.below(5) {
        0 => thread::sleep(Duration::from_micros(rng.below(300))),
        1 => thread::park_timeout(Duration::from_micros(rng.below(300))),
        2 => {
            let me = thread::current();
            let waker = thread::spawn(move || me.unpark());
            thread::park();
            waker.join().unwrap();
        }
        _ => thread::yield_now(),
    }
}

#[test]
fn no_task_changes_its_os_thread_after_its_first_run() {
    let _watchdog = watchdog();
    let mut rng = Rng::seeded();
    let rt = Rt::with_workers(4);
    let rngs: Vec<_> = (0..10_000).map(|_| rng.split()).collect();
    let homes = rt.run(move || {
        let handles: Vec<_> = rngs
            .into_iter()
            .map(|mut rng| {
                thread::spawn(move || {
                    let home = std::thread::current().id();
                    for _ in 0..16 {
                        switch_somehow(&mut rng);
                        assert_eq!(home, std::thread::current().id(), "it migrated");
                    }
                    home
                })
            })
            .collect();
        let homes = handles.into_iter().map(|handle| handle.join().unwrap());
        homes.collect::<HashSet<_>>()
    });
    println!("tasks ran on {} of 4 workers", homes.len());
}
