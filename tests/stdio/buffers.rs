//! std's buffers over the standard streams, and sizes at which the buffer is gone around.

use crate::descriptors::{file, replace};
use crate::{PLACES, alone};
use greenroom::io::{self, BufRead, BufReader, BufWriter, LineWriter, Read, Write};
use greenroom::thread;
use std::io::Seek;

#[test]
fn buffers_of_std_work_over_the_handles() {
    alone(
        "buffers::buffers_of_std_work_over_the_handles",
        &PLACES,
        || {
            let text: String = (0..10_000).map(|n| format!("{n}\n")).collect();
            let mut out = file(b"");
            let streams = (replace(0, file(text.as_bytes())), replace(1, &out));
            let mut lines = LineWriter::new(io::stdout());
            let mut rest = BufWriter::with_capacity(100, io::stdout());
            let input = BufReader::with_capacity(10, io::stdin());
            for (n, line) in input.lines().enumerate() {
                let line = line.unwrap();
                if n < 5000 {
                    writeln!(lines, "{line}").unwrap();
                } else {
                    writeln!(rest, "{line}").unwrap();
                }
            }
            drop((lines, rest));
            io::stdout().flush().unwrap();
            drop(streams);
            let mut found = String::new();
            out.rewind().unwrap();
            out.read_to_string(&mut found).unwrap();
            assert!(found == text);
        },
    );
}

#[test]
fn copy_from_stdin_to_stdout_is_whole() {
    alone(
        "buffers::copy_from_stdin_to_stdout_is_whole",
        &PLACES,
        || {
            let (input, mut feed) = io::pipe().unwrap();
            let (mut drain, output) = io::pipe().unwrap();
            let streams = (replace(0, input), replace(1, output));
            let bytes: Vec<u8> = (0..1_000_000u32).map(|n| n.to_le_bytes()[1]).collect();
            let expected = bytes.clone();
            let feeding = thread::spawn(move || feed.write_all(&bytes).unwrap());
            let draining = thread::spawn(move || {
                let mut all = Vec::new();
                drain.read_to_end(&mut all).unwrap();
                all
            });
            let count = io::copy(&mut io::stdin(), &mut io::stdout()).unwrap();
            io::stdout().flush().unwrap();
            drop(streams);
            assert_eq!(count, 1_000_000);
            feeding.join().unwrap();
            assert!(draining.join().unwrap() == expected);
        },
    );
}

#[test]
fn reads_of_every_size_give_the_bytes_in_order() {
    alone(
        "buffers::reads_of_every_size_give_the_bytes_in_order",
        &PLACES,
        || {
            let bytes: Vec<u8> = (0..200_000u32).map(|n| n.to_le_bytes()[1]).collect();
            let stream = replace(0, file(&bytes));
            let mut found = Vec::new();
            for size in (1..).map(|n| n * 777 % 20_000) {
                let mut some = vec![0; size];
                let count = io::stdin().read(&mut some).unwrap();
                found.extend_from_slice(&some[..count]);
                if count == 0 {
                    break;
                }
            }
            drop(stream);
            assert!(found == bytes);
        },
    );
}
