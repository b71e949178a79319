//! Running one task: start, switch in, settle what it wants after it switched out, finish.
//!
//! The only callers of `Fiber::resume` and `Fiber::suspend`. Settling happens on the worker's stack,
//! after the switch: a task is marked parked only when its stack is at rest, so a waker on another
//! thread can enqueue it at once.
#![expect(unsafe_code, reason = "switches stacks and owns the started tasks")]

use super::current;
use super::place::enqueue;
use super::worker::Worker;
use crate::context::fiber::{Fiber, Step};
use crate::context::overflow::StackOwner;
use crate::sys::atomic::Ordering;
use crate::sys::lock::Lock;
use crate::task::wait_queue::{Claimed, WaitQueue};
use crate::task::{Header, TaskPtr};
use std::ptr::{self, NonNull};

/// An accept and the spawn that follows it cost as much as so many receives; 128 in one turn would be
/// half a millisecond, and `worker` looks at its sockets every 61 turns only.
const ACCEPT_UNITS: u32 = 16;

/// How many closures may wait on a worker before its accepts are rationed: enough for idle neighbours to
/// steal from. Doubled: a burst holds eight descriptors more per worker before it is served.
const ACCEPTS_AHEAD_MAX: usize = 8;

/// What a task that switches out wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Settle {
    /// To wait until it is woken; a wake that came already counts.
    Park,
    /// To run again after everybody else.
    Yield,
}

/// Switches the running task out. Returns when it runs again, for whatever reason.
///
/// Only from a task; the caller has published what it waits for.
#[inline]
pub(crate) fn suspend(settle: Settle) {
    let (Some(worker), Some(task)) = (current::worker(), current::task()) else {
        unreachable!("suspend is called by tasks only");
    };
    if settle == Settle::Park && task.state.take_notified() {
        return;
    }
    worker.settle.set(settle);
    // Any local will do: the switch saves its registers just below.
    task.resumes_at.set((&raw const settle).cast());
    let fiber = task
        .fiber
        .get()
        .expect("because a running task has a fiber");
    let unwinds = std::thread::panicking();
    if unwinds {
        worker.unwinding.set(worker.unwinding.get() + 1);
    }
    // SAFETY: the running task's fiber, on its own stack.
    unsafe { fiber.suspend() };
    if unwinds {
        worker.unwinding.set(worker.unwinding.get() - 1);
    }
}

/// Spends one unit of the running task's budget; when it is used up the task goes to the tail.
/// Called by calls that are documented to park, never by `try_` ones.
#[inline]
pub(crate) fn spend_budget() {
    let Some(worker) = current::worker() else {
        return;
    };
    match worker.budget.get() {
        // Inside an item's `Ord` or `Clone` a queue is locked: it yields later.
        0 if current::with_context(|context| context.no_parking.get() > 0) => {}
        0 => suspend(Settle::Yield),
        left => worker.budget.set(left - 1),
    }
}

/// As [`spend_budget`], for what costs as much as `units` of small operations.
pub(crate) fn spend_budget_by(units: u32) {
    let Some(worker) = current::worker() else {
        return;
    };
    match worker.budget.get() {
        left if left >= units => worker.budget.set(left - units),
        _ if current::with_context(|context| context.no_parking.get() > 0) => {}
        _ => suspend(Settle::Yield),
    }
}

/// The first function on every task's stack.
///
/// # Safety
/// `argument` is the header of the running task.
unsafe fn entry(argument: *mut ()) {
    let header = NonNull::new(argument.cast::<Header>()).expect("because a header is not null");
    // SAFETY: the scheduler's reference keeps the slot alive until `finish`.
    let run = unsafe { header.as_ref() }.vtable().run;
    // SAFETY: called once, on the task's own stack; it catches every panic.
    unsafe { run(header) };
}

/// Before an accept. A loop that accepts and spawns must not outrun what it spawns: each connection that
/// was taken and not begun holds a descriptor and nobody serves it, while in the kernel's queue it holds
/// none and its client knows how to wait.
///
/// While [`ACCEPTS_AHEAD_MAX`] closures wait here, one accept per turn, and each turn of a started task is
/// followed by a closure's (`Worker::next`): what waits does not grow. Never none: closures that spawn
/// closures for ever must not keep clients out for ever.
pub(crate) fn spend_budget_on_accept() {
    let Some(worker) = current::worker() else {
        return;
    };
    let is_ahead = worker.shared.deque.len() >= ACCEPTS_AHEAD_MAX;
    spend_budget_by(if is_ahead { u32::MAX } else { ACCEPT_UNITS });
}

impl Worker {
    /// Runs a task until it switches out.
    pub(super) fn run(&self, task: TaskPtr) {
        let fiber = match task.header().fiber.get() {
            Some(fiber) => fiber,
            None => match self.start(&task) {
                Some(fiber) => fiber,
                None => return self.wait_for_stack(task),
            },
        };
        let task_id = task.header().id();
        let header = task.into_raw();
        current::set_task(header.as_ptr());
        self.shared.set_running(task_id);
        // SAFETY: the task is ours and not finished; this is the worker that started it.
        let step = unsafe { fiber.resume() };
        current::set_task(ptr::null());
        self.shared.set_running(0);
        let task = TaskPtr::new(header);
        match (step, self.settle.get()) {
            (Step::Finished, _) => self.finish(task, fiber),
            (Step::Suspended, Settle::Yield) => self.push_behind_inbox(task),
            (Step::Suspended, Settle::Park) => self.settle_parked(task),
        }
    }

    fn settle_parked(&self, task: TaskPtr) {
        if task.header().state.settle_parked() {
            // Whoever wakes it takes the reference from here; it may already have.
            let _ = task.into_raw();
        } else {
            self.push(task);
        }
    }

    /// Attaches a stack. `None`: there is none to be had now.
    fn start(&self, task: &TaskPtr) -> Option<Fiber> {
        let header = task.header();
        let stack = self.stacks.borrow_mut().take(header.stack_size).ok()?;
        if self.is_stopping.get() {
            // It is not queued anywhere, so nobody has to be woken.
            let _ = header.state.cancel();
        }
        // SAFETY: the name belongs to the header, which outlives the fiber.
        let owner = unsafe { StackOwner::green(header.id(), header.name(), header.spawned_at()) };
        let argument = ptr::from_ref(header).cast_mut().cast();
        // SAFETY: `entry` takes the header, catches panics, and the header (with its name) outlives
        // the fiber.
        let fiber = unsafe { Fiber::new(stack, owner, entry, argument) };
        header.fiber.set(Some(fiber));
        header.home.store(
            ptr::from_ref(self.shared).cast_mut().cast(),
            Ordering::Relaxed,
        );
        self.link(header);
        Some(fiber)
    }

    /// Sleeping neighbours may hold free stacks: they give them to all when they go idle again.
    fn wait_for_stack(&self, task: TaskPtr) {
        if self.stackless.borrow().is_empty() {
            self.group.ring_sleepers();
        }
        self.stackless.borrow_mut().push_back(task);
    }

    fn finish(&self, task: TaskPtr, fiber: Fiber) {
        let header = task.header();
        header.fiber.set(None);
        // SAFETY: `resume` said it is finished.
        let stack = unsafe { fiber.finish() };
        self.stacks.borrow_mut().give(stack);
        self.retry_stackless();
        self.unlink(header);
        if header.state.finish() {
            tell_of_end(header);
        }
        task.release();
    }

    /// Adds to the list of started tasks.
    fn link(&self, header: &Header) {
        let first = self.list.replace(header);
        header.list_prev.set(ptr::null());
        header.list_next.set(first);
        // SAFETY: tasks in the list are unfinished, so alive.
        if let Some(first) = unsafe { first.as_ref() } {
            first.list_prev.set(header);
        }
        self.started.set(self.started.get() + 1);
        self.shared.set_started(self.started.get());
    }

    /// Removes from the list of started tasks.
    fn unlink(&self, header: &Header) {
        let (prev, next) = (header.list_prev.get(), header.list_next.get());
        // SAFETY: neighbours in the list are unfinished, so alive.
        match unsafe { prev.as_ref() } {
            Some(prev) => prev.list_next.set(next),
            None => self.list.set(next),
        }
        // SAFETY: as above.
        if let Some(next) = unsafe { next.as_ref() } {
            next.list_prev.set(prev);
        }
        self.started.set(self.started.get() - 1);
        self.shared.set_started(self.started.get());
    }

    /// Visits every started, unfinished task of this worker.
    pub(super) fn for_each_started(&self, mut visit: impl FnMut(NonNull<Header>)) {
        let mut next = self.list.get();
        while let Some(header) = NonNull::new(next.cast_mut()) {
            // SAFETY: tasks in the list are unfinished, so alive; read before the visit.
            next = unsafe { header.as_ref() }.list_next.get();
            visit(header);
        }
    }
}

/// Wakes and tells everybody who asked to know of a task's end.
pub(super) fn tell_of_end(header: &Header) {
    wake_queue(&header.joiners);
    header.watchers.tell_all();
}

/// Wakes everybody in a queue: one by one, so that no lock is held while another is taken.
pub(super) fn wake_queue(queue: &Lock<WaitQueue>) {
    loop {
        let claimed = queue.lock().take_first();
        match claimed {
            None => return,
            Some(Claimed::Task(task)) => enqueue(task),
            Some(Claimed::Thread(address)) => address.wake(),
            Some(Claimed::Nothing) => {}
        }
    }
}
