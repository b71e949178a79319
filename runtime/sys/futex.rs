//! Sleeping and waking of OS threads on one word of memory.
//!
//! Used by parkers of ordinary OS threads only; workers sleep in epoll. A wake on an address whose
//! owner has returned meanwhile is harmless (the kernel looks for sleepers, it does not touch the
//! word), which is what lets a parker live on its thread's stack. See futex(2).
#![expect(unsafe_code, reason = "futex system calls")]

use crate::sys::atomic::AtomicU32;
use crate::sys::clock::NEVER_NS;

/// Sleeps while `word` is `expected`, at most until `deadline_ns` (CLOCK_MONOTONIC). May return
/// early for no reason: the caller loops on its own condition.
pub(crate) fn wait(word: &AtomicU32, expected: u32, deadline_ns: u64) {
    let timeout = libc::timespec {
        tv_sec: i64::try_from(deadline_ns / 1_000_000_000).unwrap_or(i64::MAX),
        tv_nsec: i64::try_from(deadline_ns % 1_000_000_000).unwrap_or(0),
    };
    let timeout_ptr = if deadline_ns == NEVER_NS {
        std::ptr::null()
    } else {
        &raw const timeout
    };
    // SAFETY: `word` is a live, aligned u32; `timeout` outlives the call. FUTEX_WAIT_BITSET takes an
    // absolute CLOCK_MONOTONIC time. Every outcome (woken, EAGAIN, EINTR, ETIMEDOUT) means "look".
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            std::ptr::from_ref(word),
            libc::FUTEX_WAIT_BITSET | libc::FUTEX_PRIVATE_FLAG,
            expected,
            timeout_ptr,
            std::ptr::null::<u32>(),
            libc::FUTEX_BITSET_MATCH_ANY,
        );
    };
}

/// Wakes at most one thread that sleeps on `word`, which need not point to live memory any more.
pub(crate) fn wake_one(word: *const AtomicU32) {
    // SAFETY: the kernel only uses the address as a key; an unmapped one is EFAULT, nothing worse.
    unsafe {
        libc::syscall(
            libc::SYS_futex,
            word,
            libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG,
            1i32,
        );
    };
}
