//! Stands in for `runtime/sys/atomic.rs`: the same names, checked by loom.
//!
//! loom tries another order of two operations on one word only if it takes them for dependent, and it
//! remembers just the last access of a word. So a thread that loads and then compares-and-swaps hides
//! from it that the swap could have come before another thread's *load*: inboxes were never found
//! filled at the first look. Each operation here is therefore preceded by a swap on a second word,
//! which makes all operations on a word dependent. It is Relaxed, so what a load may see stays open.

use loom::sync::atomic as checked;
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};

/// Makes the operations on one word dependent in loom's eyes.
#[derive(Debug)]
struct Turn(checked::AtomicU8);

impl Turn {
    fn new() -> Turn {
        Turn(checked::AtomicU8::new(0))
    }

    fn take(&self) {
        self.0.swap(0, Ordering::Relaxed);
    }
}

macro_rules! common {
    ($value:ty) => {
        pub(crate) fn load(&self, order: Ordering) -> $value {
            self.turn.take();
            self.word.load(order)
        }

        pub(crate) fn store(&self, value: $value, order: Ordering) {
            self.turn.take();
            self.word.store(value, order);
        }

        pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
            self.turn.take();
            self.word.swap(value, order)
        }

        pub(crate) fn compare_exchange(
            &self,
            current: $value,
            new: $value,
            success: Ordering,
            failure: Ordering,
        ) -> Result<$value, $value> {
            self.turn.take();
            self.word.compare_exchange(current, new, success, failure)
        }

        /// Never fails for no reason: loom does not model that.
        pub(crate) fn compare_exchange_weak(
            &self,
            current: $value,
            new: $value,
            success: Ordering,
            failure: Ordering,
        ) -> Result<$value, $value> {
            self.compare_exchange(current, new, success, failure)
        }
    };
}

macro_rules! integer {
    ($name:ident, $value:ty) => {
        #[derive(Debug)]
        pub(crate) struct $name {
            word: checked::$name,
            turn: Turn,
        }

        impl $name {
            pub(crate) fn new(value: $value) -> $name {
                $name {
                    word: checked::$name::new(value),
                    turn: Turn::new(),
                }
            }

            common!($value);

            pub(crate) fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                self.turn.take();
                self.word.fetch_add(value, order)
            }

            pub(crate) fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                self.turn.take();
                self.word.fetch_sub(value, order)
            }

            pub(crate) fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                self.turn.take();
                self.word.fetch_or(value, order)
            }

            pub(crate) fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                self.turn.take();
                self.word.fetch_and(value, order)
            }
        }
    };
}

integer!(AtomicU8, u8);
integer!(AtomicU32, u32);
integer!(AtomicUsize, usize);

#[derive(Debug)]
pub(crate) struct AtomicPtr<T> {
    word: checked::AtomicPtr<T>,
    turn: Turn,
}

impl<T> AtomicPtr<T> {
    pub(crate) fn new(value: *mut T) -> AtomicPtr<T> {
        AtomicPtr {
            word: checked::AtomicPtr::new(value),
            turn: Turn::new(),
        }
    }

    common!(*mut T);
}
