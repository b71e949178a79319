//! The same bodies against `std::thread` and greenroom's: parking, sleeping, scopes, locals.

use crate::common::{SHORT, everywhere, text};
use crate::like_std::once;

macro_rules! same_tests {
    ($name:ident, $thread:path, $local:path, $around:path) => {
        mod $name {
            use super::*;
            use std::cell::{Cell, RefCell};
            use std::panic;
            use std::sync::Arc;
            use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
            use std::time::{Duration, Instant};
            use thread::AccessError;
            use $local as declare;
            use $thread as thread;

            const LONG: Duration = Duration::from_secs(3600);

            #[test]
            fn unpark_before_park_is_kept_once() {
                $around(|| {
                    thread::current().unpark();
                    thread::current().unpark();
                    thread::park();
                    let start = Instant::now();
                    thread::park_timeout(SHORT);
                    assert!(start.elapsed() >= SHORT);
                });
            }

            #[test]
            fn unpark_from_another_thread_ends_a_park() {
                $around(|| {
                    for timed in [false, true] {
                        let is_told = Arc::new(AtomicBool::new(false));
                        let (parked, tells) = (thread::current(), Arc::clone(&is_told));
                        let teller = thread::spawn(move || {
                            thread::yield_now();
                            tells.store(true, Ordering::Release);
                            parked.unpark();
                        });
                        // A park may end for no reason.
                        while !is_told.load(Ordering::Acquire) {
                            if timed {
                                thread::park_timeout(LONG);
                            } else {
                                thread::park();
                            }
                        }
                        teller.join().unwrap();
                        thread::park_timeout(Duration::ZERO);
                    }
                });
            }

            #[test]
            fn park_timeout_ends_in_time() {
                $around(|| {
                    thread::park_timeout(Duration::ZERO);
                    thread::current().unpark();
                    thread::park_timeout(LONG);
                    thread::current().unpark();
                    thread::park_timeout(Duration::MAX);
                });
            }

            #[test]
            #[expect(deprecated, reason = "what std still has")]
            fn milliseconds_of_old() {
                $around(|| {
                    let start = Instant::now();
                    thread::sleep_ms(2);
                    assert!(start.elapsed() >= Duration::from_millis(2));
                    thread::current().unpark();
                    thread::park_timeout_ms(u32::MAX);
                    thread::park_timeout_ms(0);
                });
            }

            #[test]
            fn sleep_takes_its_time() {
                $around(|| {
                    thread::sleep(Duration::ZERO);
                    let start = Instant::now();
                    thread::sleep(SHORT);
                    assert!(start.elapsed() >= SHORT);
                });
            }

            #[test]
            fn scope_borrows_and_returns_a_value() {
                $around(|| {
                    let mut numbers = vec![1, 2, 3];
                    let mut seen = 0;
                    let sum = thread::scope(|s| {
                        s.spawn(|| seen = numbers.len());
                        let sum = s.spawn(|| numbers.iter().sum::<i32>());
                        assert_eq!(sum.thread().name(), None);
                        sum.join().unwrap()
                    });
                    numbers.push(4);
                    assert_eq!((sum, seen, numbers.len()), (6, 3, 4));
                });
            }

            #[test]
            fn scope_waits_for_results_to_be_dropped() {
                struct Slow<'a>(&'a AtomicBool);
                impl Drop for Slow<'_> {
                    fn drop(&mut self) {
                        thread::sleep(Duration::from_millis(2));
                        self.0.store(true, Ordering::Relaxed);
                    }
                }
                $around(|| {
                    let is_dropped = AtomicBool::new(false);
                    thread::scope(|s| {
                        s.spawn(|| Slow(&is_dropped));
                    });
                    assert!(is_dropped.load(Ordering::Relaxed));
                });
            }

            #[test]
            fn scope_may_end_while_its_last_child_does() {
                $around(|| {
                    for _ in 0..100 {
                        let count = AtomicUsize::new(0);
                        thread::scope(|s| {
                            for _ in 0..10 {
                                s.spawn(|| count.fetch_add(1, Ordering::Relaxed));
                            }
                        });
                        assert_eq!(count.load(Ordering::Relaxed), 10);
                    }
                });
            }

            #[test]
            fn scope_children_spawn_siblings_and_scopes() {
                $around(|| {
                    let count = AtomicUsize::new(0);
                    thread::scope(|s| {
                        s.spawn(|| {
                            s.spawn(|| count.fetch_add(1, Ordering::Relaxed));
                            thread::scope(|inner| {
                                inner.spawn(|| count.fetch_add(10, Ordering::Relaxed));
                                s.spawn(|| count.fetch_add(100, Ordering::Relaxed));
                            });
                        });
                    });
                    assert_eq!(count.load(Ordering::Relaxed), 111);
                });
            }

            #[test]
            fn scope_panics_as_the_rules_say() {
                let outcome = |body: fn()| {
                    let payload = panic::catch_unwind(body).err();
                    payload.map(|payload| text(payload.as_ref()).to_owned())
                };
                $around(|| {
                    let unjoined = outcome(|| {
                        thread::scope(|s| {
                            s.spawn(|| panic::resume_unwind(Box::new("a child's")));
                        });
                    });
                    assert_eq!(unjoined.as_deref(), Some("a scoped thread panicked"));
                    let joined = outcome(|| {
                        thread::scope(|s| {
                            let child = s.spawn(|| panic::resume_unwind(Box::new("a child's")));
                            let payload = child.join().map(|()| ()).unwrap_err();
                            assert_eq!(text(payload.as_ref()), "a child's");
                        });
                    });
                    assert_eq!(joined, None);
                    let both = outcome(|| {
                        thread::scope(|s| {
                            s.spawn(|| panic::resume_unwind(Box::new("a child's")));
                            panic::resume_unwind(Box::new("the body's"));
                        });
                    });
                    assert_eq!(both.as_deref(), Some("the body's"));
                    // A grandchild's is a child's of the inner scope, which the child re-raises.
                    let inner = outcome(|| {
                        thread::scope(|s| {
                            let child = s.spawn(|| {
                                thread::scope(|s| {
                                    s.spawn(|| panic::resume_unwind(Box::new("a grandchild's")));
                                });
                            });
                            let payload = child.join().unwrap_err();
                            assert_eq!(text(payload.as_ref()), "a scoped thread panicked");
                        });
                    });
                    assert_eq!(inner, None);
                });
            }

            #[test]
            fn scoped_builder_names_and_is_finished() {
                $around(|| {
                    thread::scope(|s| {
                        let builder = thread::Builder::new().name("child".into());
                        let child = builder.spawn_scoped(s, thread::park).unwrap();
                        assert_eq!(child.thread().name(), Some("child"));
                        assert!(!child.is_finished());
                        child.thread().unpark();
                        while !child.is_finished() {
                            thread::yield_now();
                        }
                        child.join().unwrap();
                    });
                });
            }

            declare! {
                /// With attributes and several at once.
                static CELL: Cell<u32> = const {
                    let one = 1;
                    Cell::new(one + 1)
                };
                pub(crate) static LIST: RefCell<Vec<u32>> = RefCell::new(Vec::new());
            }

            #[test]
            fn locals_begin_afresh_and_have_cells_methods() {
                $around(|| {
                    let body = || {
                        assert_eq!(CELL.get(), 2);
                        CELL.set(3);
                        assert_eq!(CELL.replace(4), 3);
                        assert_eq!(CELL.take(), 4);
                        assert_eq!(CELL.with(Cell::get), 0);
                        LIST.with_borrow_mut(|list| list.push(1));
                        assert_eq!(LIST.with_borrow(Vec::len), 1);
                        assert_eq!(LIST.replace(vec![7, 8]), [1]);
                        assert_eq!(LIST.take(), [7, 8]);
                        LIST.set(vec![9]);
                        assert_eq!(LIST.try_with(|list| list.borrow()[0]), Ok(9));
                        assert!(format!("{CELL:?}").starts_with("LocalKey {"));
                    };
                    thread::spawn(body).join().unwrap();
                    thread::spawn(body).join().unwrap();
                });
            }

            #[test]
            fn local_that_is_gone_says_so() {
                struct Last(Arc<std::sync::Mutex<Vec<String>>>);
                impl Drop for Last {
                    fn drop(&mut self) {
                        let error: AccessError = LAST.try_with(|_| ()).unwrap_err();
                        self.0
                            .lock()
                            .unwrap()
                            .extend([format!("{error}"), format!("{error:?}")]);
                        let payload = panic::catch_unwind(|| LAST.with(|_| ())).unwrap_err();
                        self.0
                            .lock()
                            .unwrap()
                            .push(text(payload.as_ref()).to_owned());
                    }
                }
                declare! {
                    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
                }
                $around(|| {
                    let heard = Arc::default();
                    let last = Last(Arc::clone(&heard));
                    thread::spawn(|| LAST.set(Some(last))).join().unwrap();
                    let gone = "cannot access a Thread Local Storage value during or after \
                                destruction: AccessError";
                    let heard = heard.lock().unwrap();
                    assert_eq!(*heard, ["already destroyed", "AccessError", gone]);
                });
            }
        }
    };
}

same_tests!(std_thread, std::thread, std::thread_local, once);
same_tests!(
    green,
    greenroom::thread,
    greenroom::thread_local,
    everywhere
);
