//! `std::thread` for green threads: the same names, signatures and panics, scheduled by greenroom.
//!
//! Everything here also works on ordinary OS threads: `sleep` and `park` then block the thread, and
//! `spawn` starts a green thread on the global runtime.
//!
//! What is different in kind: green threads of one worker run one at a time, and switch only in calls
//! that may park. A loop that computes makes its neighbours wait; give it to [`unblock`](crate::unblock)
//! or let it call [`yield_now`] now and then.
//!
//! # Locals
//! [`thread_local!`](crate::thread_local) declares a variable of which each green thread has its own, and
//! each OS thread that uses it; its destructors have run when `join` returns. `std::thread_local!` still
//! means the OS thread: its variables are shared by all green threads of one worker, in turn, and keep
//! what a finished one left there. Code that keeps its caller's identity, request or transaction in a
//! thread-local wants greenroom's; a cache or a pool of buffers may well be per worker.
//!
//! # Callbacks that must not park
//! A started green thread never changes its OS thread, so thread-locals, `Rc` and guards are as safe as
//! anywhere. One class of code is not prepared for a switch: callbacks that save thread state on entry
//! and put it back on exit, trusting that exits come in reverse order (`scoped_tls`, tokio's `enter`
//! guards, pyo3's GIL pools, autorelease pools). Two green threads of one worker that park inside such
//! callbacks leave in any order, and the state is put back wrong; with `scoped_tls` that is undefined
//! behaviour in safe code. Never park inside such a callback.

mod builder;
mod current;
mod handle;
pub(crate) mod join;
mod local;
mod local_cell;
mod local_key;
mod scoped;
mod sleep;
pub(crate) mod spawn;

pub use builder::Builder;
pub use current::{Thread, ThreadId, current, park, park_timeout};
pub use handle::{CancelOutcome, JoinHandle};
pub use local::{LocalJoinHandle, spawn_local};
pub use local_key::{AccessError, LocalKey};
pub use scoped::{Scope, ScopedJoinHandle, scope};
pub use sleep::{sleep, sleep_until, yield_now};
pub use spawn::spawn;
#[expect(deprecated, reason = "std has them still")]
pub use {current::park_timeout_ms, sleep::sleep_ms};

pub(crate) use handle::cancel;
pub(crate) use join::{wait_for_end, watch};
pub(crate) use scoped::is_panic;
pub(crate) use sleep::rest;
pub(crate) use spawn::{Place, Spec, spawn_unchecked, with_group};

pub use crate::task::slot::Result;
pub use std::thread::{available_parallelism, panicking};
