//! Cancels and timeouts in reads of standard input and in writes to standard output lose no byte.

use crate::common::{Flag, SHORT, assert_cancelled, let_others_run, until};
use crate::descriptors::{fifo, replace};
use crate::{GREEN, PLACES, alone};
use greenroom::io::{self, BufRead, Read, Write};
use greenroom::thread;
use std::fs::File;
use std::os::fd::OwnedFd;

/// Calls that need more than the half line that is there.
const CALLS: [fn(); 8] = [
    || drop(io::stdin().read_line(&mut String::new())),
    || drop(io::stdin().lock().read_until(b'\n', &mut Vec::new())),
    || drop(io::stdin().lines().next()),
    || drop(io::stdin().lock().split(b'\n').next()),
    || drop(io::stdin().read_exact(&mut [0; 100])),
    || drop(io::stdin().read_exact(&mut [0; 20_000])),
    || drop(io::stdin().read_to_end(&mut Vec::new())),
    || drop(io::stdin().read_to_string(&mut String::from("x"))),
];

/// Files that know how not to wait, and files that do not.
fn channels() -> [(OwnedFd, File); 3] {
    let (reader, writer) = std::io::pipe().unwrap();
    let (fifo_reader, fifo_writer) = fifo();
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    [
        (reader.into(), File::from(OwnedFd::from(writer))),
        (fifo_reader.into(), fifo_writer),
        (ours.into(), File::from(OwnedFd::from(theirs))),
    ]
}

fn next_line() -> String {
    let mut line = String::new();
    io::stdin().read_line(&mut line).unwrap();
    line
}

#[test]
fn read_out_of_time_takes_nothing() {
    alone(
        "interrupts::read_out_of_time_takes_nothing",
        &PLACES,
        || {
            for (reader, mut writer) in channels() {
                let _stdin = replace(0, reader);
                for call in CALLS {
                    writer.write_all(b"first\nthe second ").unwrap();
                    assert_eq!(next_line(), "first\n");
                    assert!(greenroom::timeout(SHORT, call).is_err());
                    // What is in flight goes back in front of what comes.
                    writer.write_all(b"line").unwrap();
                    assert!(greenroom::timeout(SHORT, call).is_err());
                    writer.write_all(b"\nthird\n").unwrap();
                    assert_eq!(next_line(), "the second line\n");
                    assert_eq!(next_line(), "third\n");
                }
            }
        },
    );
}

#[test]
fn read_cancelled_takes_nothing() {
    alone("interrupts::read_cancelled_takes_nothing", &GREEN, || {
        for (reader, mut writer) in channels() {
            let _stdin = replace(0, reader);
            for call in CALLS {
                writer.write_all(b"half ").unwrap();
                let is_there = Flag::default();
                let there = is_there.clone();
                let waiting = thread::spawn(move || {
                    there.raise();
                    call();
                });
                until(|| is_there.is_up());
                let_others_run();
                waiting.cancel();
                assert_cancelled(waiting.join());
                writer.write_all(b"a line\n").unwrap();
                assert_eq!(next_line(), "half a line\n");
            }
        }
    });
}

/// What is longer than the buffer goes back whole.
#[test]
fn long_line_that_was_cut_comes_whole() {
    alone(
        "interrupts::long_line_that_was_cut_comes_whole",
        &PLACES,
        || {
            let (reader, mut writer) = std::io::pipe().unwrap();
            let _stdin = replace(0, reader);
            writer.write_all(&[b'x'; 60_000]).unwrap();
            for call in CALLS {
                if std::ptr::fn_addr_eq(call, CALLS[4]) || std::ptr::fn_addr_eq(call, CALLS[5]) {
                    continue;
                }
                assert!(greenroom::timeout(SHORT, call).is_err());
            }
            writer.write_all(b"\nnext\n").unwrap();
            assert_eq!(next_line().len(), 60_001);
            assert_eq!(next_line(), "next\n");
        },
    );
}

/// Who waits for the lock, and not for input.
#[test]
fn waiter_for_the_lock_is_cancelled() {
    alone(
        "interrupts::waiter_for_the_lock_is_cancelled",
        &GREEN,
        || {
            let (reader, _writer) = std::io::pipe().unwrap();
            let _stdin = replace(0, reader);
            let lock = io::stdin().lock();
            let waiting = thread::spawn(|| io::stdin().read(&mut [0]).unwrap());
            let_others_run();
            waiting.cancel();
            assert_cancelled(waiting.join());
            drop(lock);
            assert!(greenroom::timeout(SHORT, || io::stdin().read(&mut [0]).unwrap()).is_err());
        },
    );
}

/// Prints numbered lines until nothing goes in any more; returns which of them were printed.
pub(crate) fn print_until_full() -> Vec<bool> {
    // On a loaded machine the time may be up before the call has even begun: that is not "full".
    const REFUSED_IN_A_ROW: usize = 20;
    let mut printed = Vec::new();
    while !printed.ends_with(&[false; REFUSED_IN_A_ROW]) {
        let n = printed.len();
        let outcome = greenroom::timeout(SHORT, || greenroom::println!("<{n:05}>"));
        printed.push(outcome.is_ok());
    }
    printed
}

/// What was printed is there, once, in order; of what was interrupted, the first line that came as far
/// as the buffer, too: it goes before the next one, and those after it waited for it.
#[track_caller]
pub(crate) fn check_lines(text: &str, printed: &[bool]) {
    let line = |n: usize| format!("<{n:05}>");
    let found: Vec<&str> = text.lines().collect();
    assert!(
        found.is_sorted() && !found.windows(2).any(|two| two[0] == two[1]),
        "doubled"
    );
    let all: Vec<String> = (0..printed.len()).map(line).collect();
    let is_known = |line: &&str| {
        all.binary_search_by(|known| known.as_str().cmp(line))
            .is_ok()
    };
    assert!(found.iter().all(is_known));
    let is_found = |n: &usize| found.binary_search(&all[*n].as_str()).is_ok();
    let mut lost = (0..printed.len()).filter(|n| printed[*n] && !is_found(n));
    assert_eq!(lost.next(), None, "lost");
    let refused = printed.len() - 20..printed.len();
    assert_eq!(refused.filter(is_found).count(), 1, "it was in the buffer");
}

#[test]
fn print_out_of_time_is_neither_lost_nor_doubled() {
    let test = "interrupts::print_out_of_time_is_neither_lost_nor_doubled";
    alone(test, &PLACES, || {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let stdout = replace(1, writer);
        let printed = print_until_full();
        let reading = std::thread::spawn(move || {
            let mut all = String::new();
            reader.read_to_string(&mut all).unwrap();
            all
        });
        greenroom::println!("the end");
        drop(stdout);
        let all = reading.join().unwrap();
        check_lines(all.strip_suffix("the end\n").unwrap(), &printed);
    });
}

/// Nothing is left to register, so the input is asked now and then.
#[test]
fn read_without_a_descriptor_left_is_out_of_time_and_takes_nothing() {
    let test = "interrupts::read_without_a_descriptor_left_is_out_of_time_and_takes_nothing";
    alone(test, &GREEN, || {
        let (reader, mut writer) = fifo();
        let _stdin = replace(0, reader);
        let mut all = Vec::new();
        while let Ok(file) = File::open("/dev/null") {
            all.push(file);
        }
        assert!(greenroom::timeout(SHORT, next_line).is_err());
        writer.write_all(b"a line\n").unwrap();
        assert_eq!(next_line(), "a line\n");
    });
}
