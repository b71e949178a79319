//! A green thread's end as a future: `handle.await`.
//!
//! Taking the result never parks, since it is only taken after the end.

use super::relay::Relay;
use crate::park::wait_list::Mask;
use crate::sched::current;
use crate::sys::clock::NEVER_NS;
use crate::thread::{self, JoinHandle};
use std::pin::Pin;
use std::task::{Context, Poll};

/// The result of a green thread, as a future. Dropping it detaches the green thread.
///
/// # Examples
/// ```
/// let handle = greenroom::thread::spawn(|| "done");
/// let future: greenroom::future::JoinFuture<&str> = handle.into_future();
/// assert_eq!(greenroom::block_on(future).unwrap(), "done");
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct JoinFuture<T> {
    /// `None`: the result was given out.
    handle: Option<JoinHandle<T>>,
    relay: Relay,
}

/// As [`JoinHandle::join`], for `async` code: `handle.await` is `Err` with the payload of a panic, or
/// [`Cancelled`](crate::Cancelled).
impl<T> IntoFuture for JoinHandle<T> {
    type Output = thread::Result<T>;
    type IntoFuture = JoinFuture<T>;

    fn into_future(self) -> JoinFuture<T> {
        JoinFuture {
            handle: Some(self),
            relay: Relay::default(),
        }
    }
}

impl<T> Future for JoinFuture<T> {
    type Output = thread::Result<T>;

    /// # Panics
    /// After it was ready, and in the green thread that it waits for.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<thread::Result<T>> {
        let handle = self.handle.take();
        let handle = handle.expect("a JoinFuture must not be polled after it was ready");
        if handle.is_finished() {
            return Poll::Ready(handle.into_result());
        }
        let task = handle.task().clone();
        assert!(
            current::task().is_none_or(|running| running.id() != task.header().id()),
            "failed to join thread: Resource deadlock avoided: a green thread cannot await itself"
        );
        self.relay.arrange(context.waker(), move || {
            // Interrupted: its notice wakes all the same.
            let _ = thread::wait_for_end(&task, NEVER_NS, Mask::Open);
        });
        self.handle = Some(handle);
        Poll::Pending
    }
}

// Nothing in it is ever pinned: the value of the green thread is elsewhere.
impl<T> Unpin for JoinFuture<T> {}
