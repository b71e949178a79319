//! Scopes: borrowed data, and an end that waits for every child, whatever ends the scope.

mod common;

use common::{Census, FOREVER, Flag, Rt, SHORT, assert_cancelled, everywhere, for_each_runtime};
use common::{let_others_run, on_every_runtime, on_private_runtimes, text, until, watchdog};
use greenroom::thread::{self, Builder, CancelOutcome};
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

/// The text `body` panics with.
#[track_caller]
fn panic_text(body: impl FnOnce()) -> String {
    let payload = panic::catch_unwind(AssertUnwindSafe(body)).expect_err("it panics");
    text(payload.as_ref()).to_owned()
}

#[test]
fn scope_borrows() {
    everywhere(|| {
        let mut numbers = vec![1, 2, 3];
        let mut sum = 0;
        let text = String::from("read by all");
        thread::scope(|s| {
            s.spawn(|| {
                thread::yield_now();
                numbers.push(4);
            });
            s.spawn(|| {
                thread::sleep(Duration::from_micros(100));
                sum += 10;
            });
            for _ in 0..10 {
                s.spawn(|| assert_eq!(text, "read by all"));
            }
        });
        assert_eq!((numbers.as_slice(), sum), ([1, 2, 3, 4].as_slice(), 10));
    });
}

#[test]
fn scope_returns_and_joins_values_that_borrow() {
    everywhere(|| {
        let words = ["a", "bb", "ccc"];
        let longest = thread::scope(|s| {
            let handles = words.each_ref().map(|word| s.spawn(move || *word));
            let joined = handles.map(|handle| handle.join().unwrap());
            *joined.iter().max_by_key(|word| word.len()).unwrap()
        });
        assert_eq!(longest, "ccc");
    });
}

#[test]
fn scope_waits_for_children_nobody_joins() {
    everywhere(|| {
        let ended = AtomicUsize::new(0);
        thread::scope(|s| {
            for i in 0..50 {
                let ended = &ended;
                s.spawn(move || {
                    thread::sleep(Duration::from_micros(20 * i));
                    ended.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        assert_eq!(ended.load(Ordering::Relaxed), 50);
    });
}

#[test]
fn scope_children_spawn_siblings() {
    everywhere(|| {
        let count = AtomicUsize::new(0);
        thread::scope(|s| {
            for _ in 0..5 {
                s.spawn(|| {
                    thread::yield_now();
                    for _ in 0..5 {
                        s.spawn(|| {
                            thread::yield_now();
                            s.spawn(|| count.fetch_add(1, Ordering::Relaxed));
                        });
                    }
                });
            }
        });
        assert_eq!(count.load(Ordering::Relaxed), 25);
    });
}

#[test]
fn scopes_nest() {
    everywhere(|| {
        fn count(depth: u32) -> u32 {
            if depth == 0 {
                return 1;
            }
            thread::scope(|s| {
                let halves = [(); 2].map(|()| s.spawn(move || count(depth - 1)));
                halves.map(|half| half.join().unwrap()).iter().sum()
            })
        }
        assert_eq!(count(6), 64);
    });
}

#[test]
fn scope_builder_names_its_children() {
    everywhere(|| {
        thread::scope(|s| {
            let named = Builder::new().name("child".into()).stack_size(64 * 1024);
            let child = named
                .spawn_scoped(s, || thread::current().name().map(str::to_owned))
                .unwrap();
            assert_eq!(child.thread().name(), Some("child"));
            assert_eq!(child.join().unwrap().as_deref(), Some("child"));
        });
    });
}

#[test]
fn scope_joins_on_panic() {
    everywhere(|| {
        let ended = Flag::default();
        let text = panic_text(|| {
            thread::scope(|s| {
                s.spawn(|| {
                    thread::sleep(SHORT);
                    ended.raise();
                });
                panic::resume_unwind(Box::new("the body's"));
            });
        });
        assert_eq!(text, "the body's");
        assert!(ended.is_up(), "the child outlived its scope");
    });
}

#[test]
fn scope_joins_on_cancel() {
    on_private_runtimes(|| {
        let (is_parked, child_ended, parent_unwound) =
            (Flag::default(), Flag::default(), Flag::default());
        let (parked, ended, unwound) = (
            is_parked.clone(),
            child_ended.clone(),
            parent_unwound.clone(),
        );
        let parent = thread::spawn_local(move || {
            let mut borrowed = 0;
            let _unwound = unwound.on_drop();
            thread::scope(|s| {
                s.spawn(|| {
                    let _ended = ended.on_drop();
                    borrowed += 1;
                    // Its destructors may take their time: the scope waits.
                    let slow = scope_guard(|| thread::sleep(SHORT));
                    parked.raise();
                    thread::park();
                    drop(slow);
                });
                // Cancelled in the body, not in the scope's own wait.
                thread::park();
            });
        });
        until(|| is_parked.is_up());
        assert_eq!(parent.cancel(), CancelOutcome::Requested);
        until(|| parent_unwound.is_up());
        assert!(child_ended.is_up(), "the parent unwound before its child");
        assert_cancelled(parent.join());
    });
}

/// Runs `f` when dropped.
fn scope_guard(f: impl FnMut()) -> impl Drop {
    struct Guard<F: FnMut()>(F);
    impl<F: FnMut()> Drop for Guard<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }
    Guard(f)
}

#[test]
fn scope_cancels_unstarted_children_and_grandchildren() {
    on_every_runtime(|| {
        let census = Census::default();
        let theirs = census.clone();
        let is_parked = Flag::default();
        let parked = is_parked.clone();
        let parent = thread::spawn_local(move || {
            thread::scope(|s| {
                for _ in 0..20 {
                    let captured = theirs.make();
                    let theirs = &theirs;
                    s.spawn(move || {
                        let _captured = captured;
                        let inner = theirs.make();
                        thread::scope(|s| {
                            s.spawn(move || {
                                let _inner = inner;
                                thread::park();
                            });
                        });
                    });
                }
                parked.raise();
                thread::park();
            });
        });
        until(|| is_parked.is_up());
        parent.cancel();
        assert_cancelled(parent.join());
        assert_eq!(census.made(), census.dropped());
    });
}

#[test]
fn scope_masks_its_wait_for_shielded_children() {
    on_every_runtime(|| {
        let (child_done, (send, receive)) = (Flag::default(), mpsc::channel());
        let done = child_done.clone();
        let parent = thread::spawn_local(move || {
            thread::scope(|s| {
                let (done, send) = (&done, send);
                s.spawn(move || {
                    greenroom::shield(|| {
                        send.send(thread::current()).unwrap();
                        thread::park();
                    });
                    done.raise();
                });
            });
        });
        let mut child = receive.try_recv();
        until(|| {
            child = receive.try_recv();
            child.is_ok()
        });
        parent.cancel();
        parent.cancel();
        parent.thread().unpark();
        let_others_run();
        assert!(!parent.is_finished(), "its child still borrows");
        assert!(!child_done.is_up());
        child.unwrap().unpark();
        assert_cancelled(parent.join());
        assert!(child_done.is_up());
    });
}

#[test]
fn scope_with_an_unjoined_panic_says_a_scoped_thread_panicked() {
    everywhere(|| {
        let text = panic_text(|| {
            thread::scope(|s| {
                s.spawn(|| panic::resume_unwind(Box::new("unseen")));
                s.spawn(thread::yield_now);
            });
        });
        assert_eq!(text, "a scoped thread panicked");
        let text = panic_text(|| {
            thread::scope(|s| {
                s.spawn(|| panic::resume_unwind(Box::new("unseen")));
                panic::resume_unwind(Box::new("the body's goes first"));
            });
        });
        assert_eq!(text, "the body's goes first");
    });
}

#[test]
fn scope_with_a_joined_panic_is_handled() {
    everywhere(|| {
        thread::scope(|s| {
            let child = s.spawn(|| panic::resume_unwind(Box::new("seen")));
            let payload: Box<_> = match child.join() {
                Ok(()) => unreachable!(),
                Err(payload) => payload,
            };
            assert_eq!(text(payload.as_ref()), "seen");
        });
    });
}

#[test]
fn scope_does_not_take_a_cancel_for_a_panic() {
    everywhere(|| {
        thread::scope(|s| {
            let joined = s.spawn(thread::park);
            let unjoined = s.spawn(|| thread::sleep(FOREVER));
            thread::yield_now();
            assert_eq!(joined.cancel(), CancelOutcome::Requested);
            unjoined.cancel();
            assert_cancelled(joined.join());
        });
        thread::scope(|s| {
            // Never started, unless on another worker.
            s.spawn(thread::park).cancel();
        });
    });
}

#[test]
fn scope_whose_child_passes_on_a_cancelled_payload_counts_right() {
    everywhere(|| {
        let pass_on = || {
            let inner = thread::spawn(thread::park);
            inner.cancel();
            inner
                .join()
                .unwrap_or_else(|payload| panic::resume_unwind(payload));
        };
        thread::scope(|s| assert_cancelled(s.spawn(pass_on).join()));
        // A later panic is still seen.
        let text = panic_text(|| {
            thread::scope(|s| {
                assert_cancelled(s.spawn(pass_on).join());
                s.spawn(|| panic::resume_unwind(Box::new("unseen")));
            });
        });
        assert_eq!(text, "a scoped thread panicked");
    });
}

#[test]
fn scope_with_a_panic_in_an_unstarted_childs_captures_counts_right() {
    struct PanicsInDrop;
    impl Drop for PanicsInDrop {
        fn drop(&mut self) {
            panic::resume_unwind(Box::new("in a capture's destructor"));
        }
    }
    let _watchdog = watchdog();
    // One worker: nobody can have started the child before it is cancelled.
    Rt::with_workers(1).run(|| {
        for is_joined in [true, false] {
            let outcome = panic::catch_unwind(|| {
                thread::scope(|s| {
                    let captured = PanicsInDrop;
                    let child = s.spawn(move || {
                        let _captured = &captured;
                        thread::park();
                    });
                    child.cancel();
                    if is_joined {
                        let payload = child.join().expect_err("the capture panics");
                        assert_eq!(text(payload.as_ref()), "in a capture's destructor");
                    }
                });
            });
            assert_eq!(outcome.is_ok(), is_joined, "a joined panic is handled");
        }
    });
}

#[test]
fn scope_of_many_children_that_end_in_any_order() {
    for_each_runtime(|rt| {
        rt.run(|| {
            let count = AtomicUsize::new(0);
            thread::scope(|s| {
                let children: Vec<_> = (0..20_000)
                    .map(|_| {
                        s.spawn(|| {
                            thread::park();
                            count.fetch_add(1, Ordering::Relaxed);
                        })
                    })
                    .collect();
                // The last first: the scope waits for the last one it knows, again and again.
                for child in children.iter().rev() {
                    child.thread().unpark();
                }
            });
            assert_eq!(count.load(Ordering::Relaxed), 20_000);
        });
    });
}
