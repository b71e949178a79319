//! A task: the scheduled unit that users call a green thread.
//!
//! A task is one heap slot ([`header::Header`] plus its closure or result), made at spawn. Its stack
//! is attached when it first runs. This rank knows the slot, its state word, what it waits for and
//! how waiters queue up; it does not know who runs it.

pub(crate) mod header;
pub(crate) mod lane;
pub(crate) mod locals;
pub(crate) mod os_parker;
pub(crate) mod reason;
pub(crate) mod slot;
pub(crate) mod state;
pub(crate) mod ticket;
pub(crate) mod wait_queue;
pub(crate) mod watch;

pub(crate) use header::{Header, TaskPtr, TaskRef};
pub(crate) use reason::WaitReason;
