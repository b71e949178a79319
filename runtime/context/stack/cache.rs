//! A worker's own free stacks: taking and giving is a pop and a push.
//!
//! Last in, first out, so that the next fiber runs on memory that is still in the cache. No lock, no
//! system call and no shared counter on the way, unless the list is empty or full. Owned by one worker;
//! what it holds goes back to the shared pools when it is dropped.

use super::stats::{self, Shelf};
use super::watch::{PAUSE, Verdict, Watch};
use super::{CLASSES, MIB, Stack, StackSize, make_cold, per_class, pool};
use std::cell::Cell;
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Most free stacks of a class that a cache holds; at one more its older half goes to the pool...
const HOLD_MAX: usize = 4096;

/// ...and most bytes of them, should all be touched.
const HOLD_BYTES: usize = 1024 * MIB;

/// Most free stacks of each class in one cache.
const HOLD: [usize; CLASSES] = per_class(HOLD_BYTES, HOLD_MAX);

/// Stacks trimmed between two looks at the clock: about 30 µs.
const TRIM_STEP: usize = 64;

/// Free stacks of one class. `items[..cold]` are known to be trimmed.
struct FreeList {
    items: Vec<Stack>,
    cold: usize,
    /// `items[..trim_end]` are to be trimmed in this window.
    trim_end: usize,
    watch: Watch,
}

impl FreeList {
    const fn new() -> FreeList {
        FreeList {
            items: Vec::new(),
            cold: 0,
            trim_end: 0,
            watch: Watch::new(),
        }
    }

    /// Trims until `deadline`; returns when to come back, if there is a reason to.
    fn trim(&mut self, now: Instant, deadline: Instant, keep: usize) -> Option<Duration> {
        // What lies above the shortest length of this window was taken and given meanwhile.
        self.cold = self.cold.min(self.watch.low());
        self.trim_end = self.trim_end.min(self.watch.low());
        if self.cold >= self.trim_end {
            match self.watch.judge(now, self.items.len(), self.cold, keep) {
                Verdict::Nothing => return None,
                Verdict::Later(wait) => return Some(wait),
                Verdict::Trim(stacks) => self.trim_end = self.cold + stacks,
            }
        }
        while self.cold < self.trim_end {
            if Instant::now() >= deadline {
                return Some(PAUSE);
            }
            let end = self.trim_end.min(self.cold + TRIM_STEP);
            for hot in self.items[self.cold..end].chunk_by_mut(|a, b| a.is_cold() == b.is_cold()) {
                if !hot[0].is_cold() {
                    make_cold(hot);
                }
            }
            self.cold = end;
        }
        Some(super::watch::WINDOW)
    }
}

/// The free stacks of one worker, by class. `Send` but not `Sync`.
pub(crate) struct StackCache {
    lists: [FreeList; CLASSES],
    shelf: Arc<Shelf>,
    _owner: PhantomData<Cell<()>>,
}

impl StackCache {
    /// An empty cache.
    pub(crate) fn new() -> StackCache {
        StackCache {
            lists: [const { FreeList::new() }; CLASSES],
            shelf: stats::register(),
            _owner: PhantomData,
        }
    }

    /// A guarded stack, the one given back last if there is one.
    ///
    /// # Errors
    /// `OutOfMemory` when memory, address space or kernel maps have run out; the text says which and
    /// what to do. To try again costs at most a few system calls.
    #[inline]
    pub(crate) fn take(&mut self, size: StackSize) -> io::Result<Stack> {
        let list = &mut self.lists[size.index()];
        let Some(stack) = list.items.pop() else {
            return self.take_from_pool(size);
        };
        let left = list.items.len();
        list.watch.note(left);
        self.shelf.publish(size, left);
        Ok(stack)
    }

    #[cold]
    fn take_from_pool(&mut self, size: StackSize) -> io::Result<Stack> {
        let list = &mut self.lists[size.index()];
        list.watch.note(0);
        pool::refill(size, &mut list.items)?;
        let stack = list
            .items
            .pop()
            .expect("a refill that succeeds brings a stack");
        // After the pool has forgotten them: a stack under way counts as used, never as free twice.
        self.shelf.publish(size, list.items.len());
        Ok(stack)
    }

    /// Takes back a stack that nothing runs on or borrows from any more.
    #[inline]
    pub(crate) fn give(&mut self, mut stack: Stack) {
        let size = stack.size();
        stack.set_cold(false);
        let list = &mut self.lists[size.index()];
        list.items.push(stack);
        let held = list.items.len();
        self.shelf.publish(size, held);
        if held > HOLD[size.index()] {
            self.shed(size, held.div_ceil(2));
        } else if pool::is_short(size) {
            self.shed(size, held);
        }
    }

    /// Gives the `count` longest unused stacks of a class to the shared pool.
    #[cold]
    fn shed(&mut self, size: StackSize, count: usize) {
        let list = &mut self.lists[size.index()];
        let left = list.items.len() - count;
        // Before the pool knows them, for the same reason as in `take_from_pool`.
        self.shelf.publish(size, left);
        pool::put(size, list.items.drain(..count));
        *list = FreeList {
            items: std::mem::take(&mut list.items),
            ..FreeList::new()
        };
    }

    /// Gives all stacks of the classes that have run out to the shared pools.
    #[cold]
    fn shed_short(&mut self) {
        for size in StackSize::all() {
            let held = self.lists[size.index()].items.len();
            if held > 0 && pool::is_short(size) {
                self.shed(size, held);
            }
        }
    }

    /// To be called by a worker that has nothing to do: gives memory of long unused stacks back to the
    /// kernel, those of the shared pools included, for no longer than `budget` (and one batch of 64,
    /// about 30 µs). Stacks of a class that has run out go to the pool altogether, where other workers
    /// find them. Returns after which time another call would have something to do.
    pub(crate) fn trim_idle(&mut self, budget: Duration) -> Option<Duration> {
        if pool::short_classes() != 0 {
            self.shed_short();
        }
        if !pool::is_trim_due() && !self.shelf.is_any_above(pool::keep) {
            return None;
        }
        let now = Instant::now();
        let deadline = now + budget;
        let own = StackSize::all().filter_map(|size| {
            let list = &mut self.lists[size.index()];
            if list.items.is_empty() {
                None
            } else {
                list.trim(now, deadline, pool::keep(size))
            }
        });
        own.min().into_iter().chain(pool::trim(now, deadline)).min()
    }
}

impl Drop for StackCache {
    fn drop(&mut self) {
        for size in StackSize::all() {
            let held = self.lists[size.index()].items.len();
            if held > 0 {
                self.shed(size, held);
            }
        }
        stats::unregister(&self.shelf);
    }
}

impl fmt::Debug for StackCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held: usize = self.lists.iter().map(|list| list.items.len()).sum();
        f.debug_struct("StackCache")
            .field("free", &held)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::watch::WINDOW;
    use super::*;

    /// Each test has a class of its own: pools are shared by the whole test process.
    fn size(mib: usize) -> StackSize {
        StackSize::from_bytes(mib * MIB).unwrap()
    }

    fn touch(stack: &Stack) -> &'static std::sync::atomic::AtomicU64 {
        let at = stack.record_addr();
        // SAFETY: the record of a stack that this test has taken; 64-aligned, mapped for ever.
        unsafe { &*std::ptr::with_exposed_provenance(at) }
    }

    #[test]
    fn cache_gives_the_hottest_stack_first_with_its_memory() {
        use std::sync::atomic::Ordering;
        let mut cache = StackCache::new();
        let first = cache.take(size(2)).unwrap();
        let second = cache.take(size(2)).unwrap();
        assert_ne!(first.limit(), second.limit());
        let low = first.limit();
        touch(&first).store(7, Ordering::Relaxed);
        cache.give(second);
        cache.give(first);
        let again = cache.take(size(2)).unwrap();
        assert_eq!(again.limit(), low);
        assert_eq!(touch(&again).load(Ordering::Relaxed), 7);
        cache.give(again);
    }

    #[test]
    fn cache_dropped_leaves_its_stacks_to_others() {
        let mut cache = StackCache::new();
        let taken: Vec<Stack> = (0..5).map(|_| cache.take(size(4)).unwrap()).collect();
        assert_eq!(pool::live(size(4)), 5);
        let mut lows: Vec<usize> = taken.iter().map(Stack::limit).collect();
        taken.into_iter().for_each(|stack| cache.give(stack));
        drop(cache);
        assert_eq!(pool::live(size(4)), 0);
        let created = pool::created(size(4));
        let mut other = StackCache::new();
        let again: Vec<Stack> = (0..5).map(|_| other.take(size(4)).unwrap()).collect();
        assert_eq!(pool::created(size(4)), created);
        lows.retain(|low| again.iter().any(|stack| stack.limit() == *low));
        assert!(!lows.is_empty());
        again.into_iter().for_each(|stack| other.give(stack));
    }

    #[test]
    fn cache_that_overflows_sheds_its_older_half() {
        let size = size(8);
        let hold = HOLD[size.index()];
        let mut cache = StackCache::new();
        let taken: Vec<Stack> = (0..=hold).map(|_| cache.take(size).unwrap()).collect();
        let held_before = cache.lists[size.index()].items.len();
        let newest = taken.last().unwrap().limit();
        taken.into_iter().for_each(|stack| cache.give(stack));
        assert!(cache.lists[size.index()].items.len() <= hold);
        assert!(cache.lists[size.index()].items.len() >= hold / 2);
        assert!(pool::free(size) >= hold / 2 - held_before);
        assert_eq!(cache.take(size).unwrap().limit(), newest);
        assert_eq!(pool::live(size), 1); // the one leaked above
    }

    #[test]
    fn cache_trims_only_what_stayed_idle_and_only_once() {
        use std::sync::atomic::Ordering;
        let size = size(1);
        let count = pool::keep(size) * 4;
        let mut cache = StackCache::new();
        let taken: Vec<Stack> = (0..count).map(|_| cache.take(size).unwrap()).collect();
        let words: Vec<_> = taken.iter().map(touch).collect();
        words
            .iter()
            .for_each(|word| word.store(1, Ordering::Relaxed));
        taken.into_iter().for_each(|stack| cache.give(stack));
        let list = &mut cache.lists[size.index()];
        let (start, keep) = (Instant::now(), pool::keep(size));
        let held = list.items.len();
        let far = start + 1000 * WINDOW;
        let mut now = start;
        for _ in 0..20 {
            if list.trim(now, far, keep).is_none() {
                break;
            }
            now += WINDOW;
        }
        assert_eq!(list.cold, held - keep);
        let cold = words
            .iter()
            .filter(|word| word.load(Ordering::Relaxed) == 0)
            .count();
        assert_eq!(cold, count - keep, "the hottest keep their memory");
        // Taken, used and given back: warm again, and the prefix known to be cold ends there.
        let last = cache.take(size).unwrap();
        assert_eq!(touch(&last).load(Ordering::Relaxed), 1);
        cache.give(last);
        assert_eq!(cache.lists[size.index()].trim(now, far, keep), None);
    }

    #[test]
    fn cache_trim_without_time_trims_nothing_and_asks_to_come_back() {
        let size = size(16);
        let mut cache = StackCache::new();
        let taken: Vec<Stack> = (0..60).map(|_| cache.take(size).unwrap()).collect();
        taken.into_iter().for_each(|stack| cache.give(stack));
        let list = &mut cache.lists[size.index()];
        let start = Instant::now();
        assert_eq!(list.trim(start, start, 4), Some(WINDOW));
        assert_eq!(list.trim(start + WINDOW, start, 4), Some(PAUSE));
        assert_eq!(list.cold, 0);
        assert!(list.trim_end > 0);
    }

    #[test]
    fn cache_is_send_and_stacks_move_between_threads() {
        let mut cache = StackCache::new();
        let stack = cache.take(StackSize::DEFAULT).unwrap();
        let moved = std::thread::spawn(move || {
            cache.give(stack);
            cache.take(StackSize::DEFAULT).unwrap()
        });
        let stack = moved.join().unwrap();
        assert!(stats::free_of(StackSize::DEFAULT) > 0);
        super::super::give_shared(stack);
    }
}
