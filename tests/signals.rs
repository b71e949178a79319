//! Signals: who hears them, who is killed by them, what is put back.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/child.rs"]
mod child;
#[path = "support/echo.rs"]
mod echo;
#[path = "support/kill.rs"]
mod kill;
#[path = "signals/kinds.rs"]
mod kinds;
#[path = "signals/listeners.rs"]
mod listeners;
#[path = "signals/pipe.rs"]
mod pipe;
#[path = "support/reexec.rs"]
mod reexec;
#[path = "support/talk.rs"]
mod talk;
#[path = "support/watchdog.rs"]
mod watchdog;

use child::Running;
use greenroom::signal::{Signal, Signals};
use greenroom::thread;
use reexec::{role, this_test};
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;
use watchdog::watchdog;

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

/// Sends this very process a signal, from a process of its own.
fn raise(name: &str) {
    let kill = format!("kill -{name} {}", std::process::id());
    let status = std::process::Command::new("sh")
        .args(["-c", &kill])
        .status();
    assert!(status.unwrap().success());
}

/// Runs the test's other half as a child process that succeeds.
fn passes_alone(test: &str) {
    let ended = Running::start(&mut this_test(test, "alone", "")).end();
    assert!(ended.status.success(), "{ended}");
}

#[test]
fn ctrl_c_kills_a_program_without_handlers() {
    let _watchdog = watchdog();
    if role().is_some() {
        greenroom::run(|| {
            (0..100).for_each(|_| drop(thread::spawn(thread::park)));
            thread::yield_now();
            println!("parked");
            thread::park();
        });
    }
    for (name, number) in [("INT", SIGINT), ("TERM", SIGTERM)] {
        let test = "ctrl_c_kills_a_program_without_handlers";
        let mut child = Running::start(&mut this_test(test, "parks", ""));
        child.line("parked");
        child.signal(name);
        let ended = child.end();
        assert_eq!(ended.status.signal(), Some(number), "{ended}");
    }
}

#[test]
fn terminate_lets_open_connections_finish() {
    let _watchdog = watchdog();
    for workers in ["1", "2"] {
        let server = echo::GeventEcho::start(&["--workers", workers], &[]);
        let mut client = std::net::TcpStream::connect(server.address).unwrap();
        let mut ask = |word: &[u8; 4]| {
            client.write_all(word).unwrap();
            let mut answer = [0; 4];
            client.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, word);
        };
        ask(b"once");
        server.running.signal("TERM");
        // Stopped accepting: refused, or reset out of the backlog.
        while std::net::TcpStream::connect(server.address).is_ok() {
            std::thread::yield_now();
        }
        ask(b"more");
        drop(client);
        let ended = server.running.end();
        assert_eq!(ended.status.code(), Some(0), "{ended}");
        // Those that looked whether it still accepts may have been accepted.
        let counts = ended.stdout.trim().strip_prefix("served ").unwrap();
        assert!(counts.ends_with(" clients, 8 bytes"), "{counts}");
    }
}

#[test]
fn terminate_without_connections_ends_at_once() {
    let _watchdog = watchdog();
    for name in ["TERM", "INT"] {
        let server = echo::GeventEcho::start(&[], &[]);
        server.running.signal(name);
        let ended = server.running.end();
        assert_eq!(ended.status.code(), Some(0), "{ended}");
        assert_eq!(ended.stdout, "served 0 clients, 0 bytes\n");
    }
}

#[test]
fn every_listener_hears_on_green_and_os_threads() {
    let _watchdog = watchdog();
    if role().is_none() {
        return passes_alone("every_listener_hears_on_green_and_os_threads");
    }
    let both = [Signal::Interrupt, Signal::Terminate];
    let first = Signals::new(&both).unwrap();
    let second = Signals::new(&[Signal::Terminate]).unwrap();
    let third = Signals::new(&both).unwrap();
    let green = thread::spawn(move || (first.wait().unwrap(), first));
    let os = std::thread::spawn(move || (second.wait().unwrap(), second));
    raise("TERM");
    let (heard_green, first) = green.join().unwrap();
    let (heard_os, _second) = os.join().unwrap();
    assert_eq!([heard_green, heard_os], [Signal::Terminate; 2]);
    // Kept until somebody asks, and each signal by itself.
    raise("INT");
    assert_eq!(greenroom::run(|| first.wait()).unwrap(), Signal::Interrupt);
    let mut kept = [third.wait().unwrap(), third.wait().unwrap()];
    kept.sort_by_key(|signal| *signal == Signal::Terminate);
    assert_eq!(kept, both);
}

#[test]
fn waiting_for_a_signal_is_cancelled_and_times_out_without_losing_it() {
    let _watchdog = watchdog();
    if role().is_none() {
        return passes_alone("waiting_for_a_signal_is_cancelled_and_times_out_without_losing_it");
    }
    let signals = Signals::new(&[Signal::Terminate]).unwrap();
    let signals = std::sync::Arc::new(signals);
    let short = Duration::from_millis(5);
    assert!(greenroom::run(|| greenroom::timeout(short, || signals.wait())).is_err());
    let waiting = std::sync::Arc::clone(&signals);
    let cancelled = thread::spawn(move || drop(waiting.wait()));
    cancelled.cancel();
    assert!(cancelled.join().unwrap_err().is::<greenroom::Cancelled>());
    raise("TERM");
    assert_eq!(signals.wait().unwrap(), Signal::Terminate);
}

#[test]
fn handlers_are_restored_after_the_last_listener() {
    let _watchdog = watchdog();
    let test = "handlers_are_restored_after_the_last_listener";
    if role().is_some() {
        let first = Signals::new(&[Signal::Terminate]).unwrap();
        let second = Signals::new(&[Signal::Terminate]).unwrap();
        drop(first);
        raise("TERM");
        assert_eq!(second.wait().unwrap(), Signal::Terminate);
        drop(second);
        // Places are reused: a new one hears only what comes now.
        let third = Signals::new(&[Signal::Interrupt, Signal::Terminate]).unwrap();
        raise("INT");
        assert_eq!(third.wait().unwrap(), Signal::Interrupt);
        drop(third);
        println!("restored");
        thread::park();
    }
    let mut child = Running::start(&mut this_test(test, "restores", ""));
    child.line("restored");
    child.signal("TERM");
    assert_eq!(child.end().status.signal(), Some(SIGTERM));
}

#[test]
fn ignored_signal_is_ignored_again_after_the_listener() {
    let _watchdog = watchdog();
    let test = "ignored_signal_is_ignored_again_after_the_listener";
    if role().is_some() {
        let signals = Signals::new(&[Signal::Interrupt]).unwrap();
        raise("INT");
        assert_eq!(signals.wait().unwrap(), Signal::Interrupt);
        drop(signals);
        // As under nohup: it does not kill.
        raise("INT");
        return;
    }
    let ended = Running::start(&mut this_test(test, "ignores", "trap '' INT;")).end();
    assert!(ended.status.success(), "{ended}");
}
