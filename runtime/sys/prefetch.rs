//! Asks the processor to fetch a cache line that will be needed soon.
//!
//! A hint without effect on what a program means: any address will do, also a stale one. With a
//! thousand connections nearly all user time of an echo server is waiting for lines of tasks that have
//! not run for milliseconds; the scheduler knows which come next.
#![expect(unsafe_code, reason = "processor instructions")]

/// Fetches the line that `address` lies in.
#[inline(always)]
pub(crate) fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch never faults, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) };
    }
    #[cfg(target_arch = "aarch64")]
    {
        // SAFETY: a prefetch never faults, whatever the address, and changes no register.
        unsafe {
            std::arch::asm!(
                "prfm pldl1keep, [{}]",
                in(reg) address,
                options(nostack, readonly, preserves_flags)
            );
        };
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}
