//! Which signals there are: numbers, names, and those that nobody can listen for.

use greenroom::signal::{Signal, Signals};
use std::collections::HashSet;
use std::io::ErrorKind;

const NAMED: [(Signal, i32, &str); 12] = [
    (Signal::Hangup, libc::SIGHUP, "SIGHUP"),
    (Signal::Interrupt, libc::SIGINT, "SIGINT"),
    (Signal::Quit, libc::SIGQUIT, "SIGQUIT"),
    (Signal::User1, libc::SIGUSR1, "SIGUSR1"),
    (Signal::User2, libc::SIGUSR2, "SIGUSR2"),
    (Signal::Pipe, libc::SIGPIPE, "SIGPIPE"),
    (Signal::Alarm, libc::SIGALRM, "SIGALRM"),
    (Signal::Terminate, libc::SIGTERM, "SIGTERM"),
    (Signal::Child, libc::SIGCHLD, "SIGCHLD"),
    (Signal::Continue, libc::SIGCONT, "SIGCONT"),
    (Signal::WindowChange, libc::SIGWINCH, "SIGWINCH"),
    (Signal::Io, libc::SIGIO, "SIGIO"),
];

#[test]
fn named_signals_have_the_kernels_numbers_and_names() {
    for (signal, number, name) in NAMED {
        assert_eq!(signal.as_raw(), number);
        assert_eq!(signal.to_string(), name);
        assert_eq!(Signal::from_raw(number).unwrap(), signal);
    }
    assert_eq!(format!("{:?}", Signal::Hangup), "Hangup");
    assert_eq!(format!("[{:>8}]", Signal::Hangup), "[  SIGHUP]");
}

#[test]
fn every_number_is_a_signal_or_refused_with_a_reason() {
    let mut seen = HashSet::new();
    for number in -2..=70 {
        match Signal::from_raw(number) {
            Ok(signal) => {
                assert_eq!(signal.as_raw(), number);
                assert!(seen.insert(signal));
                assert!(signal.to_string().starts_with("SIG"), "{signal}");
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidInput, "{number}"),
        }
    }
    // All but eight of the classic ones, and all the real-time ones.
    let real_time = usize::try_from(libc::SIGRTMAX() - libc::SIGRTMIN() + 1).unwrap();
    assert_eq!(seen.len(), 31 - 8 + real_time);
    let text = |number| Signal::from_raw(number).unwrap_err().to_string();
    for (number, name) in [(libc::SIGKILL, "SIGKILL"), (libc::SIGSTOP, "SIGSTOP")] {
        assert_eq!(
            text(number),
            format!("{name} cannot be caught by any program")
        );
    }
    let because = " comes from an instruction of the thread that gets it, and cannot be waited for";
    for (number, name) in [(libc::SIGSEGV, "SIGSEGV"), (libc::SIGFPE, "SIGFPE")] {
        assert_eq!(text(number), format!("{name}{because}"));
    }
    assert_eq!(text(32), "32 belongs to the C library");
    assert_eq!(text(0), "0 is not a signal");
    assert_eq!(text(65), "65 is not a signal");
    assert_eq!(text(i32::MIN), "-2147483648 is not a signal");
    let third = Signal::from_raw(libc::SIGRTMIN() + 3).unwrap();
    assert_eq!(third.to_string(), "SIGRTMIN+3");
}

#[test]
fn listening_to_nothing_and_twice_to_one_is_fine() {
    let nothing = Signals::new(&[]).unwrap();
    assert_eq!(nothing.try_next(), None);
    let twice = Signals::new(&[Signal::Io, Signal::Io]).unwrap();
    assert_eq!(twice.try_next(), None);
}

#[test]
fn more_listeners_than_places_are_refused() {
    let mut held = Vec::new();
    let error = loop {
        match Signals::new(&[Signal::Io]) {
            Ok(signals) => held.push(signals),
            Err(error) => break error,
        }
    };
    // Other tests of this process hold some.
    assert!((200..=256).contains(&held.len()), "{}", held.len());
    let text = "more than 256 signal listeners: drop one before making another";
    assert_eq!(error.to_string(), text);
    drop(held);
    Signals::new(&[Signal::Io]).unwrap();
}
