//! Signals by number: their names, and which of them a program may listen for.
//!
//! Only constants of the kernel and of the C library; who listens and how is in `signals`.

use std::io;

pub(crate) const HANGUP: i32 = libc::SIGHUP;
pub(crate) const INTERRUPT: i32 = libc::SIGINT;
pub(crate) const QUIT: i32 = libc::SIGQUIT;
pub(crate) const USER_1: i32 = libc::SIGUSR1;
pub(crate) const USER_2: i32 = libc::SIGUSR2;
pub(crate) const PIPE: i32 = libc::SIGPIPE;
pub(crate) const ALARM: i32 = libc::SIGALRM;
pub(crate) const TERMINATE: i32 = libc::SIGTERM;
pub(crate) const CHILD: i32 = libc::SIGCHLD;
pub(crate) const CONTINUE: i32 = libc::SIGCONT;
pub(crate) const WINDOW_CHANGE: i32 = libc::SIGWINCH;
pub(crate) const IO: i32 = libc::SIGIO;

/// The names of the signals that have one.
const NAMES: [(i32, &str); 31] = [
    (libc::SIGHUP, "SIGHUP"),
    (libc::SIGINT, "SIGINT"),
    (libc::SIGQUIT, "SIGQUIT"),
    (libc::SIGILL, "SIGILL"),
    (libc::SIGTRAP, "SIGTRAP"),
    (libc::SIGABRT, "SIGABRT"),
    (libc::SIGBUS, "SIGBUS"),
    (libc::SIGFPE, "SIGFPE"),
    (libc::SIGKILL, "SIGKILL"),
    (libc::SIGUSR1, "SIGUSR1"),
    (libc::SIGSEGV, "SIGSEGV"),
    (libc::SIGUSR2, "SIGUSR2"),
    (libc::SIGPIPE, "SIGPIPE"),
    (libc::SIGALRM, "SIGALRM"),
    (libc::SIGTERM, "SIGTERM"),
    (libc::SIGSTKFLT, "SIGSTKFLT"),
    (libc::SIGCHLD, "SIGCHLD"),
    (libc::SIGCONT, "SIGCONT"),
    (libc::SIGSTOP, "SIGSTOP"),
    (libc::SIGTSTP, "SIGTSTP"),
    (libc::SIGTTIN, "SIGTTIN"),
    (libc::SIGTTOU, "SIGTTOU"),
    (libc::SIGURG, "SIGURG"),
    (libc::SIGXCPU, "SIGXCPU"),
    (libc::SIGXFSZ, "SIGXFSZ"),
    (libc::SIGVTALRM, "SIGVTALRM"),
    (libc::SIGPROF, "SIGPROF"),
    (libc::SIGWINCH, "SIGWINCH"),
    (libc::SIGIO, "SIGIO"),
    (libc::SIGPWR, "SIGPWR"),
    (libc::SIGSYS, "SIGSYS"),
];

/// `SIGTERM`, `SIGRTMIN+3`, or the bare number.
pub(crate) fn name(signal: i32) -> String {
    if let Some((_, name)) = NAMES.iter().find(|(number, _)| *number == signal) {
        return (*name).to_owned();
    }
    let (first, last) = (libc::SIGRTMIN(), libc::SIGRTMAX());
    match signal {
        _ if signal == first => "SIGRTMIN".to_owned(),
        _ if (first..=last).contains(&signal) => format!("SIGRTMIN+{}", signal - first),
        _ => signal.to_string(),
    }
}

/// Says whether a program may listen for a signal.
///
/// # Errors
/// `InvalidInput`, with the reason: the kernel lets nobody catch it, a handler that returned would only
/// run into it again, the C library needs it, or there is no such signal.
pub(crate) fn check(signal: i32) -> io::Result<()> {
    let why = match signal {
        libc::SIGKILL | libc::SIGSTOP => "cannot be caught by any program",
        libc::SIGSEGV
        | libc::SIGBUS
        | libc::SIGFPE
        | libc::SIGILL
        | libc::SIGTRAP
        | libc::SIGSYS => {
            "comes from an instruction of the thread that gets it, and cannot be waited for"
        }
        1..=31 => return Ok(()),
        _ if (libc::SIGRTMIN()..=libc::SIGRTMAX()).contains(&signal) => return Ok(()),
        32.. if signal < libc::SIGRTMIN() => "belongs to the C library",
        _ => "is not a signal",
    };
    let message = format!("{} {why}", name(signal));
    Err(io::Error::new(io::ErrorKind::InvalidInput, message))
}
