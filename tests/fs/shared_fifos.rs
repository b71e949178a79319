//! FIFOs that several green threads read or write: no event makes all of them deaf, no piece is torn.

use super::ground::{Dir, on_green_threads, with_runtimes};
use crate::common::{Flag, assert_cancelled, let_others_run, until};
use greenroom::fs::{File, OpenOptions};
use greenroom::thread::{self, JoinHandle};
use std::io::{IoSlice, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const READERS: usize = 4;

/// Opened so that nobody waits for a partner.
fn both_ends(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.read(true).write(true).open(path).unwrap()
}

/// Handles of one open file: some are clones, some the very same.
fn handles(file: File) -> Vec<Arc<File>> {
    let clone = Arc::new(file.try_clone().unwrap());
    let file = Arc::new(file);
    let handle = |n| Arc::clone(if n % 2 == 0 { &file } else { &clone });
    (0..READERS).map(handle).collect()
}

fn byte(file: &File) -> u8 {
    let mut byte = [0];
    assert_eq!((&*file).read(&mut byte).unwrap(), 1);
    byte[0]
}

/// A green thread for each handle, which has come as far as its wait, or nearly.
fn start_readers<T: Send + 'static>(path: &Path, read: fn(&File) -> T) -> Vec<JoinHandle<T>> {
    let start = |file: Arc<File>| {
        let is_there = Flag::default();
        let there = is_there.clone();
        let reader = thread::spawn(move || {
            there.raise();
            read(&file)
        });
        until(|| is_there.is_up());
        reader
    };
    let readers = handles(both_ends(path)).into_iter().map(start).collect();
    let_others_run();
    readers
}

#[test]
fn one_byte_for_four_readers_lets_three_end_at_their_deadline() {
    on_green_threads(|_, dir| {
        let fifo = dir.fifo("fifo");
        let mut writer = both_ends(&fifo);
        let readers = start_readers(&fifo, |file| {
            greenroom::timeout(Duration::from_millis(300), || byte(file)).ok()
        });
        writer.write_all(b"x").unwrap();
        let read: Vec<_> = readers.into_iter().map(|r| r.join().unwrap()).collect();
        let got = read.iter().filter(|byte| **byte == Some(b'x')).count();
        assert_eq!(got, 1, "{read:?}");
    });
}

#[test]
fn one_byte_for_four_readers_leaves_three_that_can_be_cancelled() {
    on_green_threads(|_, dir| {
        let fifo = dir.fifo("fifo");
        let mut writer = both_ends(&fifo);
        let readers = start_readers(&fifo, byte);
        writer.write_all(b"x").unwrap();
        until(|| readers.iter().any(JoinHandle::is_finished));
        let (happy, deaf): (Vec<_>, Vec<_>) = readers.into_iter().partition(|r| r.is_finished());
        assert_eq!((happy.len(), deaf.len()), (1, READERS - 1));
        // Time to get stuck where no cancel is heard.
        thread::sleep(Duration::from_millis(50));
        for reader in &deaf {
            reader.cancel();
        }
        deaf.into_iter().for_each(|r| assert_cancelled(r.join()));
    });
}

/// Whoever is cancelled in front of the others passes on what came.
#[test]
fn reader_cancelled_at_the_head_of_its_turn_leaves_the_byte_to_the_next() {
    on_green_threads(|_, dir| {
        let fifo = dir.fifo("fifo");
        let mut writer = both_ends(&fifo);
        let file = Arc::new(both_ends(&fifo));
        let mut readers = Vec::new();
        for _ in 0..READERS {
            let (file, is_there) = (Arc::clone(&file), Flag::default());
            let there = is_there.clone();
            readers.push(thread::spawn(move || {
                there.raise();
                byte(&file)
            }));
            until(|| is_there.is_up());
        }
        let last = readers.pop().unwrap();
        for reader in &readers {
            reader.cancel();
        }
        readers.into_iter().for_each(|r| assert_cancelled(r.join()));
        writer.write_all(b"y").unwrap();
        assert_eq!(last.join().unwrap(), b'y');
    });
}

/// What is shorter than `PIPE_BUF` goes in whole, whatever it is made of, as by writev(2).
#[test]
fn vectored_writes_of_many_to_a_fifo_never_interleave() {
    const WRITERS: usize = 8;
    const LINES: usize = 200;
    with_runtimes(|rt, dir| {
        let fifo = dir.fifo("fifo");
        let reader = both_ends(&fifo);
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| {
                // Separate opens, so that only the kernel keeps them apart.
                let file = both_ends(&fifo);
                rt.spawn(move || {
                    let (head, body) = (format!("{n}:"), format!("{n}\n"));
                    let line = [head, body];
                    for _ in 0..LINES {
                        let parts = line.each_ref().map(|part| IoSlice::new(part.as_bytes()));
                        assert_eq!((&file).write_vectored(&parts).unwrap(), 4);
                    }
                })
            })
            .collect();
        let text = rt.run(|| {
            let mut bytes = vec![0; WRITERS * LINES * 4];
            (&reader).read_exact(&mut bytes).unwrap();
            String::from_utf8(bytes).unwrap()
        });
        writers.into_iter().for_each(|w| w.join().unwrap());
        for line in text.lines() {
            assert!(line.len() == 3 && line[..1] == line[2..], "{line}");
        }
    });
}

/// Cut in the middle of buffers, nothing is lost, doubled or moved.
#[test]
fn long_vectored_write_to_a_fifo_arrives_in_order() {
    with_runtimes(|rt, dir| {
        let fifo = dir.fifo("fifo");
        let reader = both_ends(&fifo);
        let sizes = [0, 1, 4095, 3, 0, 10_000, 4096, 4097, 70_000, 0, 5];
        let sent: Vec<Vec<u8>> = sizes
            .iter()
            .enumerate()
            .map(|(n, &size)| {
                (0..size)
                    .map(|at| u8::try_from(at % 200 + n).unwrap())
                    .collect()
            })
            .collect();
        let expected = sent.concat();
        let writer = both_ends(&fifo);
        let writing = rt.spawn(move || {
            let parts: Vec<_> = sent.iter().map(|part| IoSlice::new(part)).collect();
            (&writer).write_vectored(&parts).unwrap()
        });
        let mut bytes = vec![0; expected.len()];
        rt.run(|| (&reader).read_exact(&mut bytes).unwrap());
        assert_eq!(writing.join().unwrap(), expected.len());
        assert!(bytes == expected);
    });
}

#[test]
fn read_of_nothing_from_a_silent_fifo_returns_at_once() {
    on_green_threads(|_, dir: &Dir| {
        let file = both_ends(&dir.fifo("fifo"));
        // The second knows what the first found out.
        for _ in 0..2 {
            let read = greenroom::timeout(Duration::from_millis(300), || (&file).read(&mut []));
            assert_eq!(read.unwrap().unwrap(), 0);
            let file = &file;
            let none = greenroom::timeout(Duration::from_millis(5), move || {
                let mut file = file;
                file.read(&mut [0])
            });
            assert!(none.is_err());
        }
    });
}

/// Each reader has opened it for itself: an event wakes them all the same.
#[test]
fn one_byte_for_twenty_who_opened_it_themselves_lets_the_others_end_at_their_deadline() {
    on_green_threads(|_, dir| {
        let fifo = dir.fifo("fifo");
        let mut writer = both_ends(&fifo);
        for _ in 0..5 {
            let start = |_| {
                let file = File::open(&fifo).unwrap();
                thread::spawn(move || {
                    greenroom::timeout(Duration::from_millis(60), || byte(&file)).ok()
                })
            };
            let readers: Vec<_> = (0..20).map(start).collect();
            let_others_run();
            writer.write_all(b"x").unwrap();
            let read: Vec<_> = readers.into_iter().map(|r| r.join().unwrap()).collect();
            let got = read.iter().filter(|byte| **byte == Some(b'x')).count();
            assert_eq!(got, 1, "{read:?}");
        }
    });
}
