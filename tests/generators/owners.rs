//! Whose a generator is: resumed by others it panics, dropped by others or too late it leaks.

use crate::common::{Flag, RaiseOnDrop, on_every_runtime, watchdog};
use crate::complaint::complaint;
use greenroom::generator::{Builder, Generator, State, Yielder};
use greenroom::thread::{self, spawn_local};
use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::sync::mpsc::channel;

type Numbers = Generator<(), u32>;

const SENTENCE: &str = "a generator belongs to the green thread or OS thread that made it";

/// Yields 1 and 2; raises the flag when its body ends.
fn watched(ended: &Flag) -> Numbers {
    let held = ended.on_drop();
    Generator::new(move |y| {
        let _held = held;
        y.yield_(1);
        y.yield_(2);
    })
}

#[track_caller]
fn assert_refused<T>(call: impl FnOnce() -> T) {
    let text = complaint(call);
    assert!(text.starts_with(SENTENCE), "{text}");
    assert!(text.contains("(at tests/generators/owners.rs:"), "{text}");
}

#[test]
fn generator_resumed_by_a_neighbour_panics_and_stays_as_it_was() {
    on_every_runtime(|| {
        let ended = Flag::default();
        let (created, mut suspended) = (watched(&Flag::default()), watched(&ended));
        suspended.next();
        let mut finished = Numbers::new(|_| ());
        finished.next();
        let neighbour = spawn_local(move || {
            let mut created = created;
            assert_refused(|| created.start());
            assert_refused(|| created.next());
            assert_refused(|| created.close());
            assert_refused(|| created.throw(Box::new(())));
            assert_eq!(created.state(), State::Created);
            assert_refused(|| suspended.next());
            assert_refused(|| suspended.send(()));
            assert_refused(|| suspended.close());
            assert_refused(|| suspended.throw(Box::new(())));
            assert_eq!(suspended.state(), State::Suspended);
            // There is nothing left that could be somebody's.
            assert_eq!((finished.next(), finished.close()), (None, None));
            (created, suspended)
        });
        let (mut created, mut suspended) = neighbour.join().unwrap();
        assert!(!ended.is_up());
        assert_eq!((created.next(), suspended.next()), (Some(1), Some(2)));
        drop(suspended);
        assert!(ended.is_up());
    });
}

#[test]
fn generator_resumed_by_the_generator_of_its_owner_works() {
    on_every_runtime(|| {
        let mut inner = watched(&Flag::default());
        assert_eq!(inner.next(), Some(1));
        let mut outer: Numbers = Generator::new(move |y| y.yield_(inner.next().unwrap() * 10));
        assert_eq!(outer.next(), Some(20));
    });
}

#[test]
fn generator_dropped_by_a_neighbour_leaks_its_body() {
    on_every_runtime(|| {
        let flags = [Flag::default(), Flag::default()];
        let [created, mut suspended] = flags.each_ref().map(watched);
        suspended.next();
        spawn_local(move || drop((created, suspended)))
            .join()
            .unwrap();
        assert!(!flags.iter().any(Flag::is_up));
    });
}

#[test]
fn generator_that_outlives_its_owner_is_refused_and_leaks() {
    on_every_runtime(|| {
        let ended = Flag::default();
        let theirs = ended.clone();
        let made = spawn_local(move || {
            let mut generator = watched(&theirs);
            generator.next();
            generator
        });
        let mut generator = made.join().unwrap();
        // A green thread that may use the dead one's slot again.
        let next = spawn_local(move || {
            assert_refused(|| generator.next());
            generator
        });
        let mut generator = next.join().unwrap();
        assert_refused(|| generator.next());
        drop(generator);
        assert!(!ended.is_up());
    });
}

#[test]
fn generator_that_its_owner_returns_ends_where_the_owner_is_joined_unheard() {
    // Nobody takes the result: it is dropped with the owner, or by the worker, but not twice.
    on_every_runtime(|| {
        let ended = Flag::default();
        let theirs = ended.clone();
        drop(spawn_local(move || {
            let mut generator = watched(&theirs);
            generator.next();
            generator
        }));
        for _ in 0..100 {
            thread::yield_now();
        }
    });
}

#[test]
fn generator_in_a_thread_local_of_a_worker_leaks_at_the_workers_end() {
    std::thread_local! {
        static KEPT: RefCell<Option<Numbers>> = const { RefCell::new(None) };
    }
    let _watchdog = watchdog();
    let ended = Flag::default();
    let runtime = greenroom::Runtime::builder().workers(1).build().unwrap();
    let theirs = ended.clone();
    runtime.run(move || {
        let mut generator = watched(&theirs);
        generator.next();
        KEPT.set(Some(generator));
    });
    runtime.run(|| {
        let mut generator = KEPT.take().unwrap();
        assert_refused(|| generator.next());
        KEPT.set(Some(generator));
    });
    drop(runtime);
    assert!(!ended.is_up());
}

#[test]
fn generator_in_a_local_of_its_owner_ends_with_its_owner() {
    greenroom::thread_local! {
        static OLDER: RefCell<Option<Numbers>> = const { RefCell::new(None) };
        static USED: RefCell<u32> = const { RefCell::new(0) };
        static NEWER: RefCell<Option<Numbers>> = const { RefCell::new(None) };
    }
    fn keeping(ended: &Flag) -> Numbers {
        let held = ended.on_drop();
        Generator::new(move |y| {
            let _held = held;
            USED.with(|used| {
                y.yield_(*used.borrow());
                *used.borrow_mut() += 1;
            });
        })
    }
    on_every_runtime(|| {
        let flags = [Flag::default(), Flag::default()];
        let theirs = flags.clone();
        let keeper = spawn_local(move || {
            OLDER.set(None);
            for (key, ended) in [&OLDER, &NEWER].into_iter().zip(&theirs) {
                let mut generator = keeping(ended);
                assert_eq!(generator.next(), Some(0));
                key.set(Some(generator));
            }
        });
        keeper.join().unwrap();
        assert!(flags.iter().all(Flag::is_up));
    });
}

/// Ends `body`'s thread, thread-locals and all.
fn on_a_thread<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    let _watchdog = watchdog();
    std::thread::spawn(body).join().unwrap()
}

std::thread_local! {
    static KEPT: RefCell<Option<Generator<(), u32>>> = RefCell::default();
    static LENT: RefCell<String> = const { RefCell::new(String::new()) };
    static LATE: AtEnd = const { AtEnd(Cell::new(None)) };
}

/// A body that keeps a borrow of `LENT`, and uses it in a destructor.
fn borrowing(ended: &Flag) -> Numbers {
    struct Check<'a>(
        &'a RefCell<String>,
        #[expect(dead_code, reason = "its drop")] RaiseOnDrop,
    );
    impl Drop for Check<'_> {
        fn drop(&mut self) {
            assert_eq!(*self.0.borrow(), "still there");
        }
    }
    let held = ended.on_drop();
    Generator::new(move |y| {
        LENT.with(|lent| {
            let _check = Check(lent, held);
            y.yield_all(0..);
        });
    })
}

#[test]
fn generator_kept_in_an_older_thread_local_leaks_at_the_threads_end() {
    // Thread-locals end in the reverse order of their first use: what the body borrows is gone first.
    let ended = Flag::default();
    let theirs = ended.clone();
    on_a_thread(move || {
        KEPT.set(None);
        LENT.set("still there".into());
        let mut generator = borrowing(&theirs);
        generator.next();
        KEPT.set(Some(generator));
    });
    assert!(!ended.is_up());
}

#[test]
fn generator_kept_in_a_newer_thread_local_ends_with_its_thread() {
    let ended = Flag::default();
    let theirs = ended.clone();
    on_a_thread(move || {
        LENT.set("still there".into());
        let mut generator = borrowing(&theirs);
        generator.next();
        KEPT.set(Some(generator));
    });
    assert!(ended.is_up());
}

/// Calls what it was given as the thread ends.
struct AtEnd(Cell<Option<Box<dyn FnOnce()>>>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        if let Some(call) = self.0.take() {
            call();
        }
    }
}

/// What a thread-local's destructor gets that makes a generator.
fn made_at_the_end(before: impl FnOnce() + Send + 'static) -> Result<u32, ErrorKind> {
    let (tell, told) = channel();
    on_a_thread(move || {
        LATE.with(|late| {
            late.0.set(Some(Box::new(move || {
                let made = Builder::new().make(|y: &Yielder<(), u32>| y.yield_all(0..5));
                let sum = made.map(Iterator::sum);
                tell.send(sum.map_err(|error| error.kind())).unwrap();
            })));
        });
        before();
    });
    told.recv().unwrap()
}

#[test]
fn generator_made_in_a_thread_locals_destructor_is_refused_after_the_end_of_strands() {
    let used = || assert_eq!(Numbers::new(|y| y.yield_(3)).next(), Some(3));
    assert_eq!(made_at_the_end(used), Err(ErrorKind::Other));
}

#[test]
fn generator_made_in_a_thread_locals_destructor_runs_if_it_is_the_first() {
    assert_eq!(made_at_the_end(|| ()), Ok(10));
}
