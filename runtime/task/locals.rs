//! The green-thread locals of one task, or of one OS thread: a map from keys to values.
//!
//! Found by the running task through its header, never through the stack, so a `with_big_stack` closure
//! sees its caller's. No user code runs in here but destructors, in [`Locals::destroy`], and the map is
//! at rest whenever one does: they may use any key, and park. Values sit behind `Rc<dyn Any>`, so this
//! needs no unsafe code. Rejected: a cast without the check of the type. It saves 3 ns of the 6 that an
//! access takes, and lets soundness depend on places that never meet a wrong type.

use crate::sys::atomic::{AtomicUsize, Ordering};
use crate::sys::fatal;
use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::mem::{self, ManuallyDrop};
use std::panic::{self, AssertUnwindSafe};
use std::rc::Rc;

/// A key's place in every map: a number, handed out at its first use and never to another key.
#[derive(Debug)]
pub(crate) struct Key(AtomicUsize);

/// Of a key that has not been used; places count from 1.
const NO_PLACE: usize = 0;

impl Key {
    pub(crate) const fn new() -> Key {
        Key(AtomicUsize::new(NO_PLACE))
    }

    #[inline]
    fn index(&self) -> usize {
        // Relaxed, here and below: the number is all there is to see.
        let place = match self.0.load(Ordering::Relaxed) {
            NO_PLACE => self.assign(),
            place => place,
        };
        place - 1
    }

    #[cold]
    fn assign(&self) -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(NO_PLACE + 1);
        let fresh = NEXT.fetch_add(1, Ordering::Relaxed);
        match self
            .0
            .compare_exchange(NO_PLACE, fresh, Ordering::Relaxed, Ordering::Relaxed)
        {
            Ok(_) => fresh,
            // Another thread was first; ours stays a hole in the maps.
            Err(theirs) => theirs,
        }
    }
}

/// The map; one null pointer until the first value.
///
/// Forgets instead of dropping: only [`destroy`](Locals::destroy) may run user code, and it is called
/// where that is allowed. A task that was left behind by its runtime leaks its values.
pub(crate) struct Locals(ManuallyDrop<Cell<Option<Box<Map>>>>);

// std keeps a thread-local accessible to the end of its thread if it has nothing to drop; `current`
// relies on it.
const _: () = assert!(!mem::needs_drop::<Locals>(), "locals drop by hand only");
const _: () = assert!(
    size_of::<Locals>() == size_of::<usize>(),
    "a task without locals pays one word"
);

#[derive(Default)]
struct Map {
    /// By the keys' places; as long as the highest place that was used here.
    entries: Vec<Entry>,
    /// Places of the values with destructors, in the order of their initialisation.
    order: Vec<usize>,
}

#[derive(Default)]
enum Entry {
    #[default]
    Unused,
    Alive(Rc<dyn Any>),
    Destroyed,
}

/// What a map knows of a key.
pub(crate) enum Lookup<T> {
    Unused,
    Alive(Rc<T>),
    Destroyed,
}

impl Locals {
    pub(crate) const fn new() -> Locals {
        Locals(ManuallyDrop::new(Cell::new(None)))
    }

    /// Whether there is no map: before the first value, and after `destroy`.
    #[inline]
    pub(crate) fn is_unused(&self) -> bool {
        self.with_map(|map| map.is_none())
    }

    /// The value of a key, kept alive by the `Rc` for as long as the caller uses it.
    #[inline]
    pub(crate) fn get<T: 'static>(&self, key: &Key) -> Lookup<T> {
        let index = key.index();
        let value = self.with_map(|map| match map.as_ref()?.entries.get(index)? {
            Entry::Unused => None,
            Entry::Alive(value) => Some(Ok(Rc::clone(value))),
            Entry::Destroyed => Some(Err(())),
        });
        match value {
            None => Lookup::Unused,
            Some(Err(())) => Lookup::Destroyed,
            Some(Ok(value)) => Lookup::Alive(
                value
                    .downcast()
                    .expect("because a place belongs to one key, whose type is fixed"),
            ),
        }
    }

    /// Enters a key's first value. Gives back the earlier one if the initialiser used its own key; the
    /// caller drops it, outside of the map.
    #[must_use]
    pub(crate) fn put<T: 'static>(&self, key: &Key, value: Rc<T>) -> Option<Rc<dyn Any>> {
        let index = key.index();
        self.with_map(|map| {
            let map = map.get_or_insert_default();
            if map.entries.len() <= index {
                map.entries.resize_with(index + 1, Entry::default);
            }
            match mem::replace(&mut map.entries[index], Entry::Alive(value)) {
                Entry::Alive(earlier) => Some(earlier),
                Entry::Unused | Entry::Destroyed => {
                    if mem::needs_drop::<T>() {
                        map.order.push(index);
                    }
                    None
                }
            }
        })
    }

    /// Drops every value, the last initialised first, and then the map.
    ///
    /// Runs user code on the caller's stack, which may be parked meanwhile. A destructor that panics
    /// ends the process. Destructors may initialise further keys, whose turn comes too. It ends: a key
    /// that is destroyed stays so, and a program has a fixed number of keys.
    pub(crate) fn destroy(&self) {
        while let Some(value) = self.take_newest() {
            if panic::catch_unwind(AssertUnwindSafe(|| drop(value))).is_err() {
                // As std: nobody is left who could catch it.
                fatal::abort(format_args!(
                    "fatal runtime error: thread local panicked on drop, aborting"
                ));
            }
        }
        // What is left has no destructors.
        drop(self.0.take());
    }

    fn take_newest(&self) -> Option<Rc<dyn Any>> {
        self.with_map(|map| {
            let map = map.as_mut()?;
            let index = map.order.pop()?;
            match mem::replace(&mut map.entries[index], Entry::Destroyed) {
                Entry::Alive(value) => Some(value),
                Entry::Unused | Entry::Destroyed => {
                    unreachable!("only living values are in the order of destruction")
                }
            }
        })
    }

    /// `look` runs no user code, so nobody finds the cell empty.
    #[inline]
    fn with_map<R>(&self, look: impl FnOnce(&mut Option<Box<Map>>) -> R) -> R {
        let mut map = self.0.take();
        let found = look(&mut map);
        // Nothing but the `None` of above is forgotten: it saves the look whether to drop.
        mem::forget(self.0.replace(map));
        found
    }
}

/// Does not look inside: the map belongs to another thread, as far as `Debug` knows.
impl fmt::Debug for Locals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locals").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_place_is_its_own_and_stays() {
        let (first, second) = (Key::new(), Key::new());
        let place = first.index();
        assert_ne!(place, second.index());
        assert_eq!(place, first.index());
    }

    #[test]
    fn key_used_by_two_threads_at_once_gets_one_place() {
        for _ in 0..200 {
            let (key, start) = (Key::new(), std::sync::Barrier::new(2));
            let places = std::thread::scope(|scope| {
                let place = || {
                    start.wait();
                    key.index()
                };
                [scope.spawn(place), scope.spawn(place)].map(|thread| thread.join().ok())
            });
            assert_eq!(places[0], places[1]);
        }
    }

    #[test]
    fn locals_without_values_hold_no_memory_before_and_after() {
        let (locals, key) = (Locals::new(), Key::new());
        assert!(matches!(locals.get::<u8>(&key), Lookup::Unused));
        assert!(locals.is_unused());
        assert!(locals.put(&key, Rc::new(1_u8)).is_none());
        assert!(!locals.is_unused());
        locals.destroy();
        assert!(locals.is_unused());
    }
}
