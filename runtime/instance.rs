//! Runtimes: the global one that starts by itself, and private ones with a beginning and an end.
//!
//! All workers are OS threads of the runtime's own, with asynchronous signals blocked. The global
//! runtime starts at first use and lives until the process exits, as std's detached threads do.
//! How a private one ends stands in `sched/stop.rs`; here is the handle's side: set the phase, wait,
//! give up after the grace and report.
#![expect(unsafe_code, reason = "runs a borrowing closure and waits for it")]

use crate::context::overflow;
use crate::context::stack::{StackSize, bad_guard_setting};
use crate::global::{WORKERS_MAX, default_workers, global};
use crate::park::interrupt;
use crate::park::wait_list::{self, Mask, Outcome};
use crate::report::{self, ShutdownReport};
use crate::sched::group::{Group, Phase};
use crate::sched::worker::Worker;
use crate::sched::{current, hook};
use crate::sys::clock::{NEVER_NS, deadline_after};
use crate::sys::fatal;
use crate::sys::{limits, signals};
use crate::task::{WaitReason, slot};
use crate::thread::{JoinHandle, Place, Spec, spawn_unchecked, wait_for_end};
use crate::time::shield;
use std::io;
use std::panic::{self, Location};
use std::sync::{Arc, Once};
use std::thread;
use std::time::Duration;

/// How long dropping a [`Runtime`] waits for its green threads to unwind.
const DROP_GRACE: Duration = Duration::from_secs(10);

/// How long a shutdown waits, after the grace, for idle workers to name what they leave behind.
const REPORT_GRACE: Duration = Duration::from_millis(500);

/// What the first runtime of the process sets up.
fn prepare_process() {
    hook::install();
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if let Err(error) = overflow::install() {
            log::warn!("stack overflows will not be named: {error}");
        }
        if let Err(error) = limits::raise_open_files() {
            log::warn!("the limit of open files stays as it is: {error}");
        }
        if let Some(value) = bad_guard_setting() {
            log::warn!(
                "GREENROOM_STACK_GUARD={}: not auto or mprotect; using auto",
                value.display()
            );
        }
    });
}

/// Starts the workers of a runtime.
pub(crate) fn start(
    name: String,
    workers: usize,
    stack_size: StackSize,
) -> io::Result<(Arc<Group>, Vec<thread::JoinHandle<()>>)> {
    prepare_process();
    // The mask of a thread of ours is ours; a runtime that is started there is its user's all the same.
    let users = current::users_mask().unwrap_or_else(signals::current_mask);
    let group = Arc::new(Group::new(name, stack_size, workers)?);
    let mut threads = Vec::with_capacity(workers);
    for (index, place) in group.workers.iter().copied().enumerate() {
        let of_group = Arc::clone(&group);
        // The new thread inherits the mask: no instant exists at which it could take a signal.
        let mask = signals::block_asynchronous();
        let started = thread::Builder::new()
            .name(format!("{}-{index}", group.name))
            .spawn(move || Worker::serve(place, of_group, users));
        signals::restore(&mask);
        match started {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                group.set_phase(Phase::Stopping);
                threads.into_iter().for_each(|thread| drop(thread.join()));
                return Err(error);
            }
        }
    }
    Ok((group, threads))
}

/// Runs `f` as a green thread of the global runtime, waits for it, and returns its value.
///
/// Blocks an OS thread; any number of them may call it at once, and `f` may borrow. From a green
/// thread it just calls `f`. Other green threads live on until the process exits.
///
/// # Panics
/// Re-raises a panic of `f`; and if the runtime cannot start.
///
/// # Examples
/// ```
/// let greeting = String::from("hello");
/// let length = greenroom::run(|| greeting.len());
/// assert_eq!(length, 5);
/// ```
#[track_caller]
pub fn run<F, T>(f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    if current::task().is_some() {
        return f();
    }
    run_on(global(), Location::caller(), f)
}

fn run_on<F, T>(group: &Arc<Group>, spawned_at: &'static Location<'static>, f: F) -> T
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    // Before anything is spawned: nothing may unwind past the wait below.
    interrupt::assert_may_park();
    let spec = Spec {
        name: Some("main".into()),
        stack_size: None,
        worker: Place::Anywhere,
        spawned_at,
    };
    // SAFETY: `f` and its value are `Send`; they outlive the task, which is waited for below, masked,
    // so that nothing can unwind past the wait.
    let task = unsafe { spawn_unchecked(group, spec, f) }
        .unwrap_or_else(|error| panic!("greenroom: cannot run: {error}"));
    let outcome = wait_for_end(&task, NEVER_NS, Mask::Masked);
    debug_assert_eq!(outcome, Outcome::Ready(()));
    if !task.header().state.is_done() {
        fatal::abort(format_args!(
            "greenroom: a runtime ended while `run` waits for it; aborting"
        ));
    }
    // SAFETY: done; `T` is its type; taken once, as no handle was made of `task`.
    match unsafe { slot::take::<T>(&task) } {
        Ok(value) => value,
        Err(payload) => panic::resume_unwind(payload),
    }
}

/// Configures a private runtime.
///
/// # Examples
/// ```
/// let runtime = greenroom::Runtime::builder().workers(1).name("lab").build()?;
/// assert_eq!(runtime.run(|| 6 * 7), 42);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "call build to start the runtime"]
pub struct RuntimeBuilder {
    name: String,
    workers: Option<usize>,
    stack_size: Option<usize>,
}

impl RuntimeBuilder {
    /// Number of workers (OS threads), from 1 to 1,024. Default: `GREENROOM_WORKERS`, else the
    /// processors the process may use.
    ///
    /// # Examples
    /// ```
    /// let runtime = greenroom::Runtime::builder().workers(2).build()?;
    /// assert_eq!(runtime.workers(), 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn workers(mut self, count: usize) -> RuntimeBuilder {
        self.workers = Some(count);
        self
    }

    /// Usable stack in bytes of green threads that do not say otherwise. Default: 192 KiB.
    ///
    /// # Examples
    /// ```
    /// let runtime = greenroom::Runtime::builder().stack_size(1 << 20).build()?;
    /// let sum: u32 = runtime.run(|| [1_u8; 500_000].iter().map(|&byte| u32::from(byte)).sum());
    /// assert_eq!(sum, 500_000);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> RuntimeBuilder {
        self.stack_size = Some(bytes);
        self
    }

    /// First part of the workers' thread names. Default: `greenroom`.
    ///
    /// # Examples
    /// ```
    /// let runtime = greenroom::Runtime::builder().name("lab").workers(1).build()?;
    /// let worker = runtime.run(|| std::thread::current().name().map(str::to_owned));
    /// assert_eq!(worker.as_deref(), Some("lab-0"));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> RuntimeBuilder {
        self.name = name.into();
        self
    }

    /// Starts the runtime's workers.
    ///
    /// # Errors
    /// `InvalidInput`: no worker or too many, a stack size out of bounds, a NUL in the name. Else what
    /// the kernel says: no descriptor (two per worker) or no thread to be had.
    ///
    /// # Examples
    /// ```
    /// let error = greenroom::Runtime::builder().workers(0).build().unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    /// let runtime = greenroom::Runtime::builder().build()?;
    /// assert!(runtime.workers() >= 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn build(self) -> io::Result<Runtime> {
        let invalid = |text: String| io::Error::new(io::ErrorKind::InvalidInput, text);
        let workers = self.workers.unwrap_or_else(default_workers);
        if !(1..=WORKERS_MAX).contains(&workers) {
            return Err(invalid(format!(
                "{workers} workers: must be from 1 to {WORKERS_MAX}"
            )));
        }
        if self.name.contains('\0') {
            return Err(invalid("the runtime's name contains a NUL byte".to_owned()));
        }
        let stack_size = self
            .stack_size
            .map_or(Ok(StackSize::DEFAULT), StackSize::from_bytes)?;
        let (group, threads) = start(self.name, workers, stack_size)?;
        Ok(Runtime { group, threads })
    }
}

/// A private runtime: its workers and every green thread on them. Shut down when dropped.
///
/// Several may exist at once; sockets and handles work across them.
///
/// # Examples
/// ```
/// let runtime = greenroom::Runtime::builder().workers(1).build()?;
/// let handle = runtime.spawn(|| 6 * 7);
/// assert_eq!(handle.join().unwrap(), 42);
/// drop(runtime); // ends its workers
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Runtime {
    group: Arc<Group>,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Runtime {
    /// Settings to start from.
    ///
    /// # Examples
    /// ```
    /// use greenroom::Runtime;
    /// let runtime = Runtime::builder().workers(1).build()?;
    /// assert_eq!(runtime.workers(), 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder {
            name: "greenroom".to_owned(),
            workers: None,
            stack_size: None,
        }
    }

    /// Runs `f` as a green thread of this runtime and waits for it; see [`run`]. Parks a green thread
    /// (of another runtime, or of this one), blocks an OS thread. The wait is masked.
    ///
    /// # Panics
    /// Re-raises a panic of `f`; and if no stack is to be had.
    ///
    /// # Examples
    /// ```
    /// let runtime = greenroom::Runtime::builder().workers(1).build()?;
    /// let words = ["green", "room"];
    /// assert_eq!(runtime.run(|| words.concat()), "greenroom");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn run<F, T>(&self, f: F) -> T
    where
        F: FnOnce() -> T + Send,
        T: Send,
    {
        run_on(&self.group, Location::caller(), f)
    }

    /// Spawns a green thread on this runtime. Never parks.
    ///
    /// # Panics
    /// If no stack is to be had.
    ///
    /// # Examples
    /// ```
    /// let runtime = greenroom::Runtime::builder().workers(2).build()?;
    /// let handles: Vec<_> = (0..4).map(|n| runtime.spawn(move || n * n)).collect();
    /// let squares: Vec<i32> = handles.into_iter().map(|handle| handle.join().unwrap()).collect();
    /// assert_eq!(squares, [0, 1, 4, 9]);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(&self, f: F) -> JoinHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let spec = Spec {
            name: None,
            stack_size: None,
            worker: Place::Anywhere,
            spawned_at: Location::caller(),
        };
        // SAFETY: `F` and `T` are `'static` and `Send`.
        let task = unsafe { spawn_unchecked(&self.group, spec, f) };
        JoinHandle::of(task.expect("failed to spawn thread"))
    }

    /// Who waits on this runtime, and for what; see [`waiting`](crate::waiting). Parks, or blocks, until
    /// each worker has answered or `limit` is over.
    ///
    /// # Cancel
    /// Nothing happened.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let runtime = greenroom::Runtime::builder().workers(1).build()?;
    /// assert!(runtime.waiting(Duration::from_secs(1)).is_empty());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn waiting(&self, limit: Duration) -> Vec<String> {
        report::waiting_on(&self.group, limit)
    }

    /// Number of workers.
    ///
    /// # Examples
    /// ```
    /// let runtime = greenroom::Runtime::builder().workers(3).build()?;
    /// assert_eq!(runtime.workers(), 3);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn workers(&self) -> usize {
        self.group.workers.len()
    }

    /// Cancels every green thread, waits at most `grace` for them to unwind, and ends the workers.
    ///
    /// Blocks an OS thread, parks a green thread of another runtime, masked. A worker whose green
    /// threads have not ended by then is never joined: it parks for ever, since others may borrow from
    /// its stacks, and what is left on it is reported. So is who waited for what when the shutdown began: the report of a
    /// deadlock. Joining such a green thread gives [`Cancelled`](crate::Cancelled), as
    /// soon as its worker can answer: one that computes on and on keeps its neighbours' joins waiting.
    ///
    /// # Panics
    /// On one of its own workers.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let runtime = greenroom::Runtime::builder().workers(1).build()?;
    /// let handle = runtime.spawn(|| greenroom::thread::sleep(Duration::from_secs(60)));
    /// let report = runtime.shutdown(Duration::from_secs(5));
    /// assert!(report.abandoned.is_empty());
    /// assert!(handle.join().unwrap_err().is::<greenroom::Cancelled>());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown(mut self, grace: Duration) -> ShutdownReport {
        self.assert_not_own_worker();
        // Asked before anybody is cancelled: the first to unwind frees what the others wait for.
        let limit = grace.min(REPORT_GRACE);
        let waiting = shield(|| report::waiting_on(&self.group, limit));
        ShutdownReport {
            waiting,
            ..self.end(grace)
        }
    }

    fn assert_not_own_worker(&self) {
        let own = current::worker().is_some_and(|worker| Arc::ptr_eq(&worker.group, &self.group));
        assert!(
            !own,
            "a greenroom runtime cannot be shut down from one of its own workers"
        );
    }

    fn end(&mut self, grace: Duration) -> ShutdownReport {
        let threads = std::mem::take(&mut self.threads);
        if threads.is_empty() {
            return ShutdownReport::default();
        }
        self.assert_not_own_worker();
        self.group.set_phase(Phase::Stopping);
        if self.wait_until_gone(grace) {
            threads.into_iter().for_each(|thread| drop(thread.join()));
            return ShutdownReport::default();
        }
        self.group.set_phase(Phase::Abandoned);
        self.wait_until_gone(REPORT_GRACE);
        let mut abandoned = std::mem::take(&mut self.group.end.lock().abandoned);
        let running = self.group.workers.iter().map(|worker| worker.running());
        abandoned.extend(
            running
                .filter(|&id| id != 0)
                .map(|id| format!("green thread #{id} (running, did not reach a parking call)")),
        );
        for task in &abandoned {
            log::warn!("runtime '{}' ended without {task}", self.group.name);
        }
        ShutdownReport {
            abandoned,
            ..ShutdownReport::default()
        }
    }

    /// Waits until every worker has left or parked for ever. `false`: the time was up.
    fn wait_until_gone(&self, limit: Duration) -> bool {
        let group = &self.group;
        let all_gone = || (group.end.lock().gone == group.workers.len()).then_some(());
        let deadline_ns = deadline_after(limit);
        let reason = WaitReason::Shutdown;
        wait_list::wait(
            &group.end_waiters,
            reason,
            deadline_ns,
            Mask::Masked,
            all_gone,
        ) == Outcome::Ready(())
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.end(DROP_GRACE);
    }
}
