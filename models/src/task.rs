//! Rank 2: state word, wait queue, parker and reasons are the shipped files; the slot is not.
//!
//! `header.rs` counts references and frees by type-erased functions; here a header is owned by the
//! model, and knows besides whether its task runs or stands in a queue, so that "enqueued exactly
//! once, and never while it runs" is an assertion.

#[path = "../../runtime/task/lane.rs"]
pub(crate) mod lane;
#[path = "../../runtime/task/os_parker.rs"]
pub(crate) mod os_parker;
#[path = "../../runtime/task/reason.rs"]
pub(crate) mod reason;
#[path = "../../runtime/task/state.rs"]
pub(crate) mod state;
#[path = "../../runtime/task/ticket.rs"]
pub(crate) mod ticket;
#[path = "../../runtime/task/wait_queue.rs"]
pub(crate) mod wait_queue;

pub(crate) use header::{Header, TaskPtr};
pub(crate) use reason::WaitReason;

pub(crate) mod header {
    //! Stands in for `runtime/task/header.rs`.
    #![expect(
        unsafe_code,
        reason = "the shipped files hold tasks by pointer; the model owns the headers"
    )]

    use super::reason::ReasonCell;
    use super::state::State;
    use super::wait_queue::WaitQueue;
    use crate::sys::atomic::AtomicPtr;
    use crate::sys::event::Event;
    use crate::sys::lock::Lock;
    use loom::cell::UnsafeCell;
    use std::ops::Deref;
    use std::ptr::{self, NonNull};
    use std::sync::atomic::{AtomicBool, Ordering};

    /// As the original's.
    pub(crate) const OWNER_ID_BITS: u32 = 56;

    /// A task, as far as the protocols go.
    #[derive(Debug)]
    pub(crate) struct Header {
        pub(crate) state: Tracked<State>,
        pub(crate) reason: ReasonCell,
        pub(crate) joiners: Lock<WaitQueue>,
        pub(crate) inbox_next: AtomicPtr<Header>,
        /// Which worker it belongs to; 0: one of its own.
        worker: u8,
        /// The queue the task stands in: set once, taken by its worker.
        queued: Event,
        /// Not loom's: an observer must not order what it observes.
        is_running: AtomicBool,
    }

    impl Header {
        pub(crate) fn new() -> Header {
            Header::of_worker(0)
        }

        /// A task of a worker that has more of them. They run at the same time here, which is more
        /// than the protocols must bear.
        pub(crate) fn of_worker(worker: u8) -> Header {
            Header {
                worker,
                state: Tracked::new(State::new()),
                reason: ReasonCell::new(),
                joiners: Lock::new(WaitQueue::new()),
                inbox_next: AtomicPtr::new(ptr::null_mut()),
                queued: Event::new(),
                is_running: AtomicBool::new(false),
            }
        }

        /// Mirrors the original; all tasks have the same id.
        pub(crate) fn owner_word(&self) -> u64 {
            1 | u64::from(self.worker) << OWNER_ID_BITS
        }

        pub(crate) fn set_running(&self, on: bool) {
            self.is_running.store(on, Ordering::Relaxed);
        }

        /// Puts the task into the queue of its worker.
        pub(crate) fn enqueue(&self) {
            assert!(
                !self.is_running.load(Ordering::Relaxed),
                "a task was enqueued while it ran"
            );
            assert!(!self.queued.set(), "a task was enqueued twice");
        }

        /// The worker: waits until the task stands in the queue, takes it out, and runs it.
        pub(crate) fn dequeue(&self) {
            self.queued.take();
            self.set_running(true);
        }

        pub(crate) fn assert_not_queued(&self) {
            assert!(!self.queued.is_set(), "an ended task stands in a queue");
        }
    }

    /// A field whose every use loom knows of: one that is not ordered before the end of its owner is
    /// reported as a data race, which is how a use after free looks here.
    #[derive(Debug)]
    pub(crate) struct Tracked<T> {
        value: T,
        life: UnsafeCell<()>,
    }

    impl<T> Tracked<T> {
        fn new(value: T) -> Tracked<T> {
            Tracked {
                value,
                life: UnsafeCell::new(()),
            }
        }
    }

    impl<T> Deref for Tracked<T> {
        type Target = T;

        fn deref(&self) -> &T {
            self.life.with(|_| ());
            &self.value
        }
    }

    impl<T> Drop for Tracked<T> {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                self.life.with_mut(|_| ());
            }
        }
    }

    /// The scheduler's reference; as in the library neither `Clone` nor `Copy`.
    #[must_use]
    #[derive(Debug, PartialEq, Eq)]
    pub(crate) struct TaskPtr(NonNull<Header>);

    // SAFETY: loom's threads take turns on one OS thread, and a header is made of atomics and locks.
    unsafe impl Send for TaskPtr {}

    impl TaskPtr {
        pub(crate) fn new(header: NonNull<Header>) -> TaskPtr {
            TaskPtr(header)
        }

        pub(crate) fn header(&self) -> &Header {
            // SAFETY: a model keeps its headers until its threads are joined.
            unsafe { self.0.as_ref() }
        }

        pub(crate) fn into_raw(self) -> NonNull<Header> {
            self.0
        }
    }
}
