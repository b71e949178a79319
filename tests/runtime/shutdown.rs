//! The end of a runtime: what unwinds, what is named, what aborts.

use crate::child::Running;
use crate::reexec::{role, this_test};
use crate::runtime;
use crate::watchdog::watchdog;
use greenroom::net::{TcpListener, TcpStream};
use greenroom::thread::{self, Builder};
use greenroom::{Cancelled, Runtime};
use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const GRACE: Duration = Duration::from_secs(30);
const FOR_EVER: Duration = Duration::from_secs(100_000);

/// Counts destructors.
#[derive(Clone, Default)]
struct Dropped(Arc<AtomicUsize>);

struct Guard(Dropped);

impl Dropped {
    fn guard(&self) -> Guard {
        Guard(self.clone())
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn shutdown_with_parked_tasks_runs_their_destructors() {
    let _watchdog = watchdog();
    for workers in [1, 4] {
        let rt = runtime(workers);
        let dropped = Dropped::default();
        let waits: [fn(); 7] = [
            thread::park,
            || thread::sleep(FOR_EVER),
            || loop {
                thread::yield_now();
            },
            || drop(TcpListener::bind("127.0.0.1:0").unwrap().accept()),
            || {
                let listener = TcpListener::bind("127.0.0.1:0").unwrap();
                let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                drop(stream.read(&mut [0; 8]));
            },
            || drop(thread::spawn(thread::park).join()),
            || {
                thread::scope(|s| {
                    s.spawn(thread::park);
                });
            },
        ];
        let begun = Arc::new(AtomicUsize::new(0));
        let mut handles = Vec::new();
        for n in 0..waits.len() * 20 {
            let (guard, begun) = (dropped.guard(), Arc::clone(&begun));
            let wait = waits[n % waits.len()];
            handles.push(rt.spawn(move || {
                begun.fetch_add(1, Ordering::SeqCst);
                wait();
                // A join whose task was cancelled by another worker may be back before the shutdown has
                // come to this one.
                thread::park();
                drop(guard);
                panic!("nothing but the shutdown ends these waits");
            }));
        }
        while begun.load(Ordering::SeqCst) < handles.len() {
            std::thread::yield_now();
        }
        let report = rt.shutdown(GRACE);
        assert_eq!(report.abandoned, Vec::<String>::new());
        assert_eq!(dropped.count(), handles.len());
        for handle in handles {
            assert!(handle.is_finished());
            assert!(handle.join().unwrap_err().is::<Cancelled>());
        }
    }
}

#[test]
fn shutdown_drops_closures_that_never_ran_on_green_threads() {
    let _watchdog = watchdog();
    struct OnGreen(Guard);
    impl Drop for OnGreen {
        fn drop(&mut self) {
            // Parks: on a scheduler's stack it could not. Not while unwinding, as those do that had
            // begun: each would make its neighbours' cancellation wait.
            if !thread::panicking() {
                thread::yield_now();
            }
            let child = thread::spawn(|| ());
            drop(child);
            let _still = &self.0;
        }
    }
    for _ in 0..50 {
        let rt = runtime(2);
        let dropped = Dropped::default();
        let handles: Vec<_> = (0..200)
            .map(|_| {
                let guard = OnGreen(dropped.guard());
                rt.spawn(move || {
                    thread::park();
                    drop(guard);
                })
            })
            .collect();
        assert!(rt.shutdown(GRACE).abandoned.is_empty());
        assert_eq!(dropped.count(), 200);
        assert!(handles.into_iter().all(|h| h.join().is_err()));
    }
}

#[test]
fn shutdown_while_tasks_spawn_onto_each_others_workers() {
    let _watchdog = watchdog();
    fn relay(hops: Arc<AtomicUsize>) {
        let hop = hops.fetch_add(1, Ordering::Relaxed);
        let next = Arc::clone(&hops);
        let bound = Builder::new().worker(hop % 3);
        drop(bound.spawn(move || relay(next)));
        // A closure of its own behind the bound one: its worker must not have closed its queue.
        drop(thread::spawn(|| ()));
    }
    for _ in 0..100 {
        let rt = runtime(3);
        let hops = Arc::new(AtomicUsize::new(0));
        for _ in 0..8 {
            let hops = Arc::clone(&hops);
            rt.spawn(move || relay(hops));
        }
        while hops.load(Ordering::Relaxed) < 100 {
            std::thread::yield_now();
        }
        assert_eq!(rt.shutdown(GRACE).abandoned, Vec::<String>::new());
    }
}

#[test]
fn shutdown_of_a_task_that_will_not_end_names_it() {
    let _watchdog = watchdog();
    let rt = runtime(2);
    let stubborn = rt.run(|| {
        Builder::new()
            .name("stubborn".into())
            .spawn(|| greenroom::shield(|| thread::sleep(FOR_EVER)))
            .unwrap()
    });
    let other = rt.spawn(thread::park);
    let began = Instant::now();
    let report = rt.shutdown(Duration::from_millis(50));
    assert!(began.elapsed() < Duration::from_secs(20));
    assert_eq!(report.abandoned.len(), 1, "{report:?}");
    let named = &report.abandoned[0];
    assert!(
        named.contains("'stubborn'") && named.contains("tests/runtime/shutdown.rs:"),
        "{named}"
    );
    assert!(stubborn.join().unwrap_err().is::<Cancelled>());
    assert!(other.join().unwrap_err().is::<Cancelled>());
}

#[test]
fn shutdown_of_a_task_that_computes_reports_it_as_running() {
    let _watchdog = watchdog();
    let rt = runtime(1);
    let over = Arc::new(AtomicBool::new(false));
    let begun = Arc::new(AtomicBool::new(false));
    let (computing, begins) = (Arc::clone(&over), Arc::clone(&begun));
    let computes = rt.spawn(move || {
        begins.store(true, Ordering::SeqCst);
        while !computing.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        "value"
    });
    while !begun.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    let report = rt.shutdown(Duration::from_millis(20));
    over.store(true, Ordering::SeqCst);
    assert_eq!(report.abandoned.len(), 1, "{report:?}");
    assert!(report.abandoned[0].contains("running"), "{report:?}");
    // It ends after all, without a parking call: a value is a value.
    assert_eq!(computes.join().unwrap(), "value");
}

#[test]
fn shutdown_from_a_green_thread_of_another_runtime_parks_it() {
    let _watchdog = watchdog();
    let (own, other) = (runtime(1), runtime(2));
    let parked = other.spawn(thread::park);
    let ticks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&ticks);
    own.spawn(move || {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            thread::yield_now();
        }
    });
    let report = own.run(move || other.shutdown(GRACE));
    assert!(report.abandoned.is_empty());
    assert!(parked.join().is_err());
    assert!(ticks.load(Ordering::Relaxed) > 0);
}

#[test]
fn runtime_dropped_on_its_own_worker_panics() {
    let _watchdog = watchdog();
    let rt = Arc::new(runtime(1));
    let own = Arc::clone(&rt);
    let (told, tell) = std::sync::mpsc::channel::<()>();
    let last = rt.spawn(move || {
        // The other reference is gone when the channel closes.
        let _closed = greenroom::unblock(move || tell.recv());
        drop(own);
    });
    drop(rt);
    drop(told);
    let payload = last.join().unwrap_err();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    assert!(
        text.is_some_and(|text| text.contains("own workers")),
        "{text:?}"
    );
}

#[test]
fn scope_with_an_abandoned_child_aborts_naming_it() {
    let _watchdog = watchdog();
    if role().is_none() {
        let test = "shutdown::scope_with_an_abandoned_child_aborts_naming_it";
        let ended = Running::start(&mut this_test(test, "scope", "")).end();
        assert!(!ended.status.success(), "{ended}");
        assert!(ended.stderr.contains("'borrower'"), "{ended}");
        assert!(ended.stderr.contains("shutdown.rs:"), "{ended}");
        assert!(ended.stderr.contains("aborting"), "{ended}");
        return;
    }
    let rt: Mutex<Option<Runtime>> = Mutex::new(Some(runtime(1)));
    let borrowed = String::from("lent");
    thread::scope(|s| {
        let owned = rt.lock().unwrap().take().unwrap();
        owned.run(|| {
            let borrower =
                || greenroom::shield(|| thread::sleep(FOR_EVER + borrowed_time(&borrowed)));
            let builder = Builder::new().name("borrower".into());
            builder.spawn_scoped(s, borrower).unwrap();
        });
        std::thread::spawn(move || owned.shutdown(Duration::from_millis(50)));
    });
    unreachable!("the child still borrows");
}

fn borrowed_time(text: &str) -> Duration {
    Duration::from_secs(text.len() as u64)
}
