//! Stands in for `runtime/sys/futex.rs`: sleeping on a word, known by its address alone.
//!
//! As in the kernel one lock covers "look at the word, then queue up" and "find a sleeper".

use super::atomic::{AtomicU32, Ordering};
use super::clock;

pub(crate) fn wait(word: &AtomicU32, expected: u32, deadline_ns: u64) {
    let address = std::ptr::from_ref(word).addr();
    let holds = || word.load(Ordering::Relaxed) == expected;
    if let Some(event) = clock::arm_thread(address, deadline_ns, holds) {
        event.take();
    }
}

pub(crate) fn wake_one(word: *const AtomicU32) {
    clock::wake_thread(word.addr());
}
