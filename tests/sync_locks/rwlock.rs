//! Who comes next at an `RwLock`, and what leaving its queue and downgrading let in.
//!
//! The waiters are local tasks: one that has raised its flag, and does not run, is in the queue.

use crate::common::{Flag, SHORT, assert_cancelled, let_others_run, on_every_runtime, until};
use greenroom::sync::{RwLock, RwLockWriteGuard};
use greenroom::thread::{self, LocalJoinHandle};
use std::cell::RefCell;
use std::rc::Rc;

#[derive(Clone)]
struct Scene {
    lock: Rc<RwLock<()>>,
    log: Rc<RefCell<Vec<u32>>>,
}

impl Scene {
    fn new() -> Scene {
        Scene {
            lock: Rc::new(RwLock::new(())),
            log: Rc::default(),
        }
    }

    /// Queues somebody up who notes that it is in, stays there for a while, and notes that it leaves.
    fn queue(&self, number: u32, writes: bool) -> LocalJoinHandle<()> {
        let (scene, begun) = (self.clone(), Flag::default());
        let begins = begun.clone();
        let waiter = thread::spawn_local(move || {
            begins.raise();
            if writes {
                let _guard = scene.lock.write().unwrap();
                scene.stay(number);
            } else {
                let _guard = scene.lock.read().unwrap();
                scene.stay(number);
            }
        });
        until(|| begun.is_up());
        waiter
    }

    fn stay(&self, number: u32) {
        self.log.borrow_mut().push(number);
        let_others_run();
        self.log.borrow_mut().push(number + 100);
    }

    fn log(&self) -> Vec<u32> {
        self.log.borrow().clone()
    }
}

#[test]
fn rwlock_serves_in_order_and_lets_neighbouring_readers_in_together() {
    on_every_runtime(|| {
        let scene = Scene::new();
        let guard = scene.lock.write().unwrap();
        let kinds = [false, false, true, false, true, true, false];
        let waiters: Vec<_> = (0..)
            .zip(kinds)
            .map(|(n, writes)| scene.queue(n, writes))
            .collect();
        drop(guard);
        for waiter in waiters {
            waiter.join().unwrap();
        }
        let expected = [0, 1, 100, 101, 2, 102, 3, 103, 4, 104, 5, 105, 6, 106];
        assert_eq!(scene.log(), expected);
    });
}

#[test]
fn rwlock_newcomer_never_overtakes_a_writer_that_waits() {
    on_every_runtime(|| {
        let scene = Scene::new();
        let reader = scene.lock.read().unwrap();
        assert!(scene.lock.try_read().is_ok());
        let writer = scene.queue(0, true);
        assert!(scene.lock.try_read().is_err());
        assert!(scene.lock.read_timeout(SHORT).is_err());
        assert!(scene.lock.try_write().is_err());
        let late = scene.queue(1, false);
        drop(reader);
        writer.join().unwrap();
        late.join().unwrap();
        assert_eq!(scene.log(), [0, 100, 1, 101]);
    });
}

#[test]
fn rwlock_writer_cancelled_lets_the_readers_behind_it_in() {
    on_every_runtime(|| {
        let scene = Scene::new();
        let reader = scene.lock.read().unwrap();
        let writer = scene.queue(0, true);
        let behind = [scene.queue(1, false), scene.queue(2, false)];
        let last = scene.queue(3, true);
        writer.cancel();
        assert_cancelled(writer.join());
        for waiter in behind {
            waiter.join().unwrap();
        }
        assert_eq!(scene.log(), [1, 2, 101, 102]);
        drop(reader);
        last.join().unwrap();
    });
}

#[test]
fn rwlock_writer_timed_out_lets_the_readers_behind_it_in() {
    on_every_runtime(|| {
        let scene = Scene::new();
        let reader = scene.lock.read().unwrap();
        let begun = Flag::default();
        let (lock, begins) = (Rc::clone(&scene.lock), begun.clone());
        let writer = thread::spawn_local(move || {
            begins.raise();
            assert!(lock.write_timeout(SHORT).is_err());
        });
        until(|| begun.is_up());
        scene.queue(1, false).join().unwrap();
        writer.join().unwrap();
        drop(reader);
    });
}

#[test]
fn rwlock_handed_to_a_cancelled_waiter_passes_on() {
    on_every_runtime(|| {
        for writes in [false, true] {
            let scene = Scene::new();
            let guard = scene.lock.write().unwrap();
            let (first, second) = (scene.queue(0, writes), scene.queue(1, true));
            // Handed over, and cancelled before it has run.
            drop(guard);
            first.cancel();
            assert_cancelled(first.join());
            second.join().unwrap();
            assert_eq!(scene.log(), [1, 101]);
            assert!(!scene.lock.is_poisoned());
        }
    });
}

#[test]
fn rwlock_downgraded_lets_readers_in_and_no_writer() {
    on_every_runtime(|| {
        let scene = Scene::new();
        let guard = scene.lock.write().unwrap();
        let (reader, writer) = (scene.queue(0, false), scene.queue(1, true));
        let guard = RwLockWriteGuard::downgrade(guard);
        reader.join().unwrap();
        let_others_run();
        assert_eq!(scene.log(), [0, 100]);
        drop(guard);
        writer.join().unwrap();
    });
}

#[test]
fn rwlock_debug_never_blocks() {
    on_every_runtime(|| {
        let lock = RwLock::new(5);
        let guard = lock.write().unwrap();
        assert_eq!(
            format!("{lock:?}"),
            "RwLock { data: <locked>, poisoned: false, .. }"
        );
        assert_eq!(format!("{guard:?} {guard}"), "5 5");
        drop(guard);
        let guard = lock.read().unwrap();
        assert_eq!(
            format!("{lock:?}"),
            "RwLock { data: 5, poisoned: false, .. }"
        );
        assert_eq!(format!("{guard:?} {guard}"), "5 5");
    });
}
