//! Bodies that park: the green thread parks, its neighbours run; and cancellation reaches the body.

use crate::common::{FOREVER, Flag, SHORT, assert_cancelled, everywhere};
use crate::common::{let_others_run, on_every_runtime, on_private_runtimes, until};
use crate::complaint::complaint;
use crate::journal::Journal;
use greenroom::generator::{Generator, State, Yielder, scoped};
use greenroom::net::{TcpListener, TcpStream};
use greenroom::sync::{Mutex, mpsc};
use greenroom::{queue, thread};
use std::io::{BufRead, BufReader, Write};
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

#[test]
fn body_that_sleeps_lets_neighbours_run() {
    on_every_runtime(|| {
        let mut napping: Generator<(), u32> = Generator::new(|y| {
            for n in 0..3 {
                thread::sleep(SHORT);
                y.yield_(n);
            }
        });
        let ran = Flag::default();
        let theirs = ran.clone();
        let neighbour = thread::spawn_local(move || theirs.raise());
        let start = Instant::now();
        assert_eq!(napping.next(), Some(0));
        assert!(ran.is_up(), "the worker was blocked");
        assert_eq!(napping.by_ref().count(), 2);
        assert!(start.elapsed() >= SHORT * 3);
        neighbour.join().unwrap();
    });
}

#[test]
fn body_receives_from_a_channel_what_another_thread_sends() {
    everywhere(|| {
        let (send, receive) = mpsc::channel();
        let sender = thread::spawn(move || {
            for n in 0..100 {
                send.send(n).unwrap();
                thread::yield_now();
            }
        });
        let doubled: Generator<(), u32> = Generator::new(move |y| {
            for n in receive {
                y.yield_(2 * n);
            }
        });
        assert_eq!(doubled.sum::<u32>(), 9900);
        sender.join().unwrap();
    });
}

#[test]
fn bodies_of_two_neighbours_park_and_go_on_independently() {
    on_every_runtime(|| {
        let relay = |receive: mpsc::Receiver<u32>, send: mpsc::Sender<u32>| {
            thread::spawn_local(move || {
                let steps: Generator<(), u32> = Generator::new(move |y| {
                    for n in receive {
                        if n > 0 {
                            let _ = send.send(n - 1);
                        }
                        y.yield_(n);
                    }
                });
                steps.take(50).collect::<Vec<_>>()
            })
        };
        let ((to_a, from_b), (to_b, from_a)) = (mpsc::channel(), mpsc::channel());
        to_a.send(99).unwrap();
        let (a, b) = (relay(from_b, to_b), relay(from_a, to_a));
        let (a, b) = (a.join().unwrap(), b.join().unwrap());
        assert_eq!((a[0], a[49], b[0], b[49]), (99, 1, 98, 0));
    });
}

#[test]
fn lock_held_by_a_suspended_body_is_held() {
    everywhere(|| {
        let mutex = Arc::new(Mutex::new(0));
        let theirs = Arc::clone(&mutex);
        let mut holder: Generator<(), ()> = Generator::new(move |y| {
            let mut guard = theirs.lock().unwrap();
            *guard = 1;
            y.yield_(());
            *guard = 2;
        });
        holder.next();
        assert!(mutex.try_lock().is_err());
        let theirs = Arc::clone(&mutex);
        let waiter = thread::spawn(move || *theirs.lock().unwrap());
        let_others_run();
        assert!(!waiter.is_finished());
        holder.next();
        assert_eq!(waiter.join().unwrap(), 2);
    });
}

#[test]
fn lines_of_a_connection_come_as_a_generator() {
    everywhere(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            for n in 0..20 {
                writeln!(stream, "line {n}").unwrap();
                thread::yield_now();
            }
        });
        let lines: Generator<(), String> = Generator::new(move |y| {
            let (stream, _) = listener.accept().unwrap();
            for line in BufReader::new(stream).lines() {
                y.yield_(line.unwrap());
            }
        });
        let lines: Vec<String> = lines.collect();
        assert_eq!(lines.len(), 20);
        assert_eq!(lines[19], "line 19");
        client.join().unwrap();
    });
}

#[test]
fn yield_while_a_queue_is_locked_panics_and_leaves_the_queue_usable() {
    struct Item<'y>(u32, &'y Yielder<(), u32>);
    impl PartialEq for Item<'_> {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Item<'_> {}
    impl PartialOrd for Item<'_> {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Item<'_> {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            self.1.yield_(self.0);
            self.0.cmp(&other.0)
        }
    }
    everywhere(|| {
        let mut body: Generator<(), u32, String> = Generator::new(|y| {
            let queue = queue::PriorityQueue::unbounded();
            let first = queue.put(Item(1, y));
            assert!(first.is_ok());
            let text = complaint(|| queue.put(Item(2, y)).is_ok());
            assert!(queue.len() <= 2);
            y.yield_(7);
            text
        });
        assert_eq!(body.next(), Some(7));
        assert_eq!(body.next(), None);
        assert_eq!(
            body.take_return().unwrap(),
            "Ord or Clone of a queue's items must not yield: the queue is locked while they run"
        );
    });
}

#[test]
fn generator_made_while_a_queue_is_locked_may_yield_in_there() {
    // Its resumer waits for it in there: nobody else comes in between.
    #[derive(PartialEq, Eq)]
    struct Item(u32);
    impl PartialOrd for Item {
        fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Item {
        fn cmp(&self, other: &Self) -> std::cmp::Ordering {
            let mut sign: Generator<(), u32> = Generator::new(|y| y.yield_all(0..9));
            assert_eq!(sign.next(), Some(0));
            assert_eq!(sign.next(), Some(1));
            self.0.cmp(&other.0)
        }
    }
    everywhere(|| {
        let queue = queue::PriorityQueue::unbounded();
        for n in [3, 1, 2] {
            assert!(queue.put(Item(n)).is_ok());
        }
        assert!(queue.try_get().is_ok_and(|item| item.0 == 1));
    });
}

/// Starts a neighbour, lets it come to its wait, cancels it.
#[track_caller]
fn cancelled_while<T: 'static>(body: impl FnOnce() -> T + 'static) {
    let waiting = thread::spawn_local(body);
    let_others_run();
    assert!(!waiting.is_finished(), "it did not wait");
    waiting.cancel();
    assert_cancelled(waiting.join());
}

#[test]
fn cancel_while_the_body_is_parked_unwinds_the_body_and_its_owner() {
    on_every_runtime(|| {
        let journal = Journal::default();
        let theirs = journal.clone();
        cancelled_while(move || {
            let _owner = theirs.at_drop("owner");
            let journal = theirs.clone();
            let mut sleeping: Generator<(), u32> = Generator::new(move |y| {
                let _body = journal.at_drop("body");
                y.yield_(1);
                thread::sleep(FOREVER);
            });
            sleeping.by_ref().count()
        });
        assert_eq!(journal.take(), "body owner");
    });
}

#[test]
fn cancel_while_the_body_is_suspended_unwinds_its_owner_and_then_the_body() {
    on_every_runtime(|| {
        let journal = Journal::default();
        let theirs = journal.clone();
        cancelled_while(move || {
            let body = theirs.at_drop("body");
            let mut suspended: Generator<(), u32> = Generator::new(move |y| {
                let _body = body;
                y.yield_all(0..);
            });
            suspended.next();
            let _younger = theirs.at_drop("owner");
            thread::sleep(FOREVER);
        });
        assert_eq!(journal.take(), "owner body");
    });
}

#[test]
fn cancel_caught_by_the_body_is_raised_at_its_owners_next_wait() {
    on_every_runtime(|| {
        let journal = Journal::default();
        let theirs = journal.clone();
        cancelled_while(move || {
            let mut deaf: Generator<(), bool> = Generator::new(|y| {
                let outcome = catch_unwind(|| thread::sleep(FOREVER));
                y.yield_(outcome.is_err());
                y.yield_(catch_unwind(thread::yield_now).is_err());
            });
            theirs.note(format!("{:?} {:?}", deaf.next(), deaf.next()));
            assert_eq!(deaf.next(), None);
            thread::yield_now();
            theirs.note("not reached");
        });
        assert_eq!(journal.take(), "Some(true) Some(true)");
    });
}

#[test]
fn destructors_of_a_closed_body_may_park() {
    struct Nap(Journal);
    impl Drop for Nap {
        fn drop(&mut self) {
            let start = Instant::now();
            thread::sleep(SHORT);
            assert!(start.elapsed() >= SHORT);
            self.0.note("rested");
        }
    }
    let nap = |journal: &Journal| -> Generator<(), u32> {
        let nap = Nap(journal.clone());
        Generator::new(move |y| {
            let _nap = nap;
            y.yield_all(0..);
        })
    };
    on_private_runtimes(|| {
        let journal = Journal::default();
        let mut closed = nap(&journal);
        closed.next();
        closed.close();
        let mut dropped = nap(&journal);
        dropped.next();
        drop(dropped);
        let mut late = nap(&journal);
        late.next();
        let text = complaint(|| {
            let _late = late;
            panic::resume_unwind(Box::new("the owner's"));
        });
        assert_eq!(text, "the owner's");
        let theirs = journal.clone();
        cancelled_while(move || {
            let mut cancelled = nap(&theirs);
            cancelled.next();
            thread::sleep(FOREVER);
        });
        assert_eq!(journal.take(), "rested rested rested rested");
    });
}

#[test]
fn generator_closed_while_a_neighbour_is_parked_in_a_destructor_ends_and_yields() {
    struct Hold(Flag, Flag);
    impl Drop for Hold {
        fn drop(&mut self) {
            self.0.raise();
            let go = self.1.clone();
            until(|| go.is_up());
        }
    }
    on_private_runtimes(|| {
        let (is_there, may_go) = (Flag::default(), Flag::default());
        let hold = Hold(is_there.clone(), may_go.clone());
        let neighbour = thread::spawn_local(move || {
            let _hold = hold;
            panic::resume_unwind(Box::new("the neighbour's"));
        });
        until(|| is_there.is_up());
        // The OS thread counts a panic now, but it is not ours.
        let mutex = Mutex::new(());
        let journal = Journal::default();
        scoped(
            |y: &Yielder<(), u32>| {
                let _held = (journal.at_drop("held"), mutex.lock().unwrap());
                y.yield_all(0..);
            },
            |generator| {
                assert_eq!(generator.take(3).collect::<Vec<_>>(), [0, 1, 2]);
                assert_eq!(generator.close(), None);
                assert_eq!(generator.state(), State::Finished);
            },
        );
        assert_eq!(journal.take(), "held");
        assert!(!mutex.is_poisoned());
        may_go.raise();
        assert!(neighbour.join().is_err());
    });
}

#[test]
fn scoped_threads_of_a_body_run_while_it_is_parked() {
    everywhere(|| {
        let mut spawning: Generator<(), u32> = Generator::new(|y| {
            let mut results = [0; 4];
            thread::scope(|s| {
                for (n, result) in (1..).zip(&mut results) {
                    s.spawn(move || {
                        thread::yield_now();
                        *result = n;
                    });
                }
                // Suspended in the middle: they run on whenever their owner parks.
                y.yield_(0);
            });
            y.yield_(results.iter().sum());
        });
        assert_eq!(spawning.next(), Some(0));
        thread::yield_now();
        assert_eq!(spawning.next(), Some(10));
        let left = AssertUnwindSafe(|| drop(spawning));
        assert!(catch_unwind(left).is_ok());
    });
}
