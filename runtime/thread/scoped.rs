//! Scopes: green threads that borrow from the function that waits for them.
//!
//! The wait at the end cannot be skipped (it is in `scope` itself, not in a destructor) nor interrupted:
//! an interrupt cancels the children first, then the scope waits for them, masked, and only then
//! unwinds. A child that was left behind by a runtime that ended would still own its borrows, so the
//! process aborts and names it.
#![expect(
    unsafe_code,
    reason = "spawns closures that borrow, and waits for them"
)]

use super::builder::Builder;
use super::current::{Thread, current as current_thread};
use super::handle::{CancelOutcome, cancel};
use super::join::{Joiner, wait_for_end};
use super::spawn::{Spec, spawn_unchecked, try_with_group};
use crate::park::interrupt;
use crate::park::wait_list::{Mask, Outcome};
use crate::sched::current;
use crate::sys::atomic::{AtomicUsize, Ordering};
use crate::sys::clock::NEVER_NS;
use crate::sys::fatal;
use crate::sys::lock::Lock;
use crate::task::slot::Result;
use crate::task::{Header, TaskRef};
use std::any::Any;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::panic::{self, AssertUnwindSafe, RefUnwindSafe};
use std::sync::Arc;

/// Where scoped green threads are spawned; see [`scope`]. Source: [`std::thread::Scope`].
///
/// # Examples
/// ```
/// use greenroom::thread::{Scope, scope};
/// fn greet<'scope>(s: &'scope Scope<'scope, '_>, name: &'scope str) {
///     s.spawn(move || assert_eq!(name, "Ada"));
/// }
/// let name = String::from("Ada");
/// scope(|s| greet(s, &name));
/// ```
pub struct Scope<'scope, 'env: 'scope> {
    data: Arc<Data>,
    /// Invariant in both lifetimes, as std's: else a child could outlive what it borrows.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

// As std's: its lists are whole between any two calls. For itself it is not, neither here nor there.
impl RefUnwindSafe for Scope<'_, '_> {}

struct Data {
    children: Lock<Children>,
    /// Panics of children that nobody has joined.
    unhandled: AtomicUsize,
    /// Who waits for them.
    main_thread: Thread,
}

struct Children {
    tasks: Vec<TaskRef>,
    /// Finished ones are let go when the list has grown to this length.
    prune_at: usize,
    on_panic: OnPanic,
}

/// What a panic of a child means for its siblings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnPanic {
    GoOn,
    Cancel,
    /// One has panicked: whoever is spawned now is cancelled too.
    Cancelled,
}

impl Data {
    fn add(&self, task: &TaskRef) {
        let is_cancelled = {
            let mut children = self.children.lock();
            children.tasks.push(task.clone());
            if children.tasks.len() >= children.prune_at {
                children.tasks.retain(|task| !task.header().state.is_done());
                children.prune_at = (children.tasks.len() * 2).max(64);
            }
            children.on_panic == OnPanic::Cancelled
        };
        if is_cancelled {
            cancel(task);
        }
    }

    /// A child, which runs this, has panicked.
    fn panicked(&self) {
        // Release: read by the scope after its wait.
        self.unhandled.fetch_add(1, Ordering::Release);
        let own = current::task().map(Header::id);
        let siblings = {
            let mut children = self.children.lock();
            if children.on_panic != OnPanic::Cancel {
                return;
            }
            children.on_panic = OnPanic::Cancelled;
            children.tasks.clone()
        };
        for task in siblings
            .iter()
            .filter(|task| Some(task.header().id()) != own)
        {
            cancel(task);
        }
    }

    /// A child was joined: its panic, if it is one, is no concern of the scope any more.
    fn handled<T>(&self, result: &Result<T>) {
        if let Err(payload) = result
            && is_panic(payload.as_ref())
        {
            // Release: read by the scope after its wait.
            self.unhandled.fetch_sub(1, Ordering::Release);
        }
    }

    fn cancel_all(&self) {
        let tasks = self.children.lock().tasks.clone();
        for task in &tasks {
            cancel(task);
        }
    }

    /// Waits for every child. Returns whether an interrupt came meanwhile.
    fn wait(&self, mut interrupted: bool) -> bool {
        loop {
            let Some(task) = self.children.lock().tasks.last().cloned() else {
                return interrupted;
            };
            let mask = if interrupted {
                Mask::Masked
            } else {
                Mask::Open
            };
            if wait_for_end(&task, NEVER_NS, mask) == Outcome::Interrupted {
                interrupted = true;
                self.cancel_all();
                continue;
            }
            abort_if_abandoned(&task);
            // From the end only: going through all of them after each wait would be quadratic.
            let tasks = &mut self.children.lock().tasks;
            while tasks
                .pop_if(|child| child.header().state.is_done())
                .is_some()
            {}
        }
    }

    /// Runs `f` and counts its panic, if it ends in one, as one that nobody has joined.
    fn counting_panics<T>(&self, f: impl FnOnce() -> T) -> T {
        panic::catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|payload| {
            if is_panic(payload.as_ref()) {
                self.panicked();
            }
            panic::resume_unwind(payload)
        })
    }
}

/// Whether a child's payload counts as a panic. A `Cancelled` that the child took from a join of its
/// own and passed on does not: to whoever joins the child it looks like the child's own.
pub(crate) fn is_panic(payload: &(dyn Any + Send)) -> bool {
    !interrupt::is_interrupt(payload) && !payload.is::<interrupt::Cancelled>()
}

/// A child's closure. Dropped unstarted, as a cancelled child does, it counts a panic of its captures
/// too: every panic that a join may show has been counted once.
struct Child<F> {
    body: Option<F>,
    data: Arc<Data>,
}

impl<F> Child<F> {
    fn run<T>(mut self) -> T
    where
        F: FnOnce() -> T,
    {
        let body = self.body.take().expect("because a child runs once");
        self.data.counting_panics(body)
    }
}

impl<F> Drop for Child<F> {
    fn drop(&mut self) {
        if let Some(unstarted) = self.body.take() {
            self.data.counting_panics(|| drop(unstarted));
        }
    }
}

fn abort_if_abandoned(task: &TaskRef) {
    let header = task.header();
    if !header.state.is_done() && header.state.is_abandoned() {
        fatal::abort(format_args!(
            "greenroom: scoped green thread {} (spawned at {}) was abandoned by the shutdown of its \
             runtime while its scope still waits for it; aborting: its borrows cannot be ended",
            header.label(),
            header.spawned_at()
        ));
    }
}

/// Runs `f`, which may spawn green threads that borrow from here, and waits for all of them.
///
/// Parks a green thread, blocks an OS thread, until the last child has ended. Source:
/// [`std::thread::scope`].
///
/// # Panics
/// Re-raises a panic of `f`, after the children have ended; else, as std, if a child panicked and was
/// not joined. A cancelled child is no panic.
///
/// # Cancel
/// If `f` is unwound by a cancellation or a deadline, or one comes during the wait: the children are
/// cancelled and waited for, then the unwinding goes on.
///
/// # Examples
/// ```
/// let mut numbers = vec![1, 2, 3];
/// let sum = greenroom::thread::scope(|s| {
///     let handle = s.spawn(|| numbers.iter().sum::<i32>());
///     handle.join().unwrap()
/// });
/// numbers.push(sum);
/// assert_eq!(numbers, [1, 2, 3, 6]);
/// ```
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    // Before anything is spawned: nothing may unwind past the wait below.
    interrupt::assert_may_park();
    let children = Children {
        tasks: Vec::new(),
        prune_at: 64,
        on_panic: OnPanic::GoOn,
    };
    let data = Data {
        children: Lock::new(children),
        unhandled: AtomicUsize::new(0),
        main_thread: current_thread(),
    };
    let scope = Scope {
        data: Arc::new(data),
        scope: PhantomData,
        env: PhantomData,
    };
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| f(&scope)));
    let unwound = outcome
        .as_ref()
        .is_err_and(|payload| interrupt::is_interrupt(payload.as_ref()));
    if unwound {
        scope.data.cancel_all();
    }
    let interrupted = scope.data.wait(unwound);
    let value = match outcome {
        Ok(value) => value,
        Err(payload) => panic::resume_unwind(payload),
    };
    if interrupted {
        interrupt::check();
    }
    // Acquire: the children's counts; each happened before its end, which was waited for.
    assert!(
        scope.data.unhandled.load(Ordering::Acquire) == 0,
        "a scoped thread panicked"
    );
    value
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Spawns a green thread that the scope waits for. Never parks.
    ///
    /// # Panics
    /// As [`spawn`](super::spawn).
    ///
    /// # Examples
    /// ```
    /// let mut numbers = [1, 2, 3];
    /// greenroom::thread::scope(|s| {
    ///     for number in &mut numbers {
    ///         s.spawn(move || *number *= 2);
    ///     }
    /// });
    /// assert_eq!(numbers, [2, 4, 6]);
    /// ```
    #[track_caller]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let spec = Builder::new().into_spec();
        self.spawn_with(spec, f).expect("failed to spawn thread")
    }

    /// From here on the first child that panics cancels the others, and those spawned later. Never parks.
    ///
    /// The scope then waits for all of them, as ever, and panics if nobody joined the child that did.
    /// What `scope` itself runs is not cancelled; a join of a cancelled child tells it. Beyond std.
    ///
    /// # Examples
    /// ```
    /// greenroom::thread::scope(|s| {
    ///     s.cancel_on_panic();
    ///     let waiting = s.spawn(greenroom::thread::park);
    ///     let failing = s.spawn(|| panic!("oh no"));
    ///     assert!(waiting.join().unwrap_err().is::<greenroom::Cancelled>());
    ///     assert!(failing.join().is_err()); // Handled: the scope does not panic.
    /// });
    /// ```
    pub fn cancel_on_panic(&'scope self) {
        let mut children = self.data.children.lock();
        if children.on_panic == OnPanic::GoOn {
            children.on_panic = OnPanic::Cancel;
        }
    }

    pub(super) fn spawn_with<F, T>(
        &'scope self,
        spec: Spec,
        f: F,
    ) -> io::Result<ScopedJoinHandle<'scope, T>>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        let child = Child {
            body: Some(f),
            data: Arc::clone(&self.data),
        };
        let child = move || child.run();
        // SAFETY: what `F` and `T` borrow outlives `'scope`, which does not end before `scope` has
        // waited for this task; both are `Send`.
        let task = try_with_group(|group| unsafe { spawn_unchecked(group, spec, child) })?;
        self.data.add(&task);
        Ok(ScopedJoinHandle {
            joiner: Joiner::new(task),
            data: Arc::clone(&self.data),
            _scope: PhantomData,
        })
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_running = |task: &&TaskRef| !task.header().state.is_done();
        let running = self
            .data
            .children
            .lock()
            .tasks
            .iter()
            .filter(is_running)
            .count();
        let unhandled = self.data.unhandled.load(Ordering::Acquire);
        f.debug_struct("Scope")
            .field("num_running_threads", &running)
            .field("a_thread_panicked", &(unhandled > 0))
            .field("main_thread", &self.data.main_thread)
            .finish_non_exhaustive()
    }
}

/// Owns the right to join a scoped green thread. Source: [`std::thread::ScopedJoinHandle`].
///
/// # Examples
/// ```
/// use greenroom::thread::{ScopedJoinHandle, scope};
/// let text = String::from("hello");
/// scope(|s| {
///     let handle: ScopedJoinHandle<'_, usize> = s.spawn(|| text.len());
///     assert_eq!(handle.join().unwrap(), 5);
/// });
/// ```
pub struct ScopedJoinHandle<'scope, T> {
    joiner: Joiner<T>,
    data: Arc<Data>,
    _scope: PhantomData<&'scope ()>,
}

impl<T> ScopedJoinHandle<'_, T> {
    /// The slot of the green thread.
    pub(crate) fn task(&self) -> &TaskRef {
        self.joiner.task()
    }

    /// The result, once the green thread has ended; counts as a join. Neither parks nor unwinds.
    pub(crate) fn into_result(self) -> Result<T> {
        let result = self.joiner.into_result();
        self.data.handled(&result);
        result
    }

    /// The green thread behind this handle. Never parks.
    ///
    /// # Examples
    /// ```
    /// greenroom::thread::scope(|s| {
    ///     let handle = s.spawn(greenroom::thread::park);
    ///     handle.thread().unpark();
    /// });
    /// ```
    pub fn thread(&self) -> &Thread {
        self.joiner.thread()
    }

    /// Waits for the end; see [`JoinHandle::join`](super::JoinHandle::join). Parks.
    ///
    /// # Errors
    /// The panic's payload (which the scope then takes as handled), or
    /// [`Cancelled`](crate::Cancelled).
    ///
    /// # Panics
    /// If a green thread joins itself.
    ///
    /// # Cancel
    /// As [`scope`].
    ///
    /// # Examples
    /// ```
    /// greenroom::thread::scope(|s| {
    ///     let handle = s.spawn(|| panic!("oh no"));
    ///     assert!(handle.join().is_err()); // Handled: the scope does not panic.
    /// });
    /// ```
    pub fn join(self) -> Result<T> {
        let result = self.joiner.join();
        self.data.handled(&result);
        result
    }

    /// Whether the green thread has ended. Never parks.
    ///
    /// # Examples
    /// ```
    /// greenroom::thread::scope(|s| {
    ///     let handle = s.spawn(greenroom::thread::park);
    ///     assert!(!handle.is_finished());
    ///     handle.thread().unpark();
    /// });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.joiner.is_finished()
    }

    /// Asks it to end; see [`JoinHandle::cancel`](super::JoinHandle::cancel). Never parks.
    ///
    /// # Examples
    /// ```
    /// greenroom::thread::scope(|s| {
    ///     let handle = s.spawn(greenroom::thread::park);
    ///     handle.cancel();
    ///     assert!(handle.join().unwrap_err().is::<greenroom::Cancelled>());
    /// });
    /// ```
    pub fn cancel(&self) -> CancelOutcome {
        cancel(self.joiner.task())
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle").finish_non_exhaustive()
    }
}
