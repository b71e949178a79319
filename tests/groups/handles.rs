//! Waiting for many handles: `join_all`, `as_completed`, `wait_any`, `cancel_all`.

use super::each_place;
use crate::common::{
    Census, FOREVER, Flag, SHORT, assert_cancelled, everywhere, on_every_runtime, text, until,
};
use greenroom::group::{
    Group, as_completed, as_completed_timeout, cancel_all, join_all, wait_any, wait_any_timeout,
};
use greenroom::thread::{self, JoinHandle};
use std::sync::Arc;
use std::time::Duration;

fn parked(count: usize) -> Vec<JoinHandle<()>> {
    (0..count).map(|_| thread::spawn(thread::park)).collect()
}

#[test]
fn as_completed_yields_in_the_order_of_the_ends() {
    each_place(|place| {
        let handles: Vec<_> = (0..4_usize)
            .map(|n| {
                let body = move || {
                    thread::park();
                    n
                };
                place().spawn(body).unwrap()
            })
            .collect();
        let threads: Vec<_> = handles
            .iter()
            .map(|handle| handle.thread().clone())
            .collect();
        let mut results = as_completed(handles);
        assert!(results.try_next().is_none());
        assert!(results.next_timeout(SHORT).is_err());
        assert!(results.next_timeout(Duration::ZERO).is_err());
        for place in [2, 0, 3, 1] {
            assert_eq!(results.size_hint().1, Some(results.remaining()));
            threads[place].unpark();
            let (ended, value) = results.next().unwrap();
            assert_eq!((ended, value.unwrap()), (place, place));
        }
        assert_eq!(results.remaining(), 0);
        assert!(results.next().is_none());
        assert!(results.next_timeout(SHORT).unwrap().is_none());
    });
}

#[test]
fn as_completed_takes_what_has_ended_panicked_or_was_cancelled() {
    each_place(|place| {
        let ended = place().spawn(|| 1).unwrap();
        let panics = place().spawn(|| panic!("oh no")).unwrap();
        let cancelled = place().spawn(park_for_ever).unwrap();
        cancelled.cancel();
        until(|| ended.is_finished() && panics.is_finished() && cancelled.is_finished());
        let mut results: Vec<_> = as_completed([ended, panics, cancelled]).collect();
        results.sort_by_key(|(place, _)| *place);
        let mut results = results.into_iter().map(|(_, result)| result);
        assert_eq!(results.next().unwrap().unwrap(), 1);
        assert_eq!(text(results.next().unwrap().unwrap_err().as_ref()), "oh no");
        assert_cancelled(results.next().unwrap());
    });
}

fn park_for_ever<T>() -> T {
    thread::park();
    unreachable!("it is cancelled while it is parked")
}

#[test]
fn as_completed_ends_when_its_total_time_is_up() {
    everywhere(|| {
        let handles = parked(3);
        let threads: Vec<_> = handles
            .iter()
            .map(|handle| handle.thread().clone())
            .collect();
        threads[1].unpark();
        until(|| handles[1].is_finished());
        let mut results = as_completed_timeout(handles, 4 * SHORT);
        assert_eq!(results.next().unwrap().0, 1);
        assert!(results.next().is_none());
        assert_eq!(results.remaining(), 2);
        assert!(results.next_timeout(FOREVER).is_err());
        let rest = results.into_unfinished();
        let places: Vec<_> = rest.iter().map(|(place, _)| *place).collect();
        assert_eq!(places, [0, 2]);
        for (place, handle) in rest {
            threads[place].unpark();
            handle.join().unwrap();
        }
    });
}

#[test]
fn as_completed_interrupted_loses_nothing() {
    on_every_runtime(|| {
        let handles = parked(2);
        let threads: Vec<_> = handles
            .iter()
            .map(|handle| handle.thread().clone())
            .collect();
        let mut results = as_completed(handles);
        for _ in 0..3 {
            assert!(greenroom::timeout(SHORT, || results.next().is_some()).is_err());
        }
        threads[1].unpark();
        assert_eq!(results.next().unwrap().0, 1);
        // It may change hands, also in the middle.
        let second = thread::spawn(move || {
            let (place, result) = results.next().unwrap();
            result.unwrap();
            place
        });
        threads[0].unpark();
        assert_eq!(second.join().unwrap(), 0);
    });
}

#[test]
fn as_completed_dropped_early_detaches_and_leaks_nothing() {
    everywhere(|| {
        let census = Census::default();
        let is_open = Flag::default();
        let handles = (0..10).map(|n| {
            let (value, is_open) = (census.make(), is_open.clone());
            thread::spawn(move || {
                if n > 2 {
                    until(|| is_open.is_up());
                }
                value
            })
        });
        let mut results = as_completed(handles);
        let (_, first) = results.next().unwrap();
        drop(first.unwrap());
        drop(results);
        assert!(census.dropped() < 10);
        is_open.raise();
        until(|| census.dropped() == 10);
    });
}

/// A set that is forgotten may leak, and nothing else: its watch is told, and its memory is its own.
#[test]
fn as_completed_forgotten_harms_nobody() {
    on_every_runtime(|| {
        let handles = parked(3);
        let threads: Vec<_> = handles
            .iter()
            .map(|handle| handle.thread().clone())
            .collect();
        thread::spawn(move || {
            let mut results = as_completed(handles);
            assert!(results.next_timeout(SHORT).is_err());
            std::mem::forget(results);
        })
        .join()
        .unwrap();
        threads.iter().for_each(thread::Thread::unpark);
        let again = join_all(
            (0..20).map(|_| thread::spawn(thread::yield_now)),
            None,
            None,
        );
        assert_eq!(again.finished.len(), 20);
    });
}

#[test]
fn as_completed_gives_each_of_ten_thousand_once() {
    let _watchdog = crate::common::watchdog();
    const MANY: usize = 10_000;
    for workers in [1, 2] {
        let rt = crate::common::Rt::with_workers(workers);
        rt.run(|| {
            let handles: Vec<_> = (0..MANY).map(|n| thread::spawn(move || n)).collect();
            let mut seen = vec![false; MANY];
            for (place, result) in as_completed(handles) {
                assert_eq!(result.unwrap(), place);
                assert!(
                    !std::mem::replace(&mut seen[place], true),
                    "{place} came twice"
                );
            }
            assert!(seen.into_iter().all(|seen| seen));
        });
    }
}

#[test]
fn handles_waited_for_again_and_again_are_as_before() {
    on_every_runtime(|| {
        let mut handles = parked(2);
        for _ in 0..100 {
            let mut results = as_completed(handles);
            assert!(results.next_timeout(Duration::ZERO).is_err());
            handles = results
                .into_unfinished()
                .into_iter()
                .map(|(_, handle)| handle)
                .collect();
            assert_eq!(wait_any_timeout(&handles, Duration::ZERO), None);
        }
        assert_eq!(cancel_all(&handles), 2);
        assert_eq!(join_all(handles, None, None).finished.len(), 2);
    });
}

#[test]
fn join_all_waits_for_all_for_some_or_for_a_time() {
    each_place(|place| {
        let spawn = || {
            let mut handles: Vec<_> = (0..3_usize)
                .map(|n| place().spawn(move || n).unwrap())
                .collect();
            handles.push(place().spawn(park_for_ever).unwrap());
            handles
        };
        let joined = join_all(spawn(), None, Some(2));
        assert_eq!((joined.finished.len(), joined.unfinished.len()), (2, 2));
        let joined = join_all(spawn(), None, Some(3));
        let (place, waiting) = joined.unfinished.into_iter().next().unwrap();
        assert_eq!(place, 3);
        let values: Vec<_> = joined
            .finished
            .into_iter()
            .map(|(place, value)| (place, value.unwrap()))
            .collect();
        assert_eq!(values.len(), 3);
        assert!(values.iter().all(|(place, value)| place == value));
        waiting.cancel();
        let joined = join_all([waiting], Some(FOREVER), Some(usize::MAX));
        assert_cancelled(joined.into_results().pop().unwrap());
        let joined = join_all(spawn(), Some(4 * SHORT), None);
        assert!(joined.unfinished.iter().any(|(place, _)| *place == 3));
        assert_eq!(joined.finished.len() + joined.unfinished.len(), 4);
        let joined = join_all(spawn(), Some(Duration::ZERO), None);
        assert_eq!(joined.finished.len() + joined.unfinished.len(), 4);
        let joined = join_all(spawn(), None, Some(0));
        assert_eq!(joined.unfinished.len(), 4);
        assert!(cancel_all(joined.unfinished.iter().map(|(_, handle)| handle)) >= 1);
        let nothing = join_all(Vec::<JoinHandle<()>>::new(), None, None);
        assert!(nothing.into_results().is_empty());
    });
}

#[test]
fn join_all_interrupted_detaches() {
    on_every_runtime(|| {
        let handles = parked(2);
        let threads: Vec<_> = handles
            .iter()
            .map(|handle| handle.thread().clone())
            .collect();
        let census = Census::default();
        let value = census.make();
        let waiter = thread::spawn(move || {
            let _value = value;
            drop(join_all(handles, None, None));
        });
        crate::common::let_others_run();
        waiter.cancel();
        assert_cancelled(waiter.join());
        assert_eq!(census.dropped(), 1);
        threads.iter().for_each(thread::Thread::unpark);
    });
}

#[test]
fn join_all_takes_every_kind_of_handle() {
    everywhere(|| {
        let group = Group::new();
        let members = (0..3).map(|n| group.spawn(move || n));
        let results = join_all(members, None, None).into_results();
        assert_eq!(results.into_iter().map(Result::unwrap).sum::<i32>(), 3);
        assert!(group.is_empty(), "whose result was taken has left");
        assert_eq!(wait_any(&[group.spawn(|| ())]), 0);
        let failing = join_all([group.spawn(|| panic!("oh no"))], None, None);
        assert!(failing.into_results()[0].is_err());
        assert_eq!(group.join().count(), 0, "handled");
        let text = String::from("borrowed");
        thread::scope(|s| {
            let handles = [s.spawn(|| text.len()), s.spawn(|| panic!("oh no"))];
            let results = join_all(handles, None, None).into_results();
            assert_eq!(*results[0].as_ref().unwrap(), 8);
            assert!(results[1].is_err());
        });
    });
    on_every_runtime(|| {
        let local = [thread::spawn_local(|| std::rc::Rc::new(1))];
        let results = join_all(local, None, None).into_results();
        assert_eq!(**results[0].as_ref().unwrap(), 1);
    });
}

#[test]
fn wait_for_oneself_is_refused() {
    on_every_runtime(|| {
        let own: Arc<std::sync::Mutex<Option<JoinHandle<()>>>> = Arc::default();
        let theirs = Arc::clone(&own);
        let handle = thread::spawn(move || {
            until(|| theirs.lock().unwrap().is_some());
            let handle = theirs.lock().unwrap().take();
            let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                drop(join_all(handle, None, None));
            }));
            let payload = caught.unwrap_err();
            assert!(text(payload.as_ref()).contains("cannot join itself"));
            *theirs.lock().unwrap() = Some(thread::spawn(|| ()));
        });
        let thread = handle.thread().clone();
        *own.lock().unwrap() = Some(handle);
        until(|| {
            own.lock()
                .unwrap()
                .as_ref()
                .is_some_and(|other| other.thread().id() != thread.id())
        });
    });
}

#[test]
fn wait_any_tells_the_first_and_takes_nothing() {
    each_place(|place| {
        let handles: Vec<_> = (0..3)
            .map(|_| place().spawn(thread::park).unwrap())
            .collect();
        assert_eq!(wait_any_timeout(&handles, SHORT), None);
        assert_eq!(wait_any_timeout(&handles, Duration::ZERO), None);
        handles[2].thread().unpark();
        assert_eq!(wait_any(&handles), 2);
        assert_eq!(wait_any_timeout(&handles, Duration::MAX), Some(2));
        handles[1].thread().unpark();
        until(|| handles[1].is_finished());
        assert_eq!(wait_any(&handles), 1, "the first in place");
        assert_eq!(cancel_all(&handles), 1);
        for (place, handle) in handles.into_iter().enumerate() {
            assert_eq!(handle.join().is_ok(), place > 0);
        }
    });
}

#[test]
fn wait_any_is_cancelled_and_the_handles_stay() {
    on_every_runtime(|| {
        let handles = parked(2);
        thread::scope(|s| {
            let waiter = s.spawn(|| wait_any(&handles));
            crate::common::let_others_run();
            waiter.cancel();
            assert_cancelled(waiter.join());
        });
        assert_eq!(cancel_all(&handles), 2);
    });
}
