//! Falling asleep: no worker sleeps on work, and a sleeper is rung once.
//!
//! The worker's side is mirrored in `sched/worker.rs`, the bringer's side here: `submit` and `enqueue`
//! of `runtime/sched/place.rs`. A lost
//! ring is a deadlock, not a delay, unless the sleeper is a lookout.

use crate::check::{Seen, exhaust, exhaust_up_to};
use crate::context::stack::StackSize;
use crate::sched::current::run_as;
use crate::sched::group::{Group, Phase};
use crate::sched::shared::Shared;
use crate::sched::worker::{begin_asleep, idle, spawn_and_compute, work};
use crate::sched::{Settle, suspend};
use crate::sys::atomic::{AtomicU32, Ordering};
use crate::sys::clock::NEVER_NS;
use crate::task::state::Wake;
use crate::task::{Header, TaskPtr};
use loom::thread;
use std::ptr::NonNull;
use std::sync::Arc;

fn pointer(task: &Header) -> TaskPtr {
    TaskPtr::new(NonNull::from(task))
}

/// Takes `count` tasks out of its inbox, sleeping in between; returns how often it fell asleep.
fn serve_inbox(place: &Shared, count: usize) -> usize {
    let (mut taken, mut announced) = (0, 0);
    loop {
        place.inbox.take_all(|_| taken += 1);
        if taken == count {
            return announced;
        }
        announced += 1;
        idle(place, NEVER_NS, || !place.inbox.is_empty());
    }
}

/// One bringer, one worker.
pub fn inbox_against_sleep() {
    let seen = Seen::default();
    let ways = seen.clone();
    exhaust(move || {
        let place = Arc::new(Shared::new());
        let task = Arc::new(Header::new());
        let bringer = {
            let (place, task) = (Arc::clone(&place), Arc::clone(&task));
            thread::spawn(move || place.push(pointer(&task)).is_ok())
        };
        let announced = serve_inbox(&place, 1);
        assert!(bringer.join().expect("a bringer does not panic"));
        assert!(!place.sleep.is_asleep());
        ways.note(u32::from(announced > 0));
    });
    seen.assert_all(2);
}

/// Two bringers: the worker gets both tasks, and is rung at most once for each time it falls asleep.
pub fn two_bringers_ring_once() {
    exhaust_up_to(2, || {
        let place = Arc::new(Shared::new());
        let tasks = Arc::new([Header::new(), Header::new()]);
        let bringers = [0, 1].map(|mine| {
            let (place, tasks) = (Arc::clone(&place), Arc::clone(&tasks));
            thread::spawn(move || place.push(pointer(&tasks[mine])).is_ok())
        });
        let announced = serve_inbox(&place, 2);
        for bringer in bringers {
            assert!(bringer.join().expect("a bringer does not panic"));
        }
        assert!(place.poller.rings() <= announced, "one ring for each sleep");
    });
}

/// State word, inbox and sleep together: a task parks, its worker falls asleep, a wake from elsewhere
/// brings both back. The task's flag is Relaxed: the chain of the three carries it.
pub fn wake_from_elsewhere_reaches_a_sleeping_worker() {
    exhaust_up_to(3, || {
        let place = Arc::new(Shared::new());
        let task = Arc::new(Header::new());
        let flag = Arc::new(AtomicU32::new(0));
        let waker = {
            let (place, task, flag) = (Arc::clone(&place), Arc::clone(&task), Arc::clone(&flag));
            thread::spawn(move || {
                flag.store(1, Ordering::Relaxed);
                if task.state.wake() == Wake::Enqueue {
                    place
                        .push(pointer(&task))
                        .expect("because the worker stays");
                }
            })
        };
        if !task.state.take_notified() && task.state.settle_parked() {
            serve_inbox(&place, 1);
        }
        assert_eq!(flag.load(Ordering::Relaxed), 1, "the waker's writes");
        waker.join().expect("a waker does not panic");
    });
}

fn group(workers: usize) -> Arc<Group> {
    let group = Group::new("model".into(), StackSize, workers);
    Arc::new(group.expect("because a model has no descriptors to run out of"))
}

/// An OS thread submits one closure to a worker's deque while both workers fall asleep: some worker
/// runs it, and by the end of the group (`set_phase`) both come back.
pub fn submit_against_two_sleepers() {
    exhaust_up_to(2, || {
        let group = group(2);
        let task = Header::new();
        let left = Arc::new(AtomicU32::new(1));
        let workers = [0, 1].map(|me| {
            let (group, left) = (Arc::clone(&group), Arc::clone(&left));
            thread::spawn(move || work(&group, me, &left))
        });
        let target = group.workers[0];
        let length = target.deque.push(pointer(&task));
        assert_eq!(length, Ok(1));
        if target.sleep.must_ring() {
            target.poller.ring();
        } else {
            group.wake_one();
        }
        for worker in workers {
            worker.join().expect("a worker does not panic");
        }
    });
}

/// A worker wakes up for a task of its own, which spawns and then computes for long, while the other
/// worker falls asleep or wakes: the other runs the closures. Either it is rung, or it is a lookout
/// and finds them when its time is up.
fn spawns_against_sleep(count: usize) -> Seen {
    let seen = Seen::default();
    let rings = seen.clone();
    exhaust_up_to(2, move || {
        let group = group(2);
        let tasks = [Header::new(), Header::new()];
        let left = u32::try_from(count).expect("because there are two at most");
        let left = Arc::new(AtomicU32::new(left));
        begin_asleep(&group, 0);
        let idler = {
            let (group, left) = (Arc::clone(&group), Arc::clone(&left));
            thread::spawn(move || work(&group, 1, &left))
        };
        spawn_and_compute(&group, 0, tasks[..count].iter().map(pointer));
        idler.join().expect("a worker does not panic");
        rings.note(u32::from(group.workers[1].poller.rings() > 0));
    });
    seen
}

/// One closure.
pub fn spawn_of_a_busy_worker_is_found() {
    spawns_against_sleep(1).assert_all(2);
}

/// Two closures.
pub fn spawns_of_a_busy_worker_are_found() {
    spawns_against_sleep(2).assert_all(2);
}

/// The end of a runtime against a worker that falls asleep: `set_phase` is not slept through.
pub fn stopping_against_sleep() {
    exhaust(|| {
        let group = group(1);
        let worker = {
            let group = Arc::clone(&group);
            thread::spawn(move || work(&group, 0, &AtomicU32::new(1)))
        };
        group.set_phase(Phase::Stopping);
        worker.join().expect("a worker does not panic");
    });
}

/// A suspended task is on no stack but its own; the same loom thread may run another one meanwhile.
/// Two tasks on two workers wake each other once each: neither wake is lost.
pub fn two_tasks_wake_each_other() {
    exhaust_up_to(3, || {
        let tasks = Arc::new([Header::new(), Header::new()]);
        let flags = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
        let run = |me: usize, tasks: &[Header; 2], flags: &[AtomicU32; 2]| {
            run_as(&tasks[me], || {
                flags[1 - me].store(1, Ordering::Relaxed);
                if tasks[1 - me].state.wake() == Wake::Enqueue {
                    crate::sched::enqueue(pointer(&tasks[1 - me]));
                }
                while flags[me].load(Ordering::Relaxed) == 0 {
                    suspend(Settle::Park);
                }
            });
        };
        let other = {
            let (tasks, flags) = (Arc::clone(&tasks), Arc::clone(&flags));
            thread::spawn(move || run(1, &tasks, &flags))
        };
        run(0, &tasks, &flags);
        other.join().expect("a task does not panic");
    });
}
