//! [`Pool`]: processes that do jobs, and are replaced when they die.
//!
//! Each worker has a *keeper*, a green thread here: it takes a job from the queue, gives it to its worker, waits
//! for the value or the worker's end, and starts another worker if it ended. So a dead worker costs its
//! own job and no other. Callbacks have green threads of their own: a slow one holds up no worker.

use super::code::Code;
use super::handover::Packed;
use super::job::{AsyncResult, JobError, Slot};
use super::process::Process;
use super::rpc::locked;
use super::worker::Worker;
use crate::panic_text::panic_text;
use greenroom::queue::Queue;
use greenroom::sync::{Mutex, WaitGroup};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Numbers for the workers' names.
static COUNT: AtomicUsize = AtomicUsize::new(0);

struct Job {
    code: Code,
    argument: Packed,
    answer: Box<dyn FnOnce(Result<Packed, JobError>) + Send>,
}

struct Shared {
    jobs: Queue<Job>,
    is_terminated: AtomicBool,
    /// By keeper; for `terminate`.
    processes: Mutex<Vec<Process>>,
    /// Keepers, and callbacks that run.
    busy: WaitGroup,
}

/// Processes that do jobs.
///
/// A job is a `fn` with one argument and a value, as for [`Process::spawn`]; a panic in it is an error with its
/// message, and the worker goes on. A worker that dies (kill -9) is an error for the job that it had, naming
/// how it ended; it is replaced, and the other jobs go on. One that dies while it has no job is replaced when it is to
/// have one, which then loses nothing; till then [`pids`](Pool::pids) tells its number. The queue of jobs has no limit.
/// A pool that is dropped is terminated, unless it was joined.
///
/// Source: `multiprocessing.Pool` of Python. Differs: there the caller of a job whose worker was killed waits
/// for ever.
///
/// # Examples
/// ```
/// use greenroom_servers::multiprocessing::{self, Pool};
///
/// fn square(number: u64) -> u64 {
///     number * number
/// }
///
/// fn main() -> std::io::Result<()> {
///     multiprocessing::run(|| {
///         let pool = Pool::new(2)?;
///         assert_eq!(pool.apply(square, 3), Ok(9));
///         assert_eq!(pool.map(square, 1..=4), Ok(vec![1, 4, 9, 16]));
///         pool.apply_async(square, 5, |result| assert_eq!(*result, Ok(25)));
///         pool.close();
///         pool.join();
///         Ok(())
///     })?
/// }
/// ```
pub struct Pool {
    shared: Arc<Shared>,
}

impl Pool {
    /// Starts `workers` processes, daemons called `PoolWorker-1` and so on. Parks until they have numbers.
    ///
    /// # Errors
    /// As [`Process::spawn`].
    ///
    /// # Panics
    /// If `workers` is zero.
    ///
    /// # Examples
    /// See [`Pool`].
    pub fn new(workers: usize) -> io::Result<Pool> {
        assert!(workers > 0, "a pool of no workers");
        let started: io::Result<Vec<Worker>> = (0..workers).map(|_| start_worker()).collect();
        let started = started?;
        let processes = started.iter().map(|worker| worker.process().clone());
        let pool = Pool {
            shared: Arc::new(Shared {
                jobs: Queue::unbounded(),
                is_terminated: AtomicBool::new(false),
                processes: Mutex::new(processes.collect()),
                busy: WaitGroup::new(),
            }),
        };
        for (index, worker) in started.into_iter().enumerate() {
            let shared = Arc::clone(&pool.shared);
            shared.busy.add(1);
            greenroom::thread::spawn(move || {
                shared.keep(index, worker);
                shared.busy.done();
            });
        }
        Ok(pool)
    }

    /// Has a worker call `function` with `argument`, and returns its value. Parks until then.
    ///
    /// # Errors
    /// See [`JobError`].
    ///
    /// # Cancel
    /// The job is done all the same, and its value lost.
    ///
    /// # Examples
    /// See [`Pool`].
    pub fn apply<A, R>(&self, function: fn(A) -> R, argument: A) -> Result<R, JobError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned + Send + 'static,
    {
        self.submit(function, argument).get()
    }

    /// As [`apply`](Self::apply), but returns at once. Never parks for long.
    ///
    /// # Examples
    /// See [`AsyncResult`].
    pub fn submit<A, R>(&self, function: fn(A) -> R, argument: A) -> AsyncResult<R>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned + Send + 'static,
    {
        self.start(function, &argument, None::<fn(&Result<R, JobError>)>)
    }

    /// As [`submit`](Self::submit), and calls `callback` with the result, on a green thread of this process,
    /// before the result is there for others. A callback that panics harms nobody but itself.
    ///
    /// # Examples
    /// See [`Pool`].
    pub fn apply_async<A, R, C>(
        &self,
        function: fn(A) -> R,
        argument: A,
        callback: C,
    ) -> AsyncResult<R>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned + Send + 'static,
        C: FnOnce(&Result<R, JobError>) + Send + 'static,
    {
        self.start(function, &argument, Some(callback))
    }

    fn start<A, R, C>(
        &self,
        function: fn(A) -> R,
        argument: &A,
        callback: Option<C>,
    ) -> AsyncResult<R>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned + Send + 'static,
        C: FnOnce(&Result<R, JobError>) + Send + 'static,
    {
        let slot = Arc::new(Slot::new());
        let result = AsyncResult::of(Arc::clone(&slot));
        let shared = Arc::clone(&self.shared);
        self.post(function, argument, move |value| match callback {
            None => slot.set(value),
            Some(callback) => shared.call_back(value, callback, slot),
        });
        result
    }

    /// Has a worker do a job. `take` is called with the result, by the worker's keeper: it must not wait.
    pub(super) fn post<A, R, T>(&self, function: fn(A) -> R, argument: &A, take: T)
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned,
        T: FnOnce(Result<R, JobError>) + Send + 'static,
    {
        let answer = move |packed: Result<Packed, JobError>| {
            // `Deserialize` is the user's, and this a keeper's green thread.
            let unpack = AssertUnwindSafe(|| packed.map(Packed::unpack::<R>));
            let value = match panic::catch_unwind(unpack) {
                Ok(Ok(value)) => value.map_err(|error| JobError::Invalid(error.to_string())),
                Ok(Err(error)) => Err(error),
                Err(payload) => {
                    let text = panic_text(payload.as_ref());
                    Err(JobError::Invalid(format!("its value panicked: {text}")))
                }
            };
            take(value);
        };
        let packed = Code::of(function).and_then(|code| Ok((code, Packed::of(argument)?.0)));
        let (code, argument) = match packed {
            Ok(packed) => packed,
            Err(error) => {
                return answer(Err(JobError::Invalid(error.to_string())));
            }
        };
        let answer = Box::new(answer);
        let job = Job {
            code,
            argument,
            answer,
        };
        if let Err(refused) = self.shared.jobs.put(job) {
            (refused.0.answer)(Err(self.shared.refusal()));
        }
    }

    /// Calls `function` with each of `arguments`, by as many workers as there are, and returns the values in
    /// the order of the arguments. Parks until all are done.
    ///
    /// # Errors
    /// The first, in that order; the other jobs are done all the same.
    ///
    /// # Examples
    /// See [`Pool`].
    pub fn map<A, R, I>(&self, function: fn(A) -> R, arguments: I) -> Result<Vec<R>, JobError>
    where
        A: Serialize + DeserializeOwned,
        R: Serialize + DeserializeOwned + Send + 'static,
        I: IntoIterator<Item = A>,
    {
        let jobs = arguments.into_iter();
        let results: Vec<_> = jobs
            .map(|argument| self.submit(function, argument))
            .collect();
        let results: Vec<_> = results.into_iter().map(AsyncResult::get).collect();
        results.into_iter().collect()
    }

    /// No more jobs; those that wait are done. Never parks for long.
    ///
    /// # Examples
    /// See [`Pool`].
    pub fn close(&self) {
        self.shared.jobs.shutdown();
    }

    /// No more jobs; those that wait or run are errors, and the workers are killed.
    ///
    /// # Examples
    /// See [`AsyncResult::get_timeout`].
    pub fn terminate(&self) {
        self.shared.terminate();
    }

    /// Parks until all jobs are done, all callbacks have run, and all workers are gone. Closes the pool first if
    /// that was not done (Python: an error).
    ///
    /// # Examples
    /// See [`Pool`].
    pub fn join(&self) {
        self.close();
        self.shared.busy.wait();
    }

    /// The numbers of the workers' processes, at this moment.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Pool};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         assert_eq!(Pool::new(3)?.pids().len(), 3);
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn pids(&self) -> Vec<u32> {
        locked(&self.shared.processes)
            .iter()
            .map(Process::pid)
            .collect()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Nothing is left to kill after a join.
        self.terminate();
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

fn start_worker() -> io::Result<Worker> {
    let number = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    Worker::start(format!("PoolWorker-{number}"))
}

impl Shared {
    fn is_terminated(&self) -> bool {
        self.is_terminated.load(Ordering::Acquire)
    }

    fn refusal(&self) -> JobError {
        match self.is_terminated() {
            true => JobError::Terminated,
            false => JobError::Closed,
        }
    }

    /// A keeper's life.
    fn keep(&self, index: usize, worker: Worker) {
        let mut worker = Some(worker);
        while let Ok(job) = self.jobs.get() {
            let outcome = self.run(index, &mut worker, job.code, job.argument);
            // A value that nobody waits for is dropped here, and its `Drop` is the user's.
            if panic::catch_unwind(AssertUnwindSafe(|| (job.answer)(outcome))).is_err() {
                log::error!("a pool's value panicked when it was dropped");
            }
        }
        if let Some(worker) = worker {
            worker.end();
        }
    }

    fn run(
        &self,
        index: usize,
        place: &mut Option<Worker>,
        code: Code,
        argument: Packed,
    ) -> Result<Packed, JobError> {
        if let Some(sick) = place.take_if(|worker| !worker.is_well()) {
            sick.end();
        }
        let worker = match place {
            Some(worker) => worker,
            None => place.insert(self.replace(index)?),
        };
        let outcome = worker.run(code, argument);
        let is_dead = matches!(outcome, Err(JobError::WorkerDied(_)));
        if let Some(dead) = place.take_if(|_| is_dead) {
            dead.end();
            if self.is_terminated() {
                return Err(JobError::Terminated);
            }
            // Now, not at the next job: who looks at the pool sees it whole. An error is that job's.
            *place = self.replace(index).ok();
        }
        outcome
    }

    fn replace(&self, index: usize) -> Result<Worker, JobError> {
        if self.is_terminated() {
            return Err(JobError::Terminated);
        }
        let worker = start_worker().map_err(|error| JobError::NoWorker(error.to_string()))?;
        let mut processes = locked(&self.processes);
        processes[index] = worker.process().clone();
        drop(processes);
        if self.is_terminated() {
            // `terminate` may have looked before.
            drop(worker.process().kill());
        }
        Ok(worker)
    }

    fn call_back<R, C>(
        self: Arc<Shared>,
        value: Result<R, JobError>,
        callback: C,
        slot: Arc<Slot<R>>,
    ) where
        R: Send + 'static,
        C: FnOnce(&Result<R, JobError>) + Send + 'static,
    {
        self.busy.add(1);
        greenroom::thread::spawn(move || {
            let called = panic::catch_unwind(AssertUnwindSafe(|| callback(&value)));
            if let Err(payload) = called {
                log::error!(
                    "a pool's callback panicked: {}",
                    panic_text(payload.as_ref())
                );
            }
            slot.set(value);
            self.busy.done();
        });
    }

    fn terminate(&self) {
        self.is_terminated.store(true, Ordering::Release);
        for job in self.jobs.shutdown_now() {
            (job.answer)(Err(JobError::Terminated));
        }
        let processes = locked(&self.processes).clone();
        for process in processes {
            // An error is the fork server's end, and with it the worker's.
            drop(process.kill());
        }
    }
}
