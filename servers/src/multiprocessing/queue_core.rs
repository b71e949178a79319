//! What a [`Queue`](super::Queue) is where it lives: the items, and who waits.
//!
//! Items are bytes here. An item that was lent stays in `lent` until its taker says so or is gone; in the
//! second case it goes back to the front. A call of another process waits on the same two condition
//! variables as one of this process; what tells it to stop waiting is that its row in `waiting` is gone.

use super::rpc::{Answer, Loan, Service, Step, User, locked};
use greenroom::sync::{Condvar, Mutex, MutexGuard};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// A call from another process.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Call {
    /// The time limit is kept by the host, so that what "timed out" is not in the queue.
    Put(Vec<u8>, Limit),
    /// The time limit is the caller's: what comes too late is withdrawn.
    Get {
        may_wait: bool,
    },
    Count,
    Close,
}

/// How long a call may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Limit {
    Never,
    Try,
    Within(Duration),
}

/// What [`Call::Count`] answers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Count {
    pub(super) items: usize,
    pub(super) max: Option<usize>,
}

pub(super) struct Core {
    max: Option<usize>,
    state: Mutex<State>,
    has_items: Condvar,
    has_room: Condvar,
}

#[derive(Default)]
struct State {
    items: VecDeque<Vec<u8>>,
    /// Sorted by user and call, so that several go back in the order in which they were lent.
    lent: BTreeMap<Loan, Vec<u8>>,
    waiting: HashSet<Loan>,
    users: usize,
    is_closed: bool,
    /// The end of the last user, if there was one.
    last: Option<String>,
}

fn error(kind: io::ErrorKind, text: &str) -> io::Error {
    io::Error::new(kind, format!("multiprocessing: {text}"))
}

fn closed() -> io::Error {
    error(io::ErrorKind::BrokenPipe, "the queue is closed")
}

pub(super) fn timed_out() -> io::Error {
    error(io::ErrorKind::TimedOut, "the time is up")
}

impl Limit {
    pub(super) fn deadline(self) -> Option<Instant> {
        match self {
            Limit::Never => None,
            Limit::Try => Some(Instant::now()),
            Limit::Within(time) => Instant::now().checked_add(time),
        }
    }
}

type Guard<'a> = MutexGuard<'a, State>;

/// Waits until notified or the deadline; false if that has passed.
fn wait<'a>(condition: &Condvar, state: Guard<'a>, deadline: Option<Instant>) -> (Guard<'a>, bool) {
    let Some(deadline) = deadline else {
        let waited = condition.wait(state);
        return (waited.unwrap_or_else(PoisonError::into_inner), true);
    };
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return (state, false);
    }
    let waited = condition.wait_timeout(state, left);
    (waited.unwrap_or_else(PoisonError::into_inner).0, true)
}

impl Core {
    pub(super) fn new(max: Option<usize>) -> Core {
        Core {
            max,
            state: Mutex::default(),
            has_items: Condvar::new(),
            has_room: Condvar::new(),
        }
    }

    fn has_room(&self, state: &State) -> bool {
        self.max.is_none_or(|max| state.items.len() < max)
    }

    /// The first item, if there is one.
    fn pop(&self, state: &mut State) -> Option<Vec<u8>> {
        let item = state.items.pop_front()?;
        self.has_room.notify_one();
        Some(item)
    }

    fn push(&self, state: &mut State, item: Vec<u8>) {
        state.items.push_back(item);
        self.has_items.notify_one();
    }

    /// Puts an item here, in the process that holds the queue.
    pub(super) fn put(&self, item: Vec<u8>, limit: Limit) -> io::Result<()> {
        let deadline = limit.deadline();
        let mut state = locked(&self.state);
        loop {
            if state.is_closed {
                return Err(closed());
            }
            if self.has_room(&state) {
                self.push(&mut state, item);
                return Ok(());
            }
            let in_time;
            (state, in_time) = wait(&self.has_room, state, deadline);
            if !in_time {
                return Err(match limit {
                    Limit::Try => error(io::ErrorKind::WouldBlock, "the queue is full"),
                    _ => timed_out(),
                });
            }
        }
    }

    /// Gets an item here.
    pub(super) fn get(&self, limit: Limit) -> Answer {
        let deadline = limit.deadline();
        let mut state = locked(&self.state);
        loop {
            if let Some(item) = self.pop(&mut state) {
                return Ok(item);
            }
            if state.is_closed {
                return Err(closed());
            }
            if let (0, Some(last)) = (state.users, &state.last) {
                let text = format!("the queue is empty, and no other process has it: {last}");
                return Err(error(io::ErrorKind::BrokenPipe, &text));
            }
            let in_time;
            (state, in_time) = wait(&self.has_items, state, deadline);
            if !in_time {
                return Err(match limit {
                    Limit::Try => error(io::ErrorKind::WouldBlock, "the queue is empty"),
                    _ => timed_out(),
                });
            }
        }
    }

    pub(super) fn count(&self) -> Count {
        let items = locked(&self.state).items.len();
        Count {
            items,
            max: self.max,
        }
    }

    pub(super) fn close(&self) {
        locked(&self.state).is_closed = true;
        self.has_items.notify_all();
        self.has_room.notify_all();
    }

    fn lend(&self, state: &mut State, loan: Loan) -> Option<Answer> {
        let item = self.pop(state)?;
        state.lent.insert(loan, item.clone());
        Some(Ok(item))
    }

    /// A get of another process that waits.
    fn lend_later(&self, loan: Loan) -> Option<Answer> {
        let mut state = locked(&self.state);
        loop {
            if !state.waiting.contains(&loan) {
                return None;
            }
            let answer = match self.lend(&mut state, loan) {
                None if state.is_closed => Some(Err(closed())),
                lent => lent,
            };
            if answer.is_some() {
                state.waiting.remove(&loan);
                return answer;
            }
            state = wait(&self.has_items, state, None).0;
        }
    }

    /// A put of another process that waits.
    fn put_later(&self, loan: Loan, item: Vec<u8>, limit: Limit) -> Option<Answer> {
        let deadline = limit.deadline();
        let mut state = locked(&self.state);
        loop {
            if !state.waiting.contains(&loan) {
                return None;
            }
            let has_room = self.has_room(&state);
            if has_room || state.is_closed {
                state.waiting.remove(&loan);
                if state.is_closed {
                    return Some(Err(closed()));
                }
                self.push(&mut state, item);
                return Some(Ok(Vec::new()));
            }
            let in_time;
            (state, in_time) = wait(&self.has_room, state, deadline);
            if !in_time {
                state.waiting.remove(&loan);
                return Some(Err(timed_out()));
            }
        }
    }

    fn call_get(self: &Arc<Self>, loan: Loan, may_wait: bool) -> Step {
        let mut state = locked(&self.state);
        if let Some(answer) = self.lend(&mut state, loan) {
            return Step::Now(answer);
        }
        if state.is_closed {
            return Step::Now(Err(closed()));
        }
        if !may_wait {
            let empty = error(io::ErrorKind::WouldBlock, "the queue is empty");
            return Step::Now(Err(empty));
        }
        state.waiting.insert(loan);
        let core = Arc::clone(self);
        Step::Later(Box::new(move || core.lend_later(loan)))
    }

    fn call_put(self: &Arc<Self>, loan: Loan, item: Vec<u8>, limit: Limit) -> Step {
        let mut state = locked(&self.state);
        if limit == Limit::Try || state.is_closed || self.has_room(&state) {
            drop(state);
            return Step::Now(self.put(item, Limit::Try).map(|()| Vec::new()));
        }
        state.waiting.insert(loan);
        let core = Arc::clone(self);
        Step::Later(Box::new(move || core.put_later(loan, item, limit)))
    }

    /// Forgets a call, and takes back what it was lent.
    fn take_back(&self, state: &mut State, loan: Loan) {
        if let Some(item) = state.lent.remove(&loan) {
            state.items.push_front(item);
        }
        state.waiting.remove(&loan);
    }
}

impl Service for Core {
    fn call(self: &Arc<Self>, _user: &Arc<User>, loan: Loan, payload: &[u8]) -> Step {
        match postcard::from_bytes(payload) {
            Ok(Call::Put(item, limit)) => self.call_put(loan, item, limit),
            Ok(Call::Get { may_wait }) => self.call_get(loan, may_wait),
            Ok(Call::Count) => {
                let count = postcard::to_stdvec(&self.count());
                Step::Now(count.map_err(|error| io::Error::other(error.to_string())))
            }
            Ok(Call::Close) => {
                self.close();
                Step::Now(Ok(Vec::new()))
            }
            Err(error) => Step::Now(Err(io::Error::other(error.to_string()))),
        }
    }

    fn taken(&self, loan: Loan) {
        locked(&self.state).lent.remove(&loan);
    }

    fn withdrawn(&self, loan: Loan) {
        self.take_back(&mut locked(&self.state), loan);
        self.has_items.notify_all();
        self.has_room.notify_all();
    }

    fn joined(&self, _user: &Arc<User>) {
        locked(&self.state).users += 1;
    }

    fn left(&self, user: &Arc<User>) {
        // Before the lock: it waits for the status a moment.
        let title = user.title();
        let mut state = locked(&self.state);
        let of_user = |loan: &Loan| loan.0 == user.number;
        let lent: Vec<Loan> = state.lent.keys().copied().filter(of_user).collect();
        for loan in lent.into_iter().rev() {
            self.take_back(&mut state, loan);
        }
        state.waiting.retain(|loan| loan.0 != user.number);
        state.users -= 1;
        state.last = Some(title.unwrap_or_else(|| "the last one closed it".to_owned()));
        drop(state);
        self.has_items.notify_all();
        self.has_room.notify_all();
    }
}
