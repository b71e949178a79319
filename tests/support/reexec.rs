//! A test that runs its own body in a child process: what crashes, is limited, or counts must be alone.

use std::process::{Command, Stdio};

const ROLE: &str = "GREENROOM_TEST_ROLE";

/// The role of this process in the running test; `None` in the parent.
pub(crate) fn role() -> Option<String> {
    std::env::var(ROLE).ok()
}

/// This test binary as a child that runs only `test`, in `role`, after the shell words `before`
/// (`ulimit -n 40;`), with standard input piped.
pub(crate) fn this_test(test: &str, role: &str, before: &str) -> Command {
    let exe = std::env::current_exe().unwrap();
    let mut command = Command::new("sh");
    command
        .arg("-c")
        .arg(format!(r#"{before} exec "$0" "$@""#))
        .arg(exe)
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped());
    command
}
