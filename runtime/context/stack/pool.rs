//! The shared pools: free stacks of each class for whoever needs them, in all runtimes.
//!
//! Caches come here for a batch when they run dry and with a batch when they overflow, so the lock is
//! taken once for tens of stacks. Never holds the lock across a guard or trim system call: a cold start
//! of one worker must not make the others wait.
//!
//! Exhaustion is an ordinary state here, not an accident: it costs one failed attempt to find out, it
//! is remembered (`Hints::short`) so that caches stop hoarding, and it ends by itself.

use super::chunk::Carver;
use super::exhausted::{Cause, exhausted};
use super::watch::{PAUSE, Verdict, Watch};
use super::{CLASSES, MIB, Stack, StackSize, guard, make_cold, per_class, stats};
use crate::sys::atomic::{AtomicU32, AtomicUsize, Ordering};
use crate::sys::lock::Lock;
use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

/// Most stacks that move at once between a cache and the pool. Twice as many halve the share of the
/// lock (below 1 ns per stack already) and double what one worker may hold that another needs.
const BATCH_MAX: usize = 64;

/// Most address space made ready at once: a batch of large stacks is smaller.
const BATCH_BYTES: usize = 16 * MIB;

/// Free stacks of a class are kept with their memory up to this many, in the pool and in each cache...
const KEEP_MAX: usize = 256;

/// ...and up to this many bytes, should all of it have been touched.
const KEEP_BYTES: usize = 64 * MIB;

/// Above this size a stack used by `with_big_stack` goes back without its memory: it was asked for to
/// be used deeply, and a few microseconds do not show there.
const KEEP_SHARED_BYTES: usize = MIB;

/// What is known about all classes without a lock, a bit for each. Relaxed: hints for pace, the truth is
/// under the locks. On a cache line of their own, read often and written rarely.
#[repr(align(128))]
struct Hints {
    /// Classes whose last attempt to get stacks succeeded.
    supplied: AtomicU32,
    /// Classes whose last attempt failed.
    short: AtomicU32,
    /// Classes whose pool holds more hot stacks than it should keep.
    full: AtomicU32,
}

static HINTS: Hints = Hints {
    supplied: AtomicU32::new(0),
    short: AtomicU32::new(0),
    full: AtomicU32::new(0),
};

/// Writes only what changes: a store would take the line from everybody who reads it.
fn set(hint: &AtomicU32, size: StackSize, is_set: bool) {
    if (hint.load(Ordering::Relaxed) & size.bit() != 0) != is_set {
        if is_set {
            hint.fetch_or(size.bit(), Ordering::Relaxed);
        } else {
            hint.fetch_and(!size.bit(), Ordering::Relaxed);
        }
    }
}

fn note_supply(size: StackSize, is_supplied: bool) {
    set(&HINTS.supplied, size, is_supplied);
    set(&HINTS.short, size, !is_supplied);
}

struct Pool {
    shelf: Lock<Shared>,
    /// Stacks made and guarded, ever.
    created: AtomicUsize,
}

struct Shared {
    /// Free, used since the last trim; the longest unused in front.
    hot: VecDeque<Stack>,
    /// Free, without memory.
    cold: Vec<Stack>,
    /// Free, but out of the lists for a moment: a trim is under way.
    trimming: usize,
    /// Carved, but the guard could not be installed: not free, tried again first.
    bare: Vec<Stack>,
    carver: Carver,
    watch: Watch,
    /// How many of the longest unused are still to be trimmed.
    trim_todo: usize,
}

static POOLS: [Pool; CLASSES] = [const {
    Pool {
        shelf: Lock::new(Shared {
            hot: VecDeque::new(),
            cold: Vec::new(),
            trimming: 0,
            bare: Vec::new(),
            carver: Carver::new(),
            watch: Watch::new(),
            trim_todo: 0,
        }),
        created: AtomicUsize::new(0),
    }
}; CLASSES];

fn pool(size: StackSize) -> &'static Pool {
    &POOLS[size.index()]
}

/// Stacks that move at once.
pub(super) fn batch(size: StackSize) -> usize {
    const BATCH: [usize; CLASSES] = per_class(BATCH_BYTES, BATCH_MAX);
    BATCH[size.index()].max(1)
}

/// Free stacks that keep their memory.
pub(super) fn keep(size: StackSize) -> usize {
    const KEEP: [usize; CLASSES] = per_class(KEEP_BYTES, KEEP_MAX);
    KEEP[size.index()]
}

/// Whether the last attempt to get a stack of this class failed.
#[inline]
pub(super) fn is_short(size: StackSize) -> bool {
    short_classes() & size.bit() != 0
}

/// Classes (a bit for each) whose last attempt failed.
pub(super) fn short_classes() -> u32 {
    HINTS.short.load(Ordering::Relaxed)
}

/// Stacks of this class that exist.
pub(super) fn created(size: StackSize) -> usize {
    pool(size).created.load(Ordering::Relaxed)
}

/// Free stacks of this class in the pool.
pub(super) fn free(size: StackSize) -> usize {
    pool(size).shelf.lock().free()
}

/// Stacks of this class that are in use, in the whole process. While stacks move the answer may be too
/// high, never too low.
pub(super) fn live(size: StackSize) -> usize {
    let free = stats::free_of(size);
    created(size).saturating_sub(free)
}

impl Shared {
    fn free(&self) -> usize {
        self.hot.len() + self.cold.len() + self.trimming
    }

    /// The most recently used free stack.
    fn pop(&mut self) -> Option<Stack> {
        let stack = self.hot.pop_back().or_else(|| self.cold.pop());
        self.watch.note(self.hot.len());
        stack
    }

    /// Brings the hint up to date after `hot` has changed.
    fn hint(&self, size: StackSize) {
        set(&HINTS.full, size, self.hot.len() > keep(size));
    }

    fn push(&mut self, stack: Stack) {
        if stack.is_cold() {
            self.cold.push(stack);
        } else {
            self.hot.push_back(stack);
        }
    }

    /// Up to `want` slots to be guarded; an error only if there is not one.
    fn carve(&mut self, size: StackSize, want: usize) -> Result<Vec<Stack>, Cause> {
        let mut fresh = Vec::with_capacity(want);
        while fresh.len() < want {
            let next = match self.bare.pop() {
                Some(bare) => Ok(bare),
                None => self.carver.carve(size),
            };
            match next {
                Ok(stack) => fresh.push(stack),
                Err(cause) if fresh.is_empty() => return Err(cause),
                Err(_) => break,
            }
        }
        Ok(fresh)
    }
}

/// Moves a batch of free stacks to `out`, the hottest last, or makes new ones. At least one.
pub(super) fn refill(size: StackSize, out: &mut Vec<Stack>) -> io::Result<()> {
    let pool = pool(size);
    // Whoever is short takes one at a time: the others need them too.
    let want = if is_short(size) { 1 } else { batch(size) };
    let first = out.len();
    let carved = {
        let mut shared = pool.shelf.lock();
        out.extend(std::iter::from_fn(|| shared.pop()).take(want));
        shared.hint(size);
        if out.len() > first {
            Ok(Vec::new())
        } else {
            shared.carve(size, want)
        }
    };
    if out.len() > first {
        out[first..].reverse();
        return Ok(());
    }
    let made = carved.and_then(|fresh| guard_fresh(size, fresh, out));
    note_supply(size, made.is_ok());
    made.map_err(|cause| exhausted(size, created(size), cause))
}

/// Guards fresh slots and moves them to `out`; those that cannot be guarded are kept for another
/// attempt. An error only if there is not one.
fn guard_fresh(size: StackSize, mut fresh: Vec<Stack>, out: &mut Vec<Stack>) -> Result<(), Cause> {
    let pool = pool(size);
    let outcome = guard::install(&fresh);
    if let Err((done, cause)) = outcome {
        pool.shelf.lock().bare.extend(fresh.drain(done..));
        if done == 0 {
            return Err(cause);
        }
    }
    pool.created.fetch_add(fresh.len(), Ordering::Relaxed);
    out.append(&mut fresh);
    Ok(())
}

/// Takes free stacks back, the longest unused first.
pub(super) fn put(size: StackSize, stacks: impl Iterator<Item = Stack>) {
    let pool = pool(size);
    let mut shared = pool.shelf.lock();
    stacks.for_each(|stack| shared.push(stack));
    shared.hint(size);
}

/// A stack for an OS thread, which has no cache.
///
/// # Errors
/// As [`StackCache::take`](super::StackCache::take).
pub(crate) fn take_shared(size: StackSize) -> io::Result<Stack> {
    let pool = pool(size);
    let free = {
        let mut shared = pool.shelf.lock();
        let free = shared.pop();
        shared.hint(size);
        free
    };
    if let Some(stack) = free {
        return Ok(stack);
    }
    let mut batch = Vec::new();
    refill(size, &mut batch)?;
    let stack = batch.pop().expect("a refill that succeeds brings a stack");
    put(size, batch.drain(..));
    Ok(stack)
}

/// Takes back what [`take_shared`] gave.
pub(crate) fn give_shared(mut stack: Stack) {
    let size = stack.size();
    stack.set_cold(false);
    if size.usable_bytes() > KEEP_SHARED_BYTES {
        make_cold(std::slice::from_mut(&mut stack));
    }
    put(size, std::iter::once(stack));
}

/// The error that spawning a task of this class would end in: no stack can be had *and* none will
/// come free, because no task has one. `None` otherwise: a task whose stack is not there yet waits
/// for one. One load, unless the class is new or short.
///
/// A `None` is no promise that a cache of this worker can serve: the free stack may sit in the cache of
/// another. Whoever is refused wakes its sleeping neighbours, once; each gives its stock back when it
/// next calls `trim_idle`.
pub(crate) fn would_exhaust(size: StackSize) -> Option<io::Error> {
    if HINTS.supplied.load(Ordering::Relaxed) & size.bit() != 0 {
        return None;
    }
    if live(size) > 0 || stats::free_of(size) > 0 {
        return None;
    }
    let mut batch = Vec::new();
    let refused = refill(size, &mut batch).err();
    put(size, batch.drain(..));
    refused
}

/// Trims the pools until `deadline`: a stack that nobody took for a second has lost its turn. Returns
/// when to come back, if there is a reason to.
pub(super) fn trim(now: Instant, deadline: Instant) -> Option<Duration> {
    StackSize::all()
        .filter_map(|size| trim_class(size, now, deadline))
        .min()
}

/// Whether any pool may hold something to trim: one load.
pub(super) fn is_trim_due() -> bool {
    HINTS.full.load(Ordering::Relaxed) != 0
}

fn trim_class(size: StackSize, now: Instant, deadline: Instant) -> Option<Duration> {
    let pool = pool(size);
    if HINTS.full.load(Ordering::Relaxed) & size.bit() == 0 {
        return None;
    }
    loop {
        let mut some: Vec<Stack> = {
            let mut shared = pool.shelf.lock();
            if shared.trim_todo == 0 {
                let hot = shared.hot.len();
                match shared.watch.judge(now, hot, 0, keep(size)) {
                    Verdict::Nothing => return None,
                    Verdict::Later(wait) => return Some(wait),
                    Verdict::Trim(stacks) => shared.trim_todo = stacks,
                }
            }
            if Instant::now() >= deadline {
                return Some(PAUSE);
            }
            let count = shared.trim_todo.min(BATCH_MAX).min(shared.hot.len());
            // What is left to trim, less this; nothing if the pool was emptied meanwhile.
            shared.trim_todo = if count == 0 {
                0
            } else {
                shared.trim_todo - count
            };
            shared.trimming += count;
            let some = shared.hot.drain(..count).collect();
            shared.hint(size);
            some
        };
        make_cold(&mut some);
        let mut shared = pool.shelf.lock();
        shared.trimming -= some.len();
        shared.cold.append(&mut some);
        let hot = shared.hot.len();
        shared.watch.note(hot);
    }
}

#[cfg(test)]
mod tests {
    use super::super::watch::WINDOW;
    use super::*;

    #[test]
    fn pool_trims_what_no_one_took_for_a_window() {
        let size = StackSize::from_bytes(32 * MIB).unwrap();
        let stacks: Vec<Stack> = (0..20).map(|_| take_shared(size).unwrap()).collect();
        assert_eq!(live(size), 20);
        put(
            size,
            stacks.into_iter().map(|mut stack| {
                stack.set_cold(false);
                stack
            }),
        );
        assert_eq!(live(size), 0);
        let start = Instant::now();
        let far = start + 1000 * WINDOW;
        assert_eq!(trim_class(size, start, far), Some(WINDOW));
        let mut now = start;
        while trim_class(size, now, far).is_some() {
            now += WINDOW;
            assert!(now < far);
        }
        let shared = pool(size).shelf.lock();
        assert_eq!((shared.hot.len(), shared.trimming), (keep(size), 0));
        assert!(shared.cold.iter().all(Stack::is_cold));
        assert_eq!(shared.free(), created(size));
    }

    #[test]
    fn pool_gives_hot_stacks_before_cold_ones() {
        let size = StackSize::from_bytes(64 * MIB).unwrap();
        let mut out = Vec::new();
        while out.len() < 3 {
            refill(size, &mut out).unwrap();
        }
        let hot_low = out[1].limit();
        out[1].set_cold(false);
        out[0].set_cold(true);
        out[2].set_cold(true);
        put(size, out.drain(..));
        refill(size, &mut out).unwrap();
        assert_eq!(out.pop().unwrap().limit(), hot_low);
    }

    #[test]
    fn stack_shared_by_os_threads_loses_its_memory_when_large() {
        let size = StackSize::from_bytes(128 * MIB).unwrap();
        let stack = take_shared(size).unwrap();
        let low = stack.limit();
        give_shared(stack);
        let shared = pool(size).shelf.lock();
        assert!(shared.cold.iter().any(|stack| stack.limit() == low));
    }

    #[test]
    fn would_exhaust_of_a_class_never_used_makes_the_first_stacks() {
        let size = StackSize::from_bytes(256 * MIB).unwrap();
        assert!(would_exhaust(size).is_none());
        assert!(created(size) > 0);
        assert_eq!(live(size), 0);
    }
}
