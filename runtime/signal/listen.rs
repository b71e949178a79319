//! `Signals`: a listener, and the loop that waits for it.
//!
//! The handler sets a bit and then rings; a waiter drains the bell and then looks at the bits. Several may
//! wait at one listener: whoever takes one signal while others are left rings again, since the drain may
//! have taken the ring that a neighbour was about to see.

use super::Signal;
use crate::io::evented::{Direction, Evented, Kind, Stop};
use crate::park::interrupt;
use crate::sys::clock::deadline_after;
use crate::sys::signals::Listener;
use std::io;
use std::sync::OnceLock;
use std::time::Duration;

/// Listens for signals as long as it lives; then their previous handlers are back in force.
///
/// Several listeners of one signal all hear of it. Of several green threads that wait at one listener, one
/// gets it. Arrivals of one signal before it was taken count once, as in the kernel. In a
/// [`select!`](crate::select!) it is `readable(signals)`, then [`Signals::try_next`]. Source: signal(7).
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
    /// No descriptor left, or more than 256 listeners in the process.
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
        let numbers: Vec<i32> = signals.iter().map(|signal| signal.as_raw()).collect();
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
        interrupt::check();
        loop {
            if let Some(signal) = self.try_next() {
                return Ok(signal);
            }
            self.evented.wait(Direction::Read, None)?;
        }
    }

    /// As [`wait`](Signals::wait), for at most `timeout`: `None` if none came. Zero only looks. Parks.
    ///
    /// # Errors
    /// As [`wait`](Signals::wait).
    ///
    /// # Cancel
    /// Loses nothing.
    ///
    /// # Examples
    /// ```
    /// use greenroom::signal::{Signal, Signals};
    /// use std::time::Duration;
    /// let signals = Signals::new(&[Signal::Hangup])?;
    /// assert_eq!(signals.wait_timeout(Duration::from_millis(1))?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait_timeout(&self, timeout: Duration) -> io::Result<Option<Signal>> {
        interrupt::check();
        let deadline_ns = deadline_after(timeout);
        loop {
            if let Some(signal) = self.try_next() {
                return Ok(Some(signal));
            }
            match self.evented.try_wait(Direction::Read, deadline_ns) {
                Ok(()) => {}
                Err(Stop::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(None);
                }
                Err(stop) => return Err(stop.into_error()),
            }
        }
    }

    /// The next signal, if one has come. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::{select, signal::{Signal, Signals}};
    /// let signals = Signals::new(&[Signal::User1])?;
    /// assert_eq!(signals.try_next(), None);
    /// # std::process::Command::new("sh").args(["-c", "kill -USR1 $PPID"]).status()?;
    /// let signal = loop {
    ///     select! { readable(signals) -> result => result? };
    ///     // `None` after a false alarm.
    ///     if let Some(signal) = signals.try_next() {
    ///         break signal;
    ///     }
    /// };
    /// assert_eq!(signal, Signal::User1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_next(&self) -> Option<Signal> {
        // Subtle: drained before the look, so a signal after the look leaves it readable.
        self.listener.eventfd().drain();
        let number = self.listener.take()?;
        if self.listener.is_pending() {
            self.listener.eventfd().ring();
        }
        // Only listened signals are taken, so it is always known.
        let mut known = self.signals.iter();
        known.find(|signal| signal.as_raw() == number).copied()
    }

    /// Every signal from now on: an iterator that never ends, whose `next` is [`wait`](Signals::wait).
    ///
    /// # Examples
    /// ```
    /// use greenroom::signal::{Signal, Signals};
    /// let signals = Signals::new(&[Signal::Hangup, Signal::Terminate])?;
    /// # std::process::Command::new("sh").args(["-c", "kill -TERM $PPID"]).status()?;
    /// for signal in signals.iter() {
    ///     match signal? {
    ///         Signal::Hangup => println!("reading the configuration again"),
    ///         _ => break,
    ///     }
    /// }
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn iter(&self) -> Iter<'_> {
        Iter(self)
    }

    pub(crate) fn evented(&self) -> &Evented {
        &self.evented
    }
}

impl<'a> IntoIterator for &'a Signals {
    type Item = io::Result<Signal>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Every signal of a listener; made by [`Signals::iter`]. It never ends.
///
/// # Examples
/// ```
/// use greenroom::signal::{Signal, Signals};
/// let signals = Signals::new(&[Signal::Terminate])?;
/// std::process::Command::new("sh").args(["-c", "kill -TERM $PPID"]).status()?;
/// assert_eq!(signals.iter().next().unwrap()?, Signal::Terminate);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "iterators do nothing unless they are asked"]
pub struct Iter<'a>(&'a Signals);

impl Iterator for Iter<'_> {
    type Item = io::Result<Signal>;

    fn next(&mut self) -> Option<io::Result<Signal>> {
        Some(self.0.wait())
    }
}

/// Waits for the next Ctrl-C (`SIGINT`). Parks a green thread, blocks an OS thread.
///
/// From its first call on, Ctrl-C no longer ends the program, not even between two calls: whoever asks
/// for this decides what it does. All that wait hear of each. Source: tokio's `signal::ctrl_c`.
///
/// # Errors
/// As [`Signals::new`] and [`Signals::wait`].
///
/// # Cancel
/// Ends the wait; the next Ctrl-C does not end the program either.
///
/// # Examples
/// ```
/// greenroom::run(|| {
///     let stopping = greenroom::thread::spawn(greenroom::signal::ctrl_c);
///     # while !greenroom::waiting(std::time::Duration::from_secs(9)).iter().any(|l| l.contains("reading fd")) {}
///     # std::process::Command::new("sh").args(["-c", "kill -INT $PPID"]).status()?;
///     // … serve clients …
///     stopping.join().unwrap()
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn ctrl_c() -> io::Result<()> {
    static IN_FORCE: OnceLock<Signals> = OnceLock::new();
    let signals = Signals::new(&[Signal::Interrupt])?;
    if IN_FORCE.get().is_none() {
        // Never waited at. Two that come first at once: one is dropped again, which does no harm.
        drop(IN_FORCE.set(Signals::new(&[Signal::Interrupt])?));
    }
    signals.wait().map(drop)
}
