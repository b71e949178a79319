//! User code that runs while a queue is locked, an item's `Ord` or `Clone`: what it may do, and that a
//! queue survives what it may not do, whether a plain call or a select has called it.

use crate::common::{Rt, everywhere, text, until, watchdog};
use crate::kinds::{assert_deserted, shown};
use greenroom::queue::{PriorityQueue, Queue};
use greenroom::select;
use greenroom::thread::{spawn, yield_now};
use std::cmp::Ordering;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// Looks at its queue while the queue clones it.
struct Nosy {
    queue: Arc<Queue<Nosy>>,
    seen: Arc<AtomicUsize>,
}

impl Clone for Nosy {
    fn clone(&self) -> Nosy {
        let text = format!("{:?}", self.queue);
        self.seen
            .fetch_add(usize::from(text.contains("<locked>")), SeqCst);
        Nosy {
            queue: self.queue.clone(),
            seen: self.seen.clone(),
        }
    }
}

#[test]
fn debug_of_a_locked_queue_says_so_instead_of_blocking() {
    everywhere(|| {
        let queue = Arc::new(Queue::unbounded());
        let seen = Arc::new(AtomicUsize::new(0));
        let nosy = Nosy {
            queue: queue.clone(),
            seen: seen.clone(),
        };
        queue.put(nosy).unwrap();
        drop(queue.peek());
        assert_eq!(seen.load(SeqCst), 1);
        drop(queue.shutdown_now());
    });
}

#[test]
fn panic_of_a_clone_leaves_the_item_and_the_queue() {
    struct Fragile;
    impl Clone for Fragile {
        fn clone(&self) -> Fragile {
            panic!("expected by the test");
        }
    }
    everywhere(|| {
        let queue = Queue::unbounded();
        queue.put(Fragile).unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| queue.peek().map(drop))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| queue.try_peek().map(drop))).is_err());
        assert!(queue.get().is_ok());
    });
}

/// What the `Ord` or `Clone` of an item does that it must not do.
#[derive(Clone, Copy, Debug)]
enum Sin {
    Sleep,
    Nap,
    Yield,
    Wait,
    Panic,
}

const SINS: [Sin; 5] = [Sin::Sleep, Sin::Nap, Sin::Yield, Sin::Wait, Sin::Panic];
const PARKS: &str =
    "Ord or Clone of a queue's items must not park: the queue is locked while they run";

#[derive(Debug)]
struct Sinner(u32, Option<Sin>);

impl Sinner {
    fn sin(&self) {
        match self.1 {
            Some(Sin::Sleep) => greenroom::thread::sleep(Duration::from_millis(1)),
            Some(Sin::Nap) => greenroom::thread::sleep(Duration::ZERO),
            Some(Sin::Yield) => yield_now(),
            Some(Sin::Wait) => drop(Queue::<u8>::unbounded().get()),
            Some(Sin::Panic) => panic!("expected by the test"),
            None => {}
        }
    }
}

impl Clone for Sinner {
    fn clone(&self) -> Sinner {
        self.sin();
        Sinner(self.0, None)
    }
}

impl Ord for Sinner {
    fn cmp(&self, other: &Sinner) -> Ordering {
        self.sin();
        other.sin();
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Sinner {
    fn partial_cmp(&self, other: &Sinner) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Sinner {
    fn eq(&self, other: &Sinner) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Sinner {}

/// The panic of `body`, which must have the text that fits.
#[track_caller]
fn assert_punished<T>(sin: Sin, body: impl FnOnce() -> T) {
    let result = catch_unwind(AssertUnwindSafe(body));
    let Err(payload) = result else {
        panic!("{sin:?} went through");
    };
    let expected = match sin {
        Sin::Panic => "expected by the test",
        _ => PARKS,
    };
    assert_eq!(text(payload.as_ref()), expected, "{sin:?}");
}

/// Takes all that is left, which may be less than was put, and works.
fn assert_usable(queue: &PriorityQueue<Sinner>) {
    drop(queue.shutdown_now());
    assert_eq!(queue.len(), 0);
    assert_deserted(queue);
    assert!(queue.put(Sinner(1, None)).is_err());
}

#[test]
fn clone_that_parks_panics_and_leaves_the_item() {
    everywhere(|| {
        for sin in SINS {
            let queue = Queue::unbounded();
            queue.put(Sinner(7, Some(sin))).unwrap();
            assert_punished(sin, || queue.peek());
            assert_punished(sin, || queue.try_peek());
            assert_eq!(queue.try_get().map(|sinner| sinner.0), Ok(7));
            assert_deserted(&queue);
        }
    });
}

#[test]
fn order_that_parks_panics_and_leaves_the_queue_usable() {
    everywhere(|| {
        for sin in SINS {
            let queue = PriorityQueue::unbounded();
            queue.put(Sinner(1, None)).unwrap();
            assert_punished(sin, || queue.put(Sinner(2, Some(sin))));
            assert_usable(&queue);
            let queue = PriorityQueue::unbounded();
            queue.put(Sinner(1, None)).unwrap();
            assert_punished(sin, || queue.try_put(Sinner(2, Some(sin))));
            assert_usable(&queue);
        }
    });
}

#[test]
fn order_that_parks_in_a_select_panics_and_leaves_both_queues_usable() {
    everywhere(|| {
        for sin in SINS {
            let (other, queue) = (Queue::<u8>::unbounded(), PriorityQueue::unbounded());
            queue.put(Sinner(1, None)).unwrap();
            let mut place = Some(Sinner(2, Some(sin)));
            assert_punished(sin, || {
                select! {
                    biased;
                    recv(other) -> item => assert!(item.is_err()),
                    send(queue, place) -> sent => assert!(sent.is_ok()),
                }
            });
            assert_usable(&queue);
            other.put(1).unwrap();
            assert_eq!(other.get(), Ok(1));
        }
    });
}

#[test]
fn panic_of_an_order_wakes_whom_the_call_had_let_in() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        for by_select in [false, true] {
            Rt::with_workers(workers).run(|| {
                let queue = Arc::new(PriorityQueue::bounded(2));
                queue.put(Sinner(1, None)).unwrap();
                queue.put(Sinner(2, None)).unwrap();
                let putter = {
                    let queue = queue.clone();
                    spawn(move || queue.put(Sinner(3, Some(Sin::Panic))))
                };
                until(|| shown(&queue, "putters") == Some(1));
                // The item of the putter enters, and is compared with what is left.
                assert_punished(Sin::Panic, || {
                    if by_select {
                        select! { recv(queue) -> item => item }
                    } else {
                        queue.get()
                    }
                });
                assert!(putter.join().unwrap().is_ok());
                assert_usable(&queue);
            });
        }
    }
}

/// What an item's `Ord` does besides, in this test's own type.
mod scoped {
    use std::cmp::Ordering;

    pub(super) struct Item {
        pub(super) rank: u32,
        pub(super) inside: fn(),
    }

    impl PartialEq for Item {
        fn eq(&self, other: &Item) -> bool {
            self.rank == other.rank
        }
    }

    impl Eq for Item {}

    impl PartialOrd for Item {
        fn partial_cmp(&self, other: &Item) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }

    impl Ord for Item {
        fn cmp(&self, other: &Item) -> Ordering {
            (self.inside)();
            self.rank.cmp(&other.rank)
        }
    }
}

/// A scope's wait must not be unwound past, so a scope is refused before it spawns.
#[test]
fn scope_or_run_inside_an_order_panics_before_anything_is_spawned() {
    use std::sync::atomic::{AtomicBool, Ordering};
    static SPAWNED: AtomicBool = AtomicBool::new(false);
    let insides: [fn(); 2] = [
        || {
            greenroom::thread::scope(|s| {
                s.spawn(|| SPAWNED.store(true, Ordering::SeqCst));
            });
        },
        || {
            greenroom::unblock(|| SPAWNED.store(true, Ordering::SeqCst));
        },
    ];
    let refused = |inside: fn()| {
        let queue = greenroom::queue::PriorityQueue::unbounded();
        let item = |rank| scoped::Item { rank, inside };
        assert!(queue.put(item(2)).is_ok());
        let put = std::panic::AssertUnwindSafe(|| queue.put(item(1)).is_ok());
        assert!(std::panic::catch_unwind(put).is_err());
    };
    greenroom::run(|| insides.into_iter().for_each(refused));
    refused(insides[0]);
    refused(|| greenroom::run(|| SPAWNED.store(true, Ordering::SeqCst)));
    assert!(!SPAWNED.load(Ordering::SeqCst));
}

/// A destructor may use the queue: it never runs under the lock, also if an `Ord` panics.
#[test]
fn item_that_an_orders_panic_loses_is_not_dropped_under_the_lock() {
    use greenroom::queue::PriorityQueue;
    use std::cmp::Ordering as Order;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    static QUEUE: PriorityQueue<Bomb> = PriorityQueue::unbounded();
    static IS_ARMED: AtomicBool = AtomicBool::new(false);
    static DROPS: AtomicUsize = AtomicUsize::new(0);
    #[derive(PartialEq, Eq)]
    struct Bomb(u32);
    impl PartialOrd for Bomb {
        fn partial_cmp(&self, other: &Bomb) -> Option<Order> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Bomb {
        fn cmp(&self, other: &Bomb) -> Order {
            assert!(
                !IS_ARMED.swap(false, Ordering::SeqCst),
                "expected by the test"
            );
            self.0.cmp(&other.0)
        }
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            DROPS.fetch_add(QUEUE.len().min(1), Ordering::SeqCst);
        }
    }
    for rank in 0..4 {
        assert!(QUEUE.put(Bomb(rank)).is_ok());
    }
    IS_ARMED.store(true, Ordering::SeqCst);
    assert!(std::panic::catch_unwind(|| drop(QUEUE.get())).is_err());
    while QUEUE.len() > 1 {
        drop(QUEUE.get());
    }
    assert!(DROPS.load(Ordering::SeqCst) > 0);
}
