//! The same code against `std::sync` and `greenroom::sync`: every stable method of std on these types.
//!
//! Written as a macro, because the two modules share names and no trait. What it asserts, std decides.

macro_rules! everything {
    ($module:ident, $($path:ident)::+) => {
        mod $module {
            use $($path)::+ as sync;
            use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
            use std::time::Duration;
            use sync::{
                Barrier, BarrierWaitResult, Condvar, LazyLock, LockResult, Mutex, MutexGuard, Once,
                OnceLock, OnceState, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
                TryLockError, TryLockResult, WaitTimeoutResult,
            };

            fn shared<T: Send + Sync + UnwindSafe + RefUnwindSafe>() {}
            fn sync<T: Sync>() {}

            fn poison<T>(body: impl FnOnce() -> T) {
                assert!(catch_unwind(AssertUnwindSafe(body)).is_err());
            }

            pub(super) fn traits() {
                shared::<Mutex<u32>>();
                shared::<RwLock<u32>>();
                shared::<Condvar>();
                shared::<Once>();
                shared::<OnceLock<u32>>();
                shared::<LazyLock<u32>>();
                shared::<Barrier>();
                sync::<MutexGuard<'_, u32>>();
                sync::<RwLockReadGuard<'_, u32>>();
                sync::<RwLockWriteGuard<'_, u32>>();
                // A cell that may move but not be shared makes a lock that may be both.
                fn send_sync<T: Send + Sync>() {}
                send_sync::<Mutex<std::cell::Cell<u32>>>();
                assert_eq!(*Mutex::<u32>::default().lock().unwrap(), 0);
                assert_eq!(*RwLock::<u32>::default().read().unwrap(), 0);
                Condvar::default().notify_all();
                assert_eq!(OnceLock::<u32>::default(), OnceLock::new());
                assert_eq!(*LazyLock::<u32>::default(), 0);
                assert_eq!(Mutex::from(3).into_inner().unwrap(), 3);
                assert_eq!(RwLock::from(3).into_inner().unwrap(), 3);
            }

            pub(super) fn mutex() {
                static STATIC: Mutex<u32> = Mutex::new(1);
                *STATIC.lock().unwrap() = 1;
                let mut mutex = Mutex::new(1);
                let guard: LockResult<MutexGuard<'_, u32>> = mutex.lock();
                let mut guard = guard.unwrap();
                *guard += 1;
                assert_eq!(format!("{guard:?} {guard}"), "2 2");
                let tried: TryLockResult<MutexGuard<'_, u32>> = mutex.try_lock();
                assert!(matches!(&tried, Err(TryLockError::WouldBlock)));
                drop(tried);
                // Some versions of std put quotes there.
                let shown = format!("{mutex:?}").replace('"', "");
                assert_eq!(shown, "Mutex { data: <locked>, poisoned: false, .. }");
                drop(guard);
                assert_eq!(format!("{mutex:?}"), "Mutex { data: 2, poisoned: false, .. }");
                *mutex.get_mut().unwrap() = 3;
                poison(|| {
                    let _guard = mutex.lock().unwrap();
                    panic!("inside");
                });
                assert!(mutex.is_poisoned() && mutex.get_mut().is_err());
                assert!(matches!(mutex.try_lock(), Err(TryLockError::Poisoned(_))));
                assert_eq!(*mutex.lock().unwrap_or_else(PoisonError::into_inner), 3);
                assert_eq!(format!("{mutex:?}"), "Mutex { data: 3, poisoned: true, .. }");
                mutex.clear_poison();
                assert_eq!(mutex.into_inner().unwrap(), 3);
                let unsized_one: Box<Mutex<[u32]>> = Box::new(Mutex::new([1, 2]));
                assert_eq!(unsized_one.lock().unwrap().len(), 2);
            }

            pub(super) fn rwlock() {
                static STATIC: RwLock<u32> = RwLock::new(1);
                *STATIC.write().unwrap() = 1;
                let mut lock = RwLock::new(1);
                let read: LockResult<RwLockReadGuard<'_, u32>> = lock.read();
                let read = read.unwrap();
                assert_eq!(*lock.try_read().unwrap(), 1);
                let tried: TryLockResult<RwLockWriteGuard<'_, u32>> = lock.try_write();
                assert!(matches!(&tried, Err(TryLockError::WouldBlock)));
                drop(tried);
                assert_eq!(format!("{read:?} {read} {lock:?}"), "1 1 RwLock { data: 1, poisoned: false, .. }");
                drop(read);
                let mut write: RwLockWriteGuard<'_, u32> = lock.write().unwrap();
                *write += 1;
                let tried: TryLockResult<RwLockReadGuard<'_, u32>> = lock.try_read();
                assert!(matches!(&tried, Err(TryLockError::WouldBlock)));
                drop(tried);
                assert_eq!(format!("{write:?} {write} {lock:?}"), "2 2 RwLock { data: <locked>, poisoned: false, .. }");
                let read = RwLockWriteGuard::downgrade(write);
                assert_eq!(*read + *lock.read().unwrap(), 4);
                drop(read);
                *lock.get_mut().unwrap() = 3;
                poison(|| {
                    let _guard = lock.read().unwrap();
                    panic!("inside");
                });
                assert!(!lock.is_poisoned());
                poison(|| {
                    let _guard = lock.write().unwrap();
                    panic!("inside");
                });
                assert!(lock.is_poisoned() && lock.get_mut().is_err());
                assert!(lock.read().is_err() && lock.write().is_err());
                assert!(matches!(lock.try_read(), Err(TryLockError::Poisoned(_))));
                assert!(matches!(lock.try_write(), Err(TryLockError::Poisoned(_))));
                assert_eq!(format!("{lock:?}"), "RwLock { data: 3, poisoned: true, .. }");
                lock.clear_poison();
                assert_eq!(lock.into_inner().unwrap(), 3);
                let unsized_one: Box<RwLock<[u32]>> = Box::new(RwLock::new([1, 2]));
                assert_eq!(unsized_one.read().unwrap().len(), 2);
            }

            pub(super) fn condvar() {
                static CHANGED: Condvar = Condvar::new();
                CHANGED.notify_one();
                CHANGED.notify_all();
                let (mutex, changed) = (Mutex::new(0), Condvar::new());
                let short = Duration::from_millis(1);
                let guard = mutex.lock().unwrap();
                let (guard, result): (_, WaitTimeoutResult) = changed.wait_timeout(guard, short).unwrap();
                assert!(result.timed_out() && result.clone() == result);
                assert_eq!(format!("{result:?}"), "WaitTimeoutResult(true)");
                let waited = changed.wait_timeout_while(guard, short, |value| *value == 0);
                let (guard, result) = waited.unwrap();
                assert!(result.timed_out());
                let waited = changed.wait_timeout_while(guard, Duration::MAX, |value| *value != 0);
                let (guard, result) = waited.unwrap();
                assert!(!result.timed_out());
                drop(changed.wait_while(guard, |value| *value != 0).unwrap());
                std::thread::scope(|s| {
                    let mut guard = mutex.lock().unwrap();
                    s.spawn(|| {
                        *mutex.lock().unwrap() = 1;
                        changed.notify_all();
                    });
                    while *guard == 0 {
                        guard = changed.wait(guard).unwrap();
                    }
                    s.spawn(|| {
                        *mutex.lock().unwrap() = 2;
                        changed.notify_one();
                    });
                    let (guard, result) = changed.wait_timeout(guard, Duration::MAX).unwrap();
                    assert!(!result.timed_out() && *guard > 0);
                    drop(guard);
                });
                poison(|| {
                    let _guard = mutex.lock().unwrap();
                    panic!("inside");
                });
                let guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
                let (_guard, result) = changed.wait_timeout(guard, short).unwrap_err().into_inner();
                assert!(result.timed_out());
            }

            pub(super) fn once() {
                static STATIC: Once = Once::new();
                STATIC.call_once(|| ());
                let once = Once::new();
                assert!(!once.is_completed());
                poison(|| once.call_once(|| panic!("inside")));
                poison(|| once.call_once(|| ()));
                poison(|| once.wait());
                once.call_once_force(|state: &OnceState| {
                    assert!(state.is_poisoned());
                    assert!(format!("{state:?}").contains("true"));
                });
                once.call_once_force(|_| unreachable!());
                once.wait();
                once.wait_force();
                assert!(once.is_completed());
                assert!(format!("{once:?}").starts_with("Once"));
            }

            pub(super) fn once_lock() {
                static STATIC: OnceLock<u32> = OnceLock::new();
                STATIC.get_or_init(|| 1);
                let mut cell = OnceLock::new();
                assert_eq!((cell.get(), format!("{cell:?}").as_str()), (None, "OnceLock(<uninit>)"));
                poison(|| cell.get_or_init(|| panic!("inside")));
                assert_eq!(cell.get_mut(), None);
                assert_eq!((cell.set(1), cell.set(2)), (Ok(()), Err(2)));
                assert_eq!((cell.get_or_init(|| 3), cell.wait()), (&1, &1));
                *cell.get_mut().unwrap() = 4;
                assert_eq!(format!("{cell:?}"), "OnceLock(4)");
                let copy = cell.clone();
                assert!(copy == cell && copy != OnceLock::new() && OnceLock::from(4) == copy);
                assert_eq!((cell.take(), cell.take(), copy.into_inner()), (Some(4), None, Some(4)));
                assert_eq!(cell.set(5), Ok(()));
            }

            pub(super) fn lazy_lock() {
                static STATIC: LazyLock<u32> = LazyLock::new(|| 1);
                assert_eq!(*STATIC, 1);
                let base = 1;
                let mut lazy = LazyLock::new(|| base + 1);
                assert_eq!(format!("{lazy:?}"), "LazyLock(<uninit>)");
                assert_eq!(LazyLock::get(&lazy), None);
                assert_eq!(LazyLock::get_mut(&mut lazy), None);
                assert_eq!((LazyLock::force(&lazy), LazyLock::get(&lazy)), (&2, Some(&2)));
                *LazyLock::force_mut(&mut lazy) += 1;
                *LazyLock::get_mut(&mut lazy).unwrap() += 1;
                *lazy += 1;
                assert_eq!(format!("{lazy:?}"), "LazyLock(5)");
                let broken = LazyLock::<u32>::new(|| panic!("inside"));
                poison(|| *broken);
                poison(|| *broken);
                assert_eq!((LazyLock::get(&broken), format!("{broken:?}").as_str()), (None, "LazyLock(<uninit>)"));
            }

            pub(super) fn barrier() {
                static STATIC: Barrier = Barrier::new(0);
                assert!(STATIC.wait().is_leader());
                let barrier = Barrier::new(2);
                let leads = std::thread::scope(|s| {
                    let other = s.spawn(|| barrier.wait().is_leader());
                    let result: BarrierWaitResult = barrier.wait();
                    assert!(format!("{result:?}").starts_with("BarrierWaitResult { is_leader: "));
                    [result.is_leader(), other.join().unwrap()]
                });
                assert!(leads[0] != leads[1]);
                assert!(format!("{barrier:?}").starts_with("Barrier"));
            }

            pub(super) fn all() {
                traits();
                mutex();
                rwlock();
                condvar();
                once();
                once_lock();
                lazy_lock();
                barrier();
            }
        }
    };
}

everything!(of_std, std::sync);
everything!(of_greenroom, greenroom::sync);

#[test]
fn std_api_holds_for_std() {
    let _watchdog = crate::common::watchdog();
    of_std::all();
}

#[test]
fn std_api_holds_for_greenroom_everywhere() {
    crate::common::everywhere(of_greenroom::all);
}
