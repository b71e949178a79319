//! `Signal`: which one, by name or by number.
//!
//! Whatever exists as a value can be listened for: what cannot is refused by `from_raw`, with the reason.

use crate::sys::signal_number as number;
use std::fmt;
use std::io;

/// A signal that can be listened for. Source: signal(7); the names are those of tokio's.
///
/// # Examples
/// ```
/// use greenroom::signal::{Signal, Signals};
/// let signals = Signals::new(&[Signal::Interrupt, Signal::Terminate])?;
/// # std::process::Command::new("sh").args(["-c", "kill -TERM $PPID"]).status()?;
/// match signals.wait()? {
///     Signal::Interrupt => println!("Ctrl-C"),
///     other => println!("asked to end by {other}"),
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// `SIGHUP`: the terminal has gone, or "read your configuration again".
    Hangup,
    /// `SIGINT`, Ctrl-C.
    Interrupt,
    /// `SIGQUIT`, Ctrl-\\.
    Quit,
    /// `SIGUSR1`.
    User1,
    /// `SIGUSR2`.
    User2,
    /// `SIGPIPE`: nobody will read what was written. It goes to the thread that wrote, so green threads'
    /// writes are not heard of; their error is.
    Pipe,
    /// `SIGALRM`.
    Alarm,
    /// `SIGTERM`, what a service manager sends first.
    Terminate,
    /// `SIGCHLD`: a child has ended, stopped or gone on.
    Child,
    /// `SIGCONT`: this process goes on after a stop.
    Continue,
    /// `SIGWINCH`: the terminal has another size.
    WindowChange,
    /// `SIGIO`.
    Io,
    /// One without a name here; see [`Signal::from_raw`].
    Other(SignalNumber),
}

/// The number of a [`Signal`] that has no name of its own there.
///
/// # Examples
/// ```
/// use greenroom::signal::Signal;
/// let urgent = Signal::from_raw(23)?; // SIGURG
/// assert!(matches!(urgent, Signal::Other(_)));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SignalNumber(i32);

/// The named ones.
const NAMED: [(Signal, i32); 12] = [
    (Signal::Hangup, number::HANGUP),
    (Signal::Interrupt, number::INTERRUPT),
    (Signal::Quit, number::QUIT),
    (Signal::User1, number::USER_1),
    (Signal::User2, number::USER_2),
    (Signal::Pipe, number::PIPE),
    (Signal::Alarm, number::ALARM),
    (Signal::Terminate, number::TERMINATE),
    (Signal::Child, number::CHILD),
    (Signal::Continue, number::CONTINUE),
    (Signal::WindowChange, number::WINDOW_CHANGE),
    (Signal::Io, number::IO),
];

impl Signal {
    /// The signal with this number: a named one, a real-time one, or any other that can be caught.
    /// Never parks.
    ///
    /// # Errors
    /// `InvalidInput`, and the message says why: `SIGKILL` and `SIGSTOP` cannot be caught; `SIGSEGV`,
    /// `SIGBUS`, `SIGFPE`, `SIGILL`, `SIGTRAP` and `SIGSYS` come from an instruction, which a handler
    /// that returns would only run again; two belong to the C library; the rest are no signals.
    ///
    /// # Examples
    /// ```
    /// use greenroom::signal::Signal;
    /// assert_eq!(Signal::from_raw(15)?, Signal::Terminate);
    /// assert_eq!(Signal::from_raw(34)?.to_string(), "SIGRTMIN");
    /// let error = Signal::from_raw(9).unwrap_err();
    /// assert_eq!(error.to_string(), "SIGKILL cannot be caught by any program");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn from_raw(signal: i32) -> io::Result<Signal> {
        number::check(signal)?;
        let named = NAMED.iter().find(|(_, number)| *number == signal);
        Ok(named.map_or(Signal::Other(SignalNumber(signal)), |(signal, _)| *signal))
    }

    /// Its number, as `kill(2)` takes it and `ExitStatusExt::signal` returns it. Never parks.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(greenroom::signal::Signal::Terminate.as_raw(), 15);
    /// ```
    pub fn as_raw(self) -> i32 {
        match self {
            Signal::Other(SignalNumber(number)) => number,
            named => NAMED
                .iter()
                .find(|(signal, _)| *signal == named)
                .map_or(0, |(_, number)| *number),
        }
    }
}

/// `SIGTERM`, `SIGRTMIN+3`.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&number::name(self.as_raw()))
    }
}
