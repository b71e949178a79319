//! Who is there, by `/proc`: a process that has ended but that nobody reaped counts as ended.

use std::fs;
use std::time::{Duration, Instant};

/// Longer than anything that ends takes to end.
const DEADLINE: Duration = Duration::from_secs(30);

/// Whether the process runs: there, and no zombie.
pub(crate) fn runs(pid: u32) -> bool {
    let Ok(text) = fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return false;
    };
    let state = text.rsplit_once(") ").map(|(_, rest)| rest.chars().next());
    !matches!(state, Some(Some('Z' | 'X')))
}

/// Whether each thread of the process is stopped.
pub(crate) fn is_stopped(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let mut states = threads.map(|thread| fs::read_to_string(thread.path().join("stat")));
    states.all(|text| text.is_ok_and(|text| text.contains(") T ")))
}

/// Waits until it is so.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "waited in vain: {what}");
        greenroom::thread::sleep(Duration::from_millis(1));
    }
}

#[track_caller]
pub(crate) fn until_gone(pids: &[u32]) {
    for pid in pids {
        until(&format!("{pid} ends"), || !runs(*pid));
    }
}

/// The children of a process of one thread, or of a process's main thread.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let list = list.unwrap_or_default();
    list.split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect()
}

/// This process's fork server, which its main thread forked before anything else.
pub(crate) fn fork_server() -> u32 {
    children(std::process::id())[0]
}

/// Open descriptors, with what they are.
pub(crate) fn descriptors() -> Vec<String> {
    let list = fs::read_dir("/proc/self/fd").unwrap().flatten();
    list.filter_map(|entry| fs::read_link(entry.path()).ok())
        .map(|target| target.display().to_string())
        .collect()
}

/// Sends a signal as a stranger would.
pub(crate) fn kill(pid: u32, signal: &str) {
    let kill = format!("kill -{signal} {pid}");
    let mut command = greenroom::process::Command::new("sh");
    assert!(
        command.args(["-c", &kill]).status().unwrap().success(),
        "{kill}"
    );
}
