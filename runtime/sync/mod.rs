//! Synchronisation with std's names and semantics: waiting parks the green thread, not its worker.
//!
//! Everything here works between green threads of one worker, of several, and ordinary OS threads, in
//! any mix. Every blocking call is a cancellation and deadline point; see each type for who is next.
//! Source: [`std::sync`].

mod barrier;
mod condvar;
mod lazy_lock;
mod mutex;
mod once;
mod once_lock;
mod poison;
mod raw_mutex;
mod raw_rwlock;
mod reentrant_lock;
mod rwlock;
mod rwlock_guard;

pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use lazy_lock::LazyLock;
pub use mutex::{Mutex, MutexGuard};
pub use once::{Once, OnceState};
pub use once_lock::OnceLock;
pub use reentrant_lock::{ReentrantLock, ReentrantLockGuard};
pub use rwlock::RwLock;
pub use rwlock_guard::{RwLockReadGuard, RwLockWriteGuard};
pub use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};
