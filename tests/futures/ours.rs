//! Ends and timers of greenroom as futures: under `block_on`, and under an executor of somebody else's.

use crate::common::{
    FOREVER, Flag, Rt, SHORT, assert_cancelled, everywhere, let_others_run, on_every_runtime,
    on_private_runtimes, text, until, watchdog,
};
use greenroom::future::{JoinFuture, sleep, sleep_until};
use greenroom::{block_on, thread, timeout};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// The smallest executor: polls on an OS thread, and parks it with std's own means.
fn foreign_executor<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        std::thread::park();
    }
}

#[test]
fn handle_awaited_gives_value_panic_or_cancellation() {
    everywhere(|| {
        block_on(async {
            assert_eq!(thread::spawn(|| 7).await.unwrap(), 7);
            let late = thread::spawn(|| {
                let_others_run();
                8
            });
            assert_eq!(late.await.unwrap(), 8);
            let sleeper = thread::spawn(|| thread::sleep(FOREVER));
            sleeper.cancel();
            assert_cancelled(sleeper.await);
        });
    });
    on_private_runtimes(|| {
        let panicked = block_on(thread::spawn(|| panic!("inside")).into_future());
        assert_eq!(text(panicked.unwrap_err().as_ref()), "inside");
    });
}

#[test]
fn many_handles_awaited_together_come_as_they_end() {
    everywhere(|| {
        let handles = (0..100).map(|n| {
            thread::spawn(move || {
                for _ in 0..n {
                    thread::yield_now();
                }
                n
            })
        });
        let mut futures: Vec<JoinFuture<i32>> = handles.map(IntoFuture::into_future).collect();
        let mut sum = 0;
        block_on(poll_fn(|context| {
            futures.retain_mut(|future| match Pin::new(future).poll(context) {
                Poll::Ready(value) => {
                    sum += value.unwrap();
                    false
                }
                Poll::Pending => true,
            });
            if futures.is_empty() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }));
        assert_eq!(sum, 4950);
    });
}

#[test]
fn handle_future_dropped_detaches_and_leaves_nobody_waiting() {
    on_private_runtimes(|| {
        let (go, done) = (Flag::default(), Flag::default());
        let handle = thread::spawn({
            let (go, done) = (go.clone(), done.clone());
            move || {
                until(|| go.is_up());
                done.raise();
            }
        });
        let outcome = timeout(SHORT, || block_on(handle.into_future()));
        assert!(outcome.is_err());
        // Whoever waited in its place is gone.
        until(|| {
            !greenroom::waiting(FOREVER)
                .iter()
                .any(|line| line.contains("joining"))
        });
        go.raise();
        until(|| done.is_up());
    });
}

#[test]
fn timers_end_in_their_order_and_not_before() {
    everywhere(|| {
        let start = Instant::now();
        let mut order = Vec::new();
        let mut naps: Vec<_> = [30, 10, 20]
            .map(|ms| (ms, sleep(Duration::from_millis(ms))))
            .into();
        block_on(poll_fn(|context| {
            naps.retain_mut(|(ms, nap)| {
                let is_over = Pin::new(nap).poll(context).is_ready();
                if is_over {
                    assert!(start.elapsed() >= Duration::from_millis(*ms));
                    order.push(*ms);
                }
                !is_over
            });
            if naps.is_empty() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }));
        assert!(order.ends_with(&[30]) && order.len() == 3, "{order:?}");
    });
}

#[test]
fn timers_of_no_time_and_of_all_time() {
    everywhere(|| {
        block_on(sleep(Duration::ZERO));
        block_on(sleep_until(Instant::now()));
        assert!(timeout(SHORT, || block_on(sleep(Duration::MAX))).is_err());
    });
}

#[test]
fn timer_dropped_takes_its_green_thread_along() {
    on_private_runtimes(|| {
        assert!(timeout(SHORT, || block_on(sleep(FOREVER))).is_err());
        until(|| {
            !greenroom::waiting(FOREVER)
                .iter()
                .any(|line| line.contains("sleeping"))
        });
    });
}

#[test]
fn executor_of_somebody_else_is_woken_by_ours() {
    let _watchdog = watchdog();
    let rt = Rt::with_workers(2);
    let go = Flag::default();
    let handle = rt.spawn({
        let go = go.clone();
        move || {
            until(|| go.is_up());
            "done"
        }
    });
    let value = foreign_executor(async {
        sleep(SHORT).await;
        go.raise();
        handle.await.unwrap()
    });
    assert_eq!(value, "done");
}

#[test]
fn end_left_behind_by_its_runtime_is_awaited_all_the_same() {
    let _watchdog = watchdog();
    let runtime = greenroom::Runtime::builder().workers(1).build().unwrap();
    let handle = runtime.spawn(|| thread::sleep(FOREVER));
    let waiter = std::thread::spawn(move || foreign_executor(handle.into_future()));
    runtime.shutdown(FOREVER);
    assert_cancelled(waiter.join().unwrap());
}

#[test]
fn future_of_ours_changes_its_waker_between_polls() {
    on_every_runtime(|| {
        let go = Flag::default();
        let handle = thread::spawn({
            let go = go.clone();
            move || until(|| go.is_up())
        });
        let mut future = handle.into_future();
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut future).poll(&mut context).is_pending());
        go.raise();
        // The first waker would not wake anybody.
        block_on(future).unwrap();
    });
}
