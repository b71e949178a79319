//! `Scope::cancel_on_panic`: the first panic cancels the siblings, also those that come later.

use crate::common::{Census, FOREVER, assert_cancelled, everywhere, let_others_run, text, until};
use greenroom::thread;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn first_panic_cancels_the_siblings_and_the_scope_panics() {
    everywhere(|| {
        let census = Census::default();
        let scope = || {
            thread::scope(|s| {
                s.cancel_on_panic();
                for _ in 0..5 {
                    let value = census.make();
                    s.spawn(move || {
                        let _value = value;
                        thread::sleep(FOREVER);
                    });
                }
                s.spawn(|| {
                    let_others_run();
                    panic!("oh no");
                });
            });
        };
        let payload = catch_unwind(AssertUnwindSafe(scope)).unwrap_err();
        assert_eq!(text(payload.as_ref()), "a scoped thread panicked");
        assert_eq!(census.dropped(), 5);
    });
}

#[test]
fn sibling_spawned_after_the_panic_is_cancelled_too() {
    everywhere(|| {
        thread::scope(|s| {
            s.cancel_on_panic();
            s.cancel_on_panic();
            let failing = s.spawn(|| panic!("oh no"));
            until(|| failing.is_finished());
            let late = s.spawn(|| thread::sleep(FOREVER));
            assert_cancelled(late.join());
            assert!(failing.join().is_err());
        });
    });
}

#[test]
fn panic_of_a_child_that_was_not_asked_for_cancels_nobody() {
    everywhere(|| {
        thread::scope(|s| {
            let failing = s.spawn(|| panic!("before"));
            assert!(failing.join().is_err());
            s.cancel_on_panic();
            // A cancelled child is no panic either.
            let cancelled = s.spawn(thread::park);
            cancelled.cancel();
            assert_cancelled(cancelled.join());
            let child = s.spawn(|| {
                let_others_run();
                42
            });
            assert_eq!(child.join().unwrap(), 42);
        });
    });
}

#[test]
fn panicking_child_keeps_its_panic_and_unstarted_siblings_drop_their_closures() {
    everywhere(|| {
        let census = Census::default();
        thread::scope(|s| {
            s.cancel_on_panic();
            let failing = s.spawn(|| panic!("oh no"));
            let siblings: Vec<_> = (0..20)
                .map(|_| {
                    let value = census.make();
                    s.spawn(move || {
                        let _value = value;
                        thread::park();
                    })
                })
                .collect();
            for sibling in siblings {
                assert_cancelled(sibling.join());
            }
            assert_eq!(text(failing.join().unwrap_err().as_ref()), "oh no");
        });
        assert_eq!(census.dropped(), 20);
    });
}
