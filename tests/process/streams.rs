//! The streams of children: what holds of `std::process` holds of greenroom's.
//!
//! A parent that reads and writes, gives streams away, or has to do with children that flood them, close
//! them early or leave them to others.

use crate::ground::{Scratch, sh};

macro_rules! same_tests {
    ($name:ident, $process:path, $io:path, $thread:path, $around:path) => {
        mod $name {
            use super::*;
            use io::{IoSlice, IoSliceMut, Read, Write};
            use process::{Command, Output, Stdio};
            use std::os::fd::{AsFd, AsRawFd, OwnedFd};
            use $io as io;
            use $process as process;
            use $thread as thread;

            /// More than any pipe holds.
            const FLOOD: usize = 1 << 20;

            #[test]
            fn output_is_read_and_input_is_written() {
                $around(|| {
                    let mut child = sh!(Command, "read line; echo got $line; echo oh >&2")
                        .stdin(Stdio::piped())
                        .stdout(Stdio::piped())
                        .stderr(Stdio::piped())
                        .spawn()
                        .unwrap();
                    child.stdin.as_mut().unwrap().write_all(b"this\n").unwrap();
                    drop(child.stdin.take());
                    let mut text = String::new();
                    child
                        .stdout
                        .as_mut()
                        .unwrap()
                        .read_to_string(&mut text)
                        .unwrap();
                    assert_eq!(text, "got this\n");
                    text.clear();
                    child
                        .stderr
                        .as_mut()
                        .unwrap()
                        .read_to_string(&mut text)
                        .unwrap();
                    assert_eq!(text, "oh\n");
                    assert!(child.wait().unwrap().success());
                });
            }

            #[test]
            fn streams_work_shared_and_in_pieces() {
                $around(|| {
                    let mut child = Command::new("cat")
                        .stdin(Stdio::piped())
                        .stdout(Stdio::piped())
                        .spawn()
                        .unwrap();
                    let stdin = child.stdin.take().unwrap();
                    let pieces = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cd")];
                    assert_eq!((&stdin).write_vectored(&pieces).unwrap(), 4);
                    (&stdin).flush().unwrap();
                    assert_eq!((&stdin).write(b"").unwrap(), 0);
                    let stdout = child.stdout.as_mut().unwrap();
                    let (mut first, mut rest) = ([0; 1], [0; 8]);
                    let mut bufs = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut rest)];
                    assert_eq!(stdout.read_vectored(&mut bufs).unwrap(), 4);
                    assert_eq!((&first, &rest[..3]), (b"a", &b"bcd"[..]));
                    assert_eq!(stdout.read(&mut []).unwrap(), 0);
                    drop(stdin);
                    assert_eq!(stdout.read(&mut rest).unwrap(), 0);
                    assert!(child.wait().unwrap().success());
                });
            }

            #[test]
            fn writing_to_a_child_that_is_gone_is_a_broken_pipe() {
                $around(|| {
                    let mut child = sh!(Command, "exit").stdin(Stdio::piped()).spawn().unwrap();
                    let mut stdin = child.stdin.take().unwrap();
                    child.wait().unwrap();
                    // A child that another test forks just now has a copy of its end until it execs.
                    let error = loop {
                        if let Err(error) = stdin.write(b"x") {
                            break error;
                        }
                    };
                    assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
                });
            }

            #[test]
            fn output_pipes_what_was_not_chosen() {
                $around(|| {
                    let script = "cat; echo out; echo err >&2; exit 4";
                    let Output {
                        status,
                        stdout,
                        stderr,
                    } = sh!(Command, script).output().unwrap();
                    assert_eq!(status.code(), Some(4));
                    assert_eq!((&stdout[..], &stderr[..]), (&b"out\n"[..], &b"err\n"[..]));
                    // An input that is piped is closed, an output that was chosen is not read.
                    let mut chosen = sh!(Command, script);
                    chosen.stdin(Stdio::piped()).stdout(Stdio::null());
                    let output = chosen.output().unwrap();
                    assert_eq!(
                        (&output.stdout[..], &output.stderr[..]),
                        (&b""[..], &b"err\n"[..])
                    );
                    let mut child = chosen.stderr(Stdio::null()).spawn().unwrap();
                    assert!(child.stdin.is_some() && child.stdout.is_none());
                    assert_eq!(child.wait().unwrap().code(), Some(4));
                });
            }

            #[test]
            fn wait_with_output_reads_what_is_piped() {
                $around(|| {
                    for (out, err) in [(false, false), (true, false), (false, true), (true, true)] {
                        let stdio = |is_piped| match is_piped {
                            true => Stdio::piped(),
                            false => Stdio::null(),
                        };
                        let mut command = sh!(Command, "echo out; echo err >&2");
                        let child = command
                            .stdout(stdio(out))
                            .stderr(stdio(err))
                            .spawn()
                            .unwrap();
                        let output = child.wait_with_output().unwrap();
                        assert!(output.status.success());
                        assert_eq!(output.stdout, if out { &b"out\n"[..] } else { b"" });
                        assert_eq!(output.stderr, if err { &b"err\n"[..] } else { b"" });
                    }
                });
            }

            #[test]
            fn child_that_floods_one_stream_after_the_other_is_read() {
                $around(|| {
                    for (first, second) in [(1, 2), (2, 1)] {
                        let flood = |fd| format!("head -c {FLOOD} /dev/zero >&{fd}");
                        let script = format!("{}; {}", flood(first), flood(second));
                        let output = sh!(Command, script).output().unwrap();
                        assert!(output.status.success());
                        assert_eq!((output.stdout.len(), output.stderr.len()), (FLOOD, FLOOD));
                    }
                });
            }

            #[test]
            fn child_that_floods_both_streams_at_once_is_read() {
                $around(|| {
                    let script =
                        format!("head -c {FLOOD} /dev/zero & head -c {FLOOD} /dev/zero >&2; wait");
                    let output = sh!(Command, script).output().unwrap();
                    assert_eq!((output.stdout.len(), output.stderr.len()), (FLOOD, FLOOD));
                });
            }

            #[test]
            fn child_that_closes_its_streams_early_is_waited_for() {
                $around(|| {
                    for close in ["exec >&-", "exec 2>&-", "exec >&- 2>&-"] {
                        let script = format!("{close}; sleep 0.02; exit 5");
                        let output = sh!(Command, script).output().unwrap();
                        assert_eq!(output.status.code(), Some(5));
                    }
                });
            }

            #[test]
            fn stream_that_a_grandchild_has_is_read_to_its_end() {
                $around(|| {
                    let script = "(sleep 0.05; echo late) & echo early";
                    let output = sh!(Command, script).output().unwrap();
                    assert_eq!(output.stdout, b"early\nlate\n");
                });
            }

            #[test]
            fn input_and_output_at_once_need_a_thread_each() {
                $around(|| {
                    let mut child = Command::new("cat")
                        .stdin(Stdio::piped())
                        .stdout(Stdio::piped())
                        .spawn()
                        .unwrap();
                    let mut stdin = child.stdin.take().unwrap();
                    let writing = thread::spawn(move || stdin.write_all(&vec![b'x'; FLOOD]));
                    let output = child.wait_with_output().unwrap();
                    writing.join().unwrap().unwrap();
                    assert!(output.stdout == vec![b'x'; FLOOD]);
                });
            }

            #[test]
            fn output_of_one_child_is_the_input_of_the_next() {
                $around(|| {
                    let mut first = sh!(Command, "echo a tpyo; echo oops >&2")
                        .stdout(Stdio::piped())
                        .stderr(Stdio::piped())
                        .spawn()
                        .unwrap();
                    let mut fix = Command::new("sed");
                    fix.arg("s/tpyo/typo/").stdin(first.stdout.take().unwrap());
                    assert_eq!(fix.output().unwrap().stdout, b"a typo\n");
                    let mut cat = Command::new("cat");
                    cat.stdin(first.stderr.take().unwrap());
                    assert_eq!(cat.output().unwrap().stdout, b"oops\n");
                    assert!(first.wait().unwrap().success());
                    let mut reader = Command::new("cat")
                        .stdin(Stdio::piped())
                        .stdout(Stdio::piped())
                        .spawn()
                        .unwrap();
                    let mut writer = sh!(Command, "echo handed on");
                    assert!(
                        writer
                            .stdout(reader.stdin.take().unwrap())
                            .status()
                            .unwrap()
                            .success()
                    );
                    drop(writer);
                    assert_eq!(reader.wait_with_output().unwrap().stdout, b"handed on\n");
                });
            }

            #[test]
            fn pipes_and_files_are_streams_of_children() {
                $around(|| {
                    let (mut reader, writer) = io::pipe().unwrap();
                    let mut say = sh!(Command, "echo piped");
                    assert!(say.stdout(writer).status().unwrap().success());
                    drop(say);
                    let mut text = String::new();
                    reader.read_to_string(&mut text).unwrap();
                    assert_eq!(text, "piped\n");
                    let (reader, mut writer) = io::pipe().unwrap();
                    writer.write_all(b"read").unwrap();
                    drop(writer);
                    let output = Command::new("cat").stdin(reader).output().unwrap();
                    assert_eq!(output.stdout, b"read");
                    let place = Scratch::new();
                    let path = place.0.join("log");
                    let file = std::fs::File::create(&path).unwrap();
                    let same = OwnedFd::from(file.try_clone().unwrap());
                    let mut log = sh!(Command, "echo out; echo err >&2");
                    assert!(log.stdout(file).stderr(same).status().unwrap().success());
                    assert_eq!(std::fs::read(&path).unwrap(), b"out\nerr\n");
                });
            }

            #[test]
            fn streams_are_descriptors() {
                $around(|| {
                    let mut child = Command::new("cat")
                        .stdin(Stdio::piped())
                        .stdout(Stdio::piped())
                        .stderr(Stdio::piped())
                        .spawn()
                        .unwrap();
                    let stdin = child.stdin.take().unwrap();
                    assert_eq!(stdin.as_fd().as_raw_fd(), stdin.as_raw_fd());
                    let mut stdin = process::ChildStdin::from(OwnedFd::from(stdin));
                    stdin.write_all(b"x").unwrap();
                    drop(stdin);
                    let stdout = OwnedFd::from(child.stdout.take().unwrap());
                    let stderr = OwnedFd::from(child.stderr.take().unwrap());
                    child.stdout = Some(process::ChildStdout::from(stdout));
                    child.stderr = Some(process::ChildStderr::from(stderr));
                    assert_eq!(child.wait_with_output().unwrap().stdout, b"x");
                });
            }
        }
    };
}

same_tests!(
    of_std,
    std::process,
    std::io,
    std::thread,
    crate::ground::once
);
same_tests!(
    of_greenroom,
    greenroom::process,
    greenroom::io,
    greenroom::thread,
    crate::ground::everywhere
);
