//! Stands in for `runtime/sched/worker.rs`: its loop, without tasks that run and without a driver.

use super::group::{Group, Phase};
use super::shared::Shared;
use crate::sys::atomic::{AtomicU32, Ordering};
use crate::sys::clock::{self, NEVER_NS};
use crate::task::TaskPtr;

/// Until when a lookout sleeps at most.
pub(crate) const LOOK_AROUND_NS: u64 = 10;

/// Mirrors the handshake of `Worker::idle`. Without a limit a lost ring is a deadlock, not a delay.
pub(crate) fn idle(place: &Shared, limit_ns: u64, has_work: impl FnOnce() -> bool) {
    place.sleep.announce();
    if !has_work() {
        place.poller.wait(limit_ns);
    }
    place.sleep.awake();
}

/// Mirrors `Worker::work` and `Worker::idle`: runs closures, its own and others', until the group
/// ends. Whoever runs the last one ends it.
pub(crate) fn work(group: &Group, me: usize, left: &AtomicU32) {
    let workers = &group.workers;
    loop {
        let task =
            (0..workers.len()).find_map(|step| workers[(me + step) % workers.len()].deque.pop());
        if task.is_some() {
            if left.fetch_sub(1, Ordering::Relaxed) == 1 {
                group.set_phase(Phase::Stopping);
            }
        } else if group.phase() == Phase::Running {
            fall_asleep(group, workers[me]);
        } else {
            return;
        }
    }
}

fn fall_asleep(group: &Group, place: &Shared) {
    group.fall_asleep();
    place.sleep.announce();
    let is_lookout = !group.all_asleep();
    if is_lookout {
        group.begin_lookout();
    }
    let has_work = group.workers.iter().any(|worker| worker.deque.len() > 0)
        || group.phase() != Phase::Running;
    if !has_work {
        place
            .poller
            .wait(if is_lookout { LOOK_AROUND_NS } else { NEVER_NS });
    }
    place.sleep.awake();
    group.wake_up();
    if is_lookout {
        group.end_lookout();
    }
}

/// Worker `me` wakes up on an event of its own, and runs a task that spawns `tasks` and computes on
/// for long: mirrors `submit` of `runtime/sched/place.rs`.
pub(crate) fn spawn_and_compute(group: &Group, me: usize, tasks: impl Iterator<Item = TaskPtr>) {
    group.workers[me].sleep.awake();
    group.wake_up();
    for task in tasks {
        let length = group.workers[me].deque.push(task);
        let length = length.expect("because the worker has not left");
        if length > 1 || !group.has_lookout() {
            group.wake_one();
        }
    }
    clock::advance(LOOK_AROUND_NS);
}

/// Worker `me` begins asleep, as [`spawn_and_compute`] finds it.
pub(crate) fn begin_asleep(group: &Group, me: usize) {
    group.fall_asleep();
    group.workers[me].sleep.announce();
}
