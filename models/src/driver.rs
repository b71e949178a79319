//! Rank 3: readiness and source are the shipped files; the poller and the table are small.

#[path = "../../runtime/driver/ready.rs"]
pub(crate) mod ready;
#[path = "../../runtime/driver/source.rs"]
pub(crate) mod source;

use crate::sys::atomic::{AtomicU8, Ordering};
use crate::sys::epoll::{Epoll, Event, Socket};
use crate::task::TaskPtr;
use source::Source;
use std::sync::Arc;

/// Stands in for the `Poller` of `runtime/driver/mod.rs`.
#[derive(Debug)]
pub(crate) struct Poller {
    pub(crate) epoll: Epoll,
    is_served: AtomicU8,
}

impl Poller {
    pub(crate) fn new(index: usize, socket: &Arc<Socket>) -> Poller {
        Poller {
            epoll: Epoll::new(index, Arc::clone(socket)),
            is_served: AtomicU8::new(1),
        }
    }

    /// Mirrors the original, for the one source there is.
    pub(crate) fn close(&'static self, source: &Source, woken: &mut Vec<TaskPtr>) {
        self.is_served.store(0, Ordering::Release);
        source.wake_if_registered(self, woken);
    }

    fn is_served(&self) -> bool {
        self.is_served.load(Ordering::Acquire) == 1
    }
}

pub(crate) fn new_source() -> Source {
    Source::new(0)
}

/// What `Driver::turn` does with an event, and its worker with what comes out.
pub(crate) fn deliver(source: &Source, event: Event) {
    let mut woken = Vec::new();
    source.on_event(event, &mut woken);
    woken.into_iter().for_each(crate::sched::enqueue);
}

pub(crate) mod table {
    //! Stands in for `runtime/driver/table.rs`: one place.

    use super::source::Source;

    pub(crate) fn key(index: u32, generation: u32) -> u64 {
        (u64::from(generation) << 32) | u64::from(index)
    }

    pub(super) fn give_back(_source: &'static Source) {}
}

pub(crate) mod timer {
    //! Stands in for `runtime/driver/timer`: the wheel belongs to one thread and needs no model.

    /// A timer of one waiter; see `sys::clock`.
    #[derive(Debug)]
    pub(crate) struct TimerNode<T> {
        pub(crate) waiter: T,
    }

    impl<T> TimerNode<T> {
        pub(crate) fn new(waiter: T) -> TimerNode<T> {
            TimerNode { waiter }
        }
    }
}
