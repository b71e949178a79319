//! How a worker's life ends: cancel, let unwind, leave; or park for ever.
//!
//! 1. The handle sets Stopping and rings.
//! 2. Each worker, at its next look, cancels its started tasks; closures that have not run are
//!    cancelled as they start, so their captures are dropped on a green stack.
//! 3. A worker without tasks closes its deque and inbox and leaves.
//! 4. After the grace the handle sets Abandoned: a worker that still has tasks names them, completes
//!    their joins with an error, and parks for ever. It never exits: others may borrow from its stacks
//!    and thread-locals.
//!
//! The race of step 3: a task is pushed while the worker leaves. Closing is one atomic step on an
//! *empty* queue, and a push to a closed queue gives the task back to the pusher.
//! Test: `tests/runtime.rs`.
#![expect(unsafe_code, reason = "visits the worker's own list of tasks")]

use super::group::Phase;
use super::place::enqueue;
use super::run::{tell_of_end, wake_queue};
use super::worker::Worker;
use crate::task::state::Wake;
use crate::task::{Header, TaskPtr, WaitReason};
use std::ptr;

/// So many waiting tasks are named per worker: a report is for reading.
const WAITING_MAX: usize = 1_000;

/// One line of a report: who, what it waits for, whence it came.
fn describe(header: &Header) -> String {
    // A name, and the number by which others name it as an owner.
    let id = format!("#{}", header.id());
    let name = header.name().map(|name| format!("'{name}' "));
    format!(
        "green thread {}{id} ({}, spawned at {})",
        name.unwrap_or_default(),
        header.reason.get(),
        header.spawned_at()
    )
}

impl Worker {
    /// Does what the group's phase asks for; called at every look.
    pub(super) fn follow_phase(&self) {
        match self.group.phase() {
            Phase::Running => {}
            Phase::Stopping => self.begin_stopping(),
            Phase::Abandoned => {
                self.begin_stopping();
                if self.has_tasks() {
                    self.abandon();
                }
            }
        }
    }

    fn begin_stopping(&self) {
        // Without unwinding a cancelled task could only end the process.
        if self.is_stopping.replace(true) || cfg!(panic = "abort") {
            return;
        }
        self.for_each_started(|header| {
            // SAFETY: a started, unfinished task is alive.
            let wake = unsafe { header.as_ref() }.state.cancel();
            if wake == Wake::Enqueue {
                self.push(TaskPtr::new(header));
            }
        });
    }

    /// The grace is over and tasks are left: they will never run again.
    fn abandon(&self) -> ! {
        let mut names = Vec::new();
        self.for_each_started(|header| {
            // SAFETY: a started, unfinished task is alive, and stays so: nobody finishes it.
            let header = unsafe { header.as_ref() };
            names.push(describe(header));
            header.state.abandon();
            tell_of_end(header);
        });
        for task in self.take_unstarted() {
            // Leaked with its closure: nothing of it may be dropped on this stack.
            names.push(format!(
                "green thread {} (not started)",
                task.header().label()
            ));
            task.header().state.abandon();
            tell_of_end(task.header());
            let _ = task.into_raw();
        }
        let mut woken = Vec::new();
        self.shared.poller.close(&mut woken);
        woken
            .into_iter()
            .filter(|task| !self.owns(task))
            .for_each(enqueue);
        self.report_gone(names);
        loop {
            std::thread::park();
        }
    }

    /// Who of this worker's tasks waits, and for what; `except` (an id) is left out. On the worker only.
    pub(crate) fn waiting(&self, except: u64) -> Vec<String> {
        let mut waiting = Vec::new();
        self.for_each_started(|header| {
            // SAFETY: a started, unfinished task is alive.
            let header = unsafe { header.as_ref() };
            let waits = header.reason.get() != WaitReason::None && header.id() != except;
            if waits && waiting.len() < WAITING_MAX {
                waiting.push(describe(header));
            }
        });
        waiting
    }

    fn owns(&self, task: &TaskPtr) -> bool {
        let home = task
            .header()
            .home
            .load(crate::sys::atomic::Ordering::Relaxed);
        ptr::eq(home.cast_const().cast(), self.shared)
    }

    /// The worker's last act: lets sources look elsewhere and tells the handle.
    pub(super) fn leave(&self) {
        let mut woken = Vec::new();
        self.shared.poller.close(&mut woken);
        woken.into_iter().for_each(enqueue);
        self.report_gone(Vec::new());
    }

    fn report_gone(&self, abandoned: Vec<String>) {
        {
            let mut end = self.group.end.lock();
            end.gone += 1;
            end.abandoned.extend(abandoned);
        }
        wake_queue(&self.group.end_waiters);
    }
}
