//! Deadlocks by design: the process can still be asked who waits for what, and shut down with a report.
//!
//! Each deadlock is on a private runtime, so that only its own tasks show.

mod common;

use greenroom::Runtime;
use greenroom::queue::Queue;
use greenroom::sync::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(20);

fn runtime(workers: usize) -> Runtime {
    Runtime::builder()
        .workers(workers)
        .name("deadlock")
        .build()
        .expect("a runtime starts")
}

/// Asks until `count` lines contain `text`.
fn wait_for_lines(runtime: &Runtime, text: &str, count: usize) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let lines = runtime.waiting(LIMIT);
        let found: Vec<String> = lines
            .iter()
            .filter(|line| line.contains(text))
            .cloned()
            .collect();
        if found.len() == count {
            return found;
        }
        assert!(
            begun.elapsed() < LIMIT,
            "no {count} × '{text}' in {lines:?}"
        );
    }
}

/// Two green threads that each hold one mutex and want the other's.
fn cross(runtime: &Runtime) -> [greenroom::thread::JoinHandle<()>; 2] {
    let mutexes = Arc::new([Mutex::new(()), Mutex::new(())]);
    let both_hold = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    [0, 1].map(|mine| {
        let mutexes = Arc::clone(&mutexes);
        let both_hold = Arc::clone(&both_hold);
        runtime.spawn(move || {
            use std::sync::atomic::Ordering;
            let _mine = mutexes[mine].lock().expect("not poisoned");
            both_hold.fetch_add(1, Ordering::SeqCst);
            while both_hold.load(Ordering::SeqCst) < 2 {
                greenroom::thread::yield_now();
            }
            let _other = mutexes[1 - mine].lock().expect("not poisoned");
        })
    })
}

/// `ThreadId(7)` as `#7`.
fn number(handle: &greenroom::thread::JoinHandle<()>) -> String {
    let text = format!("{:?}", handle.thread().id());
    let digits = text.trim_start_matches(|c: char| !c.is_ascii_digit());
    format!("#{}", digits.trim_end_matches(')'))
}

#[test]
fn crossed_mutexes_name_each_other_and_unwind_at_shutdown() {
    for workers in [1, 2] {
        let runtime = runtime(workers);
        let handles = cross(&runtime);
        let lines = wait_for_lines(&runtime, "locking a mutex held by green thread", 2);
        for (index, handle) in handles.iter().enumerate() {
            let held_by_other = format!("held by green thread {}", number(&handles[1 - index]));
            let own = format!("green thread {} (", number(handle));
            assert!(
                lines
                    .iter()
                    .any(|line| line.contains(&own) && line.contains(&held_by_other)),
                "{own} … {held_by_other} in {lines:?}"
            );
        }
        let report = runtime.shutdown(LIMIT);
        assert!(report.abandoned.is_empty(), "{report:?}");
        assert_eq!(report.waiting.len(), 2, "{report:?}");
        assert!(
            report
                .waiting
                .iter()
                .all(|line| line.contains("tests/deadlock.rs"))
        );
        // The first to unwind lets go of its mutex; the other may get it before its own worker cancels.
        let ends = handles.map(|handle| handle.join());
        assert!(ends.iter().any(|end| {
            end.as_ref()
                .is_err_and(|payload| payload.is::<greenroom::Cancelled>())
        }));
    }
}

#[test]
fn queue_that_nobody_fills_is_reported_and_its_getter_unwinds() {
    let runtime = runtime(1);
    let queue = Arc::new(Queue::<u32>::bounded(1));
    let getter = {
        let queue = Arc::clone(&queue);
        runtime.spawn(move || queue.get())
    };
    let joiner = {
        let queue = Arc::clone(&queue);
        queue.try_put(1).expect("there is room");
        runtime.spawn(move || queue.join())
    };
    assert_eq!(getter.join().expect("no panic"), Ok(1));
    let getter = {
        let queue = Arc::clone(&queue);
        runtime.spawn(move || queue.get())
    };
    wait_for_lines(&runtime, "getting from a queue at 0x", 1);
    wait_for_lines(&runtime, "joining a queue at 0x", 1);
    let text = format!("{queue:?}");
    assert!(text.contains("getters: 1"), "{text}");
    let report = runtime.shutdown(LIMIT);
    assert_eq!((report.waiting.len(), report.abandoned.len()), (2, 0));
    assert!(getter.join().is_err());
    assert!(joiner.join().is_err());
    queue.put(2).expect("usable after the runtime has gone");
    assert_eq!(queue.try_get(), Ok(2));
}

#[test]
fn self_deadlock_on_a_mutex_names_itself_as_the_owner() {
    let runtime = runtime(1);
    let handle = runtime.spawn(|| {
        let mutex = Mutex::new(());
        let _guard = mutex.lock().expect("not poisoned");
        let _again = mutex.lock().expect("not poisoned");
    });
    let owner = format!("held by green thread {}", number(&handle));
    wait_for_lines(&runtime, &owner, 1);
    assert!(runtime.shutdown(LIMIT).abandoned.is_empty());
}

#[test]
fn worker_that_computes_is_left_out_when_the_limit_is_over() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let runtime = runtime(1);
    let stop = Arc::new(AtomicBool::new(false));
    let runs = Arc::new(AtomicBool::new(false));
    let handle = {
        let (stop, runs) = (Arc::clone(&stop), Arc::clone(&runs));
        runtime.spawn(move || {
            runs.store(true, Ordering::SeqCst);
            while !stop.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
        })
    };
    while !runs.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    assert!(runtime.waiting(Duration::from_millis(1)).is_empty());
    stop.store(true, Ordering::SeqCst);
    handle.join().expect("no panic");
}
