//! Pipes that park: interrupts, crowds, selects, and std's types in and out.

use crate::common::{Flag, Rt, SHORT, assert_cancelled, let_others_run, until, watchdog};
use crate::flags;
use greenroom::io::{self, PipeReader, PipeWriter, Read, Write, pipe};
use greenroom::{Elapsed, thread};
use std::os::fd::{AsFd, OwnedFd};

/// More than a pipe holds.
const LARGE: usize = 300_000;

/// Fills the pipe; returns how much it took.
fn fill(writer: &PipeWriter) -> usize {
    let mut filled = 0;
    while greenroom::select! {
        writable(writer) -> result => result.map(|()| true).unwrap(),
        default => false,
    } {
        filled += (&mut &*writer).write(&[b'.'; 4096]).unwrap();
    }
    filled
}

#[test]
fn read_cancelled_or_out_of_time_takes_nothing() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        Rt::with_workers(workers).run(|| {
            let (reader, mut writer) = pipe().unwrap();
            let is_there = Flag::default();
            let there = is_there.clone();
            let second = reader.try_clone().unwrap();
            let waiting = thread::spawn(move || {
                there.raise();
                (&second).read(&mut [0; 8]).unwrap()
            });
            until(|| is_there.is_up());
            let_others_run();
            waiting.cancel();
            assert_cancelled(waiting.join());
            let outcome = greenroom::timeout(SHORT, || (&reader).read(&mut [0; 8]).unwrap());
            assert!(matches!(outcome, Err(Elapsed { .. })));
            writer.write_all(b"all").unwrap();
            let mut buf = [0; 8];
            assert_eq!((&reader).read(&mut buf).unwrap(), 3);
        });
    }
}

#[test]
fn write_out_of_time_tells_what_it_has_written() {
    let _watchdog = watchdog();
    Rt::with_workers(1).run(|| {
        let (mut reader, mut writer) = pipe().unwrap();
        // The count wins over the interrupt, which the next call meets.
        let mut written = 0;
        let outcome = greenroom::timeout(SHORT, || {
            written = writer.write(&[7; LARGE]).unwrap();
            writer.write_all(&[8; 1]).unwrap();
        });
        assert!(outcome.is_err());
        assert!(written < LARGE);
        drop(writer);
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        assert_eq!(all, vec![7; written]);
    });
}

#[test]
fn timeouts_hold_on_os_threads_too() {
    let _watchdog = watchdog();
    let (mut reader, _writer) = pipe().unwrap();
    let outcome = greenroom::timeout(SHORT, || reader.read(&mut [0]).unwrap());
    assert!(outcome.is_err());
}

#[test]
fn ten_thousand_rounds_between_two_workers() {
    const ROUNDS: u32 = 10_000;
    let _watchdog = watchdog();
    let (a, b) = (Rt::with_workers(1), Rt::with_workers(1));
    let (mut questions, mut ask) = pipe().unwrap();
    let (mut answers, mut answer) = pipe().unwrap();
    let asker = a.spawn(move || {
        for n in 0..ROUNDS {
            ask.write_all(&n.to_le_bytes()).unwrap();
            let mut got = [0; 4];
            answers.read_exact(&mut got).unwrap();
            assert_eq!(u32::from_le_bytes(got), n + 1);
        }
    });
    let answerer = b.spawn(move || {
        let mut got = [0; 4];
        while questions.read_exact(&mut got).is_ok() {
            let n = u32::from_le_bytes(got) + 1;
            answer.write_all(&n.to_le_bytes()).unwrap();
        }
    });
    asker.join().unwrap();
    answerer.join().unwrap();
}

#[test]
fn five_hundred_blocked_at_both_ends_leave_the_worker_free() {
    let _watchdog = watchdog();
    let rt = Rt::with_workers(1);
    rt.run(|| {
        let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
        let full: Vec<(PipeReader, PipeWriter)> = (0..250).map(|_| pipe().unwrap()).collect();
        let empty: Vec<(PipeReader, PipeWriter)> = (0..250).map(|_| pipe().unwrap()).collect();
        let filled: Vec<usize> = full.iter().map(|(_, writer)| fill(writer)).collect();
        let before = threads();
        thread::scope(|s| {
            for (_, writer) in &full {
                s.spawn(move || (&mut &*writer).write_all(b"more").unwrap());
            }
            for (reader, _) in &empty {
                s.spawn(move || (&mut &*reader).read_exact(&mut [0; 4]).unwrap());
            }
            let_others_run();
            // Other tests of this process may start a few at the same time.
            assert!(threads() < before + 64, "{before} -> {}", threads());
            for ((reader, _), filled) in full.iter().zip(&filled) {
                let mut all = vec![0; filled + 4];
                (&mut &*reader).read_exact(&mut all).unwrap();
                assert!(all.ends_with(b".more"));
            }
            for (_, writer) in &empty {
                (&mut &*writer).write_all(b"come").unwrap();
            }
        });
    });
}

#[test]
fn select_hears_both_ends() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        Rt::with_workers(workers).run(select_both_ends);
    }
    select_both_ends();
}

fn select_both_ends() {
    let (mut reader, mut writer) = pipe().unwrap();
    let state = |reader: &PipeReader, writer: &PipeWriter| {
        greenroom::select! {
            readable(reader) -> result => { result.unwrap(); "readable" },
            writable(writer) -> result => { result.unwrap(); "writable" },
            default => "neither",
        }
    };
    assert_eq!(state(&reader, &writer), "writable");
    let filled = fill(&writer);
    assert_eq!(state(&reader, &writer), "readable");
    // Waits for room.
    let second = writer.try_clone().unwrap();
    thread::scope(|s| {
        s.spawn(|| {
            greenroom::select! {
                writable(second) -> result => result.unwrap(),
            }
        });
        reader.read_exact(&mut vec![0; filled]).unwrap();
    });
    // Waits for data.
    thread::scope(|s| {
        s.spawn(|| {
            greenroom::select! {
                readable(reader) -> result => result.unwrap(),
            }
        });
        writer.write_all(b"x").unwrap();
    });
    reader.read_exact(&mut [0]).unwrap();
    // The end of the stream is readable.
    drop((writer, second));
    greenroom::select! {
        readable(reader) -> result => result.unwrap(),
    }
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
}

#[test]
fn ends_go_to_std_and_come_back() {
    let _watchdog = watchdog();
    Rt::with_workers(1).run(|| {
        let (reader, writer) = pipe().unwrap();
        let before = (flags(&reader), flags(&writer));
        // Registered by a wait.
        let outcome = greenroom::timeout(SHORT, || (&reader).read(&mut [0]).unwrap());
        assert!(outcome.is_err());
        let theirs: std::io::PipeReader = reader.into_std();
        let mut their_writer: std::io::PipeWriter = writer.into();
        their_writer.write_all(b"one").unwrap();
        let mut reader = PipeReader::from(theirs);
        let mut writer = PipeWriter::from(their_writer);
        reader.read_exact(&mut [0; 3]).unwrap();
        let waiting = thread::spawn(move || {
            let mut all = String::new();
            reader.read_to_string(&mut all).unwrap();
            (all, flags(&reader))
        });
        let_others_run();
        writer.write_all(b"two").unwrap();
        assert_eq!(flags(&writer), before.1);
        drop(writer);
        assert_eq!(waiting.join().unwrap(), ("two".to_owned(), before.0));
    });
}

/// A FIFO's, a socket's: what has no call that never waits goes other ways.
#[test]
fn ends_adopted_from_other_files_work() {
    let _watchdog = watchdog();
    Rt::with_workers(1).run(|| {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let mut reader = PipeReader::from(OwnedFd::from(ours));
        let mut writer = PipeWriter::from(theirs.as_fd().try_clone_to_owned().unwrap());
        let waiting = thread::spawn(move || {
            let mut all = String::new();
            reader.read_to_string(&mut all).unwrap();
            all
        });
        let_others_run();
        writer.write_all(b"a socket").unwrap();
        drop((writer, theirs));
        assert_eq!(waiting.join().unwrap(), "a socket");
    });
}

#[test]
fn module_has_all_of_std_io() {
    use greenroom::io::prelude::*;
    let mut text = io::Cursor::new(b"a\nb\n".to_vec());
    text.seek(io::SeekFrom::Start(2)).unwrap();
    let lines: Vec<String> = io::BufReader::new(text)
        .lines()
        .map_while(Result::ok)
        .collect();
    assert_eq!(lines, ["b"]);
    let error: std::io::Error = io::Error::other("x");
    assert_eq!(error.to_string(), "x");
    assert_eq!(
        io::copy(&mut io::repeat(1).take(9), &mut io::sink()).unwrap(),
        9
    );
}
