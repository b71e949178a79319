//! Cancellation in every state of a task: what it ends, when, and what it leaves intact.
//!
//! The targets are local tasks where the state must be certain: they have raised their flag and do
//! not run, since we do, so they are in their wait. Requests from OS threads come at any moment.

mod common;

#[path = "cancel/states.rs"]
mod states;
#[path = "cancel/unblocking.rs"]
mod unblocking;
#[path = "cancel/waits.rs"]
mod waits;
