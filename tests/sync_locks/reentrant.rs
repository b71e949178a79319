//! The owner of a `ReentrantLock` is the green thread: neighbours on one worker exclude each other.

use crate::common::{Flag, SHORT, everywhere, let_others_run, on_every_runtime, text, until};
use greenroom::sync::ReentrantLock;
use greenroom::thread;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

#[test]
fn reentrant_lock_taken_again_counts_its_depth() {
    everywhere(|| {
        let lock = ReentrantLock::new(RefCell::new(0));
        let first = lock.lock();
        let second = lock.try_lock().unwrap();
        let third = lock.lock_timeout(SHORT).unwrap();
        *second.borrow_mut() += 1;
        drop(first);
        drop(third);
        let is_free = || std::thread::scope(|s| s.spawn(|| lock.try_lock().is_some()).join());
        assert!(!is_free().unwrap());
        drop(second);
        assert!(is_free().unwrap());
        assert_eq!(lock.into_inner().into_inner(), 1);
    });
}

#[test]
fn reentrant_lock_of_a_neighbour_on_the_same_worker_is_locked() {
    on_every_runtime(|| {
        let lock = Rc::new(ReentrantLock::new(Cell::new(0)));
        let guard = lock.lock();
        let (theirs, waits) = (Rc::clone(&lock), Flag::default());
        let waiting = waits.clone();
        let neighbour = thread::spawn_local(move || {
            assert!(theirs.try_lock().is_none());
            assert!(theirs.lock_timeout(SHORT).is_none());
            assert!(format!("{theirs:?}").contains("<locked>"));
            waiting.raise();
            let guard = theirs.lock();
            let again = theirs.lock();
            again.set(guard.get() + 1);
        });
        until(|| waits.is_up());
        let_others_run();
        assert_eq!(guard.get(), 0);
        assert!(format!("{lock:?}").contains("value: 0"));
        drop(guard);
        neighbour.join().unwrap();
        assert_eq!(lock.lock().get(), 1);
    });
}

#[test]
fn reentrant_lock_is_free_and_unpoisoned_after_a_panic() {
    everywhere(|| {
        let lock = ReentrantLock::new(5);
        let panicked = thread::scope(|s| {
            let child = s.spawn(|| {
                let (_one, _other) = (lock.lock(), lock.lock());
                panic!("inside");
            });
            child.join()
        });
        assert_eq!(text(panicked.unwrap_err().as_ref()), "inside");
        assert_eq!(*lock.lock(), 5);
    });
}

#[test]
fn reentrant_lock_counts_right_with_green_and_os_threads() {
    everywhere(|| {
        let lock = ReentrantLock::new(Cell::new(0));
        let add = || {
            for _ in 0..200 {
                let outer = lock.lock();
                let seen = outer.get();
                thread::yield_now();
                let inner = lock.lock();
                inner.set(seen + 1);
            }
        };
        std::thread::scope(|os| {
            let threads = [0, 1].map(|_| os.spawn(add));
            thread::scope(|s| {
                s.spawn(add);
                s.spawn(add);
            });
            until(|| threads.iter().all(|thread| thread.is_finished()));
        });
        assert_eq!(lock.lock().get(), 800);
    });
}
