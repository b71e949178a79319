//! Other people's programs that tests talk to: whether they are there.
//!
//! One that is missing makes tests shorter, and a line says so; where `GREENROOM_TEST_NEEDS_CURL` (`_WRK`,
//! `_AB`, `_LFTP`, `_NC`, `_PYTHON`, `_CHROMIUM`) is set, as the gate does for what it has found, it is a
//! failure. Tests of every area ask here, so that the names of the variables are written once.

use std::process::{Command, Stdio};

/// Whether a program is there; says so if not.
///
/// Looked up, not tried: not all of them have a `--version`, and some are slow to start.
#[track_caller]
pub(crate) fn is_installed(program: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", r#"command -v "$0""#, program])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .unwrap();
    let is_there = found.success();
    if !is_there {
        let variable = format!("GREENROOM_TEST_NEEDS_{}", name(program));
        let is_needed = std::env::var_os(&variable).is_some();
        assert!(!is_needed, "{program} is missing, and {variable} is set");
        println!("skipped: {program} is missing");
    }
    is_there
}

/// The program in the names of variables: `PYTHON` for `python3`.
fn name(program: &str) -> String {
    program
        .trim_end_matches(|c: char| c.is_ascii_digit())
        .to_ascii_uppercase()
}

#[test]
fn program_that_is_missing_is_named_in_capitals() {
    let names = ["curl", "python3", "nc", "chromium"].map(name);
    assert_eq!(names, ["CURL", "PYTHON", "NC", "CHROMIUM"]);
    assert!(is_installed("sh") && !is_installed("greenroom-no-such-program"));
}
