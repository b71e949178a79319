//! A stack that overflows ends the process and says whose it was; other faults stay what they are.
//!
//! Every case is a child process that runs one scenario.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]
#![expect(unsafe_code, reason = "reads a null pointer, in a child process")]

#[path = "support/child.rs"]
mod child;
#[path = "support/reexec.rs"]
mod reexec;
#[path = "support/watchdog.rs"]
mod watchdog;

use child::{Ended, Running};
use greenroom::thread::{self, Builder};
use std::hint::black_box;
use std::os::unix::process::ExitStatusExt;
use watchdog::watchdog;

const SIGABRT: i32 = 6;
const SIGSEGV: i32 = 11;

/// Frames of a kilobyte each, without an end that the compiler could see.
#[expect(unconditional_recursion, reason = "that is the point")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 128]);
    recurse(depth + 1) + frame[7]
}

fn overflow() {
    black_box(recurse(0));
}

/// Runs the test again as a child in which only the scenario happens.
fn outcome(test: &str) -> Ended {
    Running::start(&mut reexec::this_test(test, "crashes", "ulimit -c 0;")).end()
}

/// In the child, runs the scenario; in the parent, has `check` judge how the child ended.
#[track_caller]
fn scenario(test: &str, crash: impl FnOnce(), check: impl FnOnce(&Ended)) {
    let _watchdog = watchdog();
    if reexec::role().is_none() {
        let ended = outcome(test);
        eprintln!("{}", ended.stderr);
        return check(&ended);
    }
    crash();
    unreachable!("the scenario ends the process");
}

/// The report: first line, place of the spawn, advice; then an abort.
#[track_caller]
fn assert_reported(ended: &Ended, first_line: &str) {
    let text = &ended.stderr;
    assert!(text.contains(first_line), "{text}");
    assert!(text.contains(" at tests/overflow.rs:"), "{text}");
    assert!(text.contains("greenroom::with_big_stack"), "{text}");
    assert_eq!(ended.status.signal(), Some(SIGABRT), "{ended}");
}

#[test]
fn overflow_of_a_named_green_thread_says_whose_stack_and_where_it_was_spawned() {
    const SPAWNED_AT: u32 = line!() + 5;
    scenario(
        "overflow_of_a_named_green_thread_says_whose_stack_and_where_it_was_spawned",
        || {
            let builder = Builder::new().name("conn-17".into());
            let _ended = builder.spawn(overflow).unwrap().join();
        },
        |ended| {
            assert_reported(
                ended,
                "green thread 'conn-17' has overflowed its stack (192 KiB)",
            );
            let place = format!("spawned at tests/overflow.rs:{SPAWNED_AT}:");
            assert!(ended.stderr.contains(&place), "{}", ended.stderr);
        },
    );
}

#[test]
fn overflow_of_an_unnamed_green_thread_says_its_number() {
    scenario(
        "overflow_of_an_unnamed_green_thread_says_its_number",
        || drop(thread::spawn(overflow).join()),
        |ended| {
            assert_reported(ended, "has overflowed its stack (192 KiB)");
            assert!(ended.stderr.contains("green thread #"), "{}", ended.stderr);
        },
    );
}

#[test]
fn overflow_of_a_small_stack_says_its_size() {
    scenario(
        "overflow_of_a_small_stack_says_its_size",
        || {
            let builder = Builder::new().name("small".into()).stack_size(64 * 1024);
            let _ended = builder.spawn(overflow).unwrap().join();
        },
        |ended| {
            assert_reported(
                ended,
                "green thread 'small' has overflowed its stack (64 KiB)",
            );
        },
    );
}

#[test]
fn overflow_in_the_main_green_thread_is_reported() {
    scenario(
        "overflow_in_the_main_green_thread_is_reported",
        || greenroom::run(overflow),
        |ended| assert_reported(ended, "green thread 'main' has overflowed its stack"),
    );
}

#[test]
fn overflow_of_a_big_stack_is_the_green_threads() {
    scenario(
        "overflow_of_a_big_stack_is_the_green_threads",
        || {
            let deep = || greenroom::with_big_stack(4 << 20, overflow).unwrap();
            let _ended = Builder::new()
                .name("deep".into())
                .spawn(deep)
                .unwrap()
                .join();
        },
        |ended| {
            assert_reported(
                ended,
                "green thread 'deep' has overflowed its stack (4 MiB)",
            );
        },
    );
}

#[test]
fn overflow_after_a_big_stack_is_the_default_stacks() {
    scenario(
        "overflow_after_a_big_stack_is_the_default_stacks",
        || {
            let deep = || {
                greenroom::with_big_stack(4 << 20, thread::yield_now).unwrap();
                overflow();
            };
            let _ended = Builder::new()
                .name("after".into())
                .spawn(deep)
                .unwrap()
                .join();
        },
        |ended| {
            assert_reported(
                ended,
                "green thread 'after' has overflowed its stack (192 KiB)",
            );
        },
    );
}

#[test]
fn overflow_of_a_big_stack_on_an_os_thread_is_its_own() {
    scenario(
        "overflow_of_a_big_stack_on_an_os_thread_is_its_own",
        || {
            // The handler is there once a runtime has started.
            greenroom::run(|| ());
            let deep = || greenroom::with_big_stack(2 << 20, overflow).unwrap();
            let builder = std::thread::Builder::new().name("plain".into());
            let _ended = builder.spawn(deep).unwrap().join();
        },
        |ended| {
            assert_reported(ended, "thread 'plain' on a borrowed stack has overflowed");
            assert!(ended.stderr.contains("(2 MiB)"), "{}", ended.stderr);
        },
    );
}

#[test]
fn overflow_on_any_of_several_workers_is_reported() {
    scenario(
        "overflow_on_any_of_several_workers_is_reported",
        || {
            let rt = greenroom::Runtime::builder().workers(4).build().unwrap();
            rt.run(|| {
                // Neighbours parked all around, so that the guard next door is somebody's.
                (0..200).for_each(|_| drop(thread::spawn(thread::park)));
                thread::yield_now();
                let builder = Builder::new().name("third".into()).worker(3);
                let _ended = builder.spawn(overflow).unwrap().join();
            });
        },
        |ended| {
            assert_reported(
                ended,
                "green thread 'third' has overflowed its stack (192 KiB)",
            );
        },
    );
}

#[test]
fn overflow_after_parks_and_on_a_reused_stack_names_the_present_owner() {
    scenario(
        "overflow_after_parks_and_on_a_reused_stack_names_the_present_owner",
        || {
            let rt = greenroom::Runtime::builder().workers(1).build().unwrap();
            rt.run(|| {
                for n in 0..50 {
                    let builder = Builder::new().name(format!("earlier-{n}"));
                    builder.spawn(thread::yield_now).unwrap().join().unwrap();
                }
                let last = || {
                    thread::sleep(std::time::Duration::from_millis(1));
                    overflow();
                };
                let _ended = Builder::new()
                    .name("last".into())
                    .spawn(last)
                    .unwrap()
                    .join();
            });
        },
        |ended| {
            assert_reported(
                ended,
                "green thread 'last' has overflowed its stack (192 KiB)",
            );
        },
    );
}

#[test]
fn overflow_of_an_os_thread_keeps_stds_message() {
    scenario(
        "overflow_of_an_os_thread_keeps_stds_message",
        || {
            greenroom::run(|| ());
            let builder = std::thread::Builder::new().name("plain".into());
            let _ended = builder.spawn(overflow).unwrap().join();
        },
        |ended| {
            let text = &ended.stderr;
            assert!(text.contains("thread 'plain'"), "{text}");
            assert!(text.contains("has overflowed its stack"), "{text}");
            assert!(!text.contains("green thread"), "{text}");
            assert_eq!(ended.status.signal(), Some(SIGABRT), "{ended}");
        },
    );
}

fn read_null() {
    let nowhere = black_box(std::ptr::without_provenance::<u8>(8));
    // SAFETY: none; the fault is what this child process is for.
    black_box(unsafe { nowhere.read_volatile() });
}

#[track_caller]
fn assert_plain_fault(ended: &Ended) {
    assert!(!ended.stderr.contains("overflow"), "{ended}");
    assert_eq!(ended.status.signal(), Some(SIGSEGV), "{ended}");
}

#[test]
fn null_dereference_in_a_green_thread_is_a_plain_fault() {
    scenario(
        "null_dereference_in_a_green_thread_is_a_plain_fault",
        || greenroom::run(read_null),
        assert_plain_fault,
    );
}

#[test]
fn null_dereference_on_an_os_thread_is_a_plain_fault() {
    scenario(
        "null_dereference_on_an_os_thread_is_a_plain_fault",
        || {
            greenroom::run(|| ());
            read_null();
        },
        assert_plain_fault,
    );
}
