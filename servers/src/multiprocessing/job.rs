//! [`AsyncResult`] and [`JobError`]: what becomes of a job of a pool.

use super::rpc::locked;
use greenroom::sync::{Event, Mutex};
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why a job of a pool has no value.
///
/// # Examples
/// ```
/// use greenroom_servers::multiprocessing::JobError;
/// let error = JobError::Panicked("no bread".to_owned());
/// assert_eq!(error.to_string(), "the job panicked: no bread");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobError {
    /// Its function panicked, with this message. The worker goes on.
    Panicked(String),
    /// Its worker died; the text says how. The function may have run, in part or in full.
    WorkerDied(String),
    /// No worker could be started for it; the text says why. The function has not run.
    NoWorker(String),
    /// Its argument or its value could not be sent; the text says why.
    Invalid(String),
    /// The pool is closed. The function has not run.
    Closed,
    /// The pool was terminated.
    Terminated,
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JobError::Panicked(text) => write!(f, "the job panicked: {text}"),
            JobError::WorkerDied(text) => write!(f, "the job's worker died: {text}"),
            JobError::NoWorker(text) => write!(f, "no worker for the job: {text}"),
            JobError::Invalid(text) => write!(f, "the job cannot be sent: {text}"),
            JobError::Closed => f.write_str("the pool is closed"),
            JobError::Terminated => f.write_str("the pool was terminated"),
        }
    }
}

impl Error for JobError {}

impl From<JobError> for std::io::Error {
    fn from(error: JobError) -> std::io::Error {
        std::io::Error::other(error)
    }
}

/// The value of a job that may still run. Dropping it leaves the job alone.
///
/// Source: `multiprocessing.pool.AsyncResult` of Python.
///
/// # Examples
/// ```
/// use greenroom_servers::multiprocessing::{self, Pool};
///
/// fn main() -> std::io::Result<()> {
///     multiprocessing::run(|| {
///         let pool = Pool::new(2)?;
///         let square = pool.submit(|number: u32| number * number, 7);
///         square.wait();
///         assert!(square.is_ready() && square.is_successful());
///         assert_eq!(square.get(), Ok(49));
///         Ok(())
///     })?
/// }
/// ```
pub struct AsyncResult<R> {
    slot: Arc<Slot<R>>,
}

pub(super) struct Slot<R> {
    is_done: Event,
    value: Mutex<Option<Result<R, JobError>>>,
}

impl<R> Slot<R> {
    pub(super) fn new() -> Slot<R> {
        Slot {
            is_done: Event::new(),
            value: Mutex::new(None),
        }
    }

    pub(super) fn set(&self, value: Result<R, JobError>) {
        *locked(&self.value) = Some(value);
        self.is_done.set();
    }
}

impl<R> AsyncResult<R> {
    pub(super) fn of(slot: Arc<Slot<R>>) -> AsyncResult<R> {
        AsyncResult { slot }
    }

    /// Parks until the job is done and its callback has run.
    ///
    /// # Examples
    /// See [`AsyncResult`].
    pub fn wait(&self) {
        self.slot.is_done.wait();
    }

    /// As [`wait`](Self::wait), but not longer than `timeout`; whether it is done.
    ///
    /// # Examples
    /// See [`get_timeout`](Self::get_timeout).
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        self.slot.is_done.wait_timeout(timeout)
    }

    /// Whether the job is done. Never parks.
    ///
    /// # Examples
    /// See [`AsyncResult`].
    pub fn is_ready(&self) -> bool {
        self.slot.is_done.is_set()
    }

    /// Whether the job is done and has a value. Never parks for long. Differs: in Python this is an error
    /// while the job runs.
    ///
    /// # Examples
    /// See [`AsyncResult`].
    pub fn is_successful(&self) -> bool {
        matches!(&*locked(&self.slot.value), Some(Ok(_)))
    }

    /// The job's value. Parks until it is done.
    ///
    /// # Errors
    /// What became of it instead.
    ///
    /// # Cancel
    /// The job runs on; its value is lost.
    ///
    /// # Examples
    /// See [`AsyncResult`].
    pub fn get(self) -> Result<R, JobError> {
        self.wait();
        let value = locked(&self.slot.value).take();
        // It was set before the event, and only this takes it.
        value.unwrap_or(Err(JobError::Terminated))
    }

    /// The job's value, if it is done within `timeout`.
    ///
    /// # Errors
    /// This result again, if not.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Pool};
    /// use std::time::Duration;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         let pool = Pool::new(1)?;
    ///         let never = pool.submit(|()| greenroom::thread::park(), ());
    ///         assert!(never.get_timeout(Duration::from_millis(1)).is_err());
    ///         pool.terminate();
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn get_timeout(self, timeout: Duration) -> Result<Result<R, JobError>, AsyncResult<R>> {
        if self.wait_timeout(timeout) {
            return Ok(self.get());
        }
        Err(self)
    }
}

impl<R> fmt::Debug for AsyncResult<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("AsyncResult");
        text.field("is_ready", &self.is_ready());
        text.finish_non_exhaustive()
    }
}
