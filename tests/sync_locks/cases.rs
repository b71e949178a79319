//! What the table is played with: one case per kind of wait.

use crate::common::{Flag, until};
use crate::ground::{Case, play};
use greenroom::sync::{Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, ReentrantLock, RwLock};
use std::time::Duration;

#[derive(Default)]
struct Lock(Mutex<()>);

impl Case for Lock {
    fn hold(&self, pause: &dyn Fn()) {
        let _guard = self.0.lock().unwrap();
        assert!(self.0.try_lock().is_err());
        pause();
    }

    fn wait(&self) {
        drop(self.0.lock().unwrap());
    }

    fn wait_for(&self, limit: Duration) -> bool {
        self.0.lock_timeout(limit).is_ok()
    }
}

#[test]
fn mutex_lock_at_every_place_with_every_end() {
    play::<Lock>();
}

#[derive(Default)]
struct Read(RwLock<()>);

impl Case for Read {
    fn hold(&self, pause: &dyn Fn()) {
        let _guard = self.0.write().unwrap();
        assert!(self.0.try_read().is_err());
        pause();
    }

    fn wait(&self) {
        drop(self.0.read().unwrap());
    }

    fn wait_for(&self, limit: Duration) -> bool {
        self.0.read_timeout(limit).is_ok()
    }
}

#[test]
fn rwlock_read_behind_a_writer_at_every_place_with_every_end() {
    play::<Read>();
}

#[derive(Default)]
struct WriteAfterRead(RwLock<()>);

impl Case for WriteAfterRead {
    fn hold(&self, pause: &dyn Fn()) {
        let _guard = self.0.read().unwrap();
        assert!(self.0.try_write().is_err());
        pause();
    }

    fn wait(&self) {
        drop(self.0.write().unwrap());
    }

    fn wait_for(&self, limit: Duration) -> bool {
        self.0.write_timeout(limit).is_ok()
    }
}

#[test]
fn rwlock_write_behind_a_reader_at_every_place_with_every_end() {
    play::<WriteAfterRead>();
}

#[derive(Default)]
struct WriteAfterWrite(RwLock<()>);

impl Case for WriteAfterWrite {
    fn hold(&self, pause: &dyn Fn()) {
        let _guard = self.0.write().unwrap();
        assert!(self.0.try_write().is_err());
        pause();
    }

    fn wait(&self) {
        drop(self.0.write().unwrap());
    }

    fn wait_for(&self, limit: Duration) -> bool {
        self.0.write_timeout(limit).is_ok()
    }
}

#[test]
fn rwlock_write_behind_a_writer_at_every_place_with_every_end() {
    play::<WriteAfterWrite>();
}

#[derive(Default)]
struct Again(ReentrantLock<()>);

impl Case for Again {
    fn hold(&self, pause: &dyn Fn()) {
        let _guard = self.0.lock();
        let _again = self.0.try_lock().expect("it is ours");
        pause();
    }

    fn wait(&self) {
        let _guard = self.0.lock();
        let _again = self.0.lock();
    }

    fn wait_for(&self, limit: Duration) -> bool {
        let guard = self.0.lock_timeout(limit);
        guard.is_some_and(|_guard| self.0.lock_timeout(Duration::ZERO).is_some())
    }
}

#[test]
fn reentrant_lock_at_every_place_with_every_end() {
    play::<Again>();
}

#[derive(Default)]
struct Condition {
    is_met: Mutex<bool>,
    changed: Condvar,
}

impl Case for Condition {
    fn hold(&self, pause: &dyn Fn()) {
        pause();
        *self.is_met.lock().unwrap() = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let guard = self.is_met.lock().unwrap();
        let guard = self.changed.wait_while(guard, |is_met| !*is_met).unwrap();
        assert!(*guard);
    }

    fn wait_for(&self, limit: Duration) -> bool {
        let guard = self.is_met.lock().unwrap();
        let outcome = self
            .changed
            .wait_timeout_while(guard, limit, |is_met| !*is_met);
        let (guard, result) = outcome.unwrap();
        assert_eq!(*guard, !result.timed_out());
        *guard
    }
}

#[test]
fn condvar_wait_while_at_every_place_with_every_end() {
    play::<Condition>();
}

/// The plain forms, and everybody notified.
#[derive(Default)]
struct Broadcast {
    is_met: Mutex<bool>,
    changed: Condvar,
}

impl Case for Broadcast {
    fn hold(&self, pause: &dyn Fn()) {
        pause();
        *self.is_met.lock().unwrap() = true;
        self.changed.notify_all();
    }

    fn wait(&self) {
        let mut guard = self.is_met.lock().unwrap();
        while !*guard {
            guard = self.changed.wait(guard).unwrap();
        }
    }

    fn wait_for(&self, limit: Duration) -> bool {
        let mut guard = self.is_met.lock().unwrap();
        while !*guard {
            let (back, result) = self.changed.wait_timeout(guard, limit).unwrap();
            guard = back;
            if result.timed_out() {
                return *guard;
            }
        }
        true
    }
}

#[test]
fn condvar_wait_at_every_place_with_every_end() {
    play::<Broadcast>();
}

struct CallOnce(Once);

impl Default for CallOnce {
    fn default() -> CallOnce {
        CallOnce(Once::new())
    }
}

impl Case for CallOnce {
    fn hold(&self, pause: &dyn Fn()) {
        self.0.call_once(pause);
    }

    fn wait(&self) {
        self.0.call_once(|| unreachable!("the holder runs it"));
        assert!(self.0.is_completed());
    }
}

#[test]
fn once_call_at_every_place_with_every_end() {
    play::<CallOnce>();
}

struct WaitOnce(Once);

impl Default for WaitOnce {
    fn default() -> WaitOnce {
        WaitOnce(Once::new())
    }
}

impl Case for WaitOnce {
    fn hold(&self, pause: &dyn Fn()) {
        pause();
        self.0.call_once_force(|_| ());
    }

    fn wait(&self) {
        self.0.wait();
        self.0.wait_force();
    }

    fn wait_for(&self, limit: Duration) -> bool {
        self.0.wait_timeout(limit)
    }
}

#[test]
fn once_wait_at_every_place_with_every_end() {
    play::<WaitOnce>();
}

#[derive(Default)]
struct Init(OnceLock<u32>);

impl Case for Init {
    fn hold(&self, pause: &dyn Fn()) {
        self.0.get_or_init(|| {
            pause();
            1
        });
    }

    fn wait(&self) {
        assert_eq!(*self.0.get_or_init(|| 2), 1);
        assert_eq!(self.0.set(3), Err(3));
    }

    fn wait_for(&self, limit: Duration) -> bool {
        self.0.wait_timeout(limit) == Some(&1)
    }
}

#[test]
fn once_lock_init_at_every_place_with_every_end() {
    play::<Init>();
}

#[derive(Default)]
struct WaitForValue(OnceLock<u32>);

impl Case for WaitForValue {
    fn hold(&self, pause: &dyn Fn()) {
        pause();
        self.0.set(1).unwrap();
    }

    fn wait(&self) {
        assert_eq!(*self.0.wait(), 1);
    }
}

#[test]
fn once_lock_wait_at_every_place_with_every_end() {
    play::<WaitForValue>();
}

/// The function of a `LazyLock` is fixed when it is made, so it talks to the holder's pause by flags.
struct Lazy {
    value: LazyLock<u32, Box<dyn FnOnce() -> u32 + Send>>,
    runs: Flag,
    may_end: Flag,
}

impl Default for Lazy {
    fn default() -> Lazy {
        let (runs, may_end) = (Flag::default(), Flag::default());
        let (running, ending) = (runs.clone(), may_end.clone());
        let function = move || {
            running.raise();
            until(|| ending.is_up());
            1
        };
        Lazy {
            value: LazyLock::new(Box::new(function)),
            runs,
            may_end,
        }
    }
}

impl Case for Lazy {
    fn hold(&self, pause: &dyn Fn()) {
        std::thread::scope(|s| {
            // Somebody of its own, since `pause` is not part of the function.
            s.spawn(|| assert_eq!(*LazyLock::force(&self.value), 1));
            until(|| self.runs.is_up());
            pause();
            self.may_end.raise();
        });
    }

    fn wait(&self) {
        assert_eq!(*self.value, 1);
    }
}

#[test]
fn lazy_lock_at_every_place_with_every_end() {
    play::<Lazy>();
}

struct Round(Barrier);

impl Default for Round {
    fn default() -> Round {
        Round(Barrier::new(2))
    }
}

impl Case for Round {
    const HOLDER_WAITS: bool = true;

    fn hold(&self, pause: &dyn Fn()) {
        pause();
        self.0.wait();
    }

    fn wait(&self) {
        self.0.wait();
    }

    fn wait_for(&self, limit: Duration) -> bool {
        self.0.wait_timeout(limit).is_ok()
    }
}

#[test]
fn barrier_wait_at_every_place_with_every_end() {
    play::<Round>();
}
