//! `greenroom::thread_local!`: variables of which each green thread has its own.
//!
//! How keys look and what they hold is here; first uses are in `local_key/first_use.rs`, destructors of
//! green threads in `local_key/ends.rs`, OS threads and the end of a runtime in `local_key/outside.rs`.

mod common;

#[path = "local_key/ends.rs"]
mod ends;
#[path = "local_key/first_use.rs"]
mod first_use;
#[path = "local_key/outside.rs"]
mod outside;

use common::{Rng, everywhere, let_others_run, on_every_runtime, text};
use greenroom::thread::{self, AccessError, LocalKey};
use std::cell::{Cell, RefCell};
use std::panic;
use std::rc::Rc;

mod declared {
    use std::cell::Cell;

    greenroom::thread_local!();
    greenroom::thread_local!(static BARE: u8 = 1);
    greenroom::thread_local! {
        /// With documentation and an attribute.
        #[cfg(all())]
        static UNUSED: u8 = 2;
        pub(crate) static CRATE: Cell<&str> = Cell::new("of the crate");
        pub static PUBLIC: [u8; 2] = const { [3, 4] };
        static SUM: u8 = const { 5 } + 1;
        pub(super) static LAST: Cell<Option<&'static str>> = const {
            let text = "a block";
            Cell::new(Some(text))
        }
    }

    pub(crate) fn private() -> (u8, u8) {
        (BARE.with(|bare| *bare), SUM.with(|sum| *sum))
    }
}

#[test]
fn declaration_takes_stds_syntax() {
    everywhere(|| {
        assert_eq!(declared::private(), (1, 6));
        assert_eq!(declared::CRATE.get(), "of the crate");
        assert_eq!(declared::PUBLIC.with(|bytes| *bytes), [3, 4]);
        assert_eq!(declared::LAST.take(), Some("a block"));
        {
            use greenroom::thread_local;
            thread_local! { static IN_A_BODY: u8 = 7 }
            assert_eq!(IN_A_BODY.with(|value| *value), 7);
        }
        declared::LAST.set(Some("a block"));
    });
}

greenroom::thread_local! {
    static NUMBER: Cell<u64> = const { Cell::new(0) };
    static TEXT: RefCell<String> = RefCell::new("first".to_owned());
    static SHARED: Rc<Cell<u64>> = Rc::default();
}

#[test]
fn value_of_each_green_thread_is_its_own() {
    on_every_runtime(|| {
        NUMBER.set(u64::MAX);
        let tasks: Vec<_> = (0..200)
            .map(|n| {
                thread::spawn(move || {
                    assert_eq!(NUMBER.get(), 0, "nothing is inherited");
                    let mut rng = Rng::seeded();
                    NUMBER.set(n);
                    for _ in 0..rng.below(20) {
                        thread::yield_now();
                        assert_eq!(NUMBER.get(), n);
                        SHARED.with(|shared| shared.set(shared.get() + 1));
                    }
                    let counted = SHARED.with(|shared| Rc::clone(shared).get());
                    thread::spawn_local(move || {
                        assert_eq!((NUMBER.get(), SHARED.with(|shared| shared.get())), (0, 0));
                        counted
                    })
                    .join()
                    .unwrap()
                })
            })
            .collect();
        for task in tasks {
            assert!(task.join().unwrap() < 20);
        }
        assert_eq!(NUMBER.get(), u64::MAX);
    });
}

#[test]
fn value_is_the_tasks_on_whatever_stack_it_runs() {
    on_every_runtime(|| {
        NUMBER.set(1);
        let inside = greenroom::with_big_stack(4 << 20, || {
            thread::yield_now();
            NUMBER.replace(2)
        });
        assert_eq!((inside.unwrap(), NUMBER.get()), (1, 2));
        let of_the_pool = greenroom::unblock(|| NUMBER.get());
        assert_eq!(of_the_pool, 0, "that of an OS thread");
        thread::scope(|s| {
            s.spawn(|| assert_eq!(NUMBER.get(), 0));
        });
        assert_eq!(NUMBER.take(), 2);
    });
}

#[test]
fn reference_stays_good_across_parks_and_growth() {
    greenroom::thread_local! {
        static A: RefCell<Vec<u64>> = RefCell::new(vec![1]);
        static B: [u64; 64] = [2; 64];
        static C: String = String::from("three");
    }
    everywhere(|| {
        A.set(vec![1]);
        A.with(|a| {
            let neighbour = thread::spawn(|| A.with_borrow_mut(|a| a.push(7)));
            let_others_run();
            a.borrow_mut().push(B.with(|b| b.iter().sum()));
            neighbour.join().unwrap();
            assert_eq!(C.with(String::len), 5);
            a.borrow_mut().push(3);
        });
        assert_eq!(A.take(), [1, 128, 3]);
    });
}

#[test]
fn values_of_any_size_and_alignment_fit() {
    #[repr(align(256))]
    struct Wide(Cell<u8>);
    struct Nothing;
    greenroom::thread_local! {
        static WIDE: Wide = const { Wide(Cell::new(9)) };
        static NOTHING: Nothing = const { Nothing };
        static LARGE: [Cell<u64>; 8192] = [const { Cell::new(5) }; 8192];
    }
    everywhere(|| {
        WIDE.with(|wide| {
            assert_eq!(std::ptr::from_ref(wide).addr() % 256, 0);
            assert_eq!(wide.0.get(), 9);
        });
        NOTHING.with(|Nothing| ());
        LARGE.with(|large| assert!(large.iter().all(|value| value.get() == 5)));
    });
}

#[test]
fn cell_shorthands_agree_with_cells() {
    everywhere(|| {
        NUMBER.set(3);
        assert_eq!(NUMBER.get(), 3);
        assert_eq!(NUMBER.replace(4), 3);
        assert_eq!((NUMBER.take(), NUMBER.get()), (4, 0));
        TEXT.set("set".to_owned());
        TEXT.with_borrow(|text| assert_eq!(text, "set"));
        TEXT.with_borrow_mut(|text| text.push('!'));
        assert_eq!(TEXT.replace("new".to_owned()), "set!");
        assert_eq!((TEXT.take(), TEXT.take()), ("new".into(), String::new()));
    });
}

#[test]
fn borrowed_value_panics_as_a_refcell_does_and_stays_usable() {
    type Use = fn();
    let uses: [Use; 5] = [
        || TEXT.with_borrow(|_| ()),
        || TEXT.with_borrow_mut(|_| ()),
        || TEXT.set(String::new()),
        || drop(TEXT.take()),
        || drop(TEXT.replace(String::new())),
    ];
    everywhere(|| {
        TEXT.set("kept".to_owned());
        for a_use in uses {
            let payload =
                TEXT.with_borrow_mut(|_| panic::catch_unwind(a_use).expect_err("it is borrowed"));
            assert!(text(payload.as_ref()).contains("already"), "{payload:?}");
            assert_eq!(TEXT.with_borrow(String::clone), "kept");
        }
    });
}

/// A destructor that runs inside `set` may use the key, as the value is in place by then.
#[test]
fn old_value_dropped_by_set_may_use_the_key() {
    struct Looks;
    impl Drop for Looks {
        fn drop(&mut self) {
            CELL.with_borrow(|now| assert!(now.is_none()));
        }
    }
    greenroom::thread_local! {
        static CELL: RefCell<Option<Looks>> = const { RefCell::new(None) };
    }
    everywhere(|| {
        CELL.set(Some(Looks));
        CELL.set(None);
    });
}

#[test]
fn debug_and_errors_read_as_stds() {
    std::thread_local! {
        static THEIRS: u8 = const { 1 };
    }
    assert_eq!(format!("{NUMBER:?}"), format!("{THEIRS:?}"));
    struct Reports(std::sync::mpsc::Sender<AccessError>);
    impl Drop for Reports {
        fn drop(&mut self) {
            let error = LAST.try_with(|_| ()).unwrap_err();
            let _ = self.0.send(error);
        }
    }
    greenroom::thread_local! {
        static LAST: RefCell<Option<Reports>> = const { RefCell::new(None) };
    }
    let (sender, errors) = std::sync::mpsc::channel();
    thread::spawn(move || LAST.set(Some(Reports(sender))))
        .join()
        .unwrap();
    let error = errors.recv().unwrap();
    assert_eq!(format!("{error:?}"), "AccessError");
    assert_eq!(error.to_string(), "already destroyed");
    let _: &dyn std::error::Error = &error;
}

#[test]
fn key_is_shared_by_threads_whatever_it_holds() {
    fn is_shared<T: Send + Sync + panic::UnwindSafe + panic::RefUnwindSafe>(_: &'static T) {}
    is_shared::<LocalKey<Rc<Cell<u64>>>>(&SHARED);
}
