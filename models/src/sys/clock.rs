//! Stands in for `runtime/sys/clock.rs`, and for the timers behind it: time passes when a model says so.
//!
//! [`advance`] is what a worker does whose wheel fires, and what the kernel does to a thread whose
//! futex call times out. In the library a timer fires on the worker of its task, never while that
//! task runs; here it may come at any moment, which is more than the protocols must bear.
#![expect(unsafe_code, reason = "wakes tasks by pointer, as the driver does")]

use super::atomic::{AtomicU64, Ordering};
use super::event::Event;
use super::lock::Lock;
use crate::sched::enqueue;
use crate::task::state::Wake;
use crate::task::{Header, TaskPtr};
use std::ptr::NonNull;
use std::sync::Arc;

/// A deadline that never comes.
pub(crate) const NEVER_NS: u64 = u64::MAX;

/// Who is to be woken, and when.
enum Timer {
    Task(NonNull<Header>),
    /// A thread in a futex call on the word at this address.
    Thread(usize, Arc<Event>),
}

struct Clock {
    /// What threads read: without the lock, which would order more than a real clock does.
    shown_ns: AtomicU64,
    inner: Lock<Inner>,
}

struct Inner {
    now_ns: u64,
    timers: Vec<(u64, Timer)>,
}

// SAFETY: the pointers are to headers, which are shared between threads; loom's threads take turns
// on one OS thread.
unsafe impl Send for Clock {}
// SAFETY: as above.
unsafe impl Sync for Clock {}

loom::lazy_static! {
    static ref CLOCK: Clock = Clock {
        shown_ns: AtomicU64::new(0),
        inner: Lock::new(Inner { now_ns: 0, timers: Vec::new() }),
    };
}

pub(crate) fn now_ns() -> u64 {
    CLOCK.shown_ns.load(Ordering::Relaxed)
}

/// Time goes on to `now_ns`; everything that is due is woken.
pub(crate) fn advance(now_ns: u64) {
    CLOCK.shown_ns.store(now_ns, Ordering::Relaxed);
    let mut claimed = Vec::new();
    {
        let mut inner = CLOCK.inner.lock();
        inner.now_ns = now_ns;
        for (_, timer) in inner.timers.extract_if(.., |(due_ns, _)| *due_ns <= now_ns) {
            match timer {
                Timer::Task(header) => claimed.extend(wake(header)),
                Timer::Thread(_, event) => {
                    event.set();
                }
            }
        }
    }
    claimed.into_iter().for_each(enqueue);
}

fn wake(header: NonNull<Header>) -> Option<TaskPtr> {
    // SAFETY: a task takes its timer back, under the clock's lock, before it goes on.
    let wake = unsafe { header.as_ref() }.state.wake();
    (wake == Wake::Enqueue).then(|| TaskPtr::new(header))
}

/// Lets the running thread sleep on the word at this address; `None`: it must not, `holds` said so
/// under the lock, or it is too late already.
pub(super) fn arm_thread(
    word: usize,
    deadline_ns: u64,
    holds: impl FnOnce() -> bool,
) -> Option<Arc<Event>> {
    let mut inner = CLOCK.inner.lock();
    if !holds() || inner.now_ns >= deadline_ns {
        return None;
    }
    let event = Arc::new(Event::new());
    inner
        .timers
        .push((deadline_ns, Timer::Thread(word, Arc::clone(&event))));
    Some(event)
}

/// Waits for an event, or until time is up.
pub(crate) fn wait_until(event: &Arc<Event>, deadline_ns: u64) {
    if deadline_ns == NEVER_NS {
        return event.take();
    }
    let place = Arc::as_ptr(event).addr();
    {
        let mut inner = CLOCK.inner.lock();
        if inner.now_ns >= deadline_ns {
            return;
        }
        let timer = Timer::Thread(place, Arc::clone(event));
        inner.timers.push((deadline_ns, timer));
    }
    event.take();
    CLOCK
        .inner
        .lock()
        .timers
        .retain(|(_, timer)| !matches!(timer, Timer::Thread(at, _) if *at == place));
}

/// Wakes one thread that sleeps on the word at this address.
pub(super) fn wake_thread(word: usize) {
    let mut inner = CLOCK.inner.lock();
    let sleeps_there =
        |(_, timer): &(u64, Timer)| matches!(timer, Timer::Thread(at, _) if *at == word);
    if let Some(index) = inner.timers.iter().position(sleeps_there)
        && let (_, Timer::Thread(_, event)) = inner.timers.swap_remove(index)
    {
        event.set();
    }
}

/// Arms a timer for the running task.
pub(crate) fn arm(header: NonNull<Header>, deadline_ns: u64) {
    let mut inner = CLOCK.inner.lock();
    if inner.now_ns < deadline_ns {
        inner.timers.push((deadline_ns, Timer::Task(header)));
        return;
    }
    drop(inner);
    assert!(wake(header).is_none(), "the running task was parked");
}

/// Takes the running task's timer back.
pub(crate) fn disarm(header: NonNull<Header>) {
    CLOCK
        .inner
        .lock()
        .timers
        .retain(|(_, timer)| !matches!(timer, Timer::Task(armed) if *armed == header));
}
