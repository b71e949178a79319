//! `map`, `imap`, `imap_unordered`: order, panics, how far ahead they run, and what an early end leaves.

use crate::common::{
    Census, Flag, SHORT, assert_cancelled, everywhere, let_others_run, on_every_runtime, text,
    until,
};
use greenroom::group::{self, Group, Pool};
use greenroom::thread;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn map_keeps_the_order_and_may_borrow() {
    everywhere(|| {
        let words = [String::from("a"), String::from("bcd"), String::from("ef")];
        let lengths = group::map(&words, |word| {
            // The first ends last.
            (0..6 - word.len()).for_each(|_| thread::yield_now());
            word.len()
        });
        assert_eq!(lengths, [1, 3, 2]);
        let mut numbers = [1, 2, 3];
        group::map(&mut numbers, |number| *number *= 2);
        assert_eq!(numbers, [2, 4, 6]);
        assert_eq!(
            Pool::new(2).map(0..50, |n| n * n),
            Vec::from_iter((0..50).map(|n| n * n))
        );
        assert_eq!(Group::new().map(0..50, |n| n + 1), Vec::from_iter(1..51));
        assert!(group::map(0..0, |n| n).is_empty());
    });
}

#[test]
fn map_re_raises_the_first_panic_after_all_have_ended() {
    everywhere(|| {
        let pool = Pool::new(2);
        let ended = Arc::new(AtomicUsize::new(0));
        let work = |ended: &AtomicUsize, n: usize| {
            match n {
                1 => thread::yield_now(),
                3 => thread::sleep(SHORT),
                _ => {}
            }
            ended.fetch_add(1, Ordering::Relaxed);
            assert!(!matches!(n, 1 | 2), "panic of {n}");
            n
        };
        let theirs = Arc::clone(&ended);
        let caught = catch_unwind(AssertUnwindSafe(|| {
            pool.map(0..4, move |n| work(&theirs, n))
        }));
        assert_eq!(text(caught.unwrap_err().as_ref()), "panic of 1");
        assert_eq!(ended.swap(0, Ordering::Relaxed), 4);
        assert_eq!(pool.join().count(), 0, "they are in the results");
        let caught = catch_unwind(AssertUnwindSafe(|| group::map(0..4, |n| work(&ended, n))));
        assert_eq!(text(caught.unwrap_err().as_ref()), "panic of 1");
        assert_eq!(ended.swap(0, Ordering::Relaxed), 4);
        let results = group::map_results(0..4, |n| work(&ended, n));
        let shown: Vec<_> = results
            .iter()
            .map(|result| result.as_ref().ok().copied())
            .collect();
        assert_eq!(shown, [Some(0), None, None, Some(3)]);
    });
}

#[test]
fn map_that_is_cancelled_ends_its_members() {
    on_every_runtime(|| {
        for is_borrowing in [false, true] {
            let (pool, census) = (Pool::new(2), Census::default());
            let started = Flag::default();
            let (theirs, counted, raised) = (pool.clone(), census.clone(), started.clone());
            let body = move |_: u32| {
                let _counted = counted.make();
                raised.raise();
                thread::park();
            };
            let mapper = thread::spawn(move || {
                if is_borrowing {
                    group::map(0..5, body);
                } else {
                    theirs.map(0..5, body);
                }
            });
            until(|| started.is_up());
            mapper.cancel();
            assert_cancelled(mapper.join());
            pool.join();
            assert_eq!(census.made(), census.dropped());
            assert_eq!(pool.free_count(), 2);
        }
    });
}

#[test]
fn imap_keeps_the_order_and_is_lazy_and_bounded() {
    everywhere(|| {
        let pulled = Arc::new(AtomicUsize::new(0));
        let started = Arc::new(AtomicUsize::new(0));
        let (pulls, starts) = (Arc::clone(&pulled), Arc::clone(&started));
        let items = (0..20).inspect(move |_| {
            pulls.fetch_add(1, Ordering::Relaxed);
        });
        let body = move |n: usize| {
            starts.fetch_add(1, Ordering::Relaxed);
            (0..(n * 7) % 5).for_each(|_| thread::yield_now());
            n * n
        };
        let mut squares = group::imap(items, body, 3);
        assert_eq!(
            pulled.load(Ordering::Relaxed),
            0,
            "nothing before the first next"
        );
        for n in 0..20 {
            assert_eq!(squares.next().unwrap().unwrap(), n * n);
            let_others_run();
            assert!(pulled.load(Ordering::Relaxed) <= n + 3);
            assert!(started.load(Ordering::Relaxed) <= n + 3);
        }
        assert!(squares.next().is_none());
        assert!(squares.is_done() && squares.next().is_none());
    });
}

#[test]
fn imap_yields_a_panic_in_its_place_and_goes_on() {
    everywhere(|| {
        let pool = Pool::new(2);
        let mut results = pool.imap(0..4, |n| 6 / (n % 2), 3);
        for n in 0..4 {
            assert_eq!(results.next().unwrap().is_ok(), n % 2 == 1);
        }
        assert!(results.next().is_none());
        assert_eq!(pool.join().count(), 0, "the consumer has them");
    });
}

#[test]
fn imap_in_a_smaller_pool_goes_on_and_may_be_nested() {
    everywhere(|| {
        let pool = Pool::new(1);
        let inner = pool.imap(0..10, |n| n + 1, 4).map(Result::unwrap);
        let outer = pool.imap(inner, |n| n * 2, 4).map(Result::unwrap);
        assert_eq!(
            Vec::from_iter(outer),
            Vec::from_iter((1..11).map(|n| n * 2))
        );
        assert_eq!(pool.free_count(), 1);
    });
}

#[test]
fn imap_unordered_yields_as_they_end() {
    everywhere(|| {
        let (slow, quick) = (Flag::default(), Flag::default());
        let (theirs, raised) = (slow.clone(), quick.clone());
        let body = move |n| {
            if n == 0 {
                until(|| theirs.is_up());
            }
            raised.raise();
            n
        };
        let mut results = group::imap_unordered(0..3, body, 2);
        assert_eq!(results.next().unwrap().unwrap(), 1, "0 waits");
        assert_eq!(results.next().unwrap().unwrap(), 2);
        assert!(results.try_next().is_none());
        assert!(results.next_timeout(SHORT).is_err());
        assert!(results.next_timeout(Duration::ZERO).is_err());
        slow.raise();
        assert_eq!(
            results
                .next_timeout(Duration::MAX)
                .unwrap()
                .unwrap()
                .unwrap(),
            0
        );
        assert!(results.next_timeout(SHORT).unwrap().is_none());
        assert!(results.is_done());
    });
}

#[test]
fn imap_next_times_out_and_loses_nothing() {
    everywhere(|| {
        let is_open = Flag::default();
        let theirs = is_open.clone();
        let body = move |n: u32| {
            until(|| theirs.is_up());
            n
        };
        let pool = Pool::new(1);
        let mut results = pool.imap(0..3, body, 2);
        assert!(results.try_next().is_none());
        assert!(results.next_timeout(Duration::ZERO).is_err());
        assert!(results.next_timeout(SHORT).is_err());
        assert!(greenroom::timeout(SHORT, || results.next().is_some()).is_err());
        is_open.raise();
        assert_eq!(results.next().unwrap().unwrap(), 0);
        assert_eq!(
            results
                .next_timeout(Duration::MAX)
                .unwrap()
                .unwrap()
                .unwrap(),
            1
        );
        until(|| match results.try_next() {
            Some(result) => result.unwrap() == 2,
            None => false,
        });
        assert!(results.next_timeout(SHORT).unwrap().is_none());
    });
}

#[test]
fn imap_waits_for_room_that_others_hold_and_times_out_meanwhile() {
    everywhere(|| {
        let pool = Pool::new(1);
        let member = pool.spawn(thread::park);
        let mut results = pool.imap(0..2, |n| n, 2);
        assert!(results.try_next().is_none());
        assert!(results.next_timeout(SHORT).is_err());
        member.thread().unpark();
        assert_eq!(results.next().unwrap().unwrap(), 0);
        assert_eq!(results.next().unwrap().unwrap(), 1);
    });
}

#[test]
fn imap_dropped_early_leaves_no_green_thread_and_takes_no_room() {
    everywhere(|| {
        for is_ordered in [true, false] {
            let (pool, census) = (Pool::new(3), Census::default());
            let counted = census.clone();
            let body = move |n: u32| {
                let value = counted.make();
                if n > 1 {
                    thread::park();
                }
                value
            };
            if is_ordered {
                let mut results = pool.imap(0.., body, 3);
                drop(results.next().unwrap().unwrap());
                assert!(results.next().unwrap().is_ok());
                assert!(results.next_timeout(SHORT).is_err());
            } else {
                let mut results = pool.imap_unordered(0.., body, 3);
                drop(results.next().unwrap().unwrap());
                assert!(results.next().unwrap().is_ok());
                assert!(results.next_timeout(SHORT).is_err());
            }
            assert_eq!(pool.join().count(), 0);
            assert_eq!(pool.free_count(), 3);
            until(|| census.made() == census.dropped());
        }
    });
}

#[test]
fn imap_whose_items_panic_keeps_what_it_has() {
    everywhere(|| {
        let items = (0..4).inspect(|&n| assert!(n != 2, "no item"));
        let mut results = group::imap(items, |n| n, 2);
        assert_eq!(results.next().unwrap().unwrap(), 0);
        let caught = catch_unwind(AssertUnwindSafe(|| results.next().is_some()));
        assert_eq!(text(caught.unwrap_err().as_ref()), "no item");
        assert_eq!(results.next().unwrap().unwrap(), 1);
        assert_eq!(results.next().unwrap().unwrap(), 3);
    });
}

#[test]
#[should_panic(expected = "a look-ahead of zero would never start anything")]
fn imap_without_look_ahead_is_refused() {
    let _results = group::imap(0..1, |n| n, 0);
}
