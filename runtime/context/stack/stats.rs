//! Numbers about stacks, and the ledger of free ones that they are computed from.
//!
//! A worker must not touch a shared counter for each stack it takes (a contended one costs more than
//! the whole take). Instead every cache publishes the length of its free lists by plain stores to
//! words of its own, and a reader adds them up: stacks in use = created − free. The sum is exact when
//! nothing moves, and never counts a stack twice as free.

use super::{CLASSES, StackSize, chunk, guard, pool};
use crate::sys::atomic::{AtomicUsize, Ordering};
use crate::sys::lock::Lock;
use std::fmt;
use std::sync::Arc;

/// How the pages below a stack are made to fault.
///
/// # Examples
/// ```
/// use greenroom::GuardKind;
/// match greenroom::stack_stats().guard {
///     GuardKind::Advice => println!("as many stacks as memory allows"),
///     other => println!("bounded by vm.max_map_count: {other}"),
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GuardKind {
    /// `madvise(MADV_GUARD_INSTALL)`: no limit on the number of stacks (Linux 6.13 and later).
    Advice,
    /// `mprotect(PROT_NONE)`: about half of `vm.max_map_count` stacks, 32,265 by default.
    Mprotect,
}

impl fmt::Display for GuardKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GuardKind::Advice => "madvise",
            GuardKind::Mprotect => "mprotect",
        })
    }
}

/// What the process has in stacks: see [`stack_stats`].
///
/// Counts are of slots, whatever their size. While other threads take and give stacks the numbers
/// may disagree by those under way.
///
/// # Examples
/// ```
/// let stats: greenroom::StackStats = greenroom::run(greenroom::stack_stats);
/// println!("{} of {} stacks in use", stats.in_use, stats.created);
/// assert!(stats.reserved_bytes > 0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StackStats {
    /// Chunks of address space reserved.
    pub chunks: usize,
    /// Bytes of address space those chunks span. Address space, not memory: only pages that were
    /// touched take memory.
    pub reserved_bytes: usize,
    /// Stacks made since the process began; never decreases.
    pub created: usize,
    /// Stacks that a green thread (or `with_big_stack`) occupies, and those lost with a task that could
    /// not be ended.
    pub in_use: usize,
    /// Stacks that wait to be used again.
    pub free: usize,
    /// How often the memory behind a free stack was given back to the kernel.
    pub trimmed: usize,
    /// How stacks are guarded.
    pub guard: GuardKind,
}

/// Counts the stacks of the process, those of all runtimes together. Does not park; takes short locks.
///
/// The first call decides, by a probe, how stacks are guarded.
///
/// # Examples
/// ```
/// // The green thread that asks has a stack itself.
/// let stats = greenroom::run(|| greenroom::stack_stats());
/// assert!(stats.in_use >= 1);
/// assert!(stats.created >= stats.in_use);
/// ```
#[must_use]
pub fn stack_stats() -> StackStats {
    let (chunks, reserved_bytes) = chunk::totals();
    // Free before created: a stack made in between counts as in use rather than as less than none.
    let free: usize = StackSize::all().map(free_of).sum();
    let created = StackSize::all().map(pool::created).sum();
    StackStats {
        chunks,
        reserved_bytes,
        created,
        in_use: usize::saturating_sub(created, free),
        free,
        trimmed: TRIMMED.load(Ordering::Relaxed),
        guard: guard::kind(),
    }
}

static TRIMMED: AtomicUsize = AtomicUsize::new(0);

pub(super) fn count_trimmed(stacks: usize) {
    TRIMMED.fetch_add(stacks, Ordering::Relaxed);
}

/// Free stacks of one cache, by class. Written by the cache's owner alone, with plain stores; on
/// cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Shelf([AtomicUsize; CLASSES]);

impl Shelf {
    /// Relaxed: a count, nothing is reached through it.
    #[inline]
    pub(super) fn publish(&self, size: StackSize, free: usize) {
        self.0[size.index()].store(free, Ordering::Relaxed);
    }

    /// Whether the owner holds more free stacks of any class than `limit` says.
    pub(super) fn is_any_above(&self, limit: fn(StackSize) -> usize) -> bool {
        StackSize::all().any(|size| self.0[size.index()].load(Ordering::Relaxed) > limit(size))
    }
}

static SHELVES: Lock<Vec<Arc<Shelf>>> = Lock::new(Vec::new());

/// Adds the shelf of a new cache to the sum.
pub(super) fn register() -> Arc<Shelf> {
    let shelf = Arc::new(Shelf([const { AtomicUsize::new(0) }; CLASSES]));
    SHELVES.lock().push(Arc::clone(&shelf));
    shelf
}

/// Removes the shelf of a cache that has given everything back.
pub(super) fn unregister(shelf: &Arc<Shelf>) {
    SHELVES.lock().retain(|known| !Arc::ptr_eq(known, shelf));
}

/// Stacks of a class that somebody has ready, in a cache or in the shared pool.
pub(super) fn free_of(size: StackSize) -> usize {
    let cached: usize = {
        let shelves = SHELVES.lock();
        shelves
            .iter()
            .map(|shelf| shelf.0[size.index()].load(Ordering::Relaxed))
            .sum()
    };
    cached + pool::free(size)
}
