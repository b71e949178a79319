//! Synchronisation with std's names and semantics: waiting parks the green thread, not its worker.
//!
//! Everything here works between green threads of one worker, of several, and ordinary OS threads, in
//! any mix. Every blocking call is a cancellation and deadline point; see each type for who is next.
//! Source: [`std::sync`].

mod mutex;
mod poison;
mod raw_mutex;

pub use mutex::{Mutex, MutexGuard};
pub use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult};
