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

/// Whatever waits says for what: each way of waiting, and the line it shows.
#[test]
fn every_wait_names_its_primitive() {
    type Way = (&'static str, fn(&Things));
    const WAYS: &[Way] = &[
        ("locking a mutex held by green thread #", |t| {
            drop(t.mutex.lock());
        }),
        ("locking a re-entrant lock held by green thread #", |t| {
            drop(t.reentrant.lock());
        }),
        ("locking an rwlock to read held by green thread #", |t| {
            drop(t.rwlock.read());
        }),
        ("locking an rwlock to write held by green thread #", |t| {
            drop(t.rwlock.write());
        }),
        ("waiting for a once held by green thread #", |t| {
            t.once.wait();
        }),
        ("waiting for a condvar at 0x", |t| {
            drop(t.condvar.wait(t.free_mutex.lock().expect("not poisoned")));
        }),
        ("waiting for a barrier at 0x", |t| {
            t.barrier.wait();
        }),
        ("acquiring a semaphore at 0x", |t| {
            drop(t.semaphore.acquire());
        }),
        ("waiting for an event at 0x", |t| t.event.wait()),
        ("waiting for a wait group at 0x", |t| t.wait_group.wait()),
        ("waiting for an async result at 0x", |t| {
            t.result.wait();
        }),
        ("getting from a queue at 0x", |t| {
            assert!(t.empty.get().is_err());
        }),
        ("putting into a queue at 0x", |t| {
            assert!(t.full.put(2).is_err());
        }),
        ("joining a queue at 0x", |t| t.full.join()),
        ("receiving from a channel at 0x", |t| {
            assert!(t.receiver.lock().expect("not poisoned").recv().is_err());
        }),
        ("sending into a channel at 0x", |t| {
            assert!(t.sender.send(2).is_err());
        }),
        ("selecting from 2 arms, one of them at 0x", |t| {
            greenroom::select! {
                recv(t.empty) -> _ => (),
                wait(t.event) => (),
            }
        }),
        ("waiting for a group at 0x", |t| drop(t.group.join())),
    ];
    let runtime = runtime(1);
    let things = Arc::new(Things::new());
    let holder = {
        let things = Arc::clone(&things);
        runtime.spawn(move || things.hold())
    };
    wait_for_lines(&runtime, "sleeping", 2);
    for (text, way) in WAYS {
        let things = Arc::clone(&things);
        let waiter = runtime.spawn(move || way(&things));
        wait_for_lines(&runtime, text, 1);
        waiter.cancel();
        assert!(waiter.join().is_err(), "{text}");
    }
    drop(holder);
    let report = runtime.shutdown(LIMIT);
    assert!(report.abandoned.is_empty(), "{report:?}");
}

/// One of everything that can be waited for, in a state in which one waits.
struct Things {
    mutex: Mutex<()>,
    free_mutex: Mutex<()>,
    reentrant: greenroom::sync::ReentrantLock<()>,
    rwlock: greenroom::sync::RwLock<()>,
    once: greenroom::sync::Once,
    condvar: greenroom::sync::Condvar,
    barrier: greenroom::sync::Barrier,
    semaphore: greenroom::sync::Semaphore,
    event: greenroom::sync::Event,
    wait_group: greenroom::sync::WaitGroup,
    result: greenroom::sync::AsyncResult<(), ()>,
    empty: Queue<u32>,
    full: Queue<u32>,
    sender: greenroom::sync::mpsc::SyncSender<u32>,
    receiver: Mutex<greenroom::sync::mpsc::Receiver<u32>>,
    _open: greenroom::sync::mpsc::Sender<u32>,
    _full_receiver: Mutex<greenroom::sync::mpsc::Receiver<u32>>,
    group: greenroom::group::Group,
}

impl Things {
    fn new() -> Things {
        let (sender, full_receiver) = greenroom::sync::mpsc::sync_channel(1);
        let (open, receiver) = greenroom::sync::mpsc::channel();
        let things = Things {
            mutex: Mutex::new(()),
            free_mutex: Mutex::new(()),
            reentrant: greenroom::sync::ReentrantLock::new(()),
            rwlock: greenroom::sync::RwLock::new(()),
            once: greenroom::sync::Once::new(),
            condvar: greenroom::sync::Condvar::new(),
            barrier: greenroom::sync::Barrier::new(2),
            semaphore: greenroom::sync::Semaphore::new(0),
            event: greenroom::sync::Event::new(),
            wait_group: greenroom::sync::WaitGroup::new(),
            result: greenroom::sync::AsyncResult::new(),
            empty: Queue::unbounded(),
            full: Queue::bounded(1),
            sender,
            receiver: Mutex::new(receiver),
            _open: open,
            _full_receiver: Mutex::new(full_receiver),
            group: greenroom::group::Group::new(),
        };
        things.wait_group.add(1);
        things.full.put(1).expect("there is room");
        things.sender.send(1).expect("there is room");
        things
    }

    /// Holds every lock, and gives the group a member, until it is cancelled.
    fn hold(&self) {
        let far = Duration::from_secs(3600);
        let _mutex = self.mutex.lock();
        let _reentrant = self.reentrant.lock();
        let _rwlock = self.rwlock.write();
        self.group.spawn(move || greenroom::thread::sleep(far));
        self.once.call_once(|| greenroom::thread::sleep(far));
    }
}

/// A select says where its first arm waits by the name that those use who wait there alone.
#[test]
fn select_names_its_first_arm_as_others_name_it() {
    let runtime = runtime(1);
    let queues = Arc::new([Queue::<u32>::unbounded(), Queue::<u32>::unbounded()]);
    let theirs = Arc::clone(&queues);
    let getter = runtime.spawn(move || theirs[0].get().is_ok());
    let theirs = Arc::clone(&queues);
    let chooser = runtime.spawn(move || {
        greenroom::select! {
            biased;
            recv(theirs[0]) -> item => item.is_ok(),
            recv(theirs[1]) -> item => item.is_ok(),
        }
    });
    let address = |line: &str| {
        let from = line.find("0x").expect("an address");
        let digits = line[from + 2..].chars();
        digits
            .take_while(char::is_ascii_hexdigit)
            .collect::<String>()
    };
    let alone = wait_for_lines(&runtime, "getting from a queue", 1);
    let among = wait_for_lines(&runtime, "selecting from 2 arms", 1);
    assert_eq!(address(&alone[0]), address(&among[0]));
    queues.iter().for_each(Queue::shutdown);
    assert!(!getter.join().expect("no panic"));
    assert!(!chooser.join().expect("no panic"));
}
