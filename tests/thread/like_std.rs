//! The same bodies against `std::thread` and greenroom's: what holds of one holds of the other.
//!
//! Spawning, names, ids, joins and panics; parking and scopes are in `like_std_waits.rs`.

use crate::common::{everywhere, text, watchdog};

/// Calls a test once, as std's do.
#[track_caller]
pub(crate) fn once(test: impl Fn()) {
    let _watchdog = watchdog();
    test();
}

macro_rules! same_tests {
    ($name:ident, $thread:path, $around:path) => {
        mod $name {
            use super::*;
            use std::cell::Cell;
            use std::collections::HashSet;
            use std::fmt::Debug;
            use std::panic::{self, RefUnwindSafe, UnwindSafe};
            use std::sync::mpsc::channel;
            use thread::{Builder, JoinHandle, Scope, ScopedJoinHandle, Thread, ThreadId};
            use $thread as thread;

            fn is_shared<T: Send + Sync + Debug>() {}
            fn is_unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}

            #[test]
            fn types_implement_the_same() {
                is_shared::<Thread>();
                is_shared::<ThreadId>();
                is_shared::<Builder>();
                is_shared::<JoinHandle<Cell<u8>>>();
                is_shared::<ScopedJoinHandle<'_, Cell<u8>>>();
                is_shared::<Scope<'_, '_>>();
                is_unwind_safe::<Thread>();
                is_unwind_safe::<ThreadId>();
                is_unwind_safe::<Builder>();
                is_unwind_safe::<thread::AccessError>();
                is_unwind_safe::<thread::LocalKey<Cell<u8>>>();
                let sizes = (size_of::<Option<ThreadId>>(), size_of::<ThreadId>());
                assert_eq!(sizes.0, sizes.1);
                let result: thread::Result<u8> = Ok(1);
                let same: std::thread::Result<u8> = result;
                assert_eq!(same.unwrap(), 1);
            }

            #[test]
            fn debug_texts_are_the_same() {
                $around(|| {
                    let named = Builder::new().name("Ada".into());
                    let handle = named.spawn(thread::current).unwrap();
                    assert_eq!(format!("{handle:?}"), "JoinHandle { .. }");
                    let id = format!("{:?}", handle.thread().id());
                    let number = id.strip_prefix("ThreadId(").unwrap();
                    assert!(number.strip_suffix(')').unwrap().parse::<u64>().unwrap() > 0);
                    let thread = handle.join().unwrap();
                    let expected = format!(r#"Thread {{ id: {id}, name: Some("Ada"), .. }}"#);
                    assert_eq!(format!("{thread:?}"), expected);
                    thread::scope(|s| {
                        let handle = s.spawn(|| ());
                        assert_eq!(format!("{handle:?}"), "ScopedJoinHandle { .. }");
                        handle.join().unwrap();
                        while !format!("{s:?}").contains("num_running_threads: 0,") {
                            thread::yield_now();
                        }
                        let expected = format!(
                            "Scope {{ num_running_threads: 0, a_thread_panicked: false, \
                             main_thread: {:?}, .. }}",
                            thread::current()
                        );
                        assert_eq!(format!("{s:?}"), expected);
                    });
                });
            }

            #[test]
            fn thread_has_the_name_it_was_given() {
                $around(|| {
                    let name_of = |builder: Builder| {
                        let name = || thread::current().name().map(str::to_owned);
                        let handle = builder.spawn(name).unwrap();
                        let outside = handle.thread().name().map(str::to_owned);
                        let inside = handle.join().unwrap();
                        assert_eq!(inside, outside);
                        inside
                    };
                    assert_eq!(name_of(Builder::new()), None);
                    for name in [
                        "Ada",
                        "",
                        "longer than the fifteen bytes of the kernel",
                        "ä",
                    ] {
                        let named = Builder::new().name(name.to_owned());
                        assert_eq!(name_of(named).as_deref(), Some(name));
                    }
                    let renamed = Builder::new().name("Ada".into()).name("Grace".into());
                    assert_eq!(name_of(renamed).as_deref(), Some("Grace"));
                });
            }

            #[test]
            fn name_with_a_nul_panics_at_the_spawn() {
                $around(|| {
                    let builder = || Builder::new().name("a\0b".into());
                    let payload = panic::catch_unwind(|| builder().spawn(|| ()).map(drop));
                    let expected = "thread name may not contain interior null bytes: \
                                    NulError(1, [97, 0, 98])";
                    assert_eq!(text(payload.unwrap_err().as_ref()), expected);
                    let payload = panic::catch_unwind(|| {
                        thread::scope(|s| builder().spawn_scoped(s, || ()).map(drop))
                    });
                    assert_eq!(text(payload.unwrap_err().as_ref()), expected);
                });
            }

            #[test]
            fn stack_of_one_byte_is_rounded_up() {
                $around(|| {
                    for bytes in [0, 1, 1 << 20] {
                        let builder = Builder::new().stack_size(bytes);
                        assert_eq!(builder.spawn(|| 1).unwrap().join().unwrap(), 1);
                    }
                });
            }

            #[test]
            fn ids_tell_threads_apart() {
                $around(|| {
                    let own = thread::current().id();
                    assert_eq!(own, thread::current().id());
                    let mut seen = HashSet::from([own]);
                    for _ in 0..20 {
                        let handle = thread::spawn(|| thread::current().id());
                        let id: ThreadId = handle.thread().id();
                        assert_eq!(handle.join().unwrap(), id);
                        assert!(seen.insert(id));
                    }
                });
            }

            #[test]
            fn handle_lends_its_thread() {
                $around(|| {
                    let handle = thread::spawn(thread::park);
                    let lent: &Thread = handle.thread();
                    let own: Thread = lent.clone();
                    lent.unpark();
                    handle.join().unwrap();
                    // Good after the end, too.
                    own.unpark();
                    assert_eq!(own.name(), None);
                });
            }

            #[test]
            fn dropped_handle_detaches() {
                $around(|| {
                    let (send, receive) = channel();
                    drop(thread::spawn(move || {
                        // Its parent ends before it.
                        thread::spawn(move || {
                            thread::yield_now();
                            send.send("still there").unwrap();
                        });
                    }));
                    let heard = loop {
                        match receive.try_recv() {
                            Ok(heard) => break heard,
                            Err(_) => thread::yield_now(),
                        }
                    };
                    assert_eq!(heard, "still there");
                });
            }

            #[test]
            fn closure_is_moved_and_not_copied() {
                $around(|| {
                    let body = Box::new(7);
                    let before = std::ptr::from_ref(&*body).addr();
                    let inside = move || std::ptr::from_ref(&*body).addr();
                    assert_eq!(thread::spawn(inside).join().unwrap(), before);
                });
            }

            #[test]
            fn is_finished_when_the_closure_has_returned() {
                $around(|| {
                    let handle = thread::spawn(thread::park);
                    assert!(!handle.is_finished());
                    handle.thread().unpark();
                    while !handle.is_finished() {
                        thread::yield_now();
                    }
                    handle.join().unwrap();
                    let panics = thread::spawn(|| panic::resume_unwind(Box::new(1)));
                    while !panics.is_finished() {
                        thread::yield_now();
                    }
                    assert!(panics.join().is_err());
                });
            }

            #[test]
            fn join_returns_the_payload_as_it_was_thrown() {
                #[derive(PartialEq, Eq, Debug)]
                struct Juju;
                $around(|| {
                    macro_rules! thrown {
                        ($payload:expr, $type:ty) => {{
                            let throw = || panic::resume_unwind(Box::new($payload));
                            let payload = thread::spawn(throw).join().map(|()| ()).unwrap_err();
                            *payload.downcast::<$type>().unwrap()
                        }};
                    }
                    assert_eq!(thrown!("static", &'static str), "static");
                    assert_eq!(thrown!("owned".to_owned(), String), "owned");
                    assert_eq!(thrown!(413u16, u16), 413);
                    assert_eq!(thrown!(Juju, Juju), Juju);
                    let boxed: Box<dyn std::any::Any + Send> = Box::new(612u16);
                    let inner = thrown!(boxed, Box<dyn std::any::Any + Send>);
                    assert_eq!(inner.downcast_ref(), Some(&612u16));
                });
            }

            #[test]
            fn panicking_is_true_while_a_panic_unwinds() {
                struct Asks<'a>(&'a Cell<Option<bool>>);
                impl Drop for Asks<'_> {
                    fn drop(&mut self) {
                        self.0.set(Some(thread::panicking()));
                    }
                }
                $around(|| {
                    assert!(!thread::panicking());
                    let answer = Cell::new(None);
                    let caught = panic::catch_unwind(panic::AssertUnwindSafe(|| {
                        let _asks = Asks(&answer);
                        panic::resume_unwind(Box::new(()));
                    }));
                    assert!(caught.is_err());
                    assert_eq!(answer.get(), Some(true));
                    assert!(!thread::panicking());
                });
            }

            #[test]
            #[expect(unsafe_code, reason = "borrows, and joins")]
            fn spawn_unchecked_borrows() {
                $around(|| {
                    let text = String::from("borrowed");
                    // SAFETY: joined at once.
                    let handle = unsafe { Builder::new().spawn_unchecked(|| text.len()) };
                    assert_eq!(handle.unwrap().join().unwrap(), 8);
                });
            }

            #[test]
            fn available_parallelism_is_at_least_one() {
                assert!(thread::available_parallelism().unwrap().get() >= 1);
            }
        }
    };
}

same_tests!(std_thread, std::thread, once);
same_tests!(green, greenroom::thread, everywhere);
