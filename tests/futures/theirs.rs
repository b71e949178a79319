//! `block_on`: whose wakers wake, how often it polls, what cancel, time-outs and panics do.

use crate::common::{
    FOREVER, Flag, Rt, SHORT, assert_cancelled, everywhere, let_others_run, on_every_runtime,
    on_private_runtimes, text, until, watchdog,
};
use greenroom::{block_on, thread, timeout};
use std::future::{pending, poll_fn, ready};
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

/// A future that is done when it is told, and whoever polls it.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<(bool, Option<Waker>)>>, Arc<AtomicUsize>);

impl Told {
    fn tell(&self) {
        let waker = {
            let mut state = self.0.lock().unwrap();
            state.0 = true;
            state.1.take()
        };
        waker.into_iter().for_each(Waker::wake);
    }

    fn waker(&self) -> Option<Waker> {
        self.0.lock().unwrap().1.clone()
    }

    fn polls(&self) -> usize {
        self.1.load(Ordering::SeqCst)
    }

    fn future(&self) -> impl Future<Output = ()> + Send + 'static {
        let told = self.clone();
        poll_fn(move |context| {
            told.1.fetch_add(1, Ordering::SeqCst);
            let mut state = told.0.lock().unwrap();
            if state.0 {
                return Poll::Ready(());
            }
            state.1 = Some(context.waker().clone());
            Poll::Pending
        })
    }
}

#[test]
fn ready_future_is_polled_once() {
    everywhere(|| {
        assert_eq!(block_on(ready(7)), 7);
        assert_eq!(block_on(async { 8 }), 8);
    });
}

#[test]
fn waker_of_a_green_thread_wakes_and_nobody_polls_in_a_loop() {
    everywhere(|| {
        let told = Told::default();
        let teller = thread::spawn({
            let told = told.clone();
            move || {
                until(|| told.waker().is_some());
                let_others_run();
                told.tell();
            }
        });
        block_on(told.future());
        assert_eq!(
            told.polls(),
            2,
            "one to leave the waker, one to find it done"
        );
        teller.join().unwrap();
    });
}

#[test]
fn waker_of_an_os_thread_wakes_and_nobody_polls_in_a_loop() {
    everywhere(|| {
        let told = Told::default();
        let teller = std::thread::spawn({
            let told = told.clone();
            move || {
                while told.waker().is_none() {
                    std::thread::yield_now();
                }
                told.tell();
            }
        });
        block_on(told.future());
        assert_eq!(told.polls(), 2);
        greenroom::unblock(move || teller.join().unwrap());
    });
}

#[test]
fn woken_often_and_too_late_is_harmless() {
    everywhere(|| {
        let told = Told::default();
        let waker = block_on(async {
            let mut kept = None;
            poll_fn(|context| {
                kept = Some(context.waker().clone());
                for _ in 0..1000 {
                    context.waker().wake_by_ref();
                }
                match told.1.fetch_add(1, Ordering::SeqCst) {
                    0..3 => Poll::Pending,
                    _ => Poll::Ready(()),
                }
            })
            .await;
            kept.unwrap()
        });
        assert_eq!(
            told.polls(),
            4,
            "a thousand wakes between two polls are one"
        );
        for _ in 0..1000 {
            waker.wake_by_ref();
        }
        assert_eq!(block_on(ready(1)), 1);
        drop(waker);
    });
}

#[test]
fn future_that_wakes_itself_leaves_its_worker_to_others() {
    let _watchdog = watchdog();
    Rt::with_workers(1).run(|| {
        let seen = Flag::default();
        let neighbour = thread::spawn({
            let seen = seen.clone();
            move || seen.raise()
        });
        block_on(poll_fn(|context| {
            context.waker().wake_by_ref();
            if seen.is_up() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }));
        neighbour.join().unwrap();
    });
}

#[test]
fn nested_block_on_has_a_waker_of_its_own() {
    everywhere(|| {
        let (outer, inner) = (Told::default(), Told::default());
        let teller = thread::spawn({
            let (outer, inner) = (outer.clone(), inner.clone());
            move || {
                until(|| inner.waker().is_some());
                outer.tell();
                let_others_run();
                inner.tell();
            }
        });
        block_on(async {
            block_on(inner.future());
            outer.future().await;
        });
        teller.join().unwrap();
    });
}

#[test]
fn cancel_and_time_out_drop_the_future_where_it_stands() {
    on_every_runtime(|| {
        let dropped = Flag::default();
        let kept = dropped.on_drop();
        let handle = thread::spawn(move || {
            block_on(async move {
                let _kept = kept;
                pending::<()>().await;
            });
        });
        let_others_run();
        handle.cancel();
        assert_cancelled(handle.join());
        assert!(dropped.is_up());
    });
    everywhere(|| {
        let dropped = Flag::default();
        let kept = dropped.on_drop();
        let outcome = timeout(SHORT, || {
            block_on(async move {
                let _kept = kept;
                pending::<()>().await;
            });
        });
        assert!(outcome.is_err() && dropped.is_up());
    });
}

#[test]
fn panic_of_the_future_is_the_callers() {
    on_private_runtimes(|| {
        let outcome = panic::catch_unwind(|| block_on(async { panic!("inside") }));
        assert_eq!(text(outcome.unwrap_err().as_ref()), "inside");
    });
}

#[test]
fn wait_names_the_future() {
    on_every_runtime(|| {
        let handle = thread::spawn(|| block_on(pending::<()>()));
        until(|| {
            let lines = greenroom::waiting(FOREVER);
            lines.iter().any(|line| line.contains("polling a future"))
        });
        handle.cancel();
        assert_cancelled(handle.join());
    });
}

/// Two futures that wake each other, from any two places: no wake is lost at any instant.
#[test]
fn no_wake_is_lost_between_any_two_places() {
    let _watchdog = watchdog();
    let rounds = if cfg!(debug_assertions) {
        2_000
    } else {
        50_000
    };
    let (one, two) = (Rt::with_workers(1), Rt::with_workers(2));
    let start = |place: usize, body: Box<dyn FnOnce() + Send>| -> Box<dyn FnOnce()> {
        let handle = match place {
            0 => one.spawn(body),
            1 => two.spawn(body),
            _ => {
                let thread = std::thread::spawn(body);
                return Box::new(move || thread.join().unwrap());
            }
        };
        Box::new(move || handle.join().unwrap())
    };
    for (left, right) in [(0, 0), (0, 1), (1, 1), (0, 2), (2, 1), (2, 2)] {
        // Whose turn it is, and who waits.
        let turn = Arc::new(Mutex::new((0usize, [const { None::<Waker> }; 2])));
        let player = |side: usize| {
            let turn = Arc::clone(&turn);
            Box::new(move || {
                for _ in 0..rounds {
                    block_on(poll_fn(|context| {
                        let mut turn = turn.lock().unwrap();
                        if turn.0 % 2 != side {
                            turn.1[side] = Some(context.waker().clone());
                            return Poll::Pending;
                        }
                        turn.0 += 1;
                        let other = turn.1[1 - side].take();
                        drop(turn);
                        other.into_iter().for_each(Waker::wake);
                        Poll::Ready(())
                    }));
                }
            })
        };
        let ends = [start(left, player(0)), start(right, player(1))];
        ends.into_iter().for_each(|end| end());
        assert_eq!(turn.lock().unwrap().0, 2 * rounds);
    }
}
