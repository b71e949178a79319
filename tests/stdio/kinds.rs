//! Every kind of file as standard input: a row of reads gives the same by std's handle and by ours.

use crate::common::watchdog;
use crate::descriptors::{close, file, terminal};
use crate::{PLACES, flags, reexec, run_at};
use std::any::Any;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::process::Stdio;

macro_rules! reads_of {
    ($name:ident, $io:path) => {
        mod $name {
            use io::{BufRead, IoSliceMut, IsTerminal, Read};
            use std::fmt::Write;
            use $io as io;

            /// What a row of reads returns.
            pub(super) fn all() -> String {
                let mut told = String::new();
                let mut tell = |what: &str, value: &dyn std::fmt::Debug| {
                    writeln!(told, "{what}: {value:?}").unwrap();
                };
                let stdin = io::stdin();
                tell("terminal", &stdin.is_terminal());
                let mut line = String::from("line: ");
                tell("read_line", &stdin.read_line(&mut line));
                tell("the line", &line);
                let mut three = [0; 3];
                tell("read", &(&stdin).read(&mut three));
                tell("the bytes", &three);
                let mut lock = stdin.lock();
                let mut until = vec![b'>'];
                tell("read_until", &lock.read_until(b';', &mut until));
                tell("the part", &until);
                let mut four = [0; 4];
                match lock.read_exact(&mut four) {
                    Ok(()) => tell("read_exact", &four),
                    Err(error) => tell("read_exact", &error),
                }
                tell("fill_buf", &lock.fill_buf().map(|ahead| ahead.to_vec()));
                let (mut a, mut b) = ([0; 2], [0; 5]);
                let mut bufs = [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)];
                tell("read_vectored", &lock.read_vectored(&mut bufs));
                tell("the buffers", &(a, b));
                drop(lock);
                let mut stdin = stdin;
                tell("second line", &io::stdin().lines().next());
                let mut large = vec![0; 9000];
                tell("large read", &stdin.read(&mut large));
                let mut text = String::new();
                tell("read_to_string", &stdin.read_to_string(&mut text));
                tell("the text", &text);
                let mut rest = vec![1];
                tell("read_to_end", &stdin.read_to_end(&mut rest));
                tell("the rest", &rest);
                tell("read_line at the end", &stdin.read_line(&mut line));
                tell("the end", &stdin.read_exact(&mut four));
                tell("nothing", &stdin.read_exact(&mut []));
                told
            }
        }
    };
}

reads_of!(theirs, std::io);
reads_of!(ours, greenroom::io);

const KINDS: [&str; 9] = [
    "file",
    "pipe",
    "socket",
    "terminal",
    "null",
    "closed",
    "writeonly",
    "directory",
    "hungup",
];

fn contents() -> Vec<Vec<u8>> {
    let long: Vec<u8> = (0..30_000u32)
        .map(|n| b"abcdefg;\n"[n as usize % 9])
        .collect();
    vec![
        b"one\ntwo;three four five six\nseven\neight; nine\n".to_vec(),
        b"no end".to_vec(),
        b"bad \xff text\nmore \xff;\nand more\n and \xfe the rest".to_vec(),
        [b"x".repeat(20_000), b"\n".to_vec(), long].concat(),
    ]
}

/// A file of that kind, and what must live as long as the child.
fn open(kind: &str, content: &[u8]) -> Option<(Stdio, Box<dyn Any>)> {
    // All of it is there before the child reads, so the cuts are the same.
    let fits = content.len() < 4000;
    Some(match kind {
        "file" => (file(content).into(), Box::new(())),
        "pipe" => {
            let (reader, mut writer) = std::io::pipe().unwrap();
            // It holds 64 KiB.
            writer.write_all(content).unwrap();
            (reader.into(), Box::new(()))
        }
        "socket" if fits => {
            let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
            theirs.write_all(content).unwrap();
            (OwnedFd::from(ours).into(), Box::new(()))
        }
        "terminal" if fits => {
            let (mut master, slave) = terminal();
            master.write_all(content).unwrap();
            // More ends of input than there are reads.
            master.write_all(b"\n").unwrap();
            master.write_all(&[4; 40]).unwrap();
            (slave.into(), Box::new(master))
        }
        "hungup" if fits => (terminal().1.into(), Box::new(())),
        "null" | "closed" if fits => (Stdio::null(), Box::new(())),
        "writeonly" if fits => {
            let null = File::options().write(true).open("/dev/null").unwrap();
            (null.into(), Box::new(()))
        }
        "directory" if fits => (File::open("/").unwrap().into(), Box::new(())),
        _ => return None,
    })
}

/// A row of reads in a child: `library place kind`.
fn told_by_child(role: &str, kind: &str, content: &[u8]) -> Option<String> {
    let test = "kinds::stdin_of_every_kind_reads_as_stds";
    let (stdin, alive) = open(kind, content)?;
    let role = format!("{role} {kind}");
    let output = reexec::this_test(test, &role, "")
        .stdin(stdin)
        .output()
        .unwrap();
    drop(alive);
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{role}: {stdout}\n{stderr}");
    let (_, told) = stdout.split_once("<<<").unwrap();
    Some(told.split_once(">>>").unwrap().0.to_owned())
}

fn be_the_child(role: &str) {
    let words: Vec<&str> = role.split(' ').collect();
    let [library, place, kind] = words[..] else {
        panic!("{role}");
    };
    if kind == "closed" {
        close(0);
    }
    let before = (kind != "closed").then(|| flags(0));
    run_at(place, || {
        let told = match library {
            "std" => theirs::all(),
            _ => ours::all(),
        };
        std::println!("<<<{told}>>>");
    });
    assert_eq!((kind != "closed").then(|| flags(0)), before);
}

#[test]
fn stdin_of_every_kind_reads_as_stds() {
    let _watchdog = watchdog();
    if let Some(role) = reexec::role() {
        return be_the_child(&role);
    }
    for kind in KINDS {
        for content in contents() {
            let Some(expected) = told_by_child("std os", kind, &content) else {
                continue;
            };
            for place in PLACES {
                let told = told_by_child(&format!("greenroom {place}"), kind, &content).unwrap();
                assert_eq!(told, expected, "{kind} on {place}");
            }
        }
    }
}
