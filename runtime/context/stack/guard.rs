//! Guards: the pages below each stack that fault instead of running into the neighbour.
//!
//! Two kinds. `MADV_GUARD_INSTALL` costs no kernel map (1,000,000 stacks, two maps) and needs Linux
//! 6.13; `mprotect` splits the chunk's map at every stack and ends at half of `vm.max_map_count`.
//! Which one is found by trying it, once per process, never by version: vendors backport, emulators
//! pretend, `mlockall` forbids. Installed at a slot's first use, never removed; a stack without a guard
//! is never handed out. Called by `pool`.
#![expect(unsafe_code, reason = "guards the unused low end of slots")]

use super::exhausted::Cause;
use super::stats::GuardKind;
use super::{GUARD_BYTES, Stack};
use crate::sys::atomic::{AtomicU8, AtomicUsize, Ordering};
use crate::sys::memory::{self, Partial, Range};
use std::ffi::OsString;
use std::io;
use std::sync::OnceLock;

/// Maps that `mprotect` guards leave to the rest of the process: libraries, heap, thread stacks, files.
/// Running out of maps breaks `malloc` and thread creation, not only stacks.
const MAPS_SPARE: usize = 1000;

/// Name of the variable that forces a kind: `auto` or `mprotect`.
const SETTING: &str = "GREENROOM_STACK_GUARD";

const UNDECIDED: u8 = 0;
const ADVICE: u8 = 1;
const MPROTECT: u8 = 2;

/// The kind in use. Goes from undecided to a kind, and from advice to mprotect, never back. Relaxed:
/// nothing is published with it; whoever reads an old value makes the transition once more.
static KIND: AtomicU8 = AtomicU8::new(UNDECIDED);

/// Stacks guarded by `mprotect`, ever.
static PROTECTED: AtomicUsize = AtomicUsize::new(0);

fn setting() -> &'static (bool, Option<OsString>) {
    static SEEN: OnceLock<(bool, Option<OsString>)> = OnceLock::new();
    SEEN.get_or_init(|| match std::env::var_os(SETTING) {
        Some(value) if value == "mprotect" => (true, None),
        Some(value) if value == "auto" || value.is_empty() => (false, None),
        other => (false, other),
    })
}

/// A value of `GREENROOM_STACK_GUARD` that was not understood and ignored: for the caller to log.
pub(crate) fn bad_guard_setting() -> Option<OsString> {
    setting().1.clone()
}

/// The kind of guard that the next stack gets.
pub(super) fn kind() -> GuardKind {
    let mut kind = KIND.load(Ordering::Relaxed);
    if kind == UNDECIDED {
        kind = if setting().0 || !advice_works() {
            MPROTECT
        } else {
            ADVICE
        };
        KIND.store(kind, Ordering::Relaxed);
    }
    if kind == ADVICE {
        GuardKind::Advice
    } else {
        GuardKind::Mprotect
    }
}

/// Guards a page and has the kernel write into it.
fn advice_works() -> bool {
    let page = memory::page_bytes();
    let Ok(low) = memory::reserve(2 * page, 0) else {
        return false;
    };
    let pages = Range {
        low,
        bytes: 2 * page,
    };
    // SAFETY: the page was reserved above and nobody else knows it.
    let is_accepted = unsafe { memory::guard(&[Range { low, bytes: page }]) }.is_ok();
    // SAFETY: as above; the write goes to the two pages of ours.
    let is_guarded = is_accepted && !unsafe { memory::is_writable(low) };
    // SAFETY: as above: the page over the guard must have stayed usable.
    let is_precise = is_guarded && unsafe { memory::is_writable(low + page) };
    // SAFETY: both pages are ours and not in use.
    unsafe { memory::unmap(pages) };
    is_precise
}

/// How many stacks `mprotect` guards may serve, and the limit of maps that this comes from.
fn protected_max() -> (usize, usize) {
    static MAPS: OnceLock<usize> = OnceLock::new();
    let maps_max = *MAPS.get_or_init(memory::map_count_max);
    (maps_max.saturating_sub(MAPS_SPARE) / 2, maps_max)
}

/// Guards fresh slots, in order; on failure says how many are done and why the next is not.
pub(super) fn install(fresh: &[Stack]) -> Result<(), (usize, Cause)> {
    if kind() == GuardKind::Mprotect {
        return protect_each(fresh);
    }
    let ranges: Vec<Range> = fresh.iter().map(Stack::guard_range).collect();
    // SAFETY: fresh slots are the caller's, and nothing was ever written to them.
    let Err(Partial { done, error }) = (unsafe { memory::guard(&ranges) }) else {
        return Ok(());
    };
    if error.kind() != io::ErrorKind::InvalidInput {
        return Err((done, Cause::Memory(error)));
    }
    // The probe worked and now it does not: the program has called mlockall since.
    KIND.store(MPROTECT, Ordering::Relaxed);
    protect_each(&fresh[done..]).map_err(|(more, cause)| (done + more, cause))
}

fn protect_each(fresh: &[Stack]) -> Result<(), (usize, Cause)> {
    let (stacks_max, maps_max) = protected_max();
    for (done, stack) in fresh.iter().enumerate() {
        // Claimed before the call, so that several workers together stay below the limit.
        let claimed = PROTECTED.fetch_add(1, Ordering::Relaxed);
        let outcome = if claimed >= stacks_max {
            Err(Cause::Maps {
                stacks_max,
                maps_max,
            })
        } else {
            protect(stack).map_err(|error| match error.kind() {
                io::ErrorKind::OutOfMemory => Cause::Maps {
                    stacks_max: claimed,
                    maps_max,
                },
                _ => Cause::Memory(error),
            })
        };
        if let Err(cause) = outcome {
            PROTECTED.fetch_sub(1, Ordering::Relaxed);
            return Err((done, cause));
        }
    }
    Ok(())
}

fn protect(stack: &Stack) -> io::Result<()> {
    let range = stack.guard_range();
    debug_assert!(range.bytes >= GUARD_BYTES, "a guard was cut short");
    // SAFETY: a fresh slot is the caller's, and nothing was ever written to it.
    unsafe { memory::protect(range) }
}

#[cfg(test)]
mod tests {
    use super::super::StackSize;
    use super::super::chunk::Carver;
    use super::*;

    fn fresh(bytes: usize, count: usize) -> Vec<Stack> {
        let size = StackSize::from_bytes(bytes).unwrap();
        let mut carver = Carver::new();
        (0..count).map(|_| carver.carve(size).unwrap()).collect()
    }

    fn assert_guarded(stack: &Stack) {
        for (address, is_open) in [
            (stack.limit(), false),
            (stack.usable_low() - 16, false),
            (stack.usable_low(), true),
            (stack.top() - 16, true),
            (stack.record_addr(), true),
        ] {
            // SAFETY: the slot is ours.
            let found = unsafe { memory::is_writable(address) };
            assert_eq!(found, is_open, "{address:#x} of {stack:?}");
        }
    }

    #[test]
    fn guard_of_the_kind_found_closes_the_low_end_only() {
        let stacks = fresh(64 * 1024, 3);
        install(&stacks).unwrap();
        stacks.iter().for_each(assert_guarded);
    }

    #[test]
    fn guard_by_mprotect_closes_the_low_end_only() {
        let before = PROTECTED.load(Ordering::Relaxed);
        let stacks = fresh(128 * 1024, 3);
        protect_each(&stacks).unwrap();
        stacks.iter().for_each(assert_guarded);
        assert!(PROTECTED.load(Ordering::Relaxed) >= before + 3);
    }

    #[test]
    fn guard_survives_trimming() {
        let mut stacks = fresh(16 * 1024, 2);
        install(&stacks).unwrap();
        super::super::make_cold(&mut stacks);
        stacks.iter().for_each(assert_guarded);
    }
}
