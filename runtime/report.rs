//! Who waits for what: reports in words, of a runtime that runs and of one that ends.
//!
//! A worker's list of tasks belongs to the worker. So each worker is asked by a small green thread that
//! is pinned to it, which walks the list between two of its other tasks: nothing is locked, nobody is
//! stopped, and a worker that computes answers later.

use crate::sched::current;
use crate::sched::group::Group;
use crate::sys::clock::{deadline_after, now_ns};
use crate::task::Header;
use crate::thread::JoinHandle;
use crate::thread::spawn::{Place, Spec, spawn_unchecked, with_group};
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// How a shutdown went.
///
/// # Examples
/// ```
/// let runtime = greenroom::Runtime::builder().workers(1).build()?;
/// let report = runtime.shutdown(std::time::Duration::from_secs(1));
/// for name in &report.abandoned {
///     eprintln!("left behind: {name}");
/// }
/// assert_eq!(report, greenroom::ShutdownReport::default());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// The green threads that waited when the shutdown began, and for what: of a deadlock, its parts. At
    /// most 1,000 per worker; none of a worker that computes on for half a second. Most have ended
    /// since, by the shutdown.
    pub waiting: Vec<String>,
    /// The green threads that had not ended when the grace was over, named as far as their workers
    /// could answer. They will never run again; their stacks and workers stay as they are.
    pub abandoned: Vec<String>,
}

/// Who waits, and for what: one line per parked green thread of the runtime that runs this, or of the
/// global one.
///
/// A line names the green thread, the primitive, its owner if it has one, and where the green thread
/// was spawned. Parks, or blocks, until each worker has answered or `limit` is over; a worker that
/// computes answers at its next switch. At most 1,000 per worker.
///
/// # Cancel
/// Nothing happened.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// greenroom::run(|| {
///     let handle = greenroom::thread::spawn(greenroom::thread::park);
///     let waits = |line: &String| line.contains("parked until unpark");
///     while !greenroom::waiting(Duration::from_secs(1)).iter().any(waits) {}
///     handle.thread().unpark();
/// });
/// ```
pub fn waiting(limit: Duration) -> Vec<String> {
    with_group(|group| waiting_on(group, limit))
}

/// Asks every worker of `group`.
#[expect(unsafe_code, reason = "calls the unchecked spawn")]
pub(crate) fn waiting_on(group: &Arc<Group>, limit: Duration) -> Vec<String> {
    let deadline_ns = deadline_after(limit);
    // It waits for the answers, which is nobody's business.
    let asker = current::task().map_or(0, Header::id);
    let ask = |index| {
        let spec = Spec {
            name: Some("waiting?".into()),
            stack_size: None,
            worker: Place::Worker(index),
            spawned_at: Location::caller(),
        };
        let look = move || current::worker().map_or_else(Vec::new, |worker| worker.waiting(asker));
        // SAFETY: the closure borrows nothing, it and its result are `Send`.
        let task = unsafe { spawn_unchecked(group, spec, look) };
        task.ok().map(JoinHandle::<Vec<String>>::of)
    };
    let asked: Vec<_> = (0..group.workers.len()).filter_map(ask).collect();
    let answers = asked.into_iter().filter_map(|handle| {
        let left = Duration::from_nanos(deadline_ns.saturating_sub(now_ns()));
        handle.join_timeout(left).ok()?.ok()
    });
    answers.flatten().collect()
}
