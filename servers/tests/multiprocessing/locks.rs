//! Locks between processes.

use greenroom_servers::multiprocessing::{Connection, DictProxy, Lock, Manager, Process, pipe};
use std::io::ErrorKind;
use std::time::Duration;

pub(crate) const ROWS: &[crate::Row] = crate::rows![
    counting_under_a_lock_loses_nothing,
    holder_that_dies_releases_and_the_next_is_told,
    lock_held_elsewhere_times_out,
    processes_that_wait_and_die_hold_up_nobody,
    lock_is_free_when_its_holder_says_so,
    lock_is_free_when_its_holders_panic_or_deadline_is_caught,
];

fn counting_under_a_lock_loses_nothing() {
    fn count((lock, dict): (Lock, DictProxy<String, u32>)) {
        for _ in 0..50 {
            let _guard = lock.lock().unwrap();
            let count = dict.get("count").unwrap().unwrap_or(0);
            dict.insert("count", &(count + 1)).unwrap();
        }
    }
    let manager = Manager::start().unwrap();
    let (lock, dict) = (Lock::new(), manager.dict().unwrap());
    let start = |_| Process::spawn(count, (lock.clone(), dict.clone())).unwrap();
    let processes: Vec<_> = (0..4).map(start).collect();
    count((lock.clone(), dict.clone()));
    for process in processes {
        assert!(process.join().success());
    }
    assert_eq!(dict.get("count").unwrap(), Some(250));
}

/// Takes the lock, says so, and keeps it.
fn keep((lock, ready): (Lock, Connection<bool, ()>)) {
    let guard = lock.lock().unwrap();
    ready.send(&guard.abandoned_by().is_some()).unwrap();
    greenroom::thread::park();
}

fn holder_that_dies_releases_and_the_next_is_told() {
    let lock = Lock::new();
    let start = || {
        let (ours, theirs) = pipe::<(), bool>().unwrap();
        let process = Process::spawn(keep, (lock.clone(), theirs)).unwrap();
        (process, ours.recv().unwrap())
    };
    let (first, was_told) = start();
    assert!(!was_told);
    first.kill().unwrap();
    let (second, was_told) = start();
    assert!(was_told);
    second.kill().unwrap();
    let guard = lock.lock().unwrap();
    let told = guard.abandoned_by().unwrap();
    let expected = format!("(pid {}) was killed by signal 9", second.pid());
    assert!(told.contains(&expected), "{told}");
    drop(guard);
    assert!(lock.lock().unwrap().abandoned_by().is_none());
}

fn lock_held_elsewhere_times_out() {
    fn try_it((lock, told): (Lock, Connection<[bool; 3], ()>)) {
        let kind = |result: std::io::Result<_>| result.map(drop).map_err(|error| error.kind());
        let short = Duration::from_millis(2);
        let is_taken = kind(lock.try_lock()) == Err(ErrorKind::WouldBlock);
        let is_late = kind(lock.lock_timeout(short)) == Err(ErrorKind::TimedOut);
        told.send(&[is_taken, is_late, false]).unwrap();
        let is_free = kind(lock.lock_timeout(Duration::from_secs(60))) == Ok(());
        told.send(&[false, false, is_free]).unwrap();
    }
    let lock = Lock::new();
    let guard = lock.lock().unwrap();
    let (ours, theirs) = pipe::<(), [bool; 3]>().unwrap();
    let process = Process::spawn(try_it, (lock.clone(), theirs)).unwrap();
    assert_eq!(ours.recv().unwrap(), [true, true, false]);
    drop(guard);
    assert_eq!(ours.recv().unwrap(), [false, false, true]);
    assert!(process.join().success());
    // What it gave up was not lent to it for ever.
    assert!(lock.lock_timeout(Duration::from_secs(60)).is_ok());
}

fn lock_is_free_when_its_holder_says_so() {
    fn hold((lock, told): (Lock, Connection<(), bool>)) {
        while told.recv().unwrap() {
            drop(lock.lock().unwrap());
            told.send(&()).unwrap();
        }
    }
    fn look((lock, told): (Lock, Connection<bool, ()>)) {
        while told.recv().is_ok() {
            told.send(&lock.try_lock().is_ok()).unwrap();
        }
    }
    let lock = Lock::new();
    let (holder, theirs) = pipe().unwrap();
    let holding = Process::spawn(hold, (lock.clone(), theirs)).unwrap();
    let (other, theirs) = pipe().unwrap();
    let looking = Process::spawn(look, (lock.clone(), theirs)).unwrap();
    for round in 0..300 {
        holder.send(&true).unwrap();
        holder.recv().unwrap();
        if round % 2 == 0 {
            other.send(&()).unwrap();
            assert!(other.recv().unwrap(), "another process, round {round}");
        } else {
            assert!(lock.try_lock().is_ok(), "its own process, round {round}");
        }
    }
    holder.send(&false).unwrap();
    drop(other);
    assert!(holding.join().success() && looking.join().success());
}

fn lock_is_free_when_its_holders_panic_or_deadline_is_caught() {
    fn hold((lock, told): (Lock, Connection<bool, bool>)) {
        let panicking = || {
            let _guard = lock.lock().unwrap();
            std::panic::resume_unwind(Box::new(()));
        };
        while let Ok(is_panic) = told.recv() {
            if is_panic {
                let panicking = std::panic::AssertUnwindSafe(panicking);
                assert!(std::panic::catch_unwind(panicking).is_err());
            } else {
                let guard = lock.lock().unwrap();
                let late = move || {
                    let _guard = guard;
                    greenroom::thread::sleep(Duration::MAX);
                };
                assert!(greenroom::timeout(Duration::from_millis(2), late).is_err());
            }
            if told.recv().unwrap() {
                let is_free = lock.try_lock().is_ok();
                told.send(&is_free).unwrap();
            } else {
                told.send(&true).unwrap();
            }
        }
    }
    let lock = Lock::new();
    let (ours, theirs) = pipe::<bool, bool>().unwrap();
    let process = Process::spawn(hold, (lock.clone(), theirs)).unwrap();
    for round in 0..50 {
        let (is_panic, looks_itself) = (round % 2 == 0, round % 4 < 2);
        ours.send(&is_panic).unwrap();
        ours.send(&looks_itself).unwrap();
        assert!(ours.recv().unwrap(), "its own process, round {round}");
        let guard = lock.try_lock();
        let guard = guard.unwrap_or_else(|error| panic!("another one, round {round}: {error}"));
        assert_eq!(guard.abandoned_by(), None);
    }
    drop(ours);
    assert!(process.join().success());
}

fn processes_that_wait_and_die_hold_up_nobody() {
    fn wait(lock: Lock) {
        drop(lock.lock());
    }
    let lock = Lock::new();
    let guard = lock.lock().unwrap();
    let all: Vec<_> = (0..5)
        .map(|_| Process::spawn(wait, lock.clone()).unwrap())
        .collect();
    for process in &all[..4] {
        process.kill().unwrap();
        process.join();
    }
    drop(guard);
    assert!(all[4].join().success());
    assert!(lock.lock().is_ok());
}
