//! Locks, condition variables, once and barrier: every wait from everywhere, and std's API.
//!
//! `ground` drives a table: who waits and who holds (same worker, other worker, OS thread) against how
//! the wait ends (ready, waits, times out, cancelled, deadline). The other files look at what is special.

mod common;

#[path = "sync_locks/api.rs"]
mod api;
#[path = "sync_locks/barrier.rs"]
mod barrier;
#[path = "sync_locks/cases.rs"]
mod cases;
#[path = "sync_locks/condvar.rs"]
mod condvar;
#[path = "sync_locks/ground.rs"]
mod ground;
#[path = "sync_locks/mutex.rs"]
mod mutex;
#[path = "sync_locks/once.rs"]
mod once;
#[path = "sync_locks/poison.rs"]
mod poison;
#[path = "sync_locks/reentrant.rs"]
mod reentrant;
#[path = "sync_locks/rounds.rs"]
mod rounds;
#[path = "sync_locks/rwlock.rs"]
mod rwlock;
