//! Chunks of address space, and the table that leads from an address to its slot.
//!
//! A chunk holds slots of one class. It is never unmapped and its line in the table never changes, so
//! the table can be read without locks, by a signal handler in the middle of anything. Written under
//! the lock of a class pool, by [`Carver`]; nobody else makes chunks.

use super::exhausted::Cause;
use super::{CLASSES, MIB, Stack, StackSize, top_of};
use crate::sys::atomic::{AtomicUsize, Ordering};
use crate::sys::memory;

/// Lines in the table. With chunks of 1 GiB it covers 4 TiB, 16 million stacks of the default size;
/// twice as many cost 128 KiB of zero pages more and a slower search in a program about to die.
const CHUNKS_MAX: usize = 4096;

/// Length of the first chunk of a class: 252 default stacks. Address space only.
const CHUNK_BYTES_FIRST: usize = 64 * MIB;

/// Length at which doubling ends: one reservation so large that its cost does not show.
const CHUNK_BYTES_MAX: usize = 1024 * MIB;

/// Length at which halving ends, when the address space runs out.
const CHUNK_BYTES_MIN: usize = 4 * MIB;

/// Address space left to everybody else (heap, libraries, thread stacks) when it is limited.
const SPARE_BYTES: usize = 32 * MIB;

/// A line of the table. `base` is written last (Release) and read first (Acquire): zero means that
/// the line is not filled yet.
struct Line {
    base: AtomicUsize,
    slots: AtomicUsize,
    class: AtomicUsize,
}

static TABLE: [Line; CHUNKS_MAX] = [const {
    Line {
        base: AtomicUsize::new(0),
        slots: AtomicUsize::new(0),
        class: AtomicUsize::new(0),
    }
}; CHUNKS_MAX];

/// Lines given out; they may not be filled yet, and it exceeds the table's length once that is full.
static CLAIMED: AtomicUsize = AtomicUsize::new(0);

/// A slot found by an address in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Located {
    /// Lowest address of the slot: the beginning of its guard.
    pub(crate) slot_low: usize,
    /// End of the slot.
    pub(crate) slot_end: usize,
    /// The stack's class.
    pub(crate) size: StackSize,
    /// Whether the address lies in the guard.
    pub(crate) in_guard: bool,
    /// Address of the record, which begins with a `StackOwner`.
    pub(crate) record: usize,
}

/// Filled lines: base, number of slots, class.
fn lines() -> impl Iterator<Item = (usize, usize, StackSize)> {
    let claimed = CLAIMED.load(Ordering::Acquire).min(CHUNKS_MAX);
    TABLE[..claimed].iter().filter_map(|line| {
        // Acquire: pairs with the Release store in `publish`; the other words are in place.
        let base = line.base.load(Ordering::Acquire);
        let slots = line.slots.load(Ordering::Relaxed);
        let class = u8::try_from(line.class.load(Ordering::Relaxed)).ok()?;
        let is_filled = base != 0 && usize::from(class) < CLASSES;
        is_filled.then_some((base, slots, StackSize(class)))
    })
}

/// The slot that an address belongs to, whether in use or not. Async-signal-safe: loads only.
pub(crate) fn locate(address: usize) -> Option<Located> {
    let holds = |base: usize, slots: usize, size: StackSize| {
        address >= base && address - base < slots * size.stride_bytes()
    };
    let (base, _, size) = lines().find(|&(base, slots, size)| holds(base, slots, size))?;
    let stride = size.stride_bytes();
    let index = (address - base) / stride;
    let slot_low = base + index * stride;
    let guard_end = slot_low + stride - size.usable_bytes();
    Some(Located {
        slot_low,
        slot_end: slot_low + stride,
        size,
        in_guard: address < guard_end,
        record: top_of(slot_low, index, stride),
    })
}

/// Number of chunks, and the bytes of address space they span.
pub(super) fn totals() -> (usize, usize) {
    lines().fold((0, 0), |(chunks, bytes), (_, slots, size)| {
        (chunks + 1, bytes + slots * size.stride_bytes())
    })
}

fn publish(base: usize, slots: usize, size: StackSize) -> Result<(), Cause> {
    // AcqRel: a reader that sees the count may look at the line; an unfilled one reads zero.
    let index = CLAIMED.fetch_add(1, Ordering::AcqRel);
    let Some(line) = TABLE.get(index) else {
        // Back to just full, lest the counter wrap after 2^64 attempts by two threads at once.
        CLAIMED.store(CHUNKS_MAX, Ordering::Release);
        return Err(Cause::Chunks);
    };
    line.slots.store(slots, Ordering::Relaxed);
    line.class.store(size.index(), Ordering::Relaxed);
    line.base.store(base, Ordering::Release);
    Ok(())
}

/// Cuts chunks of one class into slots, and gets new chunks.
#[derive(Debug)]
pub(super) struct Carver {
    base: usize,
    slots: usize,
    next: usize,
    /// How much to ask for next time: doubles with each chunk, halves with each refusal.
    bytes: usize,
}

impl Carver {
    pub(super) const fn new() -> Carver {
        Carver {
            base: 0,
            slots: 0,
            next: 0,
            bytes: CHUNK_BYTES_FIRST,
        }
    }

    /// The next slot, not guarded yet. Reserves a chunk when the last one is used up.
    pub(super) fn carve(&mut self, size: StackSize) -> Result<Stack, Cause> {
        if self.next == self.slots {
            self.grow(size)?;
        }
        let stride = size.stride_bytes();
        let low = self.base + self.next * stride;
        let stack = Stack::fresh(low, self.next, size);
        self.next += 1;
        Ok(stack)
    }

    /// Reserves a chunk, the smaller the scarcer address space is. The size survives a refusal, so
    /// that a retry costs one failing system call.
    fn grow(&mut self, size: StackSize) -> Result<(), Cause> {
        if CLAIMED.load(Ordering::Relaxed) >= CHUNKS_MAX {
            return Err(Cause::Chunks);
        }
        let stride = size.stride_bytes();
        loop {
            let slots = (self.bytes / stride).max(1);
            match memory::reserve(slots * stride, SPARE_BYTES) {
                Ok(base) => {
                    publish(base, slots, size)?;
                    *self = Carver {
                        base,
                        slots,
                        next: 0,
                        bytes: self.bytes,
                    };
                    self.bytes = (self.bytes * 2).min(CHUNK_BYTES_MAX);
                    return Ok(());
                }
                Err(error) if self.bytes <= CHUNK_BYTES_MIN || slots == 1 => {
                    return Err(Cause::Memory(error));
                }
                Err(_) => self.bytes = (self.bytes / 2).max(CHUNK_BYTES_MIN),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locate_finds_every_slot_of_a_chunk_at_its_edges() {
        let size = StackSize::from_bytes(32 * 1024).unwrap();
        let mut carver = Carver::new();
        for _ in 0..300 {
            let stack = carver.carve(size).unwrap();
            for (address, in_guard) in [
                (stack.limit(), true),
                (stack.usable_low() - 1, true),
                (stack.usable_low(), false),
                (stack.top(), false),
                (stack.limit() + size.stride_bytes() - 1, false),
            ] {
                let found = locate(address).expect("the address lies in a slot");
                assert_eq!(found.slot_low, stack.limit());
                assert_eq!(found.slot_end, stack.limit() + size.stride_bytes());
                assert_eq!(found.record, stack.record_addr());
                assert_eq!(found.size, size);
                assert_eq!(found.in_guard, in_guard);
            }
        }
        assert!(carver.next < carver.slots, "one chunk was enough");
        assert!(
            locate(carver.base + carver.slots * size.stride_bytes()).is_none_or(|found| {
                found.slot_low == carver.base + carver.slots * size.stride_bytes()
            })
        );
    }

    #[test]
    fn locate_of_a_foreign_address_is_none() {
        let local = 0u8;
        for address in [0, 1, usize::MAX, (&raw const local).addr()] {
            assert!(locate(address).is_none());
        }
    }

    #[test]
    fn carver_doubles_its_chunks() {
        let size = StackSize::from_bytes(32 * MIB).unwrap();
        let mut carver = Carver::new();
        let mut chunks = Vec::new();
        for _ in 0..8 {
            let _ = carver.carve(size).unwrap();
            chunks.push(carver.slots);
        }
        assert_eq!(chunks, [1, 3, 3, 3, 7, 7, 7, 7]);
        assert!(totals().0 >= 3);
    }

    #[test]
    fn carver_of_the_largest_class_takes_one_slot_at_a_time() {
        let size = StackSize::from_bytes(1024 * MIB).unwrap();
        let mut carver = Carver::new();
        let stack = carver.carve(size).unwrap();
        assert_eq!(carver.slots, 1);
        assert!(locate(stack.top()).is_some());
    }
}
