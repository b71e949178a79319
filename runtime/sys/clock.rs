//! Monotonic time as `u64` nanoseconds.
//!
//! One number instead of `Instant` inside the runtime: it packs into a timer node, saturates instead
//! of panicking, and a later virtual clock only has to replace [`now_ns`]. `u64::MAX` means "never":
//! 584 years after boot.
#![expect(unsafe_code, reason = "clock_gettime writes through a pointer")]

use std::time::{Duration, Instant};

/// A deadline that never comes.
pub(crate) const NEVER_NS: u64 = u64::MAX;

/// Nanoseconds of `CLOCK_MONOTONIC` (about 25 ns by vDSO; read it once per batch, not per task).
pub(crate) fn now_ns() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is a valid, writable timespec; CLOCK_MONOTONIC always exists on Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

/// The deadline `after` from now; what does not fit (for one, `Duration::MAX`) is [`NEVER_NS`].
pub(crate) fn deadline_after(after: Duration) -> u64 {
    let Ok(after_ns) = u64::try_from(after.as_nanos()) else {
        return NEVER_NS;
    };
    now_ns().saturating_add(after_ns)
}

/// The deadline of an [`Instant`]; one in the past is "now".
pub(crate) fn deadline_at(instant: Instant) -> u64 {
    deadline_after(instant.saturating_duration_since(Instant::now()))
}
