//! Where bodies run, and what they start.

use crate::child::Running;
use crate::common::{Rt, watchdog};
use crate::reexec::this_test;

/// Calls a test once, as std's do.
#[track_caller]
pub(crate) fn once(test: impl Fn()) {
    let _watchdog = watchdog();
    test();
}

/// On an OS thread, and as a green thread of runtimes with 1 and 2 workers.
#[track_caller]
pub(crate) fn everywhere(test: impl Fn() + Sync) {
    let _watchdog = watchdog();
    test();
    for workers in [1, 2] {
        Rt::with_workers(workers).run(&test);
    }
}

/// Makes a shell script a command of either world.
macro_rules! sh {
    ($command:ty, $script:expr) => {{
        let mut command = <$command>::new("/bin/sh");
        command.arg("-c").arg($script);
        command
    }};
}
pub(crate) use sh;

/// Runs the test's other half as a child process that succeeds, after the shell words `before`.
pub(crate) fn passes_alone(test: &str, before: &str) {
    let ended = Running::start(&mut this_test(test, "alone", before)).end();
    assert!(ended.status.success(), "{ended}");
}

/// A file or directory of one test, gone with it.
pub(crate) struct Scratch(pub(crate) std::path::PathBuf);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("greenroom-process-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path).unwrap();
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
