//! Bodies that must end the process, each in a child of its own, and what they say before.

use crate::common::{is_child, run_as_child, watchdog};
use std::os::unix::process::ExitStatusExt;

const SIGABRT: i32 = 6;

/// Runs `body` in a child, on its OS thread, where it must end the process with `sentence`. `name` is the
/// running test's.
#[track_caller]
pub(crate) fn aborts(name: &str, sentence: &str, body: impl FnOnce()) {
    let _watchdog = watchdog();
    if is_child() {
        body();
        unreachable!("the process should have ended");
    }
    let output = run_as_child(name);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains(sentence), "{stderr}");
    assert_eq!(output.status.signal(), Some(SIGABRT), "{stderr}");
}
