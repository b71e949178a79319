//! First uses: when initialisers run, and those that panic, park, are interrupted, or use their own key.

use crate::common::{Census, Counted, FOREVER, Flag, SHORT, assert_cancelled};
use crate::common::{on_every_runtime, text, until};
use greenroom::thread;
use std::cell::{Cell, RefCell};
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn initialiser_runs_once_per_green_thread_and_not_before_the_first_use() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    greenroom::thread_local! {
        static LAZY: usize = RUNS.fetch_add(1, Ordering::Relaxed);
    }
    on_every_runtime(|| {
        let before = RUNS.load(Ordering::Relaxed);
        let users: Vec<_> = (0..50)
            .map(|n| {
                thread::spawn(move || {
                    if n % 2 == 0 {
                        return None;
                    }
                    let first = LAZY.with(|run| *run);
                    thread::yield_now();
                    assert_eq!(LAZY.with(|run| *run), first);
                    Some(first)
                })
            })
            .collect();
        let mut runs: Vec<_> = users
            .into_iter()
            .filter_map(|user| user.join().unwrap())
            .collect();
        runs.sort_unstable();
        assert_eq!(runs, (before..before + 25).collect::<Vec<_>>());
    });
}

#[test]
fn first_set_runs_no_initialiser() {
    greenroom::thread_local! {
        static NUMBER: Cell<u8> = panic!("not run");
        static TEXT: RefCell<String> = panic!("not run");
    }
    on_every_runtime(|| {
        NUMBER.set(1);
        TEXT.set("set".into());
        assert_eq!((NUMBER.get(), TEXT.take()), (1, "set".into()));
    });
}

#[test]
fn initialiser_that_panics_is_tried_again_at_the_next_use() {
    greenroom::thread_local! {
        static TRIES: Cell<u8> = const { Cell::new(0) };
        static THIRD: u8 = {
            TRIES.set(TRIES.get() + 1);
            assert_eq!(TRIES.get(), 3, "not yet");
            3
        };
    }
    on_every_runtime(|| {
        for _ in 0..2 {
            let payload = panic::catch_unwind(|| THIRD.with(|_| ())).unwrap_err();
            assert!(text(payload.as_ref()).contains("not yet"));
        }
        assert_eq!(THIRD.with(|value| *value), 3);
        assert_eq!(TRIES.get(), 3);
    });
}

#[test]
fn initialiser_may_park_and_be_interrupted() {
    greenroom::thread_local! {
        static SLOW: RefCell<bool> = const { RefCell::new(true) };
        static VALUE: u8 = {
            thread::sleep(if SLOW.take() { FOREVER } else { SHORT });
            1
        };
    }
    let times_out_at_first = || {
        assert!(greenroom::timeout(SHORT, || VALUE.with(|_| ())).is_err());
        assert_eq!(VALUE.with(|value| *value), 1, "SLOW was taken");
    };
    std::thread::spawn(times_out_at_first).join().unwrap();
    on_every_runtime(times_out_at_first);
    on_every_runtime(|| {
        let waits = Flag::default();
        let waiting = waits.clone();
        let task = thread::spawn(move || {
            waiting.raise();
            VALUE.with(|_| ());
        });
        until(|| waits.is_up());
        task.cancel();
        assert_cancelled(task.join());
    });
}

/// As std's: the use inside initialises the key, and the value from outside takes its place.
#[test]
fn initialiser_that_uses_its_own_key_replaces_the_value_from_inside() {
    struct Layer(u8, #[expect(dead_code, reason = "counts")] Option<Counted>);
    greenroom::thread_local! {
        static CENSUS: RefCell<Option<Census>> = const { RefCell::new(None) };
        static DEPTH: Cell<u8> = const { Cell::new(0) };
        static KEY: Layer = {
            let depth = DEPTH.replace(DEPTH.get() + 1);
            if depth < 3 {
                KEY.with(|inner| assert_eq!(inner.0, depth + 1));
            }
            Layer(depth, CENSUS.with_borrow(|census| census.as_ref().map(Census::make)))
        };
    }
    on_every_runtime(|| {
        let census = Census::default();
        let kept = census.clone();
        let user = thread::spawn(move || {
            CENSUS.set(Some(kept.clone()));
            KEY.with(|outer| assert_eq!(outer.0, 0));
            assert_eq!((kept.made(), kept.dropped()), (4, 3));
            KEY.with(|outer| assert_eq!(outer.0, 0));
        });
        user.join().unwrap();
        assert_eq!((census.made(), census.dropped()), (4, 4));
    });
}

/// The same with `set` in the initialiser, and with a value whose destructor uses the key.
#[test]
fn value_replaced_by_its_own_initialiser_may_use_the_key_in_its_destructor() {
    struct Looks(u8);
    impl Drop for Looks {
        fn drop(&mut self) {
            if self.0 == 1 {
                KEY.with_borrow(|now| assert_eq!(now.0, 2));
            } else {
                assert!(KEY.try_with(|_| ()).is_err());
            }
        }
    }
    greenroom::thread_local! {
        static KEY: RefCell<Looks> = {
            KEY.set(Looks(1));
            RefCell::new(Looks(2))
        };
    }
    on_every_runtime(|| {
        let user = thread::spawn(|| KEY.with_borrow(|value| value.0));
        assert_eq!(user.join().unwrap(), 2);
    });
}
