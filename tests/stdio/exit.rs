//! The end of the process: what is still in the buffer comes out, and nobody waits for ever.

use crate::common::{let_others_run, watchdog};
use crate::interrupts::print_until_full;
use crate::{PLACES, reexec, run_at};
use greenroom::io::{self, Write};
use greenroom::thread;
use std::io::Read;
use std::process::{Command, Stdio};

/// A child that does `body` in each place; returns what it wrote last. `None` in the child.
#[track_caller]
fn last_words(test: &str, body: impl FnOnce() + Send) -> Option<Vec<String>> {
    let _watchdog = watchdog();
    if let Some(place) = reexec::role() {
        run_at(&place, body);
        return None;
    }
    let child = |place| {
        let output = reexec::this_test(test, place, "").output().unwrap();
        assert!(output.status.success(), "{place}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    Some(PLACES.map(child).to_vec())
}

#[test]
fn line_without_an_end_comes_out_when_main_returns() {
    let test = "exit::line_without_an_end_comes_out_when_main_returns";
    let all = last_words(test, || greenroom::print!("last words"));
    for text in all.into_iter().flatten() {
        assert!(text.ends_with("last words"), "{text}");
        assert_eq!(text.matches("last words").count(), 1, "{text}");
    }
}

#[test]
fn exit_inside_a_lock_of_ours_empties_the_buffer() {
    let all = last_words(
        "exit::exit_inside_a_lock_of_ours_empties_the_buffer",
        || {
            let mut lock = io::stdout().lock();
            lock.write_all(b"last words").unwrap();
            std::process::exit(0);
        },
    );
    for text in all.into_iter().flatten() {
        assert!(text.ends_with("last words"), "{text}");
    }
}

#[test]
fn exit_while_another_has_the_lock_does_not_wait() {
    let all = last_words(
        "exit::exit_while_another_has_the_lock_does_not_wait",
        || {
            std::thread::spawn(|| {
                io::stdout().write_all(b"kept").unwrap();
                std::mem::forget(io::stdout().lock());
            })
            .join()
            .unwrap();
            std::process::exit(0);
        },
    );
    for text in all.into_iter().flatten() {
        assert!(!text.contains("kept"), "{text}");
    }
}

/// An interrupted write leaves std's writer in a state in which its drop keeps what it has.
#[test]
fn line_that_was_interrupted_comes_out_at_the_end() {
    let _watchdog = watchdog();
    let test = "exit::line_that_was_interrupted_comes_out_at_the_end";
    if let Some(place) = reexec::role() {
        return run_at(&place, || {
            let (reader, writer) = std::io::pipe().unwrap();
            let stdout = crate::descriptors::replace(1, writer);
            print_until_full();
            drop(stdout);
            drop(reader);
        });
    }
    for place in PLACES {
        let output = reexec::this_test(test, place, "").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text
            .lines()
            .filter(|line| line.starts_with("<0") && line.ends_with('>'));
        assert_eq!(lines.count(), 1, "{text}");
    }
}

/// Somebody is parked in a write that will never end.
#[test]
fn exit_beside_a_parked_writer_does_not_wait() {
    let _watchdog = watchdog();
    let test = "exit::exit_beside_a_parked_writer_does_not_wait";
    if let Some(place) = reexec::role() {
        return run_at(&place, || {
            thread::spawn(|| io::stdout().write_all(&[b'x'; 1_000_000]).unwrap());
            let_others_run();
            std::process::exit(7);
        });
    }
    for place in PLACES {
        let mut command: Command = reexec::this_test(test, place, "");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        // Nobody reads until it has gone.
        assert_eq!(child.wait().unwrap().code(), Some(7));
        let mut all = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut all).unwrap();
        assert!(all.len() < 1_000_000);
    }
}

struct Late;

impl Drop for Late {
    fn drop(&mut self) {
        greenroom::print!("said in a destructor");
    }
}

#[test]
fn destructors_of_the_main_thread_can_print() {
    std::thread_local! {
        static LATE: Late = const { Late };
    }
    let test = "exit::destructors_of_the_main_thread_can_print";
    let all = last_words(test, || {
        std::thread::spawn(|| LATE.with(|_| ())).join().unwrap();
    });
    for text in all.into_iter().flatten() {
        assert!(text.contains("said in a destructor"), "{text}");
    }
}
