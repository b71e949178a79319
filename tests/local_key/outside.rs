//! Where no green thread ends: OS threads with values of their own, and runtimes that end first.

use crate::common::{Census, Counted, FOREVER, Flag, Rt, SHORT, for_each_runtime, is_child};
use crate::common::{run_as_child, until, watchdog};
use greenroom::Runtime;
use greenroom::thread;
use std::cell::RefCell;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

greenroom::thread_local! {
    static HELD: RefCell<Vec<Counted>> = const { RefCell::new(Vec::new()) };
    static LATER: RefCell<Vec<Counted>> = const { RefCell::new(Vec::new()) };
    static USES: RefCell<Option<Uses>> = const { RefCell::new(None) };
}

fn hold(census: &Census) {
    HELD.with_borrow_mut(|held| held.push(census.make()));
}

/// Uses another key when it is dropped.
struct Uses(Census);

impl Drop for Uses {
    fn drop(&mut self) {
        assert!(USES.try_with(|_| ()).is_err());
        HELD.with_borrow(|held| assert_eq!(held.len(), 1));
        LATER.with_borrow_mut(|later| later.push(self.0.make()));
        assert_eq!(LATER.with_borrow(Vec::len), 1);
    }
}

#[test]
fn os_threads_values_are_its_own_and_dropped_at_its_end() {
    for_each_runtime(|rt| {
        let census = Census::default();
        let outer = census.clone();
        std::thread::scope(|s| {
            let os_thread = s.spawn(|| {
                hold(&outer);
                rt.run(|| assert_eq!(HELD.with_borrow(Vec::len), 0));
                hold(&outer);
                assert_eq!(HELD.with_borrow(Vec::len), 2);
                assert_eq!(outer.dropped(), 0);
            });
            os_thread.join().unwrap();
        });
        assert_eq!((census.made(), census.dropped()), (2, 2));
    });
}

#[test]
fn os_threads_destructors_reach_other_keys() {
    let _watchdog = watchdog();
    let census = Census::default();
    let own = census.clone();
    let os_thread = std::thread::spawn(move || {
        hold(&own);
        USES.set(Some(Uses(own)));
    });
    os_thread.join().unwrap();
    assert_eq!((census.made(), census.dropped()), (2, 2));
}

/// Destructors of std's thread-locals come before or after ours: nothing is lost or dropped twice.
#[test]
fn keys_used_by_destructors_of_std_thread_locals_are_destroyed_or_refused() {
    struct Late(Census, Flag);
    impl Drop for Late {
        fn drop(&mut self) {
            for _ in 0..2 {
                let _ = HELD.try_with(|held| held.borrow_mut().push(self.0.make()));
            }
            self.1.raise();
        }
    }
    std::thread_local! {
        static STD: RefCell<Option<Late>> = const { RefCell::new(None) };
    }
    let _watchdog = watchdog();
    for is_std_first in [true, false] {
        for uses_ours in [true, false] {
            let (census, ran) = (Census::default(), Flag::default());
            let (own, late) = (census.clone(), Late(census.clone(), ran.clone()));
            let os_thread = std::thread::spawn(move || {
                if !is_std_first && uses_ours {
                    hold(&own);
                }
                STD.set(Some(late));
                if is_std_first && uses_ours {
                    hold(&own);
                }
            });
            os_thread.join().unwrap();
            assert!(ran.is_up());
            assert_eq!(census.made(), census.dropped());
        }
    }
}

#[test]
fn panicking_destructor_on_an_os_thread_aborts_like_std() {
    const SIGABRT: i32 = 6;
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in a local's destructor");
        }
    }
    greenroom::thread_local! {
        static PANICS: Panics = const { Panics };
    }
    let _watchdog = watchdog();
    if is_child() {
        let _ = std::thread::spawn(|| PANICS.with(|_| ())).join();
        unreachable!("the process has ended");
    }
    let output = run_as_child("outside::panicking_destructor_on_an_os_thread_aborts_like_std");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.signal(), Some(SIGABRT), "{text}");
    assert!(text.contains("thread local panicked on drop"), "{text}");
}

#[test]
fn shutdown_destroys_the_locals_of_the_tasks_it_ends() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        let census = Census::default();
        for _ in 0..50 {
            let own = census.clone();
            drop(runtime.spawn(move || {
                hold(&own);
                USES.set(Some(Uses(own)));
                thread::park();
            }));
        }
        until(|| census.made() == 50);
        let report = runtime.shutdown(FOREVER);
        assert!(report.abandoned.is_empty());
        assert_eq!((census.made(), census.dropped()), (100, 100));
    }
}

/// Whoever still runs may use its values; so they are leaked with the task, on no account dropped
/// elsewhere.
#[test]
fn locals_of_an_abandoned_task_are_never_dropped() {
    const GRACE: Duration = Duration::from_millis(50);
    struct Parks;
    impl Drop for Parks {
        fn drop(&mut self) {
            thread::sleep(FOREVER);
        }
    }
    greenroom::thread_local! {
        static PARKS: RefCell<Option<Parks>> = const { RefCell::new(None) };
    }
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        let census = Census::default();
        let (of_body, of_end) = (census.clone(), census.clone());
        let in_its_body = runtime.spawn(move || {
            hold(&of_body);
            greenroom::shield(|| thread::sleep(FOREVER));
        });
        let in_a_destructor = runtime.spawn(move || {
            hold(&of_end);
            PARKS.set(Some(Parks));
        });
        until(|| census.made() == 2);
        let report = runtime.shutdown(GRACE);
        assert_eq!(report.abandoned.len(), 2);
        assert!(in_its_body.join().is_err());
        assert!(in_a_destructor.join().is_err());
        assert_eq!(census.dropped(), 0);
    }
}

#[test]
fn values_of_the_worker_itself_are_no_green_threads() {
    let _watchdog = watchdog();
    std::thread_local! {
        static OF_THE_WORKER: RefCell<Option<Reports>> = const { RefCell::new(None) };
    }
    struct Reports(std::sync::mpsc::Sender<usize>);
    impl Drop for Reports {
        fn drop(&mut self) {
            let _ = self.0.send(HELD.with_borrow(Vec::len));
        }
    }
    let Rt::Private(runtime) = Rt::with_workers(1) else {
        unreachable!("it is private");
    };
    let (census, (tell, told)) = (Census::default(), std::sync::mpsc::channel());
    runtime.run(|| {
        hold(&census);
        thread::sleep(SHORT);
        OF_THE_WORKER.set(Some(Reports(tell)));
    });
    drop(runtime);
    assert_eq!(told.recv(), Ok(0), "the worker's OS thread has its own");
    assert_eq!(census.dropped(), 1);
}
