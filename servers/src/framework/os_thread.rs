//! An OS thread that works for a green one, which waits for it.
//!
//! So an OS thread is accepted for, registered, waited for and cancelled as its green thread is; that one
//! costs a page or two beside the thread's own stack.

use super::life::unharmed;
use greenroom::sync::Event;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::thread::Builder;
use std::time::Duration;

/// How long a thread may take to end when it was told to; a little less than a shutdown waits for green
/// threads, so that one that does not end is told of.
const END_LIMIT: Duration = Duration::from_millis(4_500);

/// Raised when the thread has nothing left to do but to exit.
struct Ended(Arc<Event>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// Runs `work` in an OS thread and waits, then joins it. When the waiter is cancelled it calls `end`, which
/// must make `work` return, waits for that, and goes on unwinding. Parks.
///
/// # Errors
/// No thread.
pub(crate) fn run(work: impl FnOnce() + Send + 'static, end: impl FnOnce()) -> io::Result<()> {
    let event = Arc::new(Event::new());
    let ended = Ended(Arc::clone(&event));
    let thread = Builder::new().name("client".to_owned()).spawn(move || {
        // Before `ended`, which is dropped at the end of this closure: `work` owns the client.
        let _ended = ended;
        // It has caught what the handler panicked with; a panic in a drop was reported by the hook.
        unharmed(work);
    })?;
    let waited = catch_unwind(AssertUnwindSafe(|| event.wait()));
    let Err(payload) = waited else {
        drop(thread.join());
        return Ok(());
    };
    end();
    if greenroom::shield(|| event.wait_timeout(END_LIMIT)) {
        drop(thread.join());
    } else {
        log::warn!("an OS thread goes on although its connection was shut down");
    }
    resume_unwind(payload)
}
