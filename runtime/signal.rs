//! Signals as something a green thread waits for. In small: interrupt and terminate.
//!
//! Worker threads block asynchronous signals, so a handler runs on one of the user's own threads; it
//! only counts and rings. A program that listens for nothing is killed by Ctrl-C as ever.

use crate::io::evented::{Direction, Evented, Kind};
use crate::sys::signals::{Listener, number};
use std::io;

/// A signal that can be listened for.
///
/// # Examples
/// ```
/// use greenroom::signal::{Signal, Signals};
/// let signals = Signals::new(&[Signal::Interrupt, Signal::Terminate])?;
/// # std::process::Command::new("sh").args(["-c", "kill -TERM $PPID"]).status()?;
/// match signals.wait()? {
///     Signal::Interrupt => println!("Ctrl-C"),
///     other => println!("asked to end: {other:?}"),
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Signal {
    /// `SIGINT`, Ctrl-C.
    Interrupt,
    /// `SIGTERM`, what a service manager sends first.
    Terminate,
}

impl Signal {
    fn number(self) -> i32 {
        match self {
            Signal::Interrupt => number::INTERRUPT,
            Signal::Terminate => number::TERMINATE,
        }
    }
}

/// Listens for signals as long as it lives; then their previous handlers are back in force.
///
/// Several listeners of one signal all hear of it. Arrivals of one signal before it was taken count
/// once, as in the kernel. Source: signal(7).
///
/// # Examples
/// ```
/// use greenroom::signal::{Signal, Signals};
/// greenroom::run(|| {
///     let signals = Signals::new(&[Signal::Terminate])?;
///     std::process::Command::new("sh").args(["-c", "kill -TERM $PPID"]).status()?;
///     assert_eq!(signals.wait()?, Signal::Terminate);
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Signals {
    signals: Vec<Signal>,
    listener: Listener,
    evented: Evented,
}

impl Signals {
    /// Starts to listen. Never parks.
    ///
    /// # Errors
    /// No descriptor left, or more than 64 listeners in the process.
    ///
    /// # Examples
    /// ```
    /// use greenroom::signal::{Signal, Signals};
    /// use std::time::Duration;
    /// let signals = Signals::new(&[Signal::Interrupt])?;
    /// // Nothing came yet.
    /// assert!(greenroom::timeout(Duration::from_millis(1), || signals.wait()).is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(signals: &[Signal]) -> io::Result<Signals> {
        let numbers: Vec<i32> = signals.iter().map(|signal| signal.number()).collect();
        let listener = Listener::new(&numbers)?;
        let fd = listener.eventfd().as_fd().try_clone_to_owned()?;
        let evented = Evented::adopt(fd, Kind::Stream);
        Ok(Signals {
            signals: signals.to_vec(),
            listener,
            evented,
        })
    }

    /// Waits for the next signal. Parks a green thread, blocks an OS thread.
    ///
    /// # Errors
    /// What epoll reports when no descriptor can be watched any more.
    ///
    /// # Cancel
    /// Loses nothing: a signal that came stays to be taken.
    ///
    /// # Examples
    /// ```
    /// use greenroom::signal::{Signal, Signals};
    /// let signals = Signals::new(&[Signal::Terminate])?;
    /// std::process::Command::new("sh").args(["-c", "kill -TERM $PPID"]).status()?;
    /// assert_eq!(signals.wait()?, Signal::Terminate);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait(&self) -> io::Result<Signal> {
        loop {
            // Subtle: drained before the look, so a signal after the look leaves it readable.
            self.listener.eventfd().drain();
            if let Some(number) = self.listener.take() {
                let known = self.signals.iter().find(|signal| signal.number() == number);
                // Only listened signals are taken, so it is always known.
                if let Some(signal) = known {
                    return Ok(*signal);
                }
            }
            self.evented.wait(Direction::Read, None)?;
        }
    }
}
