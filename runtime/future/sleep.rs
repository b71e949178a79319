//! Timers as futures.
//!
//! Under `block_on` a plain `thread::sleep` does the same and costs less; these are for `select!`, `join!`
//! and other combinators of async crates.

use super::relay::Relay;
use crate::thread;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// A future that is ready after `duration`, counted from this call; what does not fit the clock is never
/// ready.
///
/// # Examples
/// ```
/// use std::time::{Duration, Instant};
/// let start = Instant::now();
/// greenroom::block_on(greenroom::future::sleep(Duration::from_millis(2)));
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    Sleep {
        deadline: Instant::now().checked_add(duration),
        relay: Relay::default(),
    }
}

/// A future that is ready at `deadline`.
///
/// # Examples
/// ```
/// use std::time::Instant;
/// greenroom::block_on(greenroom::future::sleep_until(Instant::now()));
/// ```
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep {
        deadline: Some(deadline),
        relay: Relay::default(),
    }
}

/// See [`sleep`]. Made on any thread, polled by any executor.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// let nap: greenroom::future::Sleep = greenroom::future::sleep(Duration::ZERO);
/// greenroom::block_on(nap);
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Sleep {
    /// `None`: never.
    deadline: Option<Instant>,
    relay: Relay,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else {
            return Poll::Pending;
        };
        if Instant::now() >= deadline {
            return Poll::Ready(());
        }
        self.relay
            .arrange(context.waker(), move || thread::sleep_until(deadline));
        Poll::Pending
    }
}
