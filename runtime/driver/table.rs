//! The table of all sources of the process: key → place, places reused, never freed.
//!
//! Chunks double in size, so a place never moves and a lookup is two shifts and a load: no lock on the
//! path of an event. A key is index and generation; a place that was reused has another generation,
//! and an event with the old one is dropped. That check is an optimisation: a place reused between
//! check and use gets one needless "ready", which readiness is built to survive.
#![expect(
    unsafe_code,
    reason = "chunks are published by pointer and never freed"
)]

use super::source::Source;
use crate::sys::atomic::{AtomicPtr, AtomicU32, Ordering};
use crate::sys::lock::Lock;

/// Places in the first chunk, a power of two; chunk `n` has `FIRST << n`.
const FIRST: u32 = 256;
/// 256 × (2^23 - 1) places: twice the 2^30 open files that Linux allows.
const CHUNKS: usize = 23;
/// The last place of the last chunk. The bell's key names a higher one.
const INDEX_MAX: u32 = (FIRST << CHUNKS) - FIRST - 1;

static TABLE: [AtomicPtr<Source>; CHUNKS] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; CHUNKS];
/// Places made so far.
static MADE: AtomicU32 = AtomicU32::new(0);
static FREE: Lock<Vec<&'static Source>> = Lock::new(Vec::new());

/// What epoll carries for a source.
pub(super) fn key(index: u32, generation: u32) -> u64 {
    // The index never reaches u32::MAX, so no key equals the bell's.
    (u64::from(index) << 32) | u64::from(generation)
}

/// Chunk number and offset of an index.
fn locate(index: u32) -> (usize, usize) {
    let shifted = index + FIRST;
    let chunk = shifted.ilog2() - FIRST.ilog2();
    let offset = shifted - (FIRST << chunk);
    (chunk as usize, offset as usize)
}

fn at(index: u32) -> Option<&'static Source> {
    if index > INDEX_MAX {
        return None;
    }
    let (chunk, offset) = locate(index);
    // Acquire: pairs with the Release that published the chunk.
    let first = TABLE.get(chunk)?.load(Ordering::Acquire);
    if first.is_null() {
        return None;
    }
    // SAFETY: a published chunk has `FIRST << chunk` places, and `offset` is below that by `locate`.
    let place = unsafe { first.add(offset) };
    // SAFETY: the places of a published chunk are initialised and never freed.
    Some(unsafe { &*place })
}

/// The source of an event will be looked at soon.
#[inline]
pub(super) fn prefetch(key: u64) {
    if let Some(source) = u32::try_from(key >> 32).ok().and_then(at) {
        crate::sys::prefetch::prefetch(std::ptr::from_ref(source));
    }
}

/// The source an event is for, unless its place was given to another one meanwhile.
pub(super) fn find(key: u64) -> Option<&'static Source> {
    let index = u32::try_from(key >> 32).ok()?;
    let generation = u32::try_from(key & u64::from(u32::MAX)).ok()?;
    at(index).filter(|source| source.generation() == generation)
}

/// A place for a new source.
pub(crate) fn take() -> &'static Source {
    let mut free = FREE.lock();
    if let Some(source) = free.pop() {
        return source;
    }
    // Under the lock of FREE, so chunks are made one after the other.
    let base = MADE.load(Ordering::Relaxed);
    let (chunk, _) = locate(base);
    let length = FIRST << chunk;
    let places: Box<[Source]> = (base..base + length).map(Source::new).collect();
    let places: &'static [Source] = Box::leak(places);
    // Release: the places are initialised before anybody finds them.
    TABLE[chunk].store(places.as_ptr().cast_mut(), Ordering::Release);
    MADE.store(base + length, Ordering::Relaxed);
    free.extend(places.iter().rev());
    free.pop().expect("because a chunk is never empty")
}

/// Takes a place back.
pub(super) fn give_back(source: &'static Source) {
    debug_assert!(at(source.index()).is_some_and(|there| std::ptr::eq(there, source)));
    FREE.lock().push(source);
}

/// Visits every place that was ever made.
pub(super) fn for_each(mut visit: impl FnMut(&'static Source)) {
    for index in 0..MADE.load(Ordering::Relaxed) {
        if let Some(source) = at(index) {
            visit(source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_index_maps_to_one_place() {
        let mut expected = (0usize, 0usize);
        for index in 0..100_000u32 {
            assert_eq!(locate(index), expected);
            expected.1 += 1;
            if expected.1 == (FIRST as usize) << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
    }

    #[test]
    fn table_stale_key_finds_nothing() {
        let source = take();
        let stale = key(source.index(), source.generation());
        assert!(find(stale).is_some_and(|found| std::ptr::eq(found, source)));
        source.retire(-1, false);
        assert!(find(stale).is_none());
    }

    #[test]
    fn table_key_of_no_place_finds_nothing() {
        for index in [INDEX_MAX, INDEX_MAX + 1, u32::MAX - FIRST, u32::MAX] {
            assert!(find(key(index, u32::MAX)).is_none());
            prefetch(key(index, u32::MAX));
        }
        assert_eq!(locate(INDEX_MAX).0, CHUNKS - 1);
        assert_eq!(locate(INDEX_MAX + 1).0, CHUNKS);
    }
}
