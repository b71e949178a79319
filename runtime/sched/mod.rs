//! The scheduler: workers, their queues, sleeping and waking, placing new tasks.
//!
//! ```text
//!            spawn ──► deque (unstarted closures, others may steal)
//!                        │ alternately
//!   wake here ──► ring ──┴──► run ──► settle: parked | enqueue again | finished
//!   wake from elsewhere ──► inbox ──► ring
//! ```
//! A task that has started never changes its OS thread: what lies on its stack (`Rc`, borrowed
//! thread-locals, std guards) may be tied to it, and that is why `spawn` can be a safe function. Only
//! closures that have not run move. No user code ever runs on a worker's own stack.

pub(crate) mod current;
pub(crate) mod deque;
pub(crate) mod group;
pub(crate) mod hook;
pub(crate) mod inbox;
pub(crate) mod loan;
pub(crate) mod place;
pub(crate) mod run;
pub(crate) mod shared;
pub(crate) mod sleep;
pub(crate) mod stop;
pub(crate) mod worker;

pub(crate) use place::enqueue;
pub(crate) use run::{Settle, suspend};
