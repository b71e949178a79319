//! Models of greenroom's lock-free protocols, checked by loom on the *shipped* source files.
//!
//! The files below `runtime/` are included by path. They name their atomics and locks as
//! `crate::sys::atomic` and `crate::sys::lock`; in the library that is `core` and std, here it is
//! loom, which runs each model in every order of its threads and with every value that a load may
//! see under the C11 memory model. A model of other code than the shipped one would prove nothing;
//! `build.rs` lists the few words that are changed in three of them.
//!
//! What the files need besides is stood in for, in modules of the same names: a task runs on a loom
//! thread of its own, which is its worker too (`sched`); the kernel is a few mutexes (`sys`,
//! `driver`); time passes when a model says so. Code that cannot be included because it makes system
//! calls or switches stacks is mirrored in the models, each mirror naming its original.
//!
//! What loom cannot see: it models `SeqCst` fences, not accesses, and never fails a weak
//! compare-and-swap for no reason. What it sees wrongly: it orders a plain store loosely against
//! another thread's swaps, and so reports executions that C11 forbids; a word that is swapped by one
//! thread is written by swaps in others too. What it overlooks: see `sys/atomic.rs`.
//! Gates are taken in the order of addresses, which must be the same in every execution: what a select
//! locks lies in one allocation.
//! A lost wake-up shows as a deadlock, a wrong order as a failed assertion or a reported data race.
//! Run: `cargo test -p greenroom-models`; add `-- --nocapture` for the number of executions.

#![expect(
    dead_code,
    reason = "the models use a part of what the shipped files offer"
)]
#![expect(
    clippy::arc_with_non_send_sync,
    reason = "loom's threads take turns on one OS thread; its cells are not Sync"
)]
#![expect(
    clippy::missing_panics_doc,
    reason = "every model panics if it fails, and for no other reason"
)]

mod check;
mod context;
mod driver;
#[path = "../../runtime/park/mod.rs"]
#[expect(
    unreachable_pub,
    reason = "`Cancelled` is public in the library, which re-exports it"
)]
mod park;
mod sched;
mod sync;
mod sys;
mod task;
mod who;

pub mod gift;
pub mod inbox;
pub mod join;
pub mod mutex;
pub mod queue;
pub mod readiness;
pub mod select;
pub mod sleep;
pub mod source;
pub mod state;
pub mod wait;
pub mod word_lock;
