//! A deadline for a test: who hangs is named, and the process ends.
//!
//! A thread of its own, because a hanging test may hold every worker.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// No test takes a quarter of it; a lost wake takes for ever.
const DEADLINE: Duration = Duration::from_secs(120);

/// How many builds of programs to be tested have begun and ended. The time of a compiler is not the test's: a
/// deadline in which the number was odd, or has changed, is given once more.
pub(crate) static BUILDS: AtomicUsize = AtomicUsize::new(0);

/// Ends the process unless it is dropped in time.
#[must_use = "the deadline ends with it"]
pub(crate) struct Watchdog(Option<Sender<()>>, Option<std::thread::JoinHandle<()>>);

/// Starts the deadline of the running test.
#[track_caller]
pub(crate) fn watchdog() -> Watchdog {
    let at = std::panic::Location::caller();
    let name = std::thread::current().name().unwrap_or("main").to_owned();
    let (done, ended) = channel();
    let watcher = std::thread::spawn(move || {
        let mut before = BUILDS.load(Ordering::Relaxed);
        while ended.recv_timeout(DEADLINE) == Err(RecvTimeoutError::Timeout) {
            let builds = BUILDS.load(Ordering::Relaxed);
            if builds == std::mem::replace(&mut before, builds) && builds.is_multiple_of(2) {
                eprintln!("test {name} ({at}) hangs for {DEADLINE:?}; aborting");
                kill_children();
                std::process::abort();
            }
        }
    });
    Watchdog(Some(done), Some(watcher))
}

/// An abort runs no destructor: children that the test has started would outlive it.
fn kill_children() {
    let lists = std::fs::read_dir("/proc/self/task")
        .into_iter()
        .flatten()
        .flatten();
    for list in lists {
        let children = std::fs::read_to_string(list.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace() {
            let kill = format!("kill -KILL {child}");
            drop(
                std::process::Command::new("sh")
                    .args(["-c", &kill])
                    .status(),
            );
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.0.take());
        drop(self.1.take().map(std::thread::JoinHandle::join));
    }
}
