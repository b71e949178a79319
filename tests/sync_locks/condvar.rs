//! What is special about a condition variable: order, the mutex at the end, and who was notified.

use crate::common::{FOREVER, Flag, SHORT, assert_cancelled, let_others_run};
use crate::common::{everywhere, on_every_runtime, until};
use greenroom::sync::{Condvar, Mutex};
use greenroom::thread::{self, LocalJoinHandle};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

#[derive(Default)]
struct Scene {
    mutex: Mutex<()>,
    changed: Condvar,
    log: RefCell<Vec<u32>>,
}

impl Scene {
    /// A local task that waits, and then notes its number. It is in the queue when this returns.
    fn queue(self: &Rc<Self>, number: u32) -> LocalJoinHandle<()> {
        let (scene, begun) = (Rc::clone(self), Flag::default());
        let begins = begun.clone();
        let waiter = thread::spawn_local(move || {
            let guard = scene.mutex.lock().unwrap();
            begins.raise();
            let _guard = scene.changed.wait(guard).unwrap();
            scene.log.borrow_mut().push(number);
        });
        until(|| begun.is_up());
        waiter
    }
}

#[test]
fn condvar_notifies_in_order_and_one_at_a_time() {
    on_every_runtime(|| {
        let scene = Rc::new(Scene::default());
        let waiters: Vec<_> = (0..6).map(|number| scene.queue(number)).collect();
        assert!(format!("{:?}", scene.changed).contains("waiters: 6"));
        scene.changed.notify_one();
        let_others_run();
        assert_eq!(*scene.log.borrow(), [0]);
        scene.changed.notify_one();
        scene.changed.notify_one();
        let_others_run();
        assert_eq!(*scene.log.borrow(), [0, 1, 2]);
        scene.changed.notify_all();
        for waiter in waiters {
            waiter.join().unwrap();
        }
        assert_eq!(*scene.log.borrow(), [0, 1, 2, 3, 4, 5]);
    });
}

#[test]
fn condvar_notification_without_waiters_is_not_kept() {
    everywhere(|| {
        let (mutex, changed) = (Mutex::new(()), Condvar::new());
        changed.notify_one();
        changed.notify_all();
        let (_guard, result) = changed.wait_timeout(mutex.lock().unwrap(), SHORT).unwrap();
        assert!(result.timed_out());
    });
}

#[test]
fn condvar_waiter_notified_and_then_cancelled_returns_as_notified() {
    on_every_runtime(|| {
        let scene = Rc::new(Scene::default());
        let (first, second) = (scene.queue(0), scene.queue(1));
        scene.changed.notify_one();
        first.cancel();
        // The wait returned, and nothing after it parks.
        first.join().unwrap();
        assert_eq!(*scene.log.borrow(), [0]);
        second.cancel();
        assert_cancelled(second.join());
        assert_eq!(*scene.log.borrow(), [0]);
    });
}

#[test]
fn condvar_waiter_cancelled_has_the_mutex_while_it_unwinds() {
    on_every_runtime(|| {
        let scene = Rc::new(Scene::default());
        let waiter = scene.queue(0);
        let guard = scene.mutex.lock().unwrap();
        waiter.cancel();
        let_others_run();
        assert!(!waiter.is_finished(), "it unwound without the mutex");
        drop(guard);
        assert_cancelled(waiter.join());
        assert!(!scene.mutex.is_poisoned());
    });
}

#[test]
fn condvar_waiter_timed_out_has_the_mutex_when_it_returns() {
    everywhere(|| {
        let (mutex, changed) = (Mutex::new(()), Condvar::new());
        for timeout in [Duration::ZERO, SHORT] {
            let start = Instant::now();
            let guard = mutex.lock().unwrap();
            let (guard, result) = changed.wait_timeout(guard, timeout).unwrap();
            assert!(result.timed_out() && start.elapsed() >= timeout);
            assert!(mutex.try_lock().is_err());
            drop(guard);
        }
        for wait in [0, 1] {
            let outcome = greenroom::timeout(SHORT, || {
                let guard = mutex.lock().unwrap();
                match wait {
                    0 => drop(changed.wait(guard).unwrap()),
                    _ => drop(changed.wait_timeout(guard, FOREVER).unwrap()),
                }
            });
            assert!(outcome.is_err());
            assert!(mutex.try_lock().is_ok(), "free, and not poisoned");
        }
    });
}

#[test]
fn condvar_with_two_mutexes_at_once_serves_both() {
    on_every_runtime(|| {
        let changed = Rc::new(Condvar::new());
        let waiters = [0, 1].map(|_| {
            let (changed, begun) = (Rc::clone(&changed), Flag::default());
            let begins = begun.clone();
            let waiter = thread::spawn_local(move || {
                let mutex = Mutex::new(());
                let guard = mutex.lock().unwrap();
                begins.raise();
                drop(changed.wait(guard).unwrap());
            });
            until(|| begun.is_up());
            waiter
        });
        changed.notify_all();
        for waiter in waiters {
            waiter.join().unwrap();
        }
    });
}
