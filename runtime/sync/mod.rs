//! Synchronisation with std's names and semantics: waiting parks the green thread, not its worker.
//!
//! Everything here works between green threads of one worker, of several, and ordinary OS threads, in
//! any mix. Every blocking call is a cancellation and deadline point; see each type for who is next.
//! What never waits (`Arc`, `Weak`, `atomic`, the errors) is std's own, so that one `use` suffices.
//! Source: [`std::sync`].

mod async_result;
mod barrier;
mod batch;
mod condvar;
pub(crate) mod crowd;
pub(crate) mod event;
mod lazy_lock;
pub mod mpsc;
mod mutex;
mod once;
mod once_lock;
mod poison;
pub(crate) mod raw_mutex;
mod raw_rwlock;
pub(crate) mod raw_semaphore;
mod reentrant_lock;
mod rwlock;
mod rwlock_guard;
mod semaphore;
pub(crate) mod wait_group;

pub use async_result::AsyncResult;
pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use event::Event;
pub use lazy_lock::LazyLock;
pub use mutex::{Mutex, MutexGuard};
#[expect(deprecated, reason = "std has it still")]
pub use once::ONCE_INIT;
pub use once::{Once, OnceState};
pub use once_lock::OnceLock;
pub use reentrant_lock::{ReentrantLock, ReentrantLockGuard};
pub use rwlock::RwLock;
pub use rwlock_guard::{RwLockReadGuard, RwLockWriteGuard};
pub use semaphore::{BoundedSemaphore, ReleaseError, Semaphore, SemaphoreGuard};
pub use std::sync::{Arc, LockResult, PoisonError, TryLockError, TryLockResult, Weak, atomic};
pub use wait_group::{WaitGroup, WaitGroupGuard};
