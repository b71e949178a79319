//! Where a test runs: on green threads of one or two workers, or on OS threads.
//!
//! Every run has a deadline, and a runtime must end with nobody left in it: a crate that kept a green
//! thread waiting after its test would be found here.

use crate::watchdog::watchdog;
use greenroom::{Runtime, ShutdownReport};
use std::time::Duration;

/// The kind of thread under a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ground {
    Green,
    Os,
}

/// A spawned thread of either kind.
pub(crate) enum Handle<T> {
    Green(greenroom::thread::JoinHandle<T>),
    Os(std::thread::JoinHandle<T>),
}

impl<T> Handle<T> {
    /// Its value, or its panic.
    pub(crate) fn join(self) -> T {
        let ended = match self {
            Handle::Green(handle) => handle.join(),
            Handle::Os(handle) => handle.join(),
        };
        ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Ground {
    pub(crate) fn spawn<T: Send + 'static>(
        self,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> Handle<T> {
        match self {
            Ground::Green => Handle::Green(greenroom::thread::spawn(f)),
            Ground::Os => Handle::Os(std::thread::spawn(f)),
        }
    }
}

/// Green threads of one worker, of two, and OS threads.
#[track_caller]
pub(crate) fn on_every_ground(test: impl Fn(Ground) + Sync) {
    for workers in [1, 2] {
        on_workers(workers, || test(Ground::Green));
    }
    on_os_threads(test);
}

#[track_caller]
pub(crate) fn on_os_threads(test: impl Fn(Ground)) {
    let _watchdog = watchdog();
    test(Ground::Os);
}

/// Runs `test` as a green thread; nothing may be left when it is through.
#[track_caller]
pub(crate) fn on_workers(workers: usize, test: impl Fn() + Sync) {
    let _watchdog = watchdog();
    let runtime = Runtime::builder().workers(workers).build().unwrap();
    runtime.run(&test);
    let report = runtime.shutdown(Duration::from_secs(10));
    assert_eq!(report, ShutdownReport::default(), "{workers} workers");
}
