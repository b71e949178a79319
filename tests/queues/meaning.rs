//! What a queue's calls mean: shutdown, `task_done`, order, and waiters who are served in turn.

use crate::common::{FOREVER, Rt, everywhere, let_others_run, on_every_runtime, until, watchdog};
use crate::kinds::{Line, assert_deserted, kinds, shown};
use greenroom::queue::{GetError, LifoQueue, PriorityQueue, PutError, Queue, ShutDown};
use greenroom::thread::{Builder, JoinHandle, spawn, spawn_local};
use greenroom::timeout;
use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn shutdown_drains_and_then_stops_gets() {
    everywhere(|| {
        for line in kinds(None) {
            (1..=3).for_each(|item| line.put(item).unwrap());
            line.shutdown();
            assert_eq!(line.put(4), Err(ShutDown(4)));
            assert_eq!(line.try_put(4), Err(PutError::ShutDown(4)));
            assert_eq!(line.put_timeout(4, FOREVER), Err(PutError::ShutDown(4)));
            assert!(line.peek().is_ok());
            let mut items: Vec<u64> = std::iter::from_fn(|| line.next()).collect();
            items.sort_unstable();
            assert_eq!(items, [1, 2, 3]);
            assert_eq!(line.get(), Err(ShutDown(())));
            assert_eq!(line.try_get(), Err(GetError::ShutDown));
            assert_eq!(line.get_timeout(FOREVER), Err(GetError::ShutDown));
            assert_eq!(line.try_peek(), Err(GetError::ShutDown));
            assert_eq!(line.peek_timeout(FOREVER), Err(GetError::ShutDown));
            assert!(!line.join_timeout(Duration::ZERO), "three are to be done");
            (1..=3).for_each(|_| line.task_done().unwrap());
            line.join();
        }
    });
}

#[test]
fn shutdown_now_counts_what_it_drops_as_done_and_nothing_else() {
    everywhere(|| {
        for line in kinds(None) {
            (1..=3).for_each(|item| line.put(item).unwrap());
            line.get().unwrap();
            assert_eq!(line.shutdown_now().len(), 2);
            assert_eq!((line.unfinished(), line.len()), (1, 0));
            assert!(!line.join_timeout(Duration::from_millis(1)));
            line.task_done().unwrap();
            line.join();
            assert!(line.shutdown_now().is_empty(), "once more is harmless");
            line.shutdown();
        }
    });
}

#[test]
fn interrupt_that_is_due_comes_before_any_effect() {
    everywhere(|| {
        for line in kinds(Some(1)) {
            let late = |call: &dyn Fn()| assert!(timeout(Duration::ZERO, call).is_err());
            late(&|| line.put(1).unwrap());
            late(&|| line.put_timeout(1, FOREVER).unwrap());
            late(&|| line.select_send(&mut Some(1)).unwrap());
            late(&|| line.join());
            assert_eq!((line.len(), line.unfinished()), (0, 0), "nothing was put");
            line.put(2).unwrap();
            late(&|| assert!(line.get().is_err()));
            late(&|| assert!(line.get_timeout(FOREVER).is_err()));
            late(&|| assert!(line.next().is_none()));
            late(&|| assert!(line.select_recv().is_err()));
            late(&|| assert!(line.peek().is_err()));
            late(&|| assert!(line.peek_timeout(FOREVER).is_err()));
            assert_eq!(line.len(), 1, "nothing was taken");
            // What never parks is no place to be interrupted at.
            assert_eq!(timeout(Duration::ZERO, || line.try_get()), Ok(Ok(2)));
            assert_eq!(timeout(Duration::ZERO, || line.try_put(3)), Ok(Ok(())));
            assert_eq!(timeout(Duration::ZERO, || line.try_peek()), Ok(Ok(3)));
        }
    });
}

#[test]
fn shutdown_wakes_every_waiter_of_every_sort() {
    on_every_runtime(|| {
        let full = Arc::new(Queue::bounded(1));
        full.put(0).unwrap();
        let empty = Arc::new(Queue::<u64>::bounded(1));
        let putters: Vec<_> = (1..20)
            .map(|item| {
                spawn({
                    let full = full.clone();
                    move || full.put(item)
                })
            })
            .collect();
        let getters: Vec<_> = (1..20)
            .map(|_| {
                spawn({
                    let empty = empty.clone();
                    move || empty.get()
                })
            })
            .collect();
        until(|| shown(&full, "putters") == Some(19) && shown(&empty, "getters") == Some(19));
        full.shutdown();
        empty.shutdown_now();
        for (item, handle) in (1..).zip(putters) {
            assert_eq!(handle.join().unwrap(), Err(ShutDown(item)));
        }
        for handle in getters {
            assert_eq!(handle.join().unwrap(), Err(ShutDown(())));
        }
        assert_eq!(full.get(), Ok(0));
        assert_eq!(full.unfinished(), 1, "a refused item was never put");
    });
}

#[test]
fn task_done_too_often_is_refused_and_changes_nothing() {
    everywhere(|| {
        for line in kinds(None) {
            assert!(line.task_done().is_err());
            line.put(1).unwrap();
            line.task_done().unwrap();
            assert!(line.task_done().is_err());
            assert_eq!(line.unfinished(), 0);
            line.put(2).unwrap();
            assert_eq!(line.unfinished(), 1);
        }
    });
}

#[test]
fn item_given_from_hand_to_hand_is_to_be_done_too() {
    on_every_runtime(|| {
        for line in kinds(Some(0)) {
            let putter = spawn({
                let line = line.clone();
                move || line.put(1)
            });
            assert_eq!(line.get(), Ok(1));
            putter.join().unwrap().unwrap();
            assert_eq!(line.unfinished(), 1);
            line.task_done().unwrap();
            line.join();
        }
    });
}

#[test]
fn equal_priorities_leave_in_the_order_they_came() {
    let queue = PriorityQueue::bounded(60);
    for number in 0..60_u32 {
        queue.put(Ranked(number % 3, number)).unwrap();
    }
    let mut expected: Vec<(u32, u32)> = (0..60).map(|number| (number % 3, number)).collect();
    expected.sort_unstable();
    let got: Vec<(u32, u32)> = queue
        .try_iter()
        .map(|Ranked(rank, number)| (rank, number))
        .collect();
    assert_eq!(got, expected);
}

/// Ordered by the first number only.
#[derive(Debug, Clone)]
struct Ranked(u32, u32);

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked {}

/// Starts `count` waiters one after the other, each after its forerunner stands in the queue.
fn in_turn<T: Send + 'static>(
    count: usize,
    mut start: impl FnMut(usize) -> JoinHandle<T>,
    mut waiting: impl FnMut() -> Option<usize>,
) -> Vec<JoinHandle<T>> {
    let mut handles = Vec::new();
    for number in 0..count {
        handles.push(start(number));
        until(|| waiting() == Some(number + 1));
    }
    handles
}

#[test]
fn getters_are_served_in_the_order_they_came_whatever_their_worker() {
    let _watchdog = watchdog();
    Rt::with_workers(2).run(|| {
        for line in kinds(None) {
            let start = |number: usize| {
                let line = line.clone();
                let builder = Builder::new().worker(number % 2);
                builder.spawn(move || line.get().unwrap()).unwrap()
            };
            let handles = in_turn(10, start, || shown(&line, "getters"));
            (0..10).for_each(|item| line.put(item).unwrap());
            for (item, handle) in (0..).zip(handles) {
                assert_eq!(handle.join().unwrap(), item);
            }
        }
    });
}

#[test]
fn putters_are_served_in_the_order_they_came_and_a_cancelled_one_is_skipped() {
    let _watchdog = watchdog();
    Rt::with_workers(2).run(|| {
        for capacity in [0, 1] {
            let queue = Arc::new(Queue::bounded(capacity));
            if capacity == 1 {
                queue.put(100).unwrap();
            }
            let start = |number: usize| {
                let queue = queue.clone();
                let builder = Builder::new().worker(number % 2);
                builder.spawn(move || queue.put(number).unwrap()).unwrap()
            };
            let mut handles = in_turn(6, start, || shown(&queue, "putters"));
            let cancelled = handles.remove(3);
            cancelled.cancel();
            assert!(cancelled.join().is_err());
            let expected = [100, 0, 1, 2, 4, 5];
            for item in &expected[1 - capacity..] {
                assert_eq!(queue.get(), Ok(*item));
            }
            handles
                .into_iter()
                .for_each(|handle| handle.join().unwrap());
            assert_eq!(queue.try_get(), Err(GetError::Empty));
        }
    });
}

#[test]
fn waiting_put_enters_before_a_later_one_takes_the_room() {
    let _watchdog = watchdog();
    Rt::with_workers(1).run(|| {
        let queue = Arc::new(Queue::bounded(1));
        queue.put(1).unwrap();
        let waiting = spawn_local({
            let queue = queue.clone();
            move || queue.put(2)
        });
        let_others_run();
        assert_eq!(queue.get(), Ok(1));
        assert_eq!(
            queue.try_put(3),
            Err(PutError::Full(3)),
            "the room is taken"
        );
        assert_eq!(queue.get(), Ok(2));
        waiting.join().unwrap().unwrap();
    });
}

#[test]
fn peek_is_woken_by_every_sort_of_put() {
    let puts: [fn(&dyn Line); 4] = [
        |line| line.put(1).unwrap(),
        |line| line.try_put(1).unwrap(),
        |line| line.put_timeout(1, FOREVER).unwrap(),
        |line| line.select_send(&mut Some(1)).unwrap(),
    ];
    let _watchdog = watchdog();
    Rt::with_workers(1).run(|| {
        for put in puts {
            for line in kinds(Some(1)) {
                let peeks: Vec<_> = (0..2)
                    .map(|_| {
                        spawn_local({
                            let line = line.clone();
                            move || line.peek_timeout(FOREVER)
                        })
                    })
                    .collect();
                let_others_run();
                put(line.as_ref());
                for peek in peeks {
                    assert_eq!(peek.join().unwrap(), Ok(1));
                }
                assert_eq!(line.get(), Ok(1));
            }
        }
    });
}

#[test]
fn peeks_of_what_is_there_let_others_run() {
    let _watchdog = watchdog();
    Rt::with_workers(1).run(|| {
        let queue = Arc::new(Queue::unbounded());
        queue.put(1).unwrap();
        let taker = spawn_local({
            let queue = queue.clone();
            move || queue.shutdown_now()
        });
        while queue.peek().is_ok() {}
        taker.join().unwrap();
    });
}

#[test]
fn joins_of_what_is_done_let_others_run() {
    let _watchdog = watchdog();
    Rt::with_workers(1).run(|| {
        let queue = Queue::<u8>::unbounded();
        let other = spawn_local(|| ());
        while !other.is_finished() {
            queue.join();
        }
    });
}

#[test]
fn static_queues_of_every_order_work() {
    static FIFO: Queue<u32> = Queue::bounded(2);
    static LIFO: LifoQueue<u32> = LifoQueue::unbounded();
    static PRIORITY: PriorityQueue<u32> = PriorityQueue::unbounded();
    let _watchdog = watchdog();
    let sender = std::thread::spawn(|| (0..1000).for_each(|item| FIFO.put(item).unwrap()));
    Rt::with_workers(2).run(|| {
        (0..1000).for_each(|item| assert_eq!(FIFO.get(), Ok(item)));
        [2, 1, 3]
            .into_iter()
            .for_each(|item| LIFO.put(item).unwrap());
        [2, 1, 3]
            .into_iter()
            .for_each(|item| PRIORITY.put(item).unwrap());
    });
    sender.join().unwrap();
    assert_eq!(LIFO.try_iter().collect::<Vec<_>>(), [3, 1, 2]);
    assert_eq!(PRIORITY.try_iter().collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn iterators_of_several_consumers_share_the_items() {
    on_every_runtime(|| {
        let queue = Arc::new(Queue::bounded(3));
        let consumers: Vec<_> = (0..4)
            .map(|_| {
                spawn({
                    let queue = queue.clone();
                    move || queue.iter().sum::<u64>()
                })
            })
            .collect();
        (0..200).for_each(|item| queue.put(item).unwrap());
        queue.shutdown();
        let total: u64 = consumers
            .into_iter()
            .map(|handle| handle.join().unwrap())
            .sum();
        assert_eq!(total, 199 * 200 / 2);
        assert_deserted(&queue);
    });
}
