//! The atomics that the lock-free protocols use.
//!
//! A re-export, so that the `models` member can include the protocol files unchanged and put loom's
//! atomics in this place: a model of other code than the shipped one proves nothing.

pub(crate) use core::sync::atomic::{
    AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};
