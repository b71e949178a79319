//! [`Lock`]: one process at a time.

use super::handover::{give_owned, take};
use super::queue_core::timed_out;
use super::rpc::{self, Client, Loan, Service, Step, User, locked};
use greenroom::sync::{Condvar, Mutex};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::HashSet;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// The holder's number where the holder is the process in which the lock lives.
const HERE: u64 = u64::MAX;

/// A lock that one green thread of one process holds at a time. Clones are the same lock.
///
/// It lives in the process that made it, as a [`Queue`](super::Queue) does, and is given to others as an
/// argument. A process that dies while it holds the lock releases it, and the *next* holder is told so by
/// [`LockGuard::abandoned_by`]: what the lock protects may be half changed, and only the program knows what
/// to do then. (std's poisoning would tell everybody for ever; here it is as with the kernel's robust
/// mutexes.) Not re-entrant. A process that is
/// stopped (SIGSTOP) while it holds the lock or waits for it may keep it until it goes on or is killed. Source: `multiprocessing.Lock` of Python. Differs: there such a lock stays
/// locked.
///
/// # Examples
/// ```
/// use greenroom_servers::multiprocessing::{self, Lock, Process};
///
/// fn hold(lock: Lock) {
///     let _guard = lock.lock().expect("because the parent is there");
///     std::process::abort();
/// }
///
/// fn main() -> std::io::Result<()> {
///     multiprocessing::run(|| {
///         let lock = Lock::new();
///         Process::spawn(hold, lock.clone())?.join();
///         let guard = lock.lock()?;
///         assert_eq!(guard.abandoned_by().map(|text| text.contains("signal 6")), Some(true));
///         drop(guard);
///         assert_eq!(lock.lock()?.abandoned_by(), None);
///         Ok(())
///     })?
/// }
/// ```
#[derive(Clone)]
pub struct Lock {
    side: Side,
}

#[derive(Clone)]
enum Side {
    Here(Arc<Core>),
    There(Client),
}

/// The lock is held. Dropping it releases the lock; made by [`Lock::lock`].
///
/// In another process the drop parks until the lock's own process has released it: what that process or a third
/// one is told afterwards, by a pipe or a queue, comes after the release. A panic, a deadline or a cancel drops it
/// in the same way, as Python's `with` does: [`abandoned_by`](Self::abandoned_by) is only about processes that died.
///
/// # Examples
/// See [`Lock`].
#[must_use = "dropping it releases the lock"]
pub struct LockGuard<'a> {
    lock: &'a Lock,
    /// Which loan it is.
    id: u64,
    abandoned_by: Option<String>,
}

#[derive(Default)]
struct Core {
    state: Mutex<State>,
    is_free: Condvar,
}

#[derive(Default)]
struct State {
    holder: Option<Loan>,
    /// Calls of other processes that wait.
    waiting: HashSet<Loan>,
    abandoned_by: Option<String>,
}

/// What another process asks.
#[derive(Debug, Serialize, Deserialize)]
struct Acquire {
    may_wait: bool,
}

/// The call of another process.
fn acquire(may_wait: bool) -> io::Result<Vec<u8>> {
    let call = postcard::to_stdvec(&Acquire { may_wait });
    call.map_err(|error| io::Error::other(error.to_string()))
}

/// Its answer: the loan, and who has abandoned the lock.
fn read((id, told): (u64, Vec<u8>)) -> (u64, Option<String>) {
    (id, postcard::from_bytes(&told).unwrap_or_default())
}

fn taken() -> io::Error {
    let text = "multiprocessing: the lock is taken";
    io::Error::new(io::ErrorKind::WouldBlock, text)
}

impl Core {
    fn grant(state: &mut State, loan: Loan) -> Option<Option<String>> {
        if state.holder.is_some() {
            return None;
        }
        state.holder = Some(loan);
        Some(state.abandoned_by.take())
    }

    fn acquire(&self, limit: Option<Duration>) -> io::Result<(u64, Option<String>)> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let id = NUMBER.fetch_add(1, Ordering::Relaxed);
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut state = locked(&self.state);
        loop {
            if let Some(told) = Core::grant(&mut state, (HERE, id)) {
                return Ok((id, told));
            }
            let waited = match deadline {
                None => self.is_free.wait(state),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Err(timed_out());
                    }
                    let waited = self.is_free.wait_timeout(state, left);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                    continue;
                }
            };
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn try_acquire(&self, loan: Loan) -> io::Result<Option<String>> {
        Core::grant(&mut locked(&self.state), loan).ok_or_else(taken)
    }

    fn acquire_later(&self, loan: Loan) -> Option<rpc::Answer> {
        let mut state = locked(&self.state);
        loop {
            if !state.waiting.contains(&loan) {
                return None;
            }
            if let Some(told) = Core::grant(&mut state, loan) {
                state.waiting.remove(&loan);
                return Some(answer(&told));
            }
            let waited = self.is_free.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn release(&self, loan: Loan) {
        let mut state = locked(&self.state);
        state.waiting.remove(&loan);
        if state.holder == Some(loan) {
            state.holder = None;
        }
        drop(state);
        self.is_free.notify_all();
    }
}

fn answer(told: &Option<String>) -> rpc::Answer {
    postcard::to_stdvec(told).map_err(|error| io::Error::other(error.to_string()))
}

impl Service for Core {
    fn call(self: &Arc<Self>, _user: &Arc<User>, loan: Loan, payload: &[u8]) -> Step {
        let may_wait = postcard::from_bytes::<Acquire>(payload).is_ok_and(|call| call.may_wait);
        let mut state = locked(&self.state);
        if let Some(told) = Core::grant(&mut state, loan) {
            return Step::Now(answer(&told));
        }
        if !may_wait {
            return Step::Now(Err(taken()));
        }
        state.waiting.insert(loan);
        let core = Arc::clone(self);
        Step::Later(Box::new(move || core.acquire_later(loan)))
    }

    fn withdrawn(&self, loan: Loan) {
        self.release(loan);
    }

    fn left(&self, user: &Arc<User>) {
        let title = user.title();
        let mut state = locked(&self.state);
        state.waiting.retain(|loan| loan.0 != user.number);
        if state.holder.is_some_and(|holder| holder.0 == user.number) {
            state.holder = None;
            state.abandoned_by = Some(title.unwrap_or_else(|| "a process that is gone".to_owned()));
        }
        drop(state);
        self.is_free.notify_all();
    }
}

impl Default for Lock {
    fn default() -> Lock {
        Lock::new()
    }
}

impl Lock {
    /// A lock that is free. Never parks.
    ///
    /// # Examples
    /// See [`Lock`].
    pub fn new() -> Lock {
        let side = Side::Here(Arc::default());
        Lock { side }
    }

    fn guard(&self, (id, abandoned_by): (u64, Option<String>)) -> LockGuard<'_> {
        LockGuard {
            lock: self,
            id,
            abandoned_by,
        }
    }

    /// Takes the lock. Parks while somebody has it.
    ///
    /// # Errors
    /// `BrokenPipe` if the process in which the lock lives is gone.
    ///
    /// # Cancel
    /// The lock is not taken.
    ///
    /// # Examples
    /// See [`Lock`].
    pub fn lock(&self) -> io::Result<LockGuard<'_>> {
        let held = match &self.side {
            Side::Here(core) => core.acquire(None)?,
            Side::There(client) => read(client.borrow(&acquire(true)?)?),
        };
        Ok(self.guard(held))
    }

    /// Takes the lock if it is free. Parks for an answer, in another process.
    ///
    /// # Errors
    /// `WouldBlock` if somebody has it; and as [`lock`](Self::lock).
    ///
    /// # Examples
    /// ```
    /// let lock = greenroom_servers::multiprocessing::Lock::new();
    /// let guard = lock.try_lock()?;
    /// assert_eq!(lock.try_lock().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    /// # drop(guard);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_lock(&self) -> io::Result<LockGuard<'_>> {
        let held = match &self.side {
            Side::Here(core) => {
                static NUMBER: AtomicU64 = AtomicU64::new(1 << 63);
                let id = NUMBER.fetch_add(1, Ordering::Relaxed);
                (id, core.try_acquire((HERE, id))?)
            }
            Side::There(client) => read(client.borrow(&acquire(false)?)?),
        };
        Ok(self.guard(held))
    }

    /// Takes the lock if it comes free within `timeout`; with none at all, as [`try_lock`](Self::try_lock).
    ///
    /// # Errors
    /// `TimedOut`; and as [`lock`](Self::lock).
    ///
    /// # Examples
    /// ```
    /// let lock = greenroom_servers::multiprocessing::Lock::new();
    /// let guard = lock.lock()?;
    /// let error = lock.lock_timeout(std::time::Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    /// # drop(guard);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn lock_timeout(&self, timeout: Duration) -> io::Result<LockGuard<'_>> {
        let held = match &self.side {
            Side::Here(core) => core.acquire(Some(timeout))?,
            Side::There(client) => read(client.borrow_within(timeout, acquire)?),
        };
        Ok(self.guard(held))
    }
}

impl LockGuard<'_> {
    /// Who died while holding the lock, if the last holder did, and how. Never parks.
    ///
    /// # Examples
    /// See [`Lock`].
    pub fn abandoned_by(&self) -> Option<&str> {
        self.abandoned_by.as_deref()
    }
}

impl Drop for LockGuard<'_> {
    fn drop(&mut self) {
        match &self.lock.side {
            Side::Here(core) => core.release((HERE, self.id)),
            // Also while something unwinds, a deadline say: who catches it may tell others.
            Side::There(client) => client.give_back(self.id),
        }
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").finish_non_exhaustive()
    }
}

impl fmt::Debug for LockGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("LockGuard");
        text.field("abandoned_by", &self.abandoned_by);
        text.finish_non_exhaustive()
    }
}

impl Serialize for Lock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.side {
            Side::There(client) => give_owned(serializer, client.join(), None),
            Side::Here(core) => rpc::give_user(serializer, core),
        }
    }
}

impl<'de> Deserialize<'de> for Lock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Lock, D::Error> {
        let socket = take(deserializer)?;
        let side = Side::There(Client::new("lock", socket, None));
        Ok(Lock { side })
    }
}
