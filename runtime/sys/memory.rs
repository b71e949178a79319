//! Pages of address space: reserve, guard, discard.
//!
//! Everything here works on page-aligned ranges that the caller owns; nothing here knows what a stack
//! is. Chunks of address space are reserved and never returned, so an address handed out once stays
//! mapped for the life of the process. Called by `context::stack`, and by `sigsegv` for alternate
//! signal stacks. See mmap(2), madvise(2), process_madvise(2).
#![expect(unsafe_code, reason = "mmap, madvise and mprotect")]

use super::check;
use crate::sys::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::io;

/// madvise(2): accesses to the range fault, at no cost in kernel maps (Linux 6.13).
const MADV_GUARD_INSTALL: i32 = 102;

/// process_madvise(2): "this very process", so that no pidfd has to be opened (Linux 6.14).
const PIDFD_SELF: i32 = -10_000;

/// The kernel's default of `vm.max_map_count`, for a process that cannot read /proc.
const MAP_COUNT_DEFAULT: usize = 65_530;

/// A page-aligned piece of address space, laid out as the kernel's `iovec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Range {
    /// Lowest address.
    pub(crate) low: usize,
    /// Length.
    pub(crate) bytes: usize,
}

const _: () = assert!(size_of::<Range>() == size_of::<libc::iovec>());
const _: () = assert!(align_of::<Range>() == align_of::<libc::iovec>());

/// Some ranges were served, then one was not.
#[derive(Debug)]
pub(crate) struct Partial {
    /// How many ranges, from the first, were served.
    pub(crate) done: usize,
    /// Why the next one was not.
    pub(crate) error: io::Error,
}

/// Bytes in a page: 4 KiB on x86-64, up to 64 KiB on aarch64.
pub(crate) fn page_bytes() -> usize {
    static PAGE: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: every thread computes the same value, nothing else is published with it.
    let known = PAGE.load(Ordering::Relaxed);
    if known != 0 {
        return known;
    }
    // SAFETY: sysconf has no preconditions.
    let asked = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    let page = usize::try_from(asked)
        .ok()
        .filter(|page| page.is_power_of_two())
        .unwrap_or(4096);
    PAGE.store(page, Ordering::Relaxed);
    page
}

/// How many maps this process may have: `vm.max_map_count`.
pub(crate) fn map_count_max() -> usize {
    std::fs::read_to_string("/proc/sys/vm/max_map_count")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(MAP_COUNT_DEFAULT)
}

/// Rounds up to whole pages. A mask, not a division: sizes are computed often.
pub(crate) fn whole_pages(bytes: usize) -> usize {
    let page = page_bytes();
    (bytes + page - 1) & !(page - 1)
}

/// Reserves `bytes` of zeroed, private memory that costs nothing until it is touched, and makes sure
/// that `spare` bytes more could have been had: whoever takes the last of a limited address space
/// (`ulimit -v`) has the next `malloc` abort the process.
pub(crate) fn reserve(bytes: usize, spare: usize) -> io::Result<usize> {
    let low = map(bytes, libc::PROT_READ | libc::PROT_WRITE)?;
    if spare != 0 {
        // Subtle: after the reservation, not together with it: the kernel maps downwards, and a hole
        // above each chunk would keep it from becoming one map with its neighbour.
        let rest = map(spare, libc::PROT_NONE);
        let unused = match rest {
            Ok(rest) => Range {
                low: rest,
                bytes: spare,
            },
            Err(_) => Range { low, bytes },
        };
        // SAFETY: mapped above, and nobody knows of it yet.
        unsafe { unmap(unused) };
        rest?;
    }
    // A huge page would back a whole neighbourhood of stacks at the first touch of one: 64 KiB and
    // 138 µs in place of 4 KiB and 1.6 µs. A kernel without huge pages says EINVAL: nothing to avoid.
    // SAFETY: the range was mapped above; this advice never changes contents.
    let _ = unsafe { advise(Range { low, bytes }, libc::MADV_NOHUGEPAGE) };
    name(Range { low, bytes });
    Ok(low)
}

/// One anonymous mapping that is not charged to the commit limit (except under
/// `vm.overcommit_memory` = 2).
fn map(bytes: usize, access: i32) -> io::Result<usize> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a fresh anonymous mapping at an address of the kernel's choice disturbs nobody.
    let at = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, flags, -1, 0) };
    if at == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    Ok(at.expose_provenance())
}

/// Labels a reservation in /proc/self/maps, for whoever studies it; kernels without the feature
/// refuse, and nothing depends on it.
fn name(range: Range) {
    let label: *const libc::c_char = c"greenroom stacks".as_ptr();
    // SAFETY: PR_SET_VMA_ANON_NAME reads the NUL-terminated label and changes no memory.
    unsafe {
        libc::prctl(
            libc::PR_SET_VMA,
            libc::PR_SET_VMA_ANON_NAME as libc::c_ulong,
            range.low,
            range.bytes,
            label,
        );
    };
}

/// Gives a range back to the kernel.
///
/// # Safety
/// The range is mapped, belongs to the caller, and nobody uses it any more.
pub(crate) unsafe fn unmap(range: Range) {
    // SAFETY: the caller's promise.
    unsafe {
        libc::munmap(
            std::ptr::with_exposed_provenance_mut(range.low),
            range.bytes,
        )
    };
}

/// One madvise(2) call.
///
/// # Safety
/// The range belongs to the caller, and the advice does no harm to what it holds.
unsafe fn advise(range: Range, advice: i32) -> io::Result<()> {
    let at = std::ptr::with_exposed_provenance_mut(range.low);
    // SAFETY: the caller's promise.
    check(unsafe { libc::madvise(at, range.bytes, advice) })?;
    Ok(())
}

/// The same advice for many ranges: one system call for all where the kernel allows it (430 ns in
/// place of 720 per guard), else one call each.
///
/// # Safety
/// As for [`advise`], for each range.
unsafe fn advise_all(ranges: &[Range], advice: i32) -> Result<(), Partial> {
    /// Whether process_madvise has failed once: 0 no, 1 yes. Relaxed: a hint, nothing hangs on it.
    static REFUSED: AtomicU8 = AtomicU8::new(0);
    let mut done = 0;
    while ranges.len() - done > 1 && REFUSED.load(Ordering::Relaxed) == 0 {
        // SAFETY: the caller's promise.
        let advised = unsafe { advise_batch(&ranges[done..], advice) };
        if advised == 0 {
            REFUSED.store(1, Ordering::Relaxed);
        }
        done += advised;
    }
    while let Some(&range) = ranges.get(done) {
        // SAFETY: the caller's promise.
        unsafe { advise(range, advice) }.map_err(|error| Partial { done, error })?;
        done += 1;
    }
    Ok(())
}

/// One process_madvise(2) call; returns how many ranges it served completely.
///
/// # Safety
/// As for [`advise`], for each range.
unsafe fn advise_batch(ranges: &[Range], advice: i32) -> usize {
    let count = ranges.len().min(1024); // the kernel's IOV_MAX
    // SAFETY: `Range` has the layout of `iovec` (asserted above), `count` of them are readable; the
    // advice is the caller's promise.
    let bytes = unsafe {
        libc::syscall(
            libc::SYS_process_madvise,
            PIDFD_SELF,
            ranges.as_ptr().cast::<libc::iovec>(),
            count,
            advice,
            0u32,
        )
    };
    let mut left = usize::try_from(bytes).unwrap_or(0);
    let whole = ranges[..count].iter().take_while(|range| {
        let fits = left >= range.bytes;
        left = left.saturating_sub(range.bytes);
        fits
    });
    whole.count()
}

/// Makes each range fault on access, without cost in kernel maps. `EINVAL`: the kernel is older than
/// 6.13, or the memory is locked (`mlockall`).
///
/// # Safety
/// The ranges belong to the caller, who has nothing in them and will not use them.
pub(crate) unsafe fn guard(ranges: &[Range]) -> Result<(), Partial> {
    // SAFETY: the caller's promise: whatever the ranges held may be lost.
    unsafe { advise_all(ranges, MADV_GUARD_INSTALL) }
}

/// Makes a range fault on access by taking every permission away. Splits a kernel map in two or three.
///
/// # Safety
/// As for [`guard`].
pub(crate) unsafe fn protect(range: Range) -> io::Result<()> {
    let at = std::ptr::with_exposed_provenance_mut(range.low);
    // SAFETY: the caller's promise.
    check(unsafe { libc::mprotect(at, range.bytes, libc::PROT_NONE) })?;
    Ok(())
}

/// Gives the memory behind the ranges back; they read as zeros afterwards.
///
/// # Safety
/// The ranges belong to the caller, who needs nothing that they hold.
pub(crate) unsafe fn discard(ranges: &[Range]) -> Result<(), Partial> {
    // SAFETY: the caller's promise.
    unsafe { advise_all(ranges, libc::MADV_DONTNEED) }
}

/// Whether the kernel itself can write at `address` (which loses what 16 bytes there hold): a test of
/// a guard that faults nobody. Emulators are known to accept advice that they do not understand.
///
/// # Safety
/// Sixteen bytes at the address, if mapped, belong to the caller.
pub(crate) unsafe fn is_writable(address: usize) -> bool {
    let at = std::ptr::with_exposed_provenance_mut::<libc::timespec>(address);
    // SAFETY: the raw call (not the vDSO, which would fault) reports EFAULT for a bad address.
    let returned = unsafe { libc::syscall(libc::SYS_clock_gettime, libc::CLOCK_MONOTONIC, at) };
    check(returned).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn four_pages() -> (usize, usize) {
        let page = page_bytes();
        (reserve(4 * page, 0).expect("four pages can be had"), page)
    }

    #[test]
    fn memory_reserved_reads_zero_and_is_discarded_to_zero() {
        let (low, page) = four_pages();
        let at = std::ptr::with_exposed_provenance_mut::<u64>(low);
        // SAFETY: inside the four pages reserved above.
        assert_eq!(unsafe { at.read() }, 0);
        // SAFETY: as above.
        unsafe { at.write(7) };
        // SAFETY: the range is ours.
        unsafe { discard(&[Range { low, bytes: page }]) }.unwrap();
        // SAFETY: as above.
        assert_eq!(unsafe { at.read() }, 0);
    }

    #[test]
    fn memory_protected_is_not_writable_and_its_neighbour_is() {
        let (low, page) = four_pages();
        // SAFETY: the range is ours.
        unsafe { protect(Range { low, bytes: page }) }.unwrap();
        // SAFETY: all in our four pages.
        assert!(!unsafe { is_writable(low) });
        // SAFETY: as above.
        assert!(!unsafe { is_writable(low + page - 16) });
        // SAFETY: as above.
        assert!(unsafe { is_writable(low + page) });
    }

    #[test]
    fn memory_guarded_in_a_batch_is_not_writable_and_survives_discard() {
        let (low, page) = four_pages();
        let ranges = [
            Range { low, bytes: page },
            Range {
                low: low + 2 * page,
                bytes: page,
            },
        ];
        // SAFETY: the ranges are ours.
        if unsafe { guard(&ranges) }.is_err() {
            return; // a kernel older than 6.13
        }
        let bytes = 4 * page;
        // SAFETY: the range is ours.
        unsafe { discard(&[Range { low, bytes }]) }.unwrap();
        for (index, writable) in [(0, false), (1, true), (2, false), (3, true)] {
            // SAFETY: all in our four pages.
            let found = unsafe { is_writable(low + index * page) };
            assert_eq!(found, writable, "page {index}");
        }
    }

    #[test]
    fn memory_guard_that_fails_says_how_many_ranges_it_served() {
        let (low, page) = four_pages();
        let good = Range { low, bytes: page };
        let unaligned = Range {
            low: low + page + 1,
            bytes: page,
        };
        // SAFETY: the ranges are ours; the second is refused by the kernel.
        let partial = unsafe { discard(&[good, unaligned, good]) }.unwrap_err();
        assert_eq!(partial.done, 1);
        assert_eq!(partial.error.raw_os_error(), Some(libc::EINVAL));
    }

    #[test]
    fn memory_reserve_of_too_much_is_an_error() {
        assert!(reserve(1 << 60, 0).is_err());
        assert!(reserve(4096, 1 << 60).is_err(), "the spare part counts");
    }
}
