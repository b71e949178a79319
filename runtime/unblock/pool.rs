//! The OS threads of one lane: made on demand, gone after a while of idleness, never more than a bound.
//!
//! A job goes to an idle thread, else to a new one, else it waits for its turn, first in, first out. The
//! first one that has to wait because all threads are busy is reported by one line in the log. What is
//! withdrawn leaves the queue at once: it neither counts nor stays in memory, however long the threads
//! are busy.

use super::job::Run;
use crate::sched::current;
use crate::sys::signals;
use crate::task::lane::{Lane, Ticket};
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

pub(super) struct Pool {
    lane: Lane,
    threads_max: usize,
    /// How long an idle thread stays. `None`: as long as the process.
    keep_alive: Option<Duration>,
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    /// In order of arrival.
    queued: BTreeMap<Ticket, Arc<dyn Run>>,
    tickets: u64,
    /// Idle, running, or about to be either.
    threads: usize,
    idle: usize,
    running: usize,
    /// The report of a full pool was given, and no thread has been idle since.
    is_reported: bool,
}

/// How busy a pool is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) threads: usize,
    pub(super) idle: usize,
    pub(super) queued: usize,
    pub(super) running: usize,
    pub(super) threads_max: usize,
}

/// How a job that was just queued comes to a thread.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Course {
    /// An idle one takes it.
    Idle,
    /// A new one; it is counted already.
    Start,
    /// It waits for its turn.
    Wait,
    /// It waits, as the first one that has to.
    WaitAndReport,
}

impl Pool {
    pub(super) const fn new(lane: Lane, threads_max: usize, keep_alive: Option<Duration>) -> Pool {
        Pool {
            lane,
            threads_max,
            keep_alive,
            state: Mutex::new(State {
                queued: BTreeMap::new(),
                tickets: 0,
                threads: 0,
                idle: 0,
                running: 0,
                is_reported: false,
            }),
            work: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn load(&self) -> Load {
        let state = self.state();
        Load {
            threads: state.threads,
            idle: state.idle,
            queued: state.queued.len(),
            running: state.running,
            threads_max: self.threads_max,
        }
    }

    /// Queues a job and sees to it that a thread will come for it. No user code runs in here, a logger
    /// neither: what unwound or parked past a queued job would end the frame that it borrows from.
    pub(super) fn submit(&'static self, job: Arc<dyn Run>) -> Ticket {
        let (ticket, course) = self.state().admit(job, self.threads_max);
        match course {
            Course::Idle => self.work.notify_one(),
            Course::Start if self.start_thread() => {}
            Course::Start => self.do_without(),
            Course::Wait => {}
            Course::WaitAndReport => self.report(),
        }
        ticket
    }

    /// Takes a job back. `false`: a thread has begun it.
    pub(super) fn withdraw(&self, ticket: Ticket) -> bool {
        self.state().queued.remove(&ticket).is_some()
    }

    /// On a thread of its own, because a logger is user code: it may park, be cancelled, panic, or need
    /// this very lane to write its line.
    #[cold]
    fn report(&self) {
        let (threads_max, name) = (self.threads_max, self.lane.name());
        let report = move || {
            log::warn!(
                "greenroom: all {threads_max} threads for {name} are busy, further calls wait for \
                 their turn; give up some of them, or bound how many run at a time"
            );
        };
        // No thread, no report: a full pool is no reason to fail.
        drop(start("greenroom-report", Signals::Blocked, report));
    }

    fn start_thread(&'static self) -> bool {
        // Closures are the user's, and may start threads and children, which inherit the mask.
        let signals = match self.lane {
            Lane::Closures => Signals::AsTheUsers,
            _ => Signals::Blocked,
        };
        start("greenroom-unblock", signals, || self.serve()).is_ok()
    }

    /// No thread could be made. If there is none at all, and none is being made, whoever waits for a job
    /// runs it: slow, and better than never. Each its own: whoever ran another's would lend it his stack,
    /// and wait with it for what he may hold himself. If one is being made, its maker will see to the rest.
    #[cold]
    fn do_without(&self) {
        let stranded = {
            let mut state = self.state();
            state.threads -= 1;
            if state.threads > 0 {
                return;
            }
            std::mem::take(&mut state.queued)
        };
        stranded.into_values().for_each(|job| job.hand_back());
    }

    /// Takes the first job off the queue, to run it.
    fn begin(&self, state: &mut State) -> Option<Arc<dyn Run>> {
        let (ticket, job) = state.queued.pop_first()?;
        self.lane.begin(ticket);
        state.running += 1;
        Some(job)
    }

    fn serve(&self) {
        let mut state = self.state();
        loop {
            if let Some(job) = self.begin(&mut state) {
                drop(state);
                run(job);
                state = self.state();
                state.running -= 1;
                continue;
            }
            state.is_reported = false;
            state.idle += 1;
            let (back, has_waited) = self.wait(state);
            state = back;
            state.idle -= 1;
            if has_waited && state.queued.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }

    /// Waits for work. `true`: for as long as an idle thread stays.
    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> (MutexGuard<'a, State>, bool) {
        let Some(keep_alive) = self.keep_alive else {
            let state = self.work.wait(state);
            return (state.unwrap_or_else(PoisonError::into_inner), false);
        };
        let waited = self.work.wait_timeout(state, keep_alive);
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        (state, timeout.timed_out())
    }
}

impl State {
    fn admit(&mut self, job: Arc<dyn Run>, threads_max: usize) -> (Ticket, Course) {
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        self.queued.insert(ticket, job);
        // An idle thread is counted until it has woken, and so is what it was woken for: as many idle
        // ones as jobs, and each job has its own.
        let course = if self.idle >= self.queued.len() {
            Course::Idle
        } else if self.threads < threads_max {
            self.threads += 1;
            Course::Start
        } else if std::mem::replace(&mut self.is_reported, true) {
            Course::Wait
        } else {
            Course::WaitAndReport
        };
        (ticket, course)
    }
}

/// Runs a job. A value that nobody waits for any more is dropped here, too, and its destructor may panic:
/// the thread goes on, as after a panic of the closure.
fn run(job: Arc<dyn Run>) {
    let ran = panic::catch_unwind(AssertUnwindSafe(move || {
        job.run();
        drop(job);
    }));
    if let Err(payload) = ran {
        // Its destructor may be what panicked.
        std::mem::forget(payload);
    }
}

/// Which signals a thread takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signals {
    Blocked,
    /// As the thread that started the runtime.
    AsTheUsers,
}

/// Starts a thread that knows the mask that children inherit.
fn start(
    name: &str,
    signals: Signals,
    body: impl FnOnce() + Send + 'static,
) -> std::io::Result<()> {
    let users_mask = current::users_mask();
    let mask = signals::block_asynchronous();
    let started = thread::Builder::new().name(name.into()).spawn(move || {
        current::set_users_mask(users_mask);
        if let (Signals::AsTheUsers, Some(mask)) = (signals, users_mask) {
            signals::restore(&mask);
        }
        body();
    });
    signals::restore(&mask);
    started.map(drop)
}
