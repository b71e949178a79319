//! `unblock`: values, panics, how many threads, what a cancel does to a queued and to a running job.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/child.rs"]
mod child;
#[path = "unblock/full.rs"]
mod full;
#[path = "unblock/inside.rs"]
mod inside;
#[path = "support/reexec.rs"]
mod reexec;
#[path = "support/watchdog.rs"]
mod watchdog;

use child::Running;
use greenroom::thread;
use greenroom::{Cancelled, unblock};
use reexec::{role, this_test};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use watchdog::watchdog;

/// Most threads of the pool.
const THREADS_MAX: usize = 512;

/// A door that blocks OS threads until it is opened, and counts them.
#[derive(Default)]
struct Door {
    is_open: Mutex<bool>,
    opened: Condvar,
    waiting: AtomicUsize,
}

impl Door {
    fn wait(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let shut = self.is_open.lock().unwrap();
        drop(self.opened.wait_while(shut, |open| !*open).unwrap());
    }

    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn wait_for(&self, count: usize) {
        while self.waiting.load(Ordering::SeqCst) < count {
            std::thread::yield_now();
        }
    }
}

fn pool_threads() -> usize {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let name = |path: std::path::PathBuf| std::fs::read_to_string(path.join("comm"));
    threads
        .filter(|thread| name(thread.path()).is_ok_and(|n| n.starts_with("greenroom-unblo")))
        .count()
}

/// The pool belongs to the process, so what counts its threads runs alone.
fn passes_alone(test: &str) {
    let ended = Running::start(&mut this_test(test, "alone", "")).end();
    assert!(ended.status.success(), "{ended}");
}

#[test]
fn values_come_back_and_run_elsewhere() {
    let _watchdog = watchdog();
    greenroom::run(|| {
        let worker = std::thread::current().id();
        for n in 0..200 {
            let (value, ran_on) = unblock(move || (n * 2, std::thread::current().id()));
            assert_eq!(value, n * 2);
            assert_ne!(ran_on, worker);
        }
    });
    // On an OS thread: right here.
    let here = std::thread::current().id();
    assert_eq!(unblock(|| std::thread::current().id()), here);
}

#[test]
fn panics_are_raised_again_and_the_pool_lives_on() {
    let _watchdog = watchdog();
    for n in 0..20 {
        let job = move || unblock(move || std::panic::panic_any(n));
        let payload = thread::spawn(job).join().unwrap_err();
        assert_eq!(payload.downcast_ref::<i32>(), Some(&n));
    }
    assert_eq!(greenroom::run(|| unblock(|| 1)), 1);
}

#[test]
fn worker_goes_on_while_a_job_blocks() {
    let _watchdog = watchdog();
    let rt = greenroom::Runtime::builder().workers(1).build().unwrap();
    let door = Arc::new(Door::default());
    let blocked = Arc::clone(&door);
    let job = rt.spawn(move || unblock(move || blocked.wait()));
    door.wait_for(1);
    rt.run(|| (0..100).for_each(|_| thread::yield_now()));
    assert!(!job.is_finished());
    door.open();
    job.join().unwrap();
}

#[test]
fn jobs_beyond_the_most_threads_wait_their_turn_and_idle_threads_go() {
    let _watchdog = watchdog();
    if role().is_none() {
        return passes_alone("jobs_beyond_the_most_threads_wait_their_turn_and_idle_threads_go");
    }
    let door = Arc::new(Door::default());
    let jobs: Vec<_> = (0..THREADS_MAX + 100)
        .map(|n| {
            let door = Arc::clone(&door);
            thread::spawn(move || {
                unblock(move || door.wait());
                n
            })
        })
        .collect();
    door.wait_for(THREADS_MAX);
    assert_eq!(pool_threads(), THREADS_MAX);
    assert_eq!(door.waiting.load(Ordering::SeqCst), THREADS_MAX);
    door.open();
    for (n, job) in jobs.into_iter().enumerate() {
        assert_eq!(job.join().unwrap(), n);
    }
    assert!(pool_threads() <= THREADS_MAX);
    // They stay for ten seconds; the watchdog is patient.
    while pool_threads() > 0 {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(greenroom::run(|| unblock(|| 3)), 3);
}

#[test]
fn cancel_of_a_queued_job_drops_its_closure_and_of_a_running_one_waits() {
    let _watchdog = watchdog();
    if role().is_none() {
        return passes_alone("cancel_of_a_queued_job_drops_its_closure_and_of_a_running_one_waits");
    }
    let door = Arc::new(Door::default());
    let running: Vec<_> = (0..THREADS_MAX)
        .map(|_| {
            let door = Arc::clone(&door);
            thread::spawn(move || {
                unblock(move || door.wait());
                "value"
            })
        })
        .collect();
    door.wait_for(THREADS_MAX);
    let ran = Arc::new(AtomicBool::new(false));
    let runs = Arc::clone(&ran);
    let queued = thread::spawn(move || unblock(move || runs.store(true, Ordering::SeqCst)));
    // Needs no thread of the pool, which has none to spare.
    queued.cancel();
    assert!(queued.join().unwrap_err().is::<Cancelled>());
    assert_eq!(Arc::strong_count(&ran), 1, "the closure was dropped");
    for job in &running {
        assert_eq!(job.cancel(), greenroom::thread::CancelOutcome::Requested);
    }
    greenroom::run(|| (0..100).for_each(|_| thread::yield_now()));
    assert!(running.iter().all(|job| !job.is_finished()));
    door.open();
    for job in running {
        // The effect was had, so the value is returned; no parking call follows.
        assert_eq!(job.join().unwrap(), "value");
    }
    assert!(!ran.load(Ordering::SeqCst));
    assert_eq!(greenroom::run(|| unblock(|| 3)), 3);
}

#[test]
fn deadline_over_a_running_job_returns_its_value_late() {
    let _watchdog = watchdog();
    loop {
        let door = Arc::new(Door::default());
        let blocked = Arc::clone(&door);
        let late = thread::spawn(move || {
            greenroom::timeout(Duration::from_millis(5), || {
                unblock(move || {
                    blocked.wait();
                    9
                })
            })
        });
        while door.waiting.load(Ordering::SeqCst) == 0 && !late.is_finished() {
            std::thread::yield_now();
        }
        if door.waiting.load(Ordering::SeqCst) == 0 {
            // On a busy machine the time was up before it had begun: withdrawn.
            assert!(late.join().unwrap().is_err());
            continue;
        }
        // Longer than the deadline; only makes it likely that it has passed.
        std::thread::sleep(Duration::from_millis(20));
        door.open();
        assert_eq!(late.join().unwrap(), Ok(9));
        break;
    }
}
