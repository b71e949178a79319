//! Spawning: from a closure and what is known of it to a task in some worker's queue.
//!
//! Every kind of spawn (plain, local, scoped, `run`) ends in `spawn_unchecked`; the bounds that make
//! it safe are written on the function that calls it.
#![expect(
    unsafe_code,
    reason = "spawning borrowed and local closures has a contract"
)]

use super::builder::Builder;
use super::handle::JoinHandle;
use crate::context::stack::{self, StackSize};
use crate::global::{global, try_global};
use crate::park::interrupt;
use crate::sched::group::Group;
use crate::sched::{current, place};
use crate::task::TaskRef;
use crate::task::header::Identity;
use crate::task::slot::{self, Frame, Root};
use std::io;
use std::panic::Location;
use std::ptr;
use std::sync::Arc;

/// Spawns a green thread and returns a handle to join it. Never parks.
///
/// From a green thread: on its runtime, at first on its own worker, whence an idle worker may steal it
/// until it has started. From an OS thread: on the global runtime, at the least loaded worker. Dropping
/// the handle detaches. Source: [`std::thread::spawn`].
///
/// # Panics
/// If memory or kernel maps for stacks are exhausted; [`Builder::spawn`] returns the error instead.
///
/// # Examples
/// ```
/// let handle = greenroom::thread::spawn(|| 6 * 7);
/// assert_eq!(handle.join().unwrap(), 42);
/// ```
/// The closure must be `Send`:
/// ```compile_fail
/// let shared = std::rc::Rc::new(1);
/// greenroom::thread::spawn(move || println!("{shared}"));
/// ```
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().spawn(f).expect("failed to spawn thread")
}

/// What a spawn asks for.
#[derive(Debug)]
pub(crate) struct Spec {
    pub(crate) name: Option<Box<str>>,
    pub(crate) stack_size: Option<usize>,
    pub(crate) worker: Place,
    pub(crate) spawned_at: &'static Location<'static>,
}

/// Which worker a task is to run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Anywhere,
    /// The worker that spawns it.
    Here,
    Worker(usize),
}

struct TaskRoot;

impl Root for TaskRoot {
    const FRAME: Frame = Frame {
        translate: interrupt::translate,
        cancelled: interrupt::cancelled,
        shield: interrupt::shield_on,
    };
}

/// Calls `with` on the runtime that a spawn from here belongs to.
pub(crate) fn with_group<R>(with: impl FnOnce(&Arc<Group>) -> R) -> R {
    match current::worker() {
        Some(worker) => with(&worker.group),
        None => with(global()),
    }
}

/// As [`with_group`]; an error if the global runtime cannot start.
pub(crate) fn try_with_group<R>(with: impl FnOnce(&Arc<Group>) -> io::Result<R>) -> io::Result<R> {
    match current::worker() {
        Some(worker) => with(&worker.group),
        None => with(try_global()?),
    }
}

/// Spawns without asking for `Send` or `'static`.
///
/// # Errors
/// An unknown worker, a stack size out of bounds, no memory for stacks.
///
/// # Safety
/// What `F` and `T` borrow outlives the task. If they are not `Send`, the place is `Here` and the
/// handle stays on this worker.
pub(crate) unsafe fn spawn_unchecked<F, T>(
    group: &Arc<Group>,
    spec: Spec,
    f: F,
) -> io::Result<TaskRef>
where
    F: FnOnce() -> T,
{
    let stack_size = match spec.stack_size {
        None => group.stack_size,
        Some(bytes) => StackSize::from_bytes(bytes)?,
    };
    if let Some(error) = stack::would_exhaust(stack_size) {
        return Err(error);
    }
    let home = match spec.worker {
        Place::Anywhere => ptr::null(),
        Place::Here => {
            let worker = current::worker().expect("because only workers spawn here");
            ptr::from_ref(worker.shared)
        }
        Place::Worker(index) => ptr::from_ref(*group.workers.get(index).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!(
                    "no worker {index}: runtime '{}' has {}",
                    group.name,
                    group.workers.len()
                ),
            )
        })?),
    };
    let identity = Identity {
        name: spec.name,
        spawned_at: spec.spawned_at,
        stack_size,
        home: home.cast_mut().cast(),
    };
    // SAFETY: the caller's contract.
    let (task, handle) = unsafe { slot::create::<F, T, TaskRoot>(identity, f) };
    place::submit(group, task);
    Ok(handle)
}
