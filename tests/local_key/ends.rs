//! The end of a green thread: its destructors run on its own stack, shielded, before `join` returns.

use crate::common::{Census, Counted, FOREVER, Flag, SHORT, assert_cancelled};
use crate::common::{for_each_runtime, is_child, on_every_runtime, run_as_child, until, watchdog};
use greenroom::thread;
use std::cell::{Cell, RefCell};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

greenroom::thread_local! {
    static HELD: RefCell<Vec<Counted>> = const { RefCell::new(Vec::new()) };
    /// Runs a closure when it is dropped.
    static AT_END: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
    static PLAIN: Cell<u8> = const { Cell::new(1) };
}

fn hold(census: &Census) {
    HELD.with_borrow_mut(|held| held.push(census.make()));
}

struct AtEnd(Option<Box<dyn FnOnce()>>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        if let Some(action) = self.0.take() {
            action();
        }
    }
}

fn at_end(action: impl FnOnce() + 'static) {
    AT_END.set(Some(AtEnd(Some(Box::new(action)))));
}

#[test]
fn destructors_have_run_when_join_returns_however_the_task_ended() {
    on_every_runtime(|| {
        let census = Census::default();
        let ends: [fn(); 5] = [
            || (),
            thread::yield_now,
            || panic!("an end like others"),
            || assert!(greenroom::timeout(SHORT, || thread::sleep(FOREVER)).is_err()),
            || drop(thread::spawn(|| ()).join()),
        ];
        for (n, end) in (1..).zip(ends) {
            let held = census.clone();
            let _ = thread::spawn(move || {
                hold(&held);
                end();
            })
            .join();
            assert_eq!((census.made(), census.dropped()), (n, n));
        }
    });
}

#[test]
fn destructors_of_a_cancelled_task_have_run_when_join_returns() {
    on_every_runtime(|| {
        let census = Census::default();
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let held = census.clone();
                thread::spawn(move || {
                    hold(&held);
                    thread::sleep(FOREVER);
                })
            })
            .collect();
        until(|| census.made() == 100);
        for (n, task) in tasks.into_iter().enumerate() {
            task.cancel();
            assert_cancelled(task.join());
            assert_eq!(census.dropped(), n + 1);
        }
    });
}

#[test]
fn destructors_of_every_kind_of_task_have_run_at_its_end() {
    for_each_runtime(|rt| {
        let census = Census::default();
        rt.run(|| hold(&census));
        assert_eq!(census.dropped(), 1, "run");
        rt.run(|| {
            thread::scope(|s| {
                s.spawn(|| hold(&census));
                s.spawn(|| hold(&census));
            });
            assert_eq!(census.dropped(), 3, "scope");
            let held = census.clone();
            thread::spawn_local(move || hold(&held)).join().unwrap();
            assert_eq!(census.dropped(), 4, "spawn_local");
            let held = census.clone();
            let finished = thread::spawn(move || hold(&held));
            until(|| finished.is_finished());
            assert_eq!(census.dropped(), 5, "is_finished");
        });
        let held = census.clone();
        drop(rt.spawn(move || hold(&held)));
        until(|| census.dropped() == 6);
    });
}

#[test]
fn task_cancelled_before_it_ran_destroys_what_its_captures_used() {
    struct Uses(Census);
    impl Drop for Uses {
        fn drop(&mut self) {
            hold(&self.0);
        }
    }
    on_every_runtime(|| {
        let census = Census::default();
        let captured = Uses(census.clone());
        let unused = thread::spawn_local(|| hold(&Census::default()));
        let task = thread::spawn_local(move || drop(captured));
        task.cancel();
        unused.cancel();
        assert_cancelled(task.join());
        assert_cancelled(unused.join());
        assert_eq!((census.made(), census.dropped()), (1, 1));
    });
}

#[test]
fn result_of_a_detached_task_is_dropped_while_its_locals_are_there() {
    struct Uses(Census, Flag);
    impl Drop for Uses {
        fn drop(&mut self) {
            assert_eq!(HELD.with_borrow(Vec::len), 1);
            assert_eq!(self.0.dropped(), 0);
            self.1.raise();
        }
    }
    on_every_runtime(|| {
        let (census, is_dropped) = (Census::default(), Flag::default());
        let (held, dropped) = (census.clone(), is_dropped.clone());
        drop(thread::spawn_local(move || {
            hold(&held);
            Uses(held, dropped)
        }));
        until(|| census.dropped() == 1);
        assert!(is_dropped.is_up());
    });
}

#[test]
fn destructor_may_park_and_join_waits_for_it() {
    on_every_runtime(|| {
        let is_over = Flag::default();
        let over = is_over.clone();
        let task = thread::spawn(move || {
            at_end(move || {
                let child = thread::spawn(|| {
                    thread::sleep(SHORT);
                    7
                });
                thread::yield_now();
                assert_eq!(child.join().unwrap(), 7);
                over.raise();
            });
        });
        task.join().unwrap();
        assert!(is_over.is_up());
    });
}

#[test]
fn destructor_runs_shielded_from_cancel_and_its_own_timeouts_work() {
    const PAUSE: Duration = Duration::from_millis(30);
    on_every_runtime(|| {
        let [is_ready, is_ending, is_over]: [Flag; 3] = std::array::from_fn(|_| Flag::default());
        let [ready, ending, over] = [&is_ready, &is_ending, &is_over].map(Flag::clone);
        let task = thread::spawn(move || {
            at_end(move || {
                ending.raise();
                let start = Instant::now();
                thread::sleep(PAUSE);
                assert!(start.elapsed() >= PAUSE, "cut short");
                greenroom::timeout(SHORT, || thread::sleep(FOREVER)).unwrap_err();
                over.raise();
            });
            ready.raise();
            thread::park();
        });
        // Cancelled in its body, and again while it ends.
        until(|| is_ready.is_up());
        task.cancel();
        until(|| is_ending.is_up());
        task.cancel();
        assert_cancelled(task.join());
        assert!(is_over.is_up());
    });
}

/// Writes its name into a list that outlives it, and looks at the others.
struct Named(&'static str, Log);

type Log = std::sync::Arc<std::sync::Mutex<Vec<String>>>;

impl Drop for Named {
    fn drop(&mut self) {
        let reachable = |key: &'static thread::LocalKey<RefCell<Option<Named>>>| {
            key.try_with(|value| match &*value.borrow() {
                Some(named) => named.0,
                None => "empty",
            })
            .unwrap_or("gone")
        };
        let [a, b, c] = [&A, &B, &C].map(reachable);
        let plain = PLAIN.try_with(Cell::get).expect("it has no destructor");
        let line = format!("{}: {a} {b} {c} {plain}", self.0);
        self.1.lock().unwrap().push(line);
    }
}

greenroom::thread_local! {
    static A: RefCell<Option<Named>> = const { RefCell::new(None) };
    static B: RefCell<Option<Named>> = const { RefCell::new(None) };
    static C: RefCell<Option<Named>> = const { RefCell::new(None) };
}

#[test]
fn destructors_run_last_initialised_first_and_reach_what_is_left() {
    on_every_runtime(|| {
        let log = Log::default();
        let (of_b, of_a) = (Named("b", log.clone()), Named("a", log.clone()));
        let task = thread::spawn(move || {
            B.set(Some(of_b));
            A.set(Some(of_a));
            // The newest, so it would be the first to go if it had a destructor.
            PLAIN.set(9);
        });
        task.join().unwrap();
        // C is first used by A's destructor, so it is the last that was initialised, and goes next.
        assert_eq!(
            *log.lock().unwrap(),
            ["a: gone b empty 9", "b: gone gone gone 9"]
        );
    });
}

#[test]
fn key_first_used_by_a_destructor_is_destroyed_too() {
    struct Link(Census, #[expect(dead_code, reason = "counts")] Counted, u8);
    impl Link {
        fn new(census: &Census, left: u8) -> Link {
            Link(census.clone(), census.make(), left)
        }
    }
    impl Drop for Link {
        fn drop(&mut self) {
            let next = match self.2 {
                3 => &SECOND,
                2 => &THIRD,
                _ => &FIRST,
            };
            thread::yield_now();
            let made = next.try_with(|next| next.set(Some(Link::new(&self.0, self.2 - 1))));
            assert_eq!(made.is_ok(), self.2 > 1, "the first key is gone");
        }
    }
    greenroom::thread_local! {
        static FIRST: Cell<Option<Link>> = const { Cell::new(None) };
        static SECOND: Cell<Option<Link>> = const { Cell::new(None) };
        static THIRD: Cell<Option<Link>> = const { Cell::new(None) };
    }
    on_every_runtime(|| {
        let census = Census::default();
        let own = census.clone();
        let task = thread::spawn(move || FIRST.set(Some(Link::new(&own, 3))));
        task.join().unwrap();
        assert_eq!((census.made(), census.dropped()), (3, 3));
    });
}

#[test]
fn destructors_run_on_the_tasks_own_worker() {
    on_every_runtime(|| {
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                thread::spawn(|| {
                    let home = std::thread::current().id();
                    let task = thread::current().id();
                    at_end(move || {
                        assert_eq!(std::thread::current().id(), home);
                        thread::yield_now();
                        assert_eq!(thread::current().id(), task);
                    });
                })
            })
            .collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
    });
}

#[test]
fn ten_thousand_tasks_drop_what_they_made_exactly_once() {
    on_every_runtime(|| {
        let census = Census::default();
        let tasks: Vec<_> = (0..10_000)
            .map(|n| {
                let held = census.clone();
                thread::spawn(move || {
                    (0..n % 4).for_each(|_| hold(&held));
                    if n % 3 == 0 {
                        thread::sleep(FOREVER);
                    }
                })
            })
            .collect();
        for (n, task) in tasks.iter().enumerate() {
            if n % 3 == 0 {
                task.cancel();
            }
        }
        tasks.into_iter().for_each(|task| drop(task.join()));
        assert_eq!(census.made(), census.dropped());
    });
}

#[test]
fn panicking_destructor_of_a_local_aborts_like_std() {
    const SIGABRT: i32 = 6;
    let _watchdog = watchdog();
    if is_child() {
        let _ = thread::spawn(|| at_end(|| panic!("in a local's destructor"))).join();
        unreachable!("the process has ended");
    }
    let output = run_as_child("ends::panicking_destructor_of_a_local_aborts_like_std");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.signal(), Some(SIGABRT), "{text}");
    assert!(text.contains("in a local's destructor"), "{text}");
    assert!(
        text.contains("fatal runtime error: thread local panicked on drop, aborting"),
        "{text}"
    );
}
