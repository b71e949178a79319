//! `timeout` and `shield`: whose deadline it is, when it shows, and what it never cuts.

mod common;

use common::{FOREVER, Flag, SHORT, assert_cancelled, everywhere, let_others_run};
use common::{on_every_runtime, on_private_runtimes, text, until, watchdog};
use greenroom::net::{TcpListener, TcpStream};
use greenroom::thread;
use greenroom::{Elapsed, shield, timeout};
use std::io::{ErrorKind, Read};
use std::panic;
use std::time::{Duration, Instant};

/// What a `timeout` answers whose time is up; users cannot make one either.
fn elapsed() -> Elapsed {
    timeout(Duration::ZERO, thread::yield_now).unwrap_err()
}

fn sleep_for_ever() {
    thread::sleep(FOREVER);
}

#[test]
fn timeout_ends_every_wait_in_time_and_not_early() {
    everywhere(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _peer = listener.accept().unwrap();
        let parked = thread::spawn(thread::park);
        let inner = parked.thread().clone();
        let mut parked = Some(parked);
        let mut waits: Vec<Box<dyn FnMut() + '_>> = vec![
            Box::new(sleep_for_ever),
            Box::new(thread::park),
            Box::new(|| thread::park_timeout(FOREVER)),
            Box::new(|| thread::sleep_until(Instant::now() + FOREVER)),
            Box::new(|| drop(parked.take().unwrap().join())),
            Box::new(|| drop(listener.accept())),
            Box::new(|| drop(client.read(&mut [0; 8]))),
            Box::new(|| {
                loop {
                    thread::yield_now();
                }
            }),
        ];
        for (number, wait) in waits.iter_mut().enumerate() {
            let start = Instant::now();
            assert_eq!(timeout(SHORT, wait), Err(elapsed()), "wait {number}");
            assert!(start.elapsed() >= SHORT, "wait {number} ended early");
        }
        drop(waits);
        inner.unpark();
    });
}

#[test]
fn timeout_that_is_not_needed_returns_the_value() {
    everywhere(|| {
        assert_eq!(timeout(FOREVER, || 1), Ok(1));
        assert_eq!(
            timeout(FOREVER, || thread::spawn(|| 2).join().unwrap()),
            Ok(2)
        );
        assert_eq!(timeout(FOREVER, || thread::sleep(SHORT)), Ok(()));
        // It has left nothing behind that could end this one.
        for _ in 0..100 {
            assert_eq!(timeout(SHORT, || ()), Ok(()));
        }
        thread::sleep(SHORT * 2);
    });
}

#[test]
fn timeout_zero_gives_up_at_the_first_parking_call() {
    everywhere(|| {
        assert_eq!(timeout(Duration::ZERO, || 1), Ok(1));
        let mut reached = false;
        let outcome = timeout(Duration::ZERO, || {
            reached = true;
            thread::yield_now();
            unreachable!();
        });
        assert_eq!(outcome, Err::<(), _>(elapsed()));
        assert!(reached);
    });
}

#[test]
fn timeout_max_never_gives_up() {
    everywhere(|| {
        for huge in [Duration::MAX, Duration::from_nanos(u64::MAX), FOREVER] {
            assert_eq!(timeout(huge, || thread::sleep(SHORT)), Ok(()));
            assert_eq!(
                timeout(SHORT, || timeout(huge, sleep_for_ever)),
                Err(elapsed())
            );
        }
    });
}

#[test]
fn timeout_late_value_is_returned() {
    everywhere(|| {
        let outcome = timeout(Duration::from_micros(10), || {
            let start = Instant::now();
            while start.elapsed() < Duration::from_micros(500) {
                std::hint::spin_loop();
            }
            "late"
        });
        assert_eq!(outcome, Ok("late"));
    });
}

#[test]
fn timeout_nested_in_timeout() {
    everywhere(|| {
        // The inner one first: the outer one goes on.
        let outcome = timeout(FOREVER, || {
            assert_eq!(timeout(SHORT, sleep_for_ever), Err(elapsed()));
            thread::sleep(SHORT);
            "outer goes on"
        });
        assert_eq!(outcome, Ok("outer goes on"));
        // The outer one first: its Elapsed passes the inner frame, and what follows it.
        let mut passed = false;
        let outcome = timeout(SHORT, || {
            let inner = timeout(FOREVER, sleep_for_ever);
            passed = true;
            inner
        });
        assert_eq!(outcome, Err(elapsed()));
        assert!(!passed, "the inner frame took a foreign Elapsed");
        // As good as equal: both are due when it is looked at, and the outer one counts.
        for duration in [Duration::ZERO, SHORT] {
            let outcome = timeout(duration, || timeout(duration, sleep_for_ever));
            assert_eq!(outcome, Err(elapsed()));
        }
    });
}

#[test]
fn timeout_nested_deep() {
    fn nest(depth: u32, own: u32) -> Result<u32, Elapsed> {
        let duration = if depth == own { SHORT } else { FOREVER };
        timeout(duration, || match depth {
            0 => {
                sleep_for_ever();
                unreachable!();
            }
            _ => nest(depth - 1, own).unwrap_or(depth),
        })
    }
    everywhere(|| {
        for own in 0..8 {
            // The frame above the one that set the deadline sees the `Err`.
            assert_eq!(nest(8, own), Ok(own + 1));
        }
        assert_eq!(nest(8, 8), Err(elapsed()));
    });
}

#[test]
fn timeout_passes_a_panic_on() {
    everywhere(|| {
        let raised = panic::catch_unwind(|| {
            timeout(FOREVER, || {
                thread::yield_now();
                panic::resume_unwind(Box::new("raised"))
            })
        });
        let payload: Box<_> = match raised {
            Ok(never) => never.unwrap(),
            Err(payload) => payload,
        };
        assert_eq!(text(payload.as_ref()), "raised");
        thread::yield_now();
    });
}

#[test]
fn timeout_swallowed_by_catch_unwind_is_raised_again() {
    everywhere(|| {
        let mut swallowed = 0;
        let outcome = timeout(SHORT, || {
            for _ in 0..3 {
                assert!(panic::catch_unwind(sleep_for_ever).is_err());
                swallowed += 1;
            }
            thread::yield_now();
        });
        assert_eq!((outcome, swallowed), (Err(elapsed()), 3));
        thread::yield_now();
    });
}

#[test]
fn timeout_runs_destructors_which_may_park() {
    struct Parks(Flag);
    impl Drop for Parks {
        fn drop(&mut self) {
            thread::sleep(SHORT);
            thread::yield_now();
            self.0.raise();
        }
    }
    on_private_runtimes(|| {
        let is_dropped = Flag::default();
        let guard = Parks(is_dropped.clone());
        let outcome = timeout(SHORT, || {
            let _guard = guard;
            sleep_for_ever();
        });
        assert_eq!(outcome, Err(elapsed()));
        assert!(is_dropped.is_up());
    });
}

#[test]
fn timeout_is_the_tasks_own_and_not_its_childrens() {
    everywhere(|| {
        let mut child = None;
        let outcome = timeout(SHORT, || {
            child = Some(thread::spawn(|| {
                thread::sleep(SHORT * 3);
                "unharmed"
            }));
            thread::park();
        });
        assert_eq!(outcome, Err(elapsed()));
        assert_eq!(child.unwrap().join().unwrap(), "unharmed");
    });
}

#[test]
fn timeout_around_a_scope_cancels_its_children_and_waits_for_them() {
    everywhere(|| {
        let unwound = [Flag::default(), Flag::default()];
        let outcome = timeout(SHORT, || {
            thread::scope(|s| {
                for flag in &unwound {
                    // A capture, as on a busy machine the deadline may pass before the child starts.
                    let guard = flag.on_drop();
                    s.spawn(move || {
                        let _guard = guard;
                        sleep_for_ever();
                    });
                }
            });
        });
        assert_eq!(outcome, Err(elapsed()));
        assert!(unwound.iter().all(Flag::is_up));
    });
}

#[test]
fn timeout_around_a_running_unblock_returns_its_late_value() {
    on_every_runtime(|| {
        let is_running = Flag::default();
        let running = is_running.clone();
        let outcome = timeout(SHORT, || {
            greenroom::unblock(move || {
                running.raise();
                std::thread::sleep(SHORT * 3);
                "late"
            })
        });
        match outcome {
            Ok(value) => assert_eq!(value, "late"),
            // On a busy machine the pool may not have begun in time: then it never does.
            Err(_) => assert!(!is_running.is_up(), "a value was thrown away"),
        }
    });
}

#[test]
fn elapsed_is_an_io_error_of_kind_timed_out() {
    let error = std::io::Error::from(timeout(Duration::ZERO, thread::park).unwrap_err());
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(error.to_string(), "deadline has elapsed");
}

#[test]
fn shield_defers_outer_deadlines() {
    everywhere(|| {
        let (inside, after) = (Flag::default(), Flag::default());
        let outcome = timeout(SHORT, || {
            shield(|| {
                thread::sleep(SHORT * 3);
                thread::yield_now();
                inside.raise();
            });
            after.raise();
            thread::yield_now();
            unreachable!("the deadline shows here");
        });
        assert_eq!(outcome, Err::<(), _>(elapsed()));
        assert!(inside.is_up() && after.is_up());
    });
}

#[test]
fn shield_lets_an_inner_timeout_work() {
    everywhere(|| {
        let outcome = timeout(SHORT, || {
            shield(|| {
                let start = Instant::now();
                assert_eq!(timeout(SHORT * 3, sleep_for_ever), Err(elapsed()));
                assert!(start.elapsed() >= SHORT * 3);
                // A shield in it masks that one in turn.
                let outcome = timeout(SHORT, || shield(|| thread::sleep(SHORT * 2)));
                assert_eq!(outcome, Ok(()));
            });
            "shielded to its end"
        });
        assert_eq!(outcome, Ok("shielded to its end"));
    });
}

#[test]
fn shield_ends_with_a_panic() {
    everywhere(|| {
        let raised = panic::catch_unwind(|| shield(|| panic::resume_unwind(Box::new("out"))));
        assert!(raised.is_err());
        assert_eq!(timeout(SHORT, sleep_for_ever), Err(elapsed()));
    });
}

#[test]
fn shield_around_a_scope_keeps_its_children() {
    on_every_runtime(|| {
        let (is_shielded, is_done) = (Flag::default(), Flag::default());
        let (shielded, done) = (is_shielded.clone(), is_done.clone());
        let task = thread::spawn_local(move || {
            shield(|| {
                thread::scope(|s| {
                    s.spawn(|| {
                        shielded.raise();
                        thread::sleep(SHORT);
                        done.raise();
                    });
                });
            });
            thread::yield_now();
        });
        until(|| is_shielded.is_up());
        task.cancel();
        let_others_run();
        assert_cancelled(task.join());
        assert!(
            is_done.is_up(),
            "the child was cancelled through the shield"
        );
    });
}

#[test]
fn timeouts_of_a_thousand_tasks_are_each_ones_own() {
    on_every_runtime(|| {
        let handles: Vec<_> = (0..1_000u32)
            .map(|i| {
                thread::spawn(move || {
                    let start = Instant::now();
                    let duration = Duration::from_micros(u64::from(i) * 20);
                    let outcome = timeout(duration, || match i % 2 {
                        0 => sleep_for_ever(),
                        _ => thread::park_timeout(Duration::from_nanos(1)),
                    });
                    (i, outcome.is_ok(), start.elapsed() >= duration)
                })
            })
            .collect();
        for handle in handles {
            let (i, is_ok, is_late) = handle.join().unwrap();
            if i % 2 == 0 {
                assert!(!is_ok && is_late, "task {i}");
            }
        }
    });
}

#[test]
fn timeout_on_an_os_thread_leaves_the_thread_as_it_was() {
    let _watchdog = watchdog();
    for _ in 0..10 {
        let never = thread::spawn(thread::park);
        let inner = never.thread().clone();
        assert!(timeout(SHORT, || never.join()).is_err());
        inner.unpark();
        thread::current().unpark();
        thread::park();
    }
}
