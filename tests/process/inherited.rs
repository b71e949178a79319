//! What a child gets from us: the signal mask of main, default signals, blocking streams, no descriptors.
//!
//! The measure is always a child that std started on the thread that started the runtime.

use crate::child::Running;
use crate::common::{Rt, watchdog};
use crate::ground::{passes_alone, sh};
use crate::reexec::{role, this_test};
use greenroom::os::unix::process::{CommandExt, ExitStatusExt};
use greenroom::process::{Command, Stdio};
use std::process;

/// Signals that are blocked, ignored, handled: proc_pid_status(5). By no shell: those clear the mask.
const SIGNALS: [&str; 4] = ["grep", "-E", "^Sig(Blk|Ign|Cgt)", "/proc/self/status"];

const SIGUSR1_BIT: u64 = 1 << (libc::SIGUSR1 - 1);
const SIGPIPE_BIT: u64 = 1 << (libc::SIGPIPE - 1);

fn said(output: process::Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// What a command says, started in both of std's ways: they differ in what the C library adds.
macro_rules! both_ways {
    ($command:ty, $unix:path, $words:expr) => {{
        use $unix as unix;
        let command = || {
            let mut command = <$command>::new($words[0]);
            command.args(&$words[1..]);
            command
        };
        let mut forked = command();
        // SAFETY: does nothing.
        unsafe { unix::CommandExt::pre_exec(&mut forked, || Ok(())) };
        [command(), forked].map(|mut command| said(command.output().unwrap()))
    }};
}

#[expect(unsafe_code, reason = "the closure makes std fork")]
fn of_std(words: &[&str]) -> [String; 2] {
    both_ways!(process::Command, std::os::unix::process, words)
}

#[expect(unsafe_code, reason = "the closure makes std fork")]
fn of_green(words: &[&str]) -> [String; 2] {
    both_ways!(Command, greenroom::os::unix::process, words)
}

fn mask(status: &str, name: &str) -> u64 {
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    u64::from_str_radix(line.split_whitespace().last().unwrap(), 16).unwrap()
}

#[expect(unsafe_code, reason = "std has no word for masks")]
fn block_sigusr1() {
    // SAFETY: an all-zero set is a valid value.
    let mut set: libc::sigset_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set outlives the call.
    unsafe { libc::sigaddset(&raw mut set, libc::SIGUSR1) };
    // SAFETY: as above; a null `oldset` is allowed.
    let failed =
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
    assert_eq!(failed, 0);
}

#[test]
fn child_has_the_signals_that_one_of_main_has() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let expected = of_std(&SIGNALS);
        let rt = Rt::with_workers(workers);
        assert_eq!(rt.run(|| of_green(&SIGNALS)), expected);
        let unblocked = rt.run(|| greenroom::unblock(|| of_green(&SIGNALS)));
        assert_eq!(unblocked, expected);
        assert!(
            expected
                .iter()
                .all(|seen| mask(seen, "SigIgn") & SIGPIPE_BIT == 0)
        );
        // A runtime that a green thread starts has its user's mask too.
        let inner = rt.run(|| Rt::with_workers(1).run(|| of_green(&SIGNALS)));
        assert_eq!(inner, expected);
    }
}

#[test]
fn child_has_what_main_has_blocked() {
    let _watchdog = watchdog();
    // In a thread of its own: the mask is nobody else's.
    let blocking = std::thread::spawn(|| {
        block_sigusr1();
        let expected = of_std(&SIGNALS);
        assert!(
            expected
                .iter()
                .all(|seen| mask(seen, "SigBlk") & SIGUSR1_BIT != 0)
        );
        for workers in [1, 2] {
            let seen = Rt::with_workers(workers).run(|| of_green(&SIGNALS));
            assert_eq!(seen, expected);
        }
        // On an OS thread it is this thread's.
        assert_eq!(of_green(&SIGNALS), expected);
    });
    blocking.join().unwrap();
}

#[test]
fn program_that_replaces_us_has_the_signals_of_main() {
    let test = "inherited::program_that_replaces_us_has_the_signals_of_main";
    let _watchdog = watchdog();
    if role().is_some() {
        block_sigusr1();
        println!("\n{}", of_std(&SIGNALS)[1]);
        let error = greenroom::run(|| Command::new(SIGNALS[0]).args(&SIGNALS[1..]).exec());
        panic!("{error}");
    }
    let ended = Running::start(&mut this_test(test, "execs", "")).end();
    assert!(ended.status.success(), "{ended}");
    let lines = ended.stdout.lines().filter(|line| line.starts_with("Sig"));
    let lines = lines.collect::<Vec<_>>();
    assert_eq!(lines.len(), 6, "{ended}");
    assert_eq!(lines[..3], lines[3..]);
    assert_ne!(mask(&ended.stdout, "SigBlk") & SIGUSR1_BIT, 0);
}

/// Alone: where an exec fails, std leaves `SIGPIPE` at its default.
#[test]
fn exec_that_fails_leaves_the_green_thread_as_it_was() {
    let test = "inherited::exec_that_fails_leaves_the_green_thread_as_it_was";
    if role().is_none() {
        return passes_alone(test, "");
    }
    let _watchdog = watchdog();
    Rt::with_workers(1).run(|| {
        let expected = of_green(&SIGNALS);
        let error = Command::new("/no/such/program").exec();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        greenroom::thread::sleep(std::time::Duration::from_millis(1));
        assert_eq!(of_green(&SIGNALS), expected);
    });
}

#[test]
fn sleeping_child_dies_of_sigterm() {
    let _watchdog = watchdog();
    for workers in [1, 2] {
        let status = Rt::with_workers(workers).run(|| {
            let mut child = Command::new("sleep").arg("100").spawn().unwrap();
            let kill = format!("kill -TERM {}", child.id());
            assert!(sh!(Command, kill).status().unwrap().success());
            child.wait().unwrap()
        });
        assert_eq!(status.signal(), Some(libc::SIGTERM));
    }
}

#[test]
fn child_without_readers_dies_of_sigpipe() {
    let _watchdog = watchdog();
    let status = Rt::with_workers(1).run(|| {
        let mut child = Command::new("yes").stdout(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        child.wait().unwrap()
    });
    assert_eq!(status.signal(), Some(libc::SIGPIPE));
}

#[test]
fn standard_streams_of_children_block() {
    let _watchdog = watchdog();
    let script = "for fd in 0 1 2; do grep flags /proc/self/fdinfo/$fd; done";
    for workers in [1, 2] {
        Rt::with_workers(workers).run(|| {
            let (reader, mut writer) = greenroom::io::pipe().unwrap();
            // A green thread has waited at either end before.
            let waiting = greenroom::thread::spawn(move || {
                let mut reader = reader;
                std::io::Read::read(&mut reader, &mut [0]).unwrap();
                reader
            });
            greenroom::thread::yield_now();
            std::io::Write::write_all(&mut writer, b"x").unwrap();
            let mut command = sh!(Command, script);
            command.stdin(waiting.join().unwrap());
            let flags = said(command.output().unwrap());
            assert_eq!(flags.lines().count(), 3);
            for line in flags.lines() {
                let octal = line.split_whitespace().last().unwrap();
                let flags = i32::from_str_radix(octal, 8).unwrap();
                assert_eq!(flags & libc::O_NONBLOCK, 0, "{line}");
            }
        });
    }
}

/// Alone: other tests open and close descriptors that are not close-on-exec.
#[test]
fn child_has_no_descriptor_of_ours() {
    let test = "inherited::child_has_no_descriptor_of_ours";
    if role().is_none() {
        return passes_alone(test, "");
    }
    let _watchdog = watchdog();
    // `ls` has one for the directory.
    let expected = of_std(&["ls", "/proc/self/fd"]);
    greenroom::run(|| {
        let _pipe = greenroom::io::pipe().unwrap();
        let listener = greenroom::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let _stream = greenroom::net::TcpStream::connect(address).unwrap();
        let _accepted = listener.accept().unwrap();
        let mut other = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        // Now there is a pidfd.
        let soon = std::time::Duration::from_millis(1);
        let stdin = other.stdin.take();
        assert_eq!(other.wait_timeout(soon).unwrap(), None);
        assert_eq!(of_green(&["ls", "/proc/self/fd"]), expected);
        drop(stdin);
        other.wait().unwrap();
    });
}
