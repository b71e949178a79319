//! Joining: a task's end against those who wait for it, on green threads and OS threads.

use crate::check::{Seen, exhaust_up_to};
use crate::park::wait_list::{self, Mask, Outcome};
use crate::sched::current::run_as;
use crate::sched::{self, wake_queue};
use crate::state::{publish_and_finish, take};
use crate::sys::atomic::{AtomicU32, Ordering};
use crate::sys::clock::NEVER_NS;
use crate::task::{Header, WaitReason};
use loom::cell::UnsafeCell;
use loom::thread;
use std::sync::Arc;

/// Mirrors `has_ended` of `runtime/thread/join.rs`.
fn has_ended(task: &Header) -> bool {
    task.state.is_done() || task.state.is_abandoned()
}

/// Mirrors `wait_for_end` of `runtime/thread/join.rs`.
fn wait_for_end(task: &Header) -> Outcome<()> {
    if has_ended(task) {
        return Outcome::Ready(());
    }
    task.state.announce_joiner();
    wait_list::wait(
        &task.joiners,
        WaitReason::Join(1),
        NEVER_NS,
        Mask::Open,
        || has_ended(task).then_some(()),
    )
}

fn ended(seen: &Seen, join: impl Fn(&Header) + Copy + Send + Sync + 'static) {
    let seen = seen.clone();
    exhaust_up_to(3, move || {
        let target = Arc::new((Header::new(), UnsafeCell::new(0), AtomicU32::new(0)));
        let runner = {
            let target = Arc::clone(&target);
            thread::spawn(move || {
                run_as(&target.0, || {
                    publish_and_finish(&target.0, &target.1, &target.2);
                });
            })
        };
        seen.note(u32::from(has_ended(&target.0)));
        join(&target.0);
        assert!(target.0.state.is_done());
        take(&target.1);
        let stack_is_free = target.2.load(Ordering::Relaxed);
        assert_eq!(stack_is_free, 1, "all that the task's end did");
        runner.join().expect("a task does not panic");
    });
}

/// A green thread joins: woken once, and the result is there.
pub fn finish_against_a_green_joiner() {
    let seen = Seen::default();
    ended(&seen, |target| {
        let joiner = Header::new();
        run_as(&joiner, || {
            assert_eq!(wait_for_end(target), Outcome::Ready(()));
            sched::finish(&joiner);
        });
    });
    seen.assert_all(2);
}

/// An OS thread joins.
pub fn finish_against_an_os_joiner() {
    let seen = Seen::default();
    ended(&seen, |target| {
        assert_eq!(wait_for_end(target), Outcome::Ready(()));
    });
    seen.assert_all(2);
}

/// Two wait for one task: both come back.
pub fn finish_against_two_joiners() {
    exhaust_up_to(2, || {
        let target = Arc::new(Header::new());
        let runner = {
            let target = Arc::clone(&target);
            thread::spawn(move || run_as(&target, || sched::finish(&target)))
        };
        let green = {
            let target = Arc::clone(&target);
            let joiner = Arc::new(Header::new());
            thread::spawn(move || {
                run_as(&joiner, || {
                    assert_eq!(wait_for_end(&target), Outcome::Ready(()));
                    sched::finish(&joiner);
                });
            })
        };
        assert_eq!(wait_for_end(&target), Outcome::Ready(()));
        runner.join().expect("a task does not panic");
        green.join().expect("a joiner does not panic");
    });
}

/// The task's runtime ends with the task unfinished (`Worker::abandon`): its joiner comes back.
pub fn abandon_against_a_joiner() {
    exhaust_up_to(3, || {
        let target = Arc::new(Header::new());
        let worker = {
            let target = Arc::clone(&target);
            thread::spawn(move || {
                target.state.abandon();
                wake_queue(&target.joiners);
            })
        };
        assert_eq!(wait_for_end(&target), Outcome::Ready(()));
        assert!(!target.state.is_done());
        worker.join().expect("a worker does not panic");
    });
}
