//! The OS threads of one lane: made on demand, gone after a while of idleness, never more than a bound.
//!
//! A job goes to an idle thread, else to a new one, else it waits for its turn, first in, first out. The
//! first one that has to wait because all threads are busy is reported by one line in the log.

use super::job::Run;
use crate::sched::current;
use crate::sys::signals;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

pub(super) struct Pool {
    /// For the report.
    purpose: &'static str,
    threads_max: usize,
    /// How long an idle thread stays. `None`: as long as the process.
    keep_alive: Option<Duration>,
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    jobs: VecDeque<Arc<dyn Run>>,
    threads: usize,
    idle: usize,
    /// The report of a full pool was given, and the queue has not been empty since.
    is_reported: bool,
}

/// How busy a pool is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) threads: usize,
    pub(super) idle: usize,
    pub(super) queued: usize,
    pub(super) threads_max: usize,
}

impl Pool {
    pub(super) const fn new(
        purpose: &'static str,
        threads_max: usize,
        keep_alive: Option<Duration>,
    ) -> Pool {
        Pool {
            purpose,
            threads_max,
            keep_alive,
            state: Mutex::new(State {
                jobs: VecDeque::new(),
                threads: 0,
                idle: 0,
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
            queued: state.jobs.len(),
            threads_max: self.threads_max,
        }
    }

    pub(super) fn submit(&'static self, job: Arc<dyn Run>) {
        let mut state = self.state();
        state.jobs.push_back(Arc::clone(&job));
        let is_served = state.idle >= state.jobs.len();
        if is_served || state.threads >= self.threads_max {
            let must_report = !is_served && !std::mem::replace(&mut state.is_reported, !is_served);
            drop(state);
            self.work.notify_one();
            if must_report {
                self.report();
            }
            return;
        }
        state.threads += 1;
        drop(state);
        self.start_thread(&job);
    }

    #[cold]
    fn report(&self) {
        log::warn!(
            "greenroom: all {} threads for {} are busy, further calls wait for their turn; \
             give up some of them, or bound how many run at a time",
            self.threads_max,
            self.purpose
        );
    }

    fn start_thread(&'static self, job: &Arc<dyn Run>) {
        let users_mask = current::users_mask();
        let mask = signals::block_asynchronous();
        let started = thread::Builder::new()
            .name("greenroom-unblock".into())
            .spawn(move || {
                current::set_users_mask(users_mask);
                self.serve();
            });
        signals::restore(&mask);
        if started.is_err() {
            self.run_here(job);
        }
    }

    /// No thread could be made: the job runs here, on its submitter's worker, unless a pool thread has
    /// begun it meanwhile. Slow, and better than never; nobody else's job is run in its place.
    fn run_here(&self, job: &Arc<dyn Run>) {
        self.state().threads -= 1;
        job.run();
    }

    fn serve(&self) {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                job.run();
                drop(job);
                state = self.state();
                continue;
            }
            state.is_reported = false;
            state.idle += 1;
            let (back, has_waited) = self.wait(state);
            state = back;
            state.idle -= 1;
            if has_waited && state.jobs.is_empty() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Sender, channel};

    struct Says(Sender<()>);

    impl Run for Says {
        fn run(&self) {
            let _ = self.0.send(());
        }
    }

    fn run_one(pool: &'static Pool) {
        let (said, hears) = channel();
        pool.submit(Arc::new(Says(said)));
        hears.recv().unwrap();
    }

    #[test]
    fn idle_thread_ends_after_its_time_or_never() {
        static STAYS: Pool = Pool::new("a test", 1, None);
        static ENDS: Pool = Pool::new("a test", 1, Some(Duration::from_millis(5)));
        run_one(&STAYS);
        run_one(&ENDS);
        while ENDS.load().threads > 0 {
            thread::yield_now();
        }
        assert_eq!(STAYS.load().threads, 1);
        run_one(&STAYS);
        assert_eq!(STAYS.load().threads, 1);
    }
}
