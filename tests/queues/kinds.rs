//! The three queue types under one face, so that one table covers them all.

use greenroom::queue::{
    GetError, LifoQueue, PriorityQueue, PutError, Queue, ShutDown, TaskDoneError,
};
use greenroom::select;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// Any queue of numbers.
pub(crate) trait Line: Send + Sync + Debug {
    fn put(&self, item: u64) -> Result<(), ShutDown<u64>>;
    fn try_put(&self, item: u64) -> Result<(), PutError<u64>>;
    fn put_timeout(&self, item: u64, timeout: Duration) -> Result<(), PutError<u64>>;
    fn get(&self) -> Result<u64, ShutDown>;
    fn try_get(&self) -> Result<u64, GetError>;
    fn get_timeout(&self, timeout: Duration) -> Result<u64, GetError>;
    fn peek(&self) -> Result<u64, ShutDown>;
    fn try_peek(&self) -> Result<u64, GetError>;
    fn peek_timeout(&self, timeout: Duration) -> Result<u64, GetError>;
    fn task_done(&self) -> Result<(), TaskDoneError>;
    fn join(&self);
    fn join_timeout(&self, timeout: Duration) -> bool;
    fn unfinished(&self) -> usize;
    fn len(&self) -> usize;
    fn shutdown(&self);
    fn shutdown_now(&self) -> Vec<u64>;
    /// The next item of an iteration.
    fn next(&self) -> Option<u64>;
    /// What a `select!` with this one arm gives.
    fn select_recv(&self) -> Result<u64, ShutDown>;
    /// As `select_recv`; what was not sent stays in `place`.
    fn select_send(&self, place: &mut Option<u64>) -> Result<(), ShutDown<u64>>;
}

macro_rules! lines {
    ($($queue:ident)*) => {$(
        impl Line for $queue<u64> {
            fn put(&self, item: u64) -> Result<(), ShutDown<u64>> {
                self.put(item)
            }
            fn try_put(&self, item: u64) -> Result<(), PutError<u64>> {
                self.try_put(item)
            }
            fn put_timeout(&self, item: u64, timeout: Duration) -> Result<(), PutError<u64>> {
                self.put_timeout(item, timeout)
            }
            fn get(&self) -> Result<u64, ShutDown> {
                self.get()
            }
            fn try_get(&self) -> Result<u64, GetError> {
                self.try_get()
            }
            fn get_timeout(&self, timeout: Duration) -> Result<u64, GetError> {
                self.get_timeout(timeout)
            }
            fn peek(&self) -> Result<u64, ShutDown> {
                self.peek()
            }
            fn try_peek(&self) -> Result<u64, GetError> {
                self.try_peek()
            }
            fn peek_timeout(&self, timeout: Duration) -> Result<u64, GetError> {
                self.peek_timeout(timeout)
            }
            fn task_done(&self) -> Result<(), TaskDoneError> {
                self.task_done()
            }
            fn join(&self) {
                self.join();
            }
            fn join_timeout(&self, timeout: Duration) -> bool {
                self.join_timeout(timeout)
            }
            fn unfinished(&self) -> usize {
                self.unfinished()
            }
            fn len(&self) -> usize {
                self.len()
            }
            fn shutdown(&self) {
                self.shutdown();
            }
            fn shutdown_now(&self) -> Vec<u64> {
                self.shutdown_now()
            }
            fn next(&self) -> Option<u64> {
                self.iter().next()
            }
            fn select_recv(&self) -> Result<u64, ShutDown> {
                select! { recv(self) -> item => item }
            }
            fn select_send(&self, place: &mut Option<u64>) -> Result<(), ShutDown<u64>> {
                select! { send(self, *place) -> sent => sent }
            }
        }
    )*};
}

lines!(Queue LifoQueue PriorityQueue);

/// One of each kind; `None`: unbounded.
pub(crate) fn kinds(capacity: Option<usize>) -> [Arc<dyn Line>; 3] {
    match capacity {
        None => [
            Arc::new(Queue::unbounded()),
            Arc::new(LifoQueue::unbounded()),
            Arc::new(PriorityQueue::unbounded()),
        ],
        Some(capacity) => [
            Arc::new(Queue::bounded(capacity)),
            Arc::new(LifoQueue::bounded(capacity)),
            Arc::new(PriorityQueue::bounded(capacity)),
        ],
    }
}

/// One number of what `Debug` shows; `None` while somebody is at the queue.
pub(crate) fn shown(line: &(impl Debug + ?Sized), field: &str) -> Option<usize> {
    let text = format!("{line:?}");
    let (_, rest) = text.split_once(&format!(" {field}: "))?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Nobody waits there, now that the queue is at rest.
#[track_caller]
pub(crate) fn assert_deserted(line: &(impl Debug + ?Sized)) {
    assert_eq!(shown(line, "getters"), Some(0), "{line:?}");
    assert_eq!(shown(line, "putters"), Some(0), "{line:?}");
}
