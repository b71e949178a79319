//! What ends the process or speaks on its standard error: run in a child process each.

use crate::common::{is_child, run_as_child, until, watchdog};
use greenroom::thread::{self, Builder};
use std::os::unix::process::ExitStatusExt;
use std::process::Output;

const SIGABRT: i32 = 6;

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn panic_hooks_output_names_the_green_thread() {
    let _watchdog = watchdog();
    if is_child() {
        let named = Builder::new().name("conn-17".into());
        let handle = greenroom::run(|| named.spawn(|| panic!("seen by the hook")).unwrap());
        assert!(handle.join().is_err());
        assert!(
            thread::spawn(|| panic!("without a name")).join().is_err(),
            "it panics"
        );
        return;
    }
    let output = run_as_child("fatal::panic_hooks_output_names_the_green_thread");
    let text = errors(&output);
    assert!(output.status.success(), "{text}");
    let here = format!("(spawned at {}:", file!());
    let line = text
        .lines()
        .find(|line| line.starts_with("green thread 'conn-17'"))
        .unwrap_or_else(|| panic!("no line names it: {text}"));
    assert!(
        line.contains(&here) && line.ends_with("panicked:"),
        "{line}"
    );
    assert!(text.contains("seen by the hook"), "{text}");
    assert!(text.contains("green thread #"), "{text}");
}

#[test]
fn cancel_and_timeout_call_no_panic_hook() {
    let _watchdog = watchdog();
    if is_child() {
        greenroom::run(|| {
            let sleeper = thread::spawn(thread::park);
            thread::yield_now();
            sleeper.cancel();
            assert!(sleeper.join().is_err());
            greenroom::timeout(std::time::Duration::ZERO, thread::park).unwrap_err();
        });
        return;
    }
    let output = run_as_child("fatal::cancel_and_timeout_call_no_panic_hook");
    assert!(output.status.success(), "{}", errors(&output));
    assert!(!errors(&output).contains("panicked"), "{}", errors(&output));
}

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("in the result's destructor");
    }
}

fn assert_aborts(name: &str) {
    let output = run_as_child(name);
    let text = errors(&output);
    assert_eq!(output.status.signal(), Some(SIGABRT), "{text}");
    assert!(text.contains("panicked on drop, aborting"), "{text}");
}

#[test]
fn panicking_destructor_of_a_detached_result_aborts_like_std() {
    let _watchdog = watchdog();
    if is_child() {
        drop(thread::spawn(|| {
            thread::yield_now();
            PanicsInDrop
        }));
        loop {
            std::thread::park();
        }
    }
    assert_aborts("fatal::panicking_destructor_of_a_detached_result_aborts_like_std");
}

#[test]
fn panicking_destructor_of_an_unjoined_result_aborts_like_std() {
    let _watchdog = watchdog();
    if is_child() {
        let handle = thread::spawn(|| PanicsInDrop);
        until(|| handle.is_finished());
        drop(handle);
        return;
    }
    assert_aborts("fatal::panicking_destructor_of_an_unjoined_result_aborts_like_std");
}

#[test]
fn panicking_destructor_of_a_joined_result_is_the_joiners_panic() {
    let _watchdog = watchdog();
    let result = thread::spawn(|| PanicsInDrop).join();
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(result)));
    assert!(dropped.is_err());
}
