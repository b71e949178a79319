//! What poisons a greenroom lock: a panic under it, and nothing else.

mod common;

use greenroom::sync::Mutex;
use greenroom::{thread, timeout};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

const FAR: Duration = Duration::from_secs(60);

/// On green threads of one and of two workers.
fn on_green(body: impl Fn() + Send + Sync) {
    for workers in [1, 2] {
        let runtime = greenroom::Runtime::builder()
            .workers(workers)
            .build()
            .expect("a runtime starts");
        runtime.run(&body);
    }
}

#[test]
fn panic_under_the_lock_poisons() {
    let body = || {
        let mutex = Mutex::new(());
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _guard = mutex.lock().expect("not poisoned yet");
            panic!("expected by the test");
        }));
        assert!(panicked.is_err());
        assert!(mutex.is_poisoned());
        assert!(mutex.lock().is_err());
        assert!(mutex.try_lock().is_err());
        mutex.clear_poison();
        assert!(mutex.lock().is_ok());
    };
    on_green(body);
    body();
}

#[test]
fn resumed_panic_under_the_lock_poisons() {
    let body = || {
        let mutex = Mutex::new(());
        let payload: Box<dyn std::any::Any + Send> = Box::new("from elsewhere");
        let resumed = catch_unwind(AssertUnwindSafe(|| {
            let _guard = mutex.lock().expect("not poisoned yet");
            std::panic::resume_unwind(payload);
        }));
        assert!(resumed.is_err());
        assert!(mutex.is_poisoned());
    };
    on_green(body);
    body();
}

#[test]
fn cancel_under_the_lock_does_not_poison() {
    on_green(|| {
        let mutex = Mutex::new(());
        thread::scope(|s| {
            let handle = s.spawn(|| {
                let _guard = mutex.lock().expect("not poisoned yet");
                thread::sleep(FAR);
            });
            while mutex.try_lock().is_ok() {
                thread::yield_now();
            }
            handle.cancel();
            assert!(handle.join().is_err());
        });
        assert!(!mutex.is_poisoned());
        drop(mutex.lock().expect("not poisoned"));
    });
}

#[test]
fn elapsed_timeout_under_the_lock_does_not_poison() {
    let body = || {
        let mutex = Mutex::new(());
        let elapsed = timeout(Duration::from_millis(1), || {
            let _guard = mutex.lock().expect("not poisoned yet");
            thread::sleep(FAR);
        });
        assert!(elapsed.is_err());
        assert!(!mutex.is_poisoned());
    };
    on_green(body);
    body();
}

#[test]
fn panic_after_a_swallowed_timeout_poisons() {
    let body = || {
        let mutex = Mutex::new(());
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let _guard = mutex.lock().expect("not poisoned yet");
            let elapsed = timeout(Duration::ZERO, || thread::sleep(FAR));
            assert!(elapsed.is_err());
            panic!("expected by the test");
        }));
        assert!(panicked.is_err());
        assert!(mutex.is_poisoned());
    };
    on_green(body);
    body();
}

#[test]
fn panic_while_a_swallowed_interrupts_payload_is_kept_poisons() {
    on_green(|| {
        let mutex = Mutex::new(());
        let handle_result = thread::scope(|s| {
            let handle = s.spawn(|| {
                let _guard = mutex.lock().expect("not poisoned yet");
                let kept = catch_unwind(|| thread::sleep(FAR));
                assert!(kept.is_err());
                panic!("expected by the test");
            });
            while mutex.try_lock().is_ok() {
                thread::yield_now();
            }
            handle.cancel();
            handle.join()
        });
        assert!(handle_result.is_err());
        assert!(mutex.is_poisoned());
    });
}

#[test]
fn destructor_that_locks_during_an_interrupt_poisons_nothing() {
    struct LocksOnDrop<'a>(&'a Mutex<u32>);
    impl Drop for LocksOnDrop<'_> {
        fn drop(&mut self) {
            *self.0.lock().expect("not poisoned") += 1;
        }
    }
    let body = || {
        let mutex = Mutex::new(0);
        let elapsed = timeout(Duration::from_millis(1), || {
            let _locks = LocksOnDrop(&mutex);
            thread::sleep(FAR);
        });
        assert!(elapsed.is_err());
        assert_eq!(*mutex.lock().expect("not poisoned"), 1);
    };
    on_green(body);
    body();
}

#[test]
fn neighbour_parked_in_a_destructor_during_its_panic_poisons_nothing_of_mine() {
    struct ParksOnDrop<'a>(&'a greenroom::queue::Queue<()>);
    impl Drop for ParksOnDrop<'_> {
        fn drop(&mut self) {
            self.0.get().expect("somebody puts");
        }
    }
    let runtime = greenroom::Runtime::builder()
        .workers(1)
        .build()
        .expect("a runtime starts");
    runtime.run(|| {
        let (gate, mutex) = (greenroom::queue::Queue::unbounded(), Mutex::new(0));
        thread::scope(|s| {
            let neighbour = s.spawn(|| {
                let _parks = ParksOnDrop(&gate);
                panic!("expected by the test");
            });
            let guard = mutex.lock().expect("not poisoned yet");
            while !std::thread::panicking() {
                thread::yield_now();
            }
            // std would poison here: this OS thread "is panicking", and was not when the lock was taken.
            drop(guard);
            assert!(!mutex.is_poisoned());
            gate.put(()).expect("open");
            assert!(neighbour.join().is_err());
        });
        assert!(!mutex.is_poisoned());
    });
}

/// Parks in its destructor, which runs while a cancellation unwinds.
struct ParksOnDrop<'a>(&'a greenroom::sync::Event);

impl Drop for ParksOnDrop<'_> {
    fn drop(&mut self) {
        self.0.wait();
    }
}

#[test]
fn panic_beside_a_neighbour_parked_in_a_destructor_poisons() {
    let runtime = greenroom::Runtime::builder()
        .workers(1)
        .build()
        .expect("a runtime starts");
    runtime.run(|| {
        let (event, mutex) = (greenroom::sync::Event::new(), Mutex::new(()));
        thread::scope(|s| {
            let neighbour = s.spawn(|| {
                let _parks = ParksOnDrop(&event);
                thread::park();
            });
            thread::yield_now();
            neighbour.cancel();
            while !std::thread::panicking() {
                thread::yield_now();
            }
            let victim = s.spawn(|| {
                let _guard = mutex.lock().expect("not poisoned yet");
                panic!("expected by the test");
            });
            assert!(victim.join().is_err());
            assert!(mutex.is_poisoned());
            mutex.clear_poison();
            drop(mutex.lock());
            assert!(
                !mutex.is_poisoned(),
                "a guard that just ends poisons nothing"
            );
            event.set();
            assert!(neighbour.join().is_err());
        });
    });
}

#[test]
fn panic_inside_a_destructor_during_a_cancellation_poisons_what_it_held() {
    struct PanicsUnderTheLock<'a>(&'a Mutex<()>);
    impl Drop for PanicsUnderTheLock<'_> {
        fn drop(&mut self) {
            let caught = catch_unwind(AssertUnwindSafe(|| {
                let _guard = self.0.lock().expect("not poisoned yet");
                panic!("expected by the test");
            }));
            assert!(caught.is_err());
        }
    }
    let body = || {
        let mutex = Mutex::new(());
        let elapsed = timeout(Duration::from_millis(1), || {
            let _panics = PanicsUnderTheLock(&mutex);
            thread::sleep(FAR);
        });
        assert!(elapsed.is_err());
        assert!(mutex.is_poisoned());
    };
    on_green(body);
    body();
}
