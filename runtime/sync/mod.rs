//! Synchronisation with std's names and semantics: waiting parks the green thread, not its worker.
//!
//! Everything here works between green threads of one worker, of several, and ordinary OS threads, in
//! any mix. Every blocking call is a cancellation and deadline point; see each type for who is next.
//! Source: [`std::sync`].

mod async_result;
mod batch;
pub(crate) mod crowd;
pub(crate) mod event;
pub mod mpsc;
mod mutex;
mod poison;
mod raw_mutex;
pub(crate) mod raw_semaphore;
mod semaphore;
pub(crate) mod wait_group;

pub use async_result::AsyncResult;
pub use event::Event;
pub use mutex::{Mutex, MutexGuard};
pub use semaphore::{BoundedSemaphore, ReleaseError, Semaphore, SemaphoreGuard};
pub use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};
pub use wait_group::{WaitGroup, WaitGroupGuard};
