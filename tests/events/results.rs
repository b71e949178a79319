//! `AsyncResult`: set once, read by many.
//!
//! The values here are not `Clone` unless `get` is tested: readers share what was set.

use crate::common::{
    Census, Rt, assert_cancelled, everywhere, let_others_run, on_every_runtime, watchdog,
};
use greenroom::sync::AsyncResult;
use greenroom::thread::{scope, spawn_local};
use std::sync::Arc;
use std::time::Duration;

#[test]
fn result_is_shared_by_all_its_readers_and_dropped_once() {
    on_every_runtime(|| {
        let census = Census::default();
        let result = AsyncResult::<_, ()>::new();
        scope(|s| {
            let readers = (0..100).map(|_| s.spawn(|| std::ptr::from_ref(result.wait()).addr()));
            let readers = readers.collect::<Vec<_>>();
            let_others_run();
            assert!(result.set(census.make()).is_ok());
            let here = std::ptr::from_ref(result.try_get().unwrap()).addr();
            for reader in readers {
                assert_eq!(reader.join().unwrap(), here);
            }
        });
        drop(result);
        assert_eq!((census.made(), census.dropped()), (1, 1));
    });
}

#[test]
fn second_set_gives_its_value_back() {
    everywhere(|| {
        let result = AsyncResult::<&str, &str>::default();
        assert!(!result.is_ready());
        assert_eq!(result.try_get(), None);
        assert_eq!(result.wait_timeout(Duration::ZERO), None);
        assert_eq!(result.set("first"), Ok(()));
        assert_eq!(result.set("second"), Err("second"));
        assert_eq!(result.set_error("third"), Err("third"));
        assert_eq!(result.get(), Ok("first"));
        assert_eq!(result.into_inner(), Some(Ok("first")));

        let result = AsyncResult::<&str, &str>::new();
        assert_eq!(result.set_error("broken"), Ok(()));
        assert_eq!(result.set("mended"), Err("mended"));
        assert!(result.is_ready());
        assert_eq!(result.wait(), &Err("broken"));
        assert_eq!(result.get(), Err("broken"));
        assert_eq!(AsyncResult::<u8, u8>::new().into_inner(), None);
    });
}

#[test]
fn one_of_many_setters_wins_and_every_reader_sees_it() {
    let _watchdog = watchdog();
    let rt = Rt::with_workers(2);
    for _ in 0..200 {
        let result = Arc::new(AsyncResult::<usize, usize>::new());
        let readers = (0..4).map(|_| {
            let result = Arc::clone(&result);
            rt.spawn(move || result.get())
        });
        let readers = readers.collect::<Vec<_>>();
        let setters = (0..4).map(|number| {
            let result = Arc::clone(&result);
            rt.spawn(move || {
                if number % 2 == 0 {
                    result.set(number).is_ok()
                } else {
                    result.set_error(number).is_ok()
                }
            })
        });
        let setters = setters.collect::<Vec<_>>();
        let own = *result.wait();
        let (Ok(winner) | Err(winner)) = own;
        assert_eq!(own.is_ok(), winner % 2 == 0);
        for (number, setter) in setters.into_iter().enumerate() {
            assert_eq!(setter.join().unwrap(), number == winner);
        }
        for reader in readers {
            assert_eq!(reader.join().unwrap(), own);
        }
    }
}

#[test]
fn reader_that_leaves_leaves_the_others_waiting() {
    on_every_runtime(|| {
        let result = Arc::new(AsyncResult::<u8, ()>::new());
        let read = || {
            let result = Arc::clone(&result);
            let reader = spawn_local(move || result.get());
            let_others_run();
            reader
        };
        let (first, second, third) = (read(), read(), read());
        assert_eq!(
            format!("{result:?}"),
            "AsyncResult { result: <not ready>, waiters: 3 }"
        );
        second.cancel();
        assert_cancelled(second.join());
        result.set(3).unwrap();
        assert_eq!(first.join().unwrap(), Ok(3));
        assert_eq!(third.join().unwrap(), Ok(3));
        assert_eq!(
            format!("{result:?}"),
            "AsyncResult { result: Ok(3), waiters: 0 }"
        );
    });
}
