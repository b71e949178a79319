//! Rank 0: loom's atomics and locks under the names that the shipped files use, and a small kernel.

pub(crate) mod atomic;
pub(crate) mod clock;
pub(crate) mod epoll;
pub(crate) mod event;
#[path = "../../../runtime/sys/fatal.rs"]
pub(crate) mod fatal;
pub(crate) mod futex;
pub(crate) mod lock;
pub(crate) mod nap;
#[path = "../../../runtime/sys/prefetch.rs"]
pub(crate) mod prefetch;
include!(concat!(env!("OUT_DIR"), "/mod_word_lock.rs"));
