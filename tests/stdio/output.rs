//! Standard output and error: full, slow, closed, broken, exchanged; nothing is lost or mixed up.

use crate::common::{Flag, let_others_run, text, until};
use crate::descriptors::{dup2, file, replace, scratch, shut, terminal};
use crate::{GREEN, PLACES, alone, flags, os_threads};
use greenroom::io::{self, Write};
use greenroom::thread;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::OwnedFd;
use std::panic::catch_unwind;

fn numbers(count: usize) -> String {
    (0..count).map(|n| format!("number {n}\n")).collect()
}

/// Files that are full after a while: for 1 or 2, and who empties them.
fn channels() -> [(OwnedFd, File); 3] {
    let (reader, writer) = std::io::pipe().unwrap();
    let (fifo_reader, fifo_writer) = crate::descriptors::fifo();
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    [
        (writer.into(), File::from(OwnedFd::from(reader))),
        (fifo_writer.into(), fifo_reader),
        (ours.into(), File::from(OwnedFd::from(theirs))),
    ]
}

/// The neighbours on its worker go on, and so do those of the other stream.
#[test]
fn full_stream_parks_only_its_writer() {
    alone("output::full_stream_parks_only_its_writer", &GREEN, || {
        for number in [1, 2] {
            for (kind, (full, mut reader)) in ["pipe", "fifo", "socket"].into_iter().zip(channels())
            {
                let stream = replace(number, full);
                let before = flags(number);
                let threads = os_threads();
                let is_done = Flag::default();
                let done = is_done.clone();
                let expected = numbers(50_000);
                let wanted = expected.len();
                let printing = thread::spawn(move || {
                    match number {
                        1 => io::stdout().write_all(expected.as_bytes()).unwrap(),
                        _ => io::stderr().write_all(expected.as_bytes()).unwrap(),
                    }
                    io::stdout().flush().unwrap();
                    done.raise();
                });
                let neighbour = thread::spawn(|| (0..10_000).for_each(|_| thread::yield_now()));
                neighbour.join().unwrap();
                assert!(!is_done.is_up(), "it is full");
                assert_eq!(flags(number), before, "while it is full");
                // Who waits takes none; the pieces that a FIFO takes go to the pool, within its bound.
                let more = if kind == "fifo" { 64 } else { 0 };
                assert!(os_threads() <= threads + more, "{kind}");
                let reading = std::thread::spawn(move || {
                    let mut all = vec![0; wanted];
                    for part in all.chunks_mut(5000) {
                        reader.read_exact(part).unwrap();
                    }
                    all
                });
                printing.join().unwrap();
                assert_eq!(flags(number), before, "afterwards");
                drop(stream);
                assert!(reading.join().unwrap() == numbers(50_000).as_bytes());
            }
        }
    });
}

/// Which has no call that never waits: a thread of the pool may, the worker does not.
#[test]
fn slow_terminal_gets_all_of_a_long_text() {
    alone(
        "output::slow_terminal_gets_all_of_a_long_text",
        &PLACES,
        || {
            let (mut master, slave) = terminal();
            let stream = replace(1, slave);
            let before = flags(1);
            let reading = std::thread::spawn(move || {
                let mut all = vec![0; 100_000];
                for part in all.chunks_mut(1000) {
                    master.read_exact(part).unwrap();
                }
                (all, master)
            });
            let text: Vec<u8> = (0..100_000u32)
                .map(|n| b'a' + (n / 97 % 26) as u8)
                .collect();
            io::stdout().write_all(&text).unwrap();
            io::stdout().flush().unwrap();
            assert_eq!(flags(1), before);
            let (all, _master) = reading.join().unwrap();
            drop(stream);
            assert!(all == text);
        },
    );
}

#[test]
fn what_a_lock_s_owner_writes_stays_together() {
    alone(
        "output::what_a_lock_s_owner_writes_stays_together",
        &PLACES,
        || {
            let (mut reader, writer) = std::io::pipe().unwrap();
            let stream = replace(1, writer);
            let reading = std::thread::spawn(move || {
                let mut all = String::new();
                reader.read_to_string(&mut all).unwrap();
                all
            });
            thread::scope(|s| {
                for who in 0..20 {
                    s.spawn(move || {
                        for n in 0..50 {
                            let mut lock = io::stdout().lock();
                            writeln!(lock, "[{who} {n}").unwrap();
                            lock.flush().unwrap();
                            thread::yield_now();
                            // Re-entrant.
                            greenroom::println!("{}", "x".repeat(500));
                            io::stdout().write_all(b"]\n").unwrap();
                        }
                    });
                }
            });
            drop(stream);
            let all = reading.join().unwrap();
            let blocks: Vec<&str> = all.split_terminator("]\n").collect();
            assert_eq!(blocks.len(), 1000);
            for block in blocks {
                let (head, body) = block.split_once('\n').unwrap();
                assert!(
                    head.starts_with('[') && body.trim_end() == "x".repeat(500),
                    "{block}"
                );
            }
        },
    );
}

macro_rules! same_words {
    ($name:ident, $io:path, $print:path, $println:path, $eprint:path, $eprintln:path) => {
        mod $name {
            use io::{IoSlice, Write};
            use $eprint as eprint;
            use $eprintln as eprintln;
            use $io as io;
            use $print as print;
            use $println as println;

            pub(super) fn say() {
                let name = "name";
                print!("");
                print!("a{}b\nc", 1);
                println!();
                println!("plain");
                println!("{name} {:?} {1:>5} {n:.2} {{}}", Some("x"), 7, n = 1.0);
                println!("{}", format_args!("{name}\n{name}"));
                eprint!("a{}b\nc", 1);
                eprintln!();
                eprintln!("{name:?} {}", 2,);
                let mut stdout = io::stdout();
                writeln!(stdout, "{:#?}", (1, [2])).unwrap();
                assert_eq!(stdout.write(b"one\ntwo").unwrap(), 7);
                assert_eq!((&stdout).write(b"\n").unwrap(), 1);
                let parts = [
                    IoSlice::new(b"v1 "),
                    IoSlice::new(b""),
                    IoSlice::new(b"v2\n"),
                ];
                assert_eq!(stdout.write_vectored(&parts).unwrap(), 6);
                assert_eq!(io::stderr().write_vectored(&parts).unwrap(), 6);
                assert_eq!(stdout.write(&[b'.'; 5000]).unwrap(), 5000);
                io::stdout().lock().write_all(b"no end").unwrap();
                stdout.flush().unwrap();
                let unit: () = println!("an expression");
                let () = unit;
            }

            /// What a stream that takes nothing does to those who print.
            pub(super) fn fail(number: i32) {
                match number {
                    1 => println!("lost"),
                    _ => eprintln!("lost"),
                }
            }

            pub(super) fn write(number: i32) -> std::io::Result<usize> {
                let long = &[b'x'; 3000];
                match number {
                    1 => io::stdout()
                        .write(long)
                        .and_then(|n| io::stdout().flush().map(|()| n)),
                    _ => io::stderr().write(long),
                }
            }
        }
    };
}

same_words!(
    theirs,
    std::io,
    std::print,
    std::println,
    std::eprint,
    std::eprintln
);
same_words!(
    ours,
    greenroom::io,
    greenroom::print,
    greenroom::println,
    greenroom::eprint,
    greenroom::eprintln
);

fn said(say: fn()) -> String {
    let mut out = file(b"");
    let streams = (replace(1, &out), replace(2, &out));
    say();
    drop(streams);
    let mut all = String::new();
    out.rewind().unwrap();
    out.read_to_string(&mut all).unwrap();
    all
}

#[test]
fn words_are_std_s() {
    alone("output::words_are_std_s", &PLACES, || {
        let (expected, found) = (said(theirs::say), said(ours::say));
        assert_eq!(found, expected);
        assert!(found.contains("name Some(\"x\")"), "{found}");
    });
}

fn outcome_of(print: fn(i32), number: i32) -> String {
    match catch_unwind(|| print(number)) {
        Ok(()) => "printed".to_owned(),
        Err(payload) => text(payload.as_ref()).to_owned(),
    }
}

/// What a stream in that state does to std's and to ours; the same, and that is returned.
#[track_caller]
fn same_failures(number: i32) -> String {
    // Before anything fails: std's buffer keeps what it could not write.
    let written = format!("{:?}", theirs::write(number));
    assert_eq!(format!("{:?}", ours::write(number)), written);
    let outcome = outcome_of(theirs::fail, number);
    assert_eq!(outcome_of(ours::fail, number), outcome);
    outcome
}

#[test]
fn broken_full_and_closed_streams_are_met_as_in_std() {
    let test = "output::broken_full_and_closed_streams_are_met_as_in_std";
    alone(test, &PLACES, || {
        std::panic::set_hook(Box::new(|_| ()));
        for (number, name) in [(1, "stdout"), (2, "stderr")] {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let stream = replace(number, writer);
            let outcome = same_failures(number);
            drop(stream);
            assert_eq!(
                outcome,
                format!("failed printing to {name}: Broken pipe (os error 32)")
            );
            let full = File::options().write(true).open("/dev/full").unwrap();
            let stream = replace(number, full);
            let outcome = same_failures(number);
            drop(stream);
            assert_eq!(
                outcome,
                format!("failed printing to {name}: No space left on device (os error 28)")
            );
            let stream = shut(number);
            let outcome = same_failures(number);
            drop(stream);
            assert_eq!(outcome, "printed", "a closed stream swallows");
            let stream = replace(number, File::open("/dev/null").unwrap());
            let outcome = same_failures(number);
            drop(stream);
            assert_eq!(outcome, "printed", "and so does one that is only read");
        }
        drop(std::panic::take_hook());
    });
}

/// After std's test of that name.
#[test]
fn switch_stdout() {
    alone("output::switch_stdout", &PLACES, || {
        let path = scratch("switched");
        let first = file(b"");
        let mut stdout = io::stdout();
        let stream = replace(1, &first);
        stdout.write_all(b"foo\n").unwrap();
        stdout.flush().unwrap();
        dup2(&File::create(&path).unwrap(), 1);
        stdout.write_all(b"bar\n").unwrap();
        stdout.flush().unwrap();
        dup2(&first, 1);
        stdout.write_all(b"baz\n").unwrap();
        stdout.flush().unwrap();
        drop(stream);
        assert_eq!(std::fs::read(&path).unwrap(), b"bar\n");
        std::fs::remove_file(path).unwrap();
        let (mut first, mut all) = (first, String::new());
        first.rewind().unwrap();
        first.read_to_string(&mut all).unwrap();
        assert_eq!(all, "foo\nbaz\n");
    });
}

/// Who waits for a full pipe, waits for that one; the next write goes to what is there then.
#[test]
fn stdout_exchanged_under_a_waiting_writer() {
    alone(
        "output::stdout_exchanged_under_a_waiting_writer",
        &GREEN,
        || {
            let (mut reader, writer) = std::io::pipe().unwrap();
            let stream = replace(1, writer);
            let is_done = Flag::default();
            let done = is_done.clone();
            let printing = thread::spawn(move || {
                io::stdout().write_all(&[b'.'; 100_000]).unwrap();
                done.raise();
                io::stdout().write_all(b"later\n").unwrap();
            });
            let_others_run();
            let mut second = file(b"");
            dup2(&second, 1);
            assert!(!is_done.is_up());
            // The writer's own duplicate is the only one left.
            let mut all = Vec::new();
            let reading = std::thread::spawn(move || {
                reader.read_to_end(&mut all).unwrap();
                all.len()
            });
            until(|| is_done.is_up());
            printing.join().unwrap();
            drop(stream);
            let first = reading.join().unwrap();
            let mut rest = String::new();
            second.rewind().unwrap();
            second.read_to_string(&mut rest).unwrap();
            assert!(rest.ends_with("later\n"));
            assert_eq!(first + rest.len(), 100_000 + 6);
        },
    );
}

#[test]
fn terminals_are_told_from_other_files() {
    alone(
        "output::terminals_are_told_from_other_files",
        &PLACES,
        || {
            use io::IsTerminal;
            let (master, slave) = terminal();
            assert!(
                master.is_terminal() && OwnedFd::from(slave.try_clone().unwrap()).is_terminal()
            );
            let none = replace(0, file(b""));
            assert!(!io::stdin().is_terminal() && !std::io::stdin().is_terminal());
            drop(none);
            let stdin = replace(0, &slave);
            let stdout = replace(1, &slave);
            let stderr = replace(2, &slave);
            let all = [
                io::stdin().is_terminal(),
                io::stdin().lock().is_terminal(),
                io::stdout().is_terminal(),
                io::stdout().lock().is_terminal(),
                io::stderr().is_terminal(),
                io::stderr().lock().is_terminal(),
            ];
            drop((stdin, stdout, stderr));
            assert_eq!(all, [true; 6]);
        },
    );
}

#[test]
fn children_are_given_our_streams() {
    alone("output::children_are_given_our_streams", &PLACES, || {
        let mut out = file(b"");
        let streams = (replace(1, &out), replace(2, &out));
        let status = std::process::Command::new("sh")
            .args(["-c", "echo to stdout; echo to stderr >&2"])
            .stdout(io::stderr())
            .stderr(io::stdout())
            .status()
            .unwrap();
        drop(streams);
        assert!(status.success());
        let mut all = String::new();
        out.rewind().unwrap();
        out.read_to_string(&mut all).unwrap();
        assert_eq!(all, "to stdout\nto stderr\n");
    });
}
