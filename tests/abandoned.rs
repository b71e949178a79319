//! Green threads that their runtime left behind: nothing is given to who will never run.
//!
//! A neighbour computes through the grace of a shutdown, so a green thread that only waits is left
//! behind with it. What it waited for is not its own then: a lock goes to others, an item stays.

mod common;

use common::watchdog;
use greenroom::Runtime;
use greenroom::queue::Queue;
use greenroom::sync::{Arc, Event, Mutex, RwLock, Semaphore};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Leaves a green thread behind that is parked in `wait`.
fn leave_behind(wait: impl FnOnce() + Send + 'static) {
    let runtime = Runtime::builder()
        .workers(1)
        .build()
        .expect("a runtime starts");
    let waiter = runtime.spawn(wait);
    while runtime.waiting(Duration::from_secs(20)).is_empty() {}
    let [computes, may_end] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let neighbour = {
        let (computes, may_end) = (Arc::clone(&computes), Arc::clone(&may_end));
        runtime.spawn(move || {
            computes.store(true, Ordering::SeqCst);
            while !may_end.load(Ordering::SeqCst) {
                std::hint::spin_loop();
            }
            // Still there when its worker looks at the phase of its runtime.
            greenroom::shield(|| greenroom::thread::sleep(Duration::from_secs(3600)));
        })
    };
    while !computes.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    let report = runtime.shutdown(Duration::from_millis(1));
    assert!(!report.abandoned.is_empty(), "{report:?}");
    may_end.store(true, Ordering::SeqCst);
    while !waiter.is_finished() {
        std::thread::yield_now();
    }
    drop(neighbour);
}

#[test]
fn item_is_not_given_to_who_was_left_behind() {
    let _watchdog = watchdog();
    let queue = Arc::new(Queue::unbounded());
    let theirs = Arc::clone(&queue);
    leave_behind(move || assert!(theirs.get().is_err()));
    queue.put(1).expect("open");
    assert_eq!(queue.try_get(), Ok(1));
}

#[test]
fn item_in_the_hands_of_who_was_left_behind_is_not_taken() {
    let _watchdog = watchdog();
    let queue = Arc::new(Queue::bounded(0));
    let theirs = Arc::clone(&queue);
    leave_behind(move || assert!(theirs.put(1).is_err()));
    assert!(queue.try_get().is_err());
    assert!(queue.try_put(2).is_err());
}

#[test]
fn locks_and_permits_pass_over_who_was_left_behind() {
    let _watchdog = watchdog();
    let mutex = Arc::new(Mutex::new(()));
    let rwlock = Arc::new(RwLock::new(()));
    let semaphore = Arc::new(Semaphore::new(0));
    let (guard, writer) = (mutex.lock(), rwlock.write());
    let theirs = Arc::clone(&mutex);
    leave_behind(move || drop(theirs.lock()));
    let theirs = Arc::clone(&rwlock);
    leave_behind(move || drop(theirs.write()));
    let theirs = Arc::clone(&semaphore);
    leave_behind(move || drop(theirs.acquire()));
    drop((guard, writer));
    assert!(mutex.try_lock().is_ok());
    assert!(rwlock.try_write().is_ok());
    semaphore.release();
    assert!(semaphore.try_acquire().is_some());
}

#[test]
fn select_of_who_was_left_behind_takes_nothing() {
    let _watchdog = watchdog();
    let (queue, event) = (Arc::new(Queue::unbounded()), Arc::new(Event::new()));
    let theirs = (Arc::clone(&queue), Arc::clone(&event));
    leave_behind(move || {
        greenroom::select! {
            recv(theirs.0) -> item => assert!(item.is_err()),
            wait(theirs.1) => (),
        }
    });
    queue.put(1).expect("open");
    event.set();
    assert_eq!(queue.try_get(), Ok(1));
}

#[test]
fn byte_of_a_fifo_is_read_by_others_than_who_was_left_behind() {
    use std::io::{Read, Write};
    let _watchdog = watchdog();
    let name = format!("greenroom-abandoned-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.expect("mkfifo is there").success());
    let open = || {
        let mut options = greenroom::fs::File::options();
        options.read(true).write(true).open(&path)
    };
    let mut file = open().expect("nobody to wait for");
    leave_behind(move || {
        let _ = file.read(&mut [0]);
    });
    let (mut reader, mut writer) = (open().expect("as before"), open().expect("as before"));
    std::fs::remove_file(&path).expect("it is there");
    let mut byte = [0];
    greenroom::run(|| {
        writer.write_all(b"x")?;
        reader.read_exact(&mut byte)
    })
    .expect("a FIFO with a byte in it");
    assert_eq!(&byte, b"x");
}
