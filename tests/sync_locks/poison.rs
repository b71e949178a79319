//! What poisons: a panic of whoever could write. A cancellation or a deadline that unwinds never does.

use crate::common::{FOREVER, Flag, SHORT, on_every_runtime, until};
use greenroom::sync::{Condvar, Mutex, Once, OnceLock, RwLock, RwLockWriteGuard};
use greenroom::thread;
use std::rc::Rc;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Panic,
    Cancel,
    Deadline,
}

/// Runs `hold` on a local task, with a body that ends it.
fn unwind<T: 'static>(end: End, shared: &Rc<T>, hold: fn(&T, &dyn Fn())) {
    let (shared, begun) = (Rc::clone(shared), Flag::default());
    let begins = begun.clone();
    let task = thread::spawn_local(move || {
        let body = || {
            begins.raise();
            match end {
                End::Panic => panic!("inside"),
                End::Cancel | End::Deadline => thread::sleep(FOREVER),
            }
        };
        match end {
            End::Deadline => assert!(greenroom::timeout(SHORT, || hold(&shared, &body)).is_err()),
            End::Panic | End::Cancel => hold(&shared, &body),
        }
    });
    // A deadline may end it before it begins.
    until(|| begun.is_up() || task.is_finished());
    if end == End::Cancel {
        task.cancel();
    }
    assert_eq!(task.join().is_ok(), end == End::Deadline);
}

/// Every end, and what each leaves: only a panic may poison.
fn table<T: 'static>(
    make: fn() -> T,
    hold: fn(&T, &dyn Fn()),
    is_poisoned: fn(&T) -> bool,
    by_panic: bool,
) {
    on_every_runtime(|| {
        for end in [End::Panic, End::Cancel, End::Deadline] {
            let shared = Rc::new(make());
            assert!(!is_poisoned(&shared));
            unwind(end, &shared, hold);
            assert_eq!(
                is_poisoned(&shared),
                by_panic && end == End::Panic,
                "{end:?}"
            );
        }
    });
}

#[test]
fn mutex_is_poisoned_by_a_panic_only() {
    table(
        || Mutex::new(()),
        |mutex, body| {
            let _guard = mutex.lock().unwrap();
            body();
        },
        |mutex| {
            assert_eq!(mutex.lock().is_err(), mutex.is_poisoned());
            assert_eq!(mutex.try_lock().is_err(), mutex.is_poisoned());
            assert_eq!(mutex.lock_timeout(SHORT).is_err(), mutex.is_poisoned());
            mutex.is_poisoned()
        },
        true,
    );
}

#[test]
fn mutex_is_poisoned_by_a_panic_after_a_wait_for_a_condvar() {
    table(
        || (Mutex::new(()), Condvar::new()),
        |(mutex, changed), body| {
            let guard = mutex.lock().unwrap();
            let (_guard, _) = changed.wait_timeout(guard, Duration::ZERO).unwrap();
            body();
        },
        |(mutex, changed)| {
            let is_poisoned = mutex.is_poisoned();
            let guard = mutex.lock().unwrap_or_else(|error| error.into_inner());
            assert_eq!(changed.wait_timeout(guard, SHORT).is_err(), is_poisoned);
            is_poisoned
        },
        true,
    );
}

#[test]
fn rwlock_is_poisoned_by_a_writer_that_panics_only() {
    let is_poisoned = |lock: &RwLock<()>| {
        assert_eq!(lock.read().is_err(), lock.is_poisoned());
        assert_eq!(lock.write().is_err(), lock.is_poisoned());
        assert_eq!(lock.try_read().is_err(), lock.is_poisoned());
        assert_eq!(lock.try_write().is_err(), lock.is_poisoned());
        lock.is_poisoned()
    };
    let make = || RwLock::new(());
    let write: fn(&RwLock<()>, &dyn Fn()) = |lock, body| {
        let _guard = lock.write().unwrap();
        body();
    };
    table(make, write, is_poisoned, true);
    let read: fn(&RwLock<()>, &dyn Fn()) = |lock, body| {
        let _guard = lock.read().unwrap();
        body();
    };
    table(make, read, is_poisoned, false);
    let downgrade: fn(&RwLock<()>, &dyn Fn()) = |lock, body| {
        let _guard = RwLockWriteGuard::downgrade(lock.write().unwrap());
        body();
    };
    table(make, downgrade, is_poisoned, false);
}

#[test]
fn once_is_poisoned_by_a_panic_only() {
    table(
        Once::new,
        |once, body| once.call_once(body),
        |once| format!("{once:?}").contains("poisoned"),
        true,
    );
}

#[test]
fn once_lock_is_poisoned_by_nothing() {
    table(
        OnceLock::<u32>::new,
        |cell, body| {
            cell.get_or_init(|| {
                body();
                1
            });
        },
        |cell| cell.get().is_some() || cell.wait_timeout(SHORT).is_some(),
        false,
    );
}
