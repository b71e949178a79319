//! Cancels and timeouts in reads of standard input and in writes to standard output lose no byte.

use crate::common::{Flag, SHORT, assert_cancelled, let_others_run, until};
use crate::descriptors::{Replaced, fifo, replace};
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

/// Fills the pipe at 1 until nothing goes in for a while; what is left stays in the buffer.
fn print_until_full() -> (Replaced, std::io::PipeReader, usize) {
    let (reader, writer) = std::io::pipe().unwrap();
    let stdout = replace(1, writer);
    let mut lines = 0;
    while greenroom::timeout(SHORT, || greenroom::println!("{lines:07}")).is_ok() {
        lines += 1;
    }
    (stdout, reader, lines)
}

/// The line that did not go is in the buffer, once, and goes before the next one.
#[test]
fn print_out_of_time_is_neither_lost_nor_doubled() {
    let test = "interrupts::print_out_of_time_is_neither_lost_nor_doubled";
    alone(test, &PLACES, || {
        let (stdout, mut reader, lines) = print_until_full();
        let mut all = vec![0; lines * 8];
        reader.read_exact(&mut all).unwrap();
        greenroom::println!("the end");
        drop(stdout);
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).unwrap();
        all.extend(rest);
        let mut expected: String = (0..=lines).map(|n| format!("{n:07}\n")).collect();
        expected.push_str("the end\n");
        assert_eq!(String::from_utf8(all).unwrap(), expected);
    });
}
