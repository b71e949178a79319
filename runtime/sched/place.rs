//! Where tasks go: new ones to a worker, woken ones to their home.
//!
//! Never a system call for a spawn or wake on the same worker. A new task stays on the worker that
//! spawned it (its data is warm there) until an idle worker steals it; from an OS thread it goes to
//! the least loaded worker, into the queue that others may steal from, so a busy worker never holds
//! it up.

use super::current;
use super::group::Group;
use super::shared::Shared;
use crate::sys::atomic::Ordering;
use crate::sys::fatal;
use crate::task::TaskPtr;
use std::sync::Arc;

/// Enqueues a task whose state said "enqueue", at its home.
#[expect(
    unsafe_code,
    reason = "a task's home is a raw pointer to a place that is never freed"
)]
#[inline]
pub(crate) fn enqueue(task: TaskPtr) {
    let home = task
        .header()
        .home
        .load(Ordering::Relaxed)
        .cast_const()
        .cast::<Shared>();
    if let Some(worker) = current::worker()
        && std::ptr::eq(worker.shared, home)
    {
        worker.push(task);
        return;
    }
    // SAFETY: only started tasks are woken, a started task has a home, and places live for ever.
    let home = unsafe { &*home };
    if home.push(task).is_err() {
        // A worker leaves only when none of its started tasks is unfinished.
        fatal::abort(format_args!(
            "greenroom: a task was woken after its worker had left; aborting"
        ));
    }
}

/// Puts a new task where it will run.
pub(crate) fn submit(group: &Arc<Group>, task: TaskPtr) {
    if task.header().is_pinned {
        submit_pinned(task);
        return;
    }
    if let Some(worker) = current::worker()
        && Arc::ptr_eq(&worker.group, group)
    {
        let length = worker
            .shared
            .deque
            .push(task)
            .expect("because this worker has not left");
        // One closure is taken by this worker soon, or found by a lookout if the spawner computes on; a
        // second one is worth waking somebody.
        if length > 1 || !group.has_lookout() {
            group.wake_one();
        }
        return;
    }
    let mut task = task;
    loop {
        let target = least_loaded(group);
        match target.deque.push(task) {
            Ok(_) if target.sleep.must_ring() => return target.poller.ring(),
            Ok(_) => return group.wake_one(),
            // It left between the look and the push; a runtime that still takes spawns has another.
            Err(back) => task = back,
        }
    }
}

#[expect(
    unsafe_code,
    reason = "a task's home is a raw pointer to a place that is never freed"
)]
fn submit_pinned(task: TaskPtr) {
    let home = task
        .header()
        .home
        .load(Ordering::Relaxed)
        .cast_const()
        .cast::<Shared>();
    let here = current::worker();
    if let Some(worker) = here
        && std::ptr::eq(worker.shared, home)
    {
        worker.push(task);
        return;
    }
    // SAFETY: a pinned task has a home from the start, and places live for ever.
    if let Err(task) = unsafe { &*home }.push(task) {
        // The runtime is ending and that worker has left: here the closure is dropped as cancelled.
        let worker = here.expect("because only a worker of an ending runtime can come too late");
        task.header().home.store(
            std::ptr::from_ref(worker.shared).cast_mut().cast(),
            Ordering::Relaxed,
        );
        worker.push(task);
    }
}

/// The worker with the fewest tasks; of equals, one that sleeps.
pub(crate) fn least_loaded(group: &Group) -> &'static Shared {
    group
        .workers
        .iter()
        .copied()
        .min_by_key(|worker| (worker.load(), !worker.sleep.is_asleep()))
        .expect("because a runtime has at least one worker")
}
