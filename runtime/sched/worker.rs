//! The worker: one OS thread that runs tasks until there are none, then sleeps in its driver.
//!
//! Everything here belongs to the worker's own thread; what others may reach is in `shared`. The loop
//! counts runs instead of reading the clock, and looks at the driver every [`POLL_EVERY`] runs even
//! if tasks are runnable, so that a task that only yields never makes sockets deaf.
//! Cells and `RefCell`s are never borrowed across a switch.

use super::current;
use super::group::{Group, Phase};
use super::place::enqueue;
use super::run::Settle;
use super::shared::Shared;
use crate::context::overflow;
use crate::context::stack::StackCache;
use crate::driver::Driver;
use crate::driver::timer::TimerNode;
use crate::sys::atomic::Ordering;
use crate::sys::clock::NEVER_NS;
use crate::sys::fatal;
use crate::sys::signals::Mask;
use crate::task::{Header, TaskPtr};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

/// Runs between two looks at the driver (146 ns each when nothing is ready, so 2.4 ns per run). A
/// prime, so that it does not beat with round numbers of tasks. Doubled: sockets wait twice as long
/// behind yielding tasks.
const POLL_EVERY: u32 = 61;

/// Parking calls that succeed at once before a task is sent to the tail of the ring: a reader of a
/// socket that always has data must not keep its neighbours waiting.
const BUDGET: u32 = 128;

/// Fewer runnable tasks than this stay in the cache by themselves.
const PREFETCH_FROM: usize = 16;

/// How long an idle worker sleeps at most while another one runs: a single closure in the queue of a
/// worker that computes rings nobody if there is such a lookout, and is found at its next look.
const LOOK_AROUND_NS: u64 = 10_000_000;

/// How long a worker waits before it tries again to get a stack for a closure.
const STACK_RETRY_NS: u64 = 10_000_000;

/// How long one round of idle trimming may take.
const TRIM: Duration = Duration::from_millis(1);

/// Ends the process when it is dropped, by an unwinding out of the worker's own code: tasks' panics
/// end at their roots, so an invariant of ours broke, and a worker that is gone hangs all its tasks.
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        fatal::abort(format_args!("greenroom: a worker panicked; aborting"));
    }
}

/// A worker's own state.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) shared: &'static Shared,
    pub(crate) group: Arc<Group>,
    /// The signal mask of the thread that started the runtime: what child processes inherit.
    pub(crate) users_mask: Mask,
    ring: RefCell<VecDeque<TaskPtr>>,
    pub(super) driver: RefCell<Driver>,
    pub(super) stacks: RefCell<StackCache>,
    /// Closures that found no stack; they wait for one.
    pub(super) stackless: RefCell<VecDeque<TaskPtr>>,
    /// Started, unfinished tasks: count, and head of their list.
    pub(super) started: Cell<usize>,
    pub(super) list: Cell<*const Header>,
    /// What the task that just switched out wants.
    pub(super) settle: Cell<Settle>,
    pub(super) budget: Cell<u32>,
    /// Tasks that are suspended while `thread::panicking()`; see `park/panics`.
    pub(crate) unwinding: Cell<u32>,
    pub(super) is_stopping: Cell<bool>,
    runs: Cell<u32>,
}

impl Worker {
    pub(super) fn new(shared: &'static Shared, group: Arc<Group>, users_mask: Mask) -> Worker {
        Worker {
            shared,
            group,
            users_mask,
            ring: RefCell::new(VecDeque::with_capacity(1024)),
            driver: RefCell::new(Driver::new(&shared.poller)),
            stacks: RefCell::new(StackCache::new()),
            stackless: RefCell::new(VecDeque::new()),
            started: Cell::new(0),
            list: Cell::new(ptr::null()),
            settle: Cell::new(Settle::Park),
            budget: Cell::new(BUDGET),
            unwinding: Cell::new(0),
            is_stopping: Cell::new(false),
            runs: Cell::new(0),
        }
    }

    /// Serves the group until it ends. Returns when this worker has nothing left to do for ever.
    pub(crate) fn serve(shared: &'static Shared, group: Arc<Group>, users_mask: Mask) {
        let alive = AbortOnUnwind;
        // Without it an overflow ends the process unnamed; nothing else depends on it.
        let _alternate_stack = overflow::prepare_thread().ok();
        let worker = Worker::new(shared, group, users_mask);
        shared.poller.open();
        current::enter(&worker, || worker.work());
        worker.leave();
        std::mem::forget(alive);
    }

    #[inline]
    pub(super) fn run_number(&self) -> u32 {
        self.runs.get()
    }

    fn work(&self) {
        loop {
            let runs = self.runs.get().wrapping_add(1);
            self.runs.set(runs);
            if runs.is_multiple_of(POLL_EVERY) {
                self.look();
            }
            if let Some(task) = self.next(runs) {
                self.prefetch_next();
                self.budget.set(BUDGET);
                self.run(task);
            } else if self.steal().is_none() && !self.idle() {
                return;
            }
        }
    }

    /// The next task: started ones and closures by turns, so that neither starves the other.
    fn next(&self, runs: u32) -> Option<TaskPtr> {
        let ring = || self.ring.borrow_mut().pop_front();
        let deque = || self.shared.deque.pop();
        let task = if runs.is_multiple_of(2) {
            deque().or_else(ring)
        } else {
            ring().or_else(deque)
        };
        if task.is_some() || self.shared.inbox.is_empty() {
            return task;
        }
        self.take_inbox();
        ring()
    }

    /// While one task runs, the lines of those behind it come in.
    #[inline]
    fn prefetch_next(&self) {
        let ring = self.ring.borrow();
        if ring.len() < PREFETCH_FROM {
            return;
        }
        if let Some(next) = ring.front() {
            next.header().prefetch_stack();
        }
        if let Some(after) = ring.get(1) {
            Header::prefetch(after.header());
        }
    }

    /// Looks at inbox, events, timers and the group's phase without waiting.
    fn look(&self) {
        self.take_inbox();
        self.driver.borrow_mut().poll(&mut Home(self));
        self.follow_phase();
    }

    /// Brings tasks from other threads into the ring.
    pub(super) fn take_inbox(&self) {
        if self.shared.inbox.is_empty() {
            return;
        }
        let mut ring = self.ring.borrow_mut();
        self.shared
            .inbox
            .take_all(|header| ring.push_back(TaskPtr::new(header)));
    }

    /// Appends a task to the ring.
    #[inline]
    pub(crate) fn push(&self, task: TaskPtr) {
        self.ring.borrow_mut().push_back(task);
    }

    /// Sends a yielding task to the tail, behind what other threads brought.
    pub(super) fn push_behind_inbox(&self, task: TaskPtr) {
        self.take_inbox();
        self.push(task);
    }

    /// Takes half of the closures of another worker. `None`: nobody has any.
    fn steal(&self) -> Option<()> {
        let workers = &self.group.workers;
        let me = self.group.index_of(self.shared)?;
        (1..workers.len())
            .map(|step| workers[(me + step) % workers.len()])
            .find_map(|victim| {
                let loot = victim.deque.steal();
                let found = !loot.is_empty();
                for task in loot {
                    if let Err(task) = self.shared.deque.push(task) {
                        self.push(task);
                    }
                }
                found.then_some(())
            })
    }

    /// Sleeps until there is something to do. `false`: there never will be.
    fn idle(&self) -> bool {
        self.follow_phase();
        if self.is_stopping.get() && self.may_leave() {
            return false;
        }
        let trim_again = self.stacks.borrow_mut().trim_idle(TRIM);
        self.group.fall_asleep();
        self.shared.sleep.announce();
        // Step 3 of the handshake in `sleep`: look once more, now that bringers know they must ring.
        let limit_ns = self.sleep_limit_ns();
        let is_lookout = limit_ns != NEVER_NS;
        if is_lookout {
            self.group.begin_lookout();
        }
        if !self.has_work() {
            let until_trim_ns = trim_again
                .and_then(|after| u64::try_from(after.as_nanos()).ok())
                .unwrap_or(NEVER_NS);
            self.driver
                .borrow_mut()
                .wait(limit_ns.min(until_trim_ns), &mut Home(self));
        }
        self.shared.sleep.awake();
        self.group.wake_up();
        if is_lookout {
            self.group.end_lookout();
        }
        self.retry_stackless();
        true
    }

    fn has_work(&self) -> bool {
        !self.ring.borrow().is_empty()
            || !self.shared.inbox.is_empty()
            || self
                .group
                .workers
                .iter()
                .any(|worker| worker.deque.len() > 0)
            || (self.group.phase() != Phase::Running && !self.is_stopping.get())
            || self.group.phase() == Phase::Abandoned
    }

    fn sleep_limit_ns(&self) -> u64 {
        if !self.stackless.borrow().is_empty() {
            STACK_RETRY_NS
        } else if self.group.all_asleep() {
            NEVER_NS
        } else {
            LOOK_AROUND_NS
        }
    }

    /// Puts closures that found no stack back into the ring, to try again.
    pub(super) fn retry_stackless(&self) {
        if !self.stackless.borrow().is_empty() {
            self.ring
                .borrow_mut()
                .append(&mut self.stackless.borrow_mut());
        }
    }

    /// Takes every task that is queued here and has not started.
    pub(super) fn take_unstarted(&self) -> Vec<TaskPtr> {
        self.take_inbox();
        self.retry_stackless();
        let mut unstarted: Vec<TaskPtr> = std::iter::from_fn(|| self.shared.deque.pop()).collect();
        let ring = std::mem::take(&mut *self.ring.borrow_mut());
        let (started, fresh): (VecDeque<_>, VecDeque<_>) = ring
            .into_iter()
            .partition(|task| task.header().fiber.get().is_some());
        *self.ring.borrow_mut() = started;
        unstarted.extend(fresh);
        unstarted
    }

    /// Whether tasks are here that have not ended, started or not.
    pub(super) fn has_tasks(&self) -> bool {
        self.started.get() > 0
            || !self.ring.borrow().is_empty()
            || !self.stackless.borrow().is_empty()
            || self.shared.deque.len() > 0
    }

    /// Whether nothing is left to run here, now or later; closes the ways in.
    fn may_leave(&self) -> bool {
        self.started.get() == 0
            && self.ring.borrow().is_empty()
            && self.stackless.borrow().is_empty()
            && self.close()
    }

    /// Closes both ways in, or neither: a task that is still to run may spawn.
    fn close(&self) -> bool {
        if !self.shared.deque.close() {
            return false;
        }
        let is_closed = self.shared.inbox.close();
        if !is_closed {
            self.shared.deque.reopen();
        }
        is_closed
    }
}

/// Where woken tasks go. Most are ours; the wait of another worker's task may have been registered
/// here because somebody of ours waited on the same socket (`driver/source`), and it must go home:
/// a started task never runs elsewhere (test: `wake_from_another_workers_epoll_brings_the_task_home`).
struct Home<'a>(&'a Worker);

impl Extend<TaskPtr> for Home<'_> {
    fn extend<I: IntoIterator<Item = TaskPtr>>(&mut self, tasks: I) {
        for task in tasks {
            let home = task.header().home.load(Ordering::Relaxed).cast_const();
            if ptr::eq(home.cast::<Shared>(), self.0.shared) {
                self.0.push(task);
            } else {
                enqueue(task);
            }
        }
    }
}

/// Timers of the running task.
#[expect(unsafe_code, reason = "passes on the wheel's contract")]
impl Worker {
    /// # Safety
    /// As `Driver::arm`.
    pub(crate) unsafe fn arm(&self, node: NonNull<TimerNode<NonNull<Header>>>, deadline_ns: u64) {
        // SAFETY: the caller's contract.
        unsafe { self.driver.borrow_mut().arm(node, deadline_ns) };
    }

    /// # Safety
    /// As `Driver::cancel`.
    pub(crate) unsafe fn disarm(&self, node: NonNull<TimerNode<NonNull<Header>>>) {
        // SAFETY: the caller's contract.
        unsafe { self.driver.borrow_mut().cancel(node) };
    }
}
