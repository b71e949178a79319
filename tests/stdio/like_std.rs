//! What std's own tests say of the handles: types, texts, locks, panics. The same bodies against both.

use crate::common::{Rt, watchdog};

/// Calls a test once, as std's do.
#[track_caller]
fn once(test: impl Fn()) {
    let _watchdog = watchdog();
    test();
}

/// Calls it on an OS thread and as a green thread.
#[track_caller]
fn places(test: impl Fn() + Sync) {
    let _watchdog = watchdog();
    test();
    for workers in [1, 2] {
        Rt::with_workers(workers).run(&test);
    }
}

macro_rules! same_tests {
    ($name:ident, $io:path, $thread:path, $mpsc:path, $around:path) => {
        mod $name {
            use super::*;
            use io::{
                BufRead, IsTerminal, Lines, Read, Stderr, StderrLock, Stdin, StdinLock, Stdout,
                StdoutLock, Write, stderr, stdin, stdout,
            };
            use mpsc::sync_channel;
            use std::fmt::Debug;
            use std::os::fd::{AsFd, AsRawFd};
            use std::panic::{RefUnwindSafe, UnwindSafe};
            use std::process::Stdio;
            use std::sync::{Arc, Mutex};
            use $around as around;
            use $io as io;
            use $mpsc as mpsc;
            use $thread as thread;

            #[test]
            fn types_implement_the_same() {
                fn all<T>()
                where
                    T: Debug + AsFd + AsRawFd + IsTerminal + UnwindSafe + RefUnwindSafe,
                    T: Unpin,
                {
                }
                fn sent<T: Send + Sync>() {}
                fn shared<T: Sync>() {}
                fn reads<T: Read>() {}
                fn writes<T: Write>() {}
                fn iterates<T: Iterator<Item = std::io::Result<String>>>() {}
                all::<Stdin>();
                all::<StdinLock<'_>>();
                all::<Stdout>();
                all::<StdoutLock<'_>>();
                all::<Stderr>();
                all::<StderrLock<'_>>();
                shared::<StdinLock<'_>>();
                sent::<Stdin>();
                sent::<Stdout>();
                sent::<Stderr>();
                reads::<Stdin>();
                reads::<&Stdin>();
                reads::<StdinLock<'_>>();
                writes::<Stdout>();
                writes::<&Stdout>();
                writes::<StdoutLock<'_>>();
                writes::<Stderr>();
                writes::<&Stderr>();
                writes::<StderrLock<'_>>();
                iterates::<Lines<StdinLock<'static>>>();
                let _: fn(Stdin) -> Lines<StdinLock<'static>> = Stdin::lines;
                let _: fn(&Stdin) -> StdinLock<'static> = Stdin::lock;
                let _: fn(&Stdin, &mut String) -> std::io::Result<usize> = Stdin::read_line;
                let _: fn(&Stdout) -> StdoutLock<'static> = Stdout::lock;
                let _: fn(&Stderr) -> StderrLock<'static> = Stderr::lock;
                let _: fn(Stdout) -> Stdio = Stdio::from;
                let _: fn(Stderr) -> Stdio = Stdio::from;
                let _: fn(&mut StdinLock<'static>, usize) = BufRead::consume;
            }

            #[test]
            fn debug_texts_are_the_same() {
                let all = format!("{:?} {:?} {:?}", stdin(), stdout(), stderr());
                assert_eq!(all, "Stdin { .. } Stdout { .. } Stderr { .. }");
                let locks = (stdin().lock(), stdout().lock(), stderr().lock());
                let expected = "(StdinLock { .. }, StdoutLock { .. }, StderrLock { .. })";
                assert_eq!(format!("{locks:?}"), expected);
            }

            #[test]
            fn descriptors_are_0_1_and_2() {
                let all = [
                    stdin().as_raw_fd(),
                    stdout().as_raw_fd(),
                    stderr().as_raw_fd(),
                ];
                assert_eq!(all, [0, 1, 2]);
                assert_eq!(stdin().as_fd().as_raw_fd(), 0);
                assert_eq!(stdout().lock().as_fd().as_raw_fd(), 1);
                assert_eq!(stderr().lock().as_raw_fd(), 2);
            }

            #[test]
            fn panic_does_not_poison() {
                around(|| {
                    let ended = thread::spawn(|| {
                        let _stdin = stdin().lock();
                        let _stdout = stdout().lock();
                        let _stderr = stderr().lock();
                        std::panic::resume_unwind(Box::new(()));
                    });
                    assert!(ended.join().is_err());
                    let _stdin = stdin().lock();
                    let _stdout = stdout().lock();
                    let _stderr = stderr().lock();
                });
            }

            #[test]
            fn output_locks_are_reentrant() {
                around(|| {
                    let (_a, _b) = (stdout().lock(), stdout().lock());
                    let (_c, _d) = (stderr().lock(), stderr().lock());
                    stdout().flush().unwrap();
                    stderr().flush().unwrap();
                });
            }

            struct Inner;

            impl std::fmt::Display for Inner {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    // Prints while it is printed.
                    stderr().write_all(b"").unwrap();
                    stdout().write_all(b"").unwrap();
                    f.write_str("")
                }
            }

            #[test]
            fn display_may_print() {
                around(|| {
                    write!(stdout(), "{Inner}").unwrap();
                    write!(stderr(), "{Inner}").unwrap();
                });
            }

            /// Two threads lock in turn, each when the other has let go.
            fn excludes<L: 'static>(lock: fn() -> L) {
                let log = Arc::new(Mutex::new(Vec::new()));
                let note = |log: &Mutex<Vec<&'static str>>, what| log.lock().unwrap().push(what);
                let ((tx1, rx1), (tx2, rx2)) = (sync_channel(0), sync_channel(0));
                let theirs = Arc::clone(&log);
                let first = thread::spawn(move || {
                    let held = lock();
                    note(&theirs, "first has it");
                    tx1.send(()).unwrap();
                    tx1.send(()).unwrap();
                    note(&theirs, "first lets go");
                    drop(held);
                });
                let theirs = Arc::clone(&log);
                let second = thread::spawn(move || {
                    tx2.send(()).unwrap();
                    let held = lock();
                    note(&theirs, "second has it");
                    drop(held);
                    tx2.send(()).unwrap();
                });
                rx1.recv().unwrap();
                rx2.recv().unwrap();
                thread::sleep(std::time::Duration::from_millis(1));
                note(&log, "released");
                rx1.recv().unwrap();
                rx2.recv().unwrap();
                first.join().unwrap();
                second.join().unwrap();
                let expected = ["first has it", "released", "first lets go", "second has it"];
                assert_eq!(*log.lock().unwrap(), expected);
            }

            #[test]
            fn locks_exclude_each_other() {
                around(|| {
                    excludes(|| stdin().lock());
                    excludes(|| stdout().lock());
                    excludes(|| stderr().lock());
                });
            }
        }
    };
}

same_tests!(theirs, std::io, std::thread, std::sync::mpsc, once);
same_tests!(
    ours,
    greenroom::io,
    greenroom::thread,
    greenroom::sync::mpsc,
    places
);
