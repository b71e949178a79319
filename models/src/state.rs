//! The state word: wakes are neither lost nor doubled, bits are taken once, a result has one owner.
//!
//! Flags are Relaxed on purpose: that the sleeper sees them is the state word's doing, or nobody's.

use crate::check::{Seen, exhaust, exhaust_up_to};
use crate::sched::current::run_as;
use crate::sched::{self, Settle, enqueue, suspend};
use crate::sys::atomic::{AtomicU32, Ordering};
use crate::task::state::{State, Wake};
use crate::task::{Header, TaskPtr};
use loom::cell::UnsafeCell;
use loom::thread;
use std::ptr::NonNull;
use std::sync::Arc;

/// What a waker does with a state's answer.
fn follow(wake: Wake, task: &Header) {
    if wake == Wake::Enqueue {
        enqueue(TaskPtr::new(NonNull::from(task)));
    }
}

/// One task that waits for one flag, one waker. After the one suspension the flag is visible, in each
/// of the three places where the wake can come; an enqueuing waker sees what the task wrote.
pub fn wake_against_suspend() {
    let seen = Seen::default();
    let paths = seen.clone();
    exhaust(move || {
        let task = Arc::new(Header::new());
        let flags = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
        let waker = {
            let (task, flags) = (Arc::clone(&task), Arc::clone(&flags));
            thread::spawn(move || {
                flags[0].store(1, Ordering::Relaxed);
                let wake = task.state.wake();
                if wake == Wake::Enqueue {
                    assert_eq!(flags[1].load(Ordering::Relaxed), 1, "the task's writes");
                }
                follow(wake, &task);
            })
        };
        run_as(&task, || {
            flags[1].store(1, Ordering::Relaxed);
            if flags[0].load(Ordering::Relaxed) == 0 {
                paths.note(suspend(Settle::Park) as u32);
                assert_eq!(flags[0].load(Ordering::Relaxed), 1, "the waker's writes");
            }
            sched::finish(&task);
        });
        waker.join().expect("a waker does not panic");
        task.assert_not_queued();
    });
    seen.assert_all(3);
}

/// Two wakers with a flag each; the task waits for both. The header's queue panics if both enqueue.
pub fn two_wakers_enqueue_once() {
    exhaust_up_to(2, || {
        let task = Arc::new(Header::new());
        let flags = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
        let wakers = [0, 1].map(|mine| {
            let (task, flags) = (Arc::clone(&task), Arc::clone(&flags));
            thread::spawn(move || {
                flags[mine].store(1, Ordering::Relaxed);
                follow(task.state.wake(), &task);
            })
        });
        run_as(&task, || {
            while flags.iter().any(|flag| flag.load(Ordering::Relaxed) == 0) {
                suspend(Settle::Park);
            }
            sched::finish(&task);
        });
        for waker in wakers {
            waker.join().expect("a waker does not panic");
        }
        task.assert_not_queued();
    });
}

/// Mirrors `park_until` of `runtime/thread/current.rs`, for a green thread.
fn park(task: &Header) {
    while !task.state.take_token() {
        suspend(Settle::Park);
    }
}

/// The user's `unpark` against `park`, while an internal wake comes too: the park ends by the token
/// only, sees what was written before the unpark, and takes the token.
pub fn unpark_against_park_and_internal_wake() {
    exhaust_up_to(2, || {
        let task = Arc::new(Header::new());
        let flag = Arc::new(AtomicU32::new(0));
        let unparker = {
            let (task, flag) = (Arc::clone(&task), Arc::clone(&flag));
            thread::spawn(move || {
                flag.store(1, Ordering::Relaxed);
                follow(task.state.unpark(), &task);
            })
        };
        let waker = {
            let task = Arc::clone(&task);
            thread::spawn(move || follow(task.state.wake(), &task))
        };
        run_as(&task, || {
            park(&task);
            assert_eq!(flag.load(Ordering::Relaxed), 1, "the unparker's writes");
            assert!(!task.state.take_token(), "the token is there once");
            sched::finish(&task);
        });
        unparker.join().expect("an unparker does not panic");
        waker.join().expect("a waker does not panic");
        task.assert_not_queued();
    });
}

/// A token that comes during an internal wait is kept for the next park.
pub fn unpark_during_an_internal_wait_is_kept() {
    exhaust_up_to(2, || {
        let task = Arc::new(Header::new());
        let flag = Arc::new(AtomicU32::new(0));
        let waker = {
            let (task, flag) = (Arc::clone(&task), Arc::clone(&flag));
            thread::spawn(move || {
                flag.store(1, Ordering::Relaxed);
                follow(task.state.wake(), &task);
            })
        };
        let unparker = {
            let task = Arc::clone(&task);
            thread::spawn(move || follow(task.state.unpark(), &task))
        };
        run_as(&task, || {
            while flag.load(Ordering::Relaxed) == 0 {
                suspend(Settle::Park);
            }
            park(&task);
            sched::finish(&task);
        });
        waker.join().expect("a waker does not panic");
        unparker.join().expect("an unparker does not panic");
    });
}

/// Two cancellers against a wait: the task notices, and is enqueued once.
pub fn cancel_against_suspend() {
    exhaust_up_to(2, || {
        let task = Arc::new(Header::new());
        let cancellers = [0, 1].map(|_| {
            let task = Arc::clone(&task);
            thread::spawn(move || follow(task.state.cancel(), &task))
        });
        run_as(&task, || {
            while !task.state.is_cancelled() {
                suspend(Settle::Park);
            }
            sched::finish(&task);
        });
        for canceller in cancellers {
            canceller.join().expect("a canceller does not panic");
        }
        task.assert_not_queued();
    });
}

/// `publish_result` against `drop_interest`: exactly one side owns the result, and sees all of it.
/// loom's cell reports a drop that is not ordered after the write.
pub fn result_has_exactly_one_owner() {
    let seen = Seen::default();
    let owners = seen.clone();
    exhaust(move || {
        let slot = Arc::new((State::new(), UnsafeCell::new(0)));
        let handle = {
            let slot = Arc::clone(&slot);
            thread::spawn(move || {
                let is_mine = slot.0.drop_interest();
                if is_mine {
                    take(&slot.1);
                }
                is_mine
            })
        };
        slot.1.with_mut(write);
        let is_handles = slot.0.publish_result();
        if !is_handles {
            take(&slot.1);
        }
        let handle_took = handle.join().expect("a handle does not panic");
        assert_eq!(is_handles, handle_took, "one owner, not two and not none");
        owners.note(u32::from(is_handles));
    });
    seen.assert_all(2);
}

#[expect(unsafe_code, reason = "loom's cell lends a raw pointer")]
fn write(place: *mut i32) {
    // SAFETY: loom's cell has checked that nobody else reaches it now.
    unsafe { *place = 42 };
}

#[expect(unsafe_code, reason = "loom's cell lends a raw pointer")]
pub(crate) fn take(cell: &UnsafeCell<i32>) {
    // SAFETY: loom's cell checks that nobody else reaches it meanwhile.
    let value = cell.with_mut(|place| unsafe { std::mem::take(&mut *place) });
    assert_eq!(value, 42, "taken once, and whole");
}

/// Mirrors the order of a task's end: the result, then its stack is given back, then done.
pub(crate) fn publish_and_finish(
    task: &Header,
    result: &UnsafeCell<i32>,
    stack_is_free: &AtomicU32,
) {
    result.with_mut(write);
    if !task.state.publish_result() {
        take(result);
    }
    stack_is_free.store(1, Ordering::Relaxed);
    sched::finish(task);
}
