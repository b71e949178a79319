//! [`block_on`]: a future polled by whoever calls, who parks while it is pending.
//!
//! ```text
//!   caller                                      waker, anywhere
//!   1. poll: ready? done                        1. set the flag
//!   2. lock; flag set? clear it, go on at 1     2. lock; take the caller off the queue; unlock
//!   3. queue my node; unlock; park              3. enqueue / wake it
//! ```
//! The one wait for a condition (`park/wait_list`), the condition being a flag: a wake between poll and
//! park finds either the caller before its look, which then sees the flag, or its node.

use crate::park::interrupt;
use crate::park::wait_list::{self, Mask, Outcome};
use crate::sched::run::spend_budget;
use crate::sys::atomic::{AtomicU8, Ordering};
use crate::sys::clock::NEVER_NS;
use crate::sys::lock::Lock;
use crate::task::WaitReason;
use crate::task::reason::{Address, At};
use crate::task::wait_queue::WaitQueue;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Runs `future` to its end and returns its value.
///
/// Parks the green thread, or blocks the OS thread, while the future is pending; its waker may be called
/// from anywhere, as often as it likes. Nests: a future may call code that calls `block_on`.
///
/// # Panics
/// Re-raises a panic of the future.
///
/// # Cancel
/// The future is dropped where it stands.
///
/// # Examples
/// ```
/// let answer = greenroom::run(|| {
///     let handle = greenroom::thread::spawn(|| 6);
///     greenroom::block_on(async { handle.await.unwrap() * 7 })
/// });
/// assert_eq!(answer, 42);
/// ```
pub fn block_on<F: IntoFuture>(future: F) -> F::Output {
    interrupt::check();
    let mut future = pin!(future.into_future());
    let bell = Arc::new(Bell {
        has_rung: AtomicU8::new(0),
        caller: Lock::new(WaitQueue::new()),
    });
    let waker = Waker::from(Arc::clone(&bell));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        // A future that wakes itself at once must not keep the worker.
        spend_budget();
        bell.wait();
    }
}

/// What the waker rings.
struct Bell {
    /// 1: since the last poll began to wait.
    has_rung: AtomicU8,
    /// At most one, who runs `block_on`.
    caller: Lock<WaitQueue>,
}

impl Bell {
    fn wait(&self) {
        let reason = WaitReason::At(At::Future, Address::of(self));
        // Acquire: pairs with the ring, so that the poll sees what was done before it.
        let has_rung = || (self.has_rung.swap(0, Ordering::Acquire) != 0).then_some(());
        match wait_list::wait(&self.caller, reason, NEVER_NS, Mask::Open, has_rung) {
            Outcome::Interrupted => interrupt::raise(),
            Outcome::Ready(()) | Outcome::TimedOut => {}
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Bell>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Bell>) {
        if self.has_rung.swap(1, Ordering::Release) == 0 {
            let claimed = self.caller.lock().take_first();
            claimed.into_iter().for_each(wait_list::wake);
        }
    }
}
