//! Stacks of green threads: sizes, the shape of a slot, and the way from an address to its stack.
//!
//! Slots of one size class are cut from large chunks of address space that all runtimes of the
//! process share and that are never unmapped. A slot is guarded once, at its first use, and never
//! handed out unguarded. A worker takes and gives through its own [`StackCache`]; everything else
//! happens behind it.
//!
//! ```text
//! slot_low        guard_end                                  top        record end   slot_end
//!    │  guard (64 KiB) │   usable, grows downwards  ◀────────── │  record    │ stagger │
//! ```
//! The record (`RECORD_BYTES`) belongs to whoever runs on the stack and begins with a `StackOwner`;
//! the stagger (slot index mod 8, times 64 B) keeps the hot words of neighbours out of each other's
//! cache sets, as does the odd number of pages from slot to slot.
#![expect(unsafe_code, reason = "page advice on slots that this module owns")]

mod cache;
mod chunk;
mod exhausted;
mod guard;
mod pool;
mod stats;
mod watch;

pub(crate) use cache::StackCache;
pub(crate) use chunk::{Located, locate};
pub(crate) use guard::bad_guard_setting;
pub(crate) use pool::{give_shared, take_shared, would_exhaust};
pub use stats::{GuardKind, StackStats, stack_stats};

use crate::sys::memory::{self, Range};
use std::io;
use std::num::NonZero;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Bytes above `top()` that belong to the fiber's record. Three cache lines: two for the words that a
/// switch touches, one for those that only a report reads. A multiple of 64.
pub(crate) const RECORD_BYTES: usize = 192;

/// Length of the guard below each stack. One page would catch Rust, whose large frames are probed; C
/// code may jump 32 KiB in a single frame. Twice as much costs address space and nothing else.
const GUARD_BYTES: usize = 64 * KIB;

/// Distance between the tops of neighbours within their last page: a cache line.
const STAGGER_BYTES: usize = 64;

/// How many different tops there are; 8 × 64 B takes at most 448 B of the stack.
const STAGGERS: usize = 8;

/// Usable bytes of each size class: powers of two from 16 KiB to 1 GiB, and the default between.
const CLASS_BYTES: [usize; CLASSES] = {
    let mut bytes = [192 * KIB; CLASSES];
    let mut index = 0;
    while index < CLASSES {
        if index < DEFAULT_CLASS as usize {
            bytes[index] = (16 * KIB) << index;
        } else if index > DEFAULT_CLASS as usize {
            bytes[index] = (16 * KIB) << (index - 1);
        }
        index += 1;
    }
    bytes
};

/// Number of size classes.
const CLASSES: usize = 18;

/// For each class: how many stacks fit into `bytes_max` bytes, but at most `stacks_max`. A table,
/// because the answer is needed more often than a division should be made.
const fn per_class(bytes_max: usize, stacks_max: usize) -> [usize; CLASSES] {
    let mut stacks = [stacks_max; CLASSES];
    let mut index = 0;
    while index < CLASSES {
        let fitting = bytes_max / CLASS_BYTES[index];
        if fitting < stacks_max {
            stacks[index] = fitting;
        }
        index += 1;
    }
    stacks
}

/// 192 KiB: with its guard a slot spans 256 KiB of address space, the widest spacing at which page
/// tables are nearly free (0.5 KiB for each parked task, against 2 KiB at 1 MiB).
const DEFAULT_CLASS: u8 = 4;

const _: () = assert!(CLASS_BYTES[DEFAULT_CLASS as usize] == 192 * KIB);
const _: () = assert!(CLASS_BYTES[CLASSES - 1] == 1024 * MIB);
const _: () = assert!(RECORD_BYTES.is_multiple_of(STAGGER_BYTES));

/// A size class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StackSize(u8);

impl StackSize {
    /// What a green thread gets that did not ask: 192 KiB.
    pub(crate) const DEFAULT: StackSize = StackSize(DEFAULT_CLASS);

    /// The smallest class of at least `bytes`; zero is the smallest class of all.
    ///
    /// # Errors
    /// `InvalidInput` above 1 GiB.
    pub(crate) fn from_bytes(bytes: usize) -> io::Result<StackSize> {
        let index = CLASS_BYTES.partition_point(|&class| class < bytes);
        match u8::try_from(index) {
            Ok(class) if index < CLASSES => Ok(StackSize(class)),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a stack of {bytes} bytes is above the limit of 1 GiB (1073741824 bytes)"),
            )),
        }
    }

    /// Bytes between guard and slot end; record and stagger take at most 640 of them.
    pub(crate) fn usable_bytes(self) -> usize {
        // Subtle: with 64 KiB pages (aarch64) the small classes are all one page.
        memory::whole_pages(CLASS_BYTES[self.index()])
    }

    /// Bytes from slot to slot: guard and usable part, and one page of guard more where the number of
    /// pages would be even. With an odd one the tops spread over all sets of TLB and L2.
    fn stride_bytes(self) -> usize {
        // The bit that is the page's own size tells odd from even.
        (memory::whole_pages(GUARD_BYTES) + self.usable_bytes()) | memory::page_bytes()
    }

    const fn index(self) -> usize {
        self.0 as usize
    }

    /// This class in a set of classes.
    const fn bit(self) -> u32 {
        1 << self.0
    }

    /// All classes, smallest first.
    fn all() -> impl Iterator<Item = StackSize> {
        (0..=u8::MAX).take(CLASSES).map(StackSize)
    }
}

/// Where the stack of slot `index`, which begins at `slot_low`, has its top.
const fn top_of(slot_low: usize, index: usize, stride: usize) -> usize {
    slot_low + stride - (index % STAGGERS) * STAGGER_BYTES - RECORD_BYTES
}

/// A stack: exclusive use of one guarded slot.
///
/// Dropping it loses the slot for the process, which is what must happen to a fiber that cannot be
/// unwound: others may borrow into its frames. All other stacks go back to a [`StackCache`].
///
/// ```text
/// word: │ 63 … lowest address of the slot … 12 │ 11 … 9 zero │ 8 cold │ 7 … 5 zero │ 4 … 0 class │
/// ```
/// Sixteen bytes, whole words: a stack goes through a free list in two loads and two stores, and one
/// byte written before a wide load would stall it. "Cold" says that the stack was trimmed (or never
/// used) since it was last given back: no memory stands behind it.
#[derive(PartialEq, Eq)]
#[must_use = "a dropped stack is lost for the process: give it back to a cache"]
pub(crate) struct Stack {
    word: NonZero<usize>,
    top: usize,
}

/// Bits of a page-aligned address that are free for other use; pages have 4 KiB or more.
const WORD_FLAGS: usize = 0xfff;
const WORD_COLD: usize = 1 << 8;
const WORD_CLASS: usize = 0x1f;

const _: () = assert!(CLASSES <= WORD_CLASS);

impl Stack {
    /// The stack of slot `index` of a chunk; nothing has touched it yet.
    fn fresh(slot_low: usize, index: usize, size: StackSize) -> Stack {
        debug_assert!(slot_low & WORD_FLAGS == 0, "slots begin at a page");
        let word = NonZero::new(slot_low | WORD_COLD | size.index());
        Stack {
            word: word.expect("the cold bit is set"),
            top: top_of(slot_low, index, size.stride_bytes()),
        }
    }

    /// The address below which frames grow; a multiple of 64.
    #[inline]
    pub(crate) fn top(&self) -> usize {
        self.top
    }

    /// Where the record lies: `RECORD_BYTES` from here belong to the fiber. The same address as
    /// [`top`](Stack::top), by its other name. Zero in memory that was never used or was trimmed.
    #[inline]
    pub(crate) fn record_addr(&self) -> usize {
        self.top
    }

    /// The lowest address, guard included: what corosensei calls the limit.
    #[inline]
    pub(crate) fn limit(&self) -> usize {
        self.word.get() & !WORD_FLAGS
    }

    /// The lowest address that does not fault.
    pub(crate) fn usable_low(&self) -> usize {
        self.limit() + self.size().stride_bytes() - self.size().usable_bytes()
    }

    /// The size class.
    #[inline]
    pub(crate) fn size(&self) -> StackSize {
        // Five bits always fit.
        StackSize((self.word.get() & WORD_CLASS).to_le_bytes()[0])
    }

    fn is_cold(&self) -> bool {
        self.word.get() & WORD_COLD != 0
    }

    /// Notes that memory stands behind the stack, or that none does.
    #[inline]
    fn set_cold(&mut self, is_cold: bool) {
        let others = self.word.get() & !WORD_COLD;
        let word = if is_cold { others | WORD_COLD } else { others };
        // Never zero: a slot's address is not.
        if let Some(word) = NonZero::new(word) {
            self.word = word;
        }
    }

    /// The part that faults.
    fn guard_range(&self) -> Range {
        Range {
            low: self.limit(),
            bytes: self.usable_low() - self.limit(),
        }
    }

    /// The part that memory may stand behind: record and stagger included.
    fn usable_range(&self) -> Range {
        Range {
            low: self.usable_low(),
            bytes: self.size().usable_bytes(),
        }
    }
}

impl std::fmt::Debug for Stack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kib = self.size().usable_bytes() / KIB;
        write!(f, "Stack({kib} KiB below {:#x})", self.top)
    }
}

/// Takes the memory from stacks that nobody uses. Those that the kernel refuses (locked memory) count
/// as cold too: asking again would not help.
fn make_cold(stacks: &mut [Stack]) {
    /// Stacks in one system call: about 30 µs.
    const AT_ONCE: usize = 64;
    for some in stacks.chunks_mut(AT_ONCE) {
        let mut ranges = [Range { low: 0, bytes: 0 }; AT_ONCE];
        for (range, stack) in ranges.iter_mut().zip(some.iter_mut()) {
            *range = stack.usable_range();
            stack.set_cold(true);
        }
        // SAFETY: `&mut Stack` is exclusive use of the slot, and a stack in a free list holds nothing.
        let _ = unsafe { memory::discard(&ranges[..some.len()]) };
    }
    stats::count_trimmed(stacks.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_from_bytes_rounds_up_to_a_class() {
        let of = |bytes| StackSize::from_bytes(bytes).unwrap();
        assert_eq!(of(0), of(1));
        assert_eq!(of(0).0, 0);
        assert_eq!(of(16 * KIB).0, 0);
        assert_eq!(of(16 * KIB + 1).0, 1);
        assert_eq!(of(64 * KIB).usable_bytes(), 64 * KIB);
        assert_eq!(of(130 * KIB), StackSize::DEFAULT);
        assert_eq!(of(192 * KIB), StackSize::DEFAULT);
        assert_eq!(of(192 * KIB + 1).usable_bytes(), 256 * KIB);
        assert_eq!(of(1024 * MIB).usable_bytes(), 1024 * MIB);
    }

    #[test]
    fn size_above_the_limit_is_invalid_input_that_names_it() {
        for bytes in [1024 * MIB + 1, usize::MAX] {
            let error = StackSize::from_bytes(bytes).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            assert!(error.to_string().contains("1 GiB"), "{error}");
        }
    }

    #[test]
    fn slot_of_every_class_has_an_odd_number_of_pages_and_a_whole_guard() {
        let page = memory::page_bytes();
        for size in StackSize::all() {
            assert_eq!(size.stride_bytes() / page % 2, 1, "{size:?}");
            assert!(size.stride_bytes() - size.usable_bytes() >= GUARD_BYTES);
            assert!(size.usable_bytes() >= CLASS_BYTES[size.index()]);
        }
        assert_eq!(StackSize::all().count(), CLASSES);
    }

    #[test]
    fn top_is_aligned_staggered_and_leaves_room_for_the_record() {
        let stride = StackSize::DEFAULT.stride_bytes();
        let low = 0x7000_0000_0000;
        for index in 0..64 {
            let top = top_of(low, index, stride);
            assert_eq!(top % 64, 0);
            assert!(top + RECORD_BYTES <= low + stride);
            assert!(top + RECORD_BYTES + 512 >= low + stride);
        }
        assert_ne!(top_of(low, 0, stride), top_of(low, 1, stride));
    }
}
