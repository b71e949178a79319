//! The end of a server, asked for from anywhere.
//!
//! Whoever asks first takes the engine and ends it; the others wait for that. The engine is also taken by the
//! drop of whoever owns the server, who only stops it.

use super::counters::{Counters, Totals};
use greenroom::sync::Event;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What accepts and serves. Dropping it stops accepting, and leaves clients alone.
pub(crate) trait Engine: Send {
    /// Stops accepting, waits for clients, cancels those that are left. Parks.
    fn finish(self: Box<Self>, grace: Duration);
}

enum State {
    Fresh,
    /// Perhaps there are clients already, but no engine yet to end them by.
    Starting,
    Running(Box<dyn Engine>),
    /// Somebody is at it.
    Stopping,
    Ended,
}

/// A server's state, as its owner and its [`Stopper`]s share it.
pub(crate) struct Control {
    state: Mutex<State>,
    /// It is no longer starting.
    begun: Event,
    ended: Event,
    pub(crate) counters: Arc<Counters>,
}

/// Ends a server from elsewhere: another green thread, another OS thread, a signal's handler. Cheap to clone.
///
/// # Examples
/// ```
/// use greenroom_servers::{Client, TcpServer};
/// use std::time::Duration;
///
/// let server = TcpServer::bind("127.0.0.1:0")?;
/// let stopper = server.stopper();
/// let main = std::thread::spawn(move || {
///     greenroom::run(|| server.serve_forever(|_: &mut Client| Ok(())))
/// });
/// stopper.shutdown(Duration::from_secs(1));
/// assert_eq!(main.join().expect("it does not panic")?.accepted, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Stopper {
    control: Arc<Control>,
}

impl Stopper {
    /// Stops accepting, gives clients `grace` to end by themselves, cancels the others, and returns when the
    /// server is over: every client's `finish` has run, but of handlers that compute on for 5 s more; `open`
    /// counts those. Parks. Called again, or by others at the same time, it returns the same.
    ///
    /// A server that has not begun never will. A handler that calls this waits for itself: let it tell somebody
    /// else, or the server ends when the grace and 5 s are over.
    ///
    /// # Cancel
    /// The server is left stopped, its clients alone.
    pub fn shutdown(&self, grace: Duration) -> Totals {
        self.control.shutdown(grace)
    }

    /// What the server has seen so far. Never parks.
    pub fn totals(&self) -> Totals {
        self.control.counters.totals()
    }
}

impl Control {
    pub(crate) fn new() -> Arc<Control> {
        Arc::new(Control {
            state: Mutex::new(State::Fresh),
            begun: Event::new(),
            ended: Event::new(),
            counters: Arc::default(),
        })
    }

    pub(crate) fn stopper(self: &Arc<Control>) -> Stopper {
        Stopper {
            control: Arc::clone(self),
        }
    }

    fn replace(&self, next: impl FnOnce(&State) -> Option<State>) -> Option<State> {
        // std's mutex: nothing parks under it, and what was there is dropped outside.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let next = next(&state)?;
        Some(std::mem::replace(&mut *state, next))
    }

    /// Starts the engine, unless the end was asked for before.
    pub(crate) fn begin(
        self: &Arc<Control>,
        start: impl FnOnce() -> io::Result<Box<dyn Engine>>,
    ) -> io::Result<Owner> {
        let owner = Owner(Arc::clone(self));
        let fresh = self.replace(|state| match state {
            State::Fresh => Some(State::Starting),
            _ => None,
        });
        if fresh.is_some() {
            let engine = start()?;
            // Whoever wants to end it waits until it is here.
            self.replace(|_| Some(State::Running(engine)));
            self.begun.set();
        }
        Ok(owner)
    }

    pub(crate) fn shutdown(&self, grace: Duration) -> Totals {
        let mut is_starting = false;
        let before = self.replace(|state| match state {
            State::Fresh => Some(State::Ended),
            State::Running(_) => Some(State::Stopping),
            State::Stopping | State::Ended => None,
            State::Starting => {
                is_starting = true;
                None
            }
        });
        match before {
            Some(State::Running(engine)) => {
                let _over = Over(self);
                self.counters.idlers.stop();
                engine.finish(grace);
            }
            Some(_) => self.ended.set(),
            None if is_starting => {
                self.begun.wait();
                return self.shutdown(grace);
            }
            None => {}
        }
        self.wait()
    }

    /// Parks until the server is over.
    pub(crate) fn wait(&self) -> Totals {
        self.ended.wait();
        self.counters.totals()
    }
}

/// Whoever owns a server that runs: its drop stops it.
#[derive(Debug)]
pub(crate) struct Owner(pub(crate) Arc<Control>);

impl Drop for Owner {
    fn drop(&mut self) {
        let before = self.0.replace(|state| match state {
            // Starting: that failed.
            State::Fresh | State::Starting | State::Running(_) => Some(State::Ended),
            State::Stopping | State::Ended => None,
        });
        if before.is_some() {
            // Stops it.
            drop(before);
            self.0.begun.set();
            self.0.ended.set();
        }
    }
}

/// The server is over when this is dropped, even if whoever ended it was cancelled meanwhile.
struct Over<'a>(&'a Control);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.replace(|_| Some(State::Ended));
        self.0.ended.set();
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control")
            .field("is_over", &self.ended.is_set())
            .field("totals", &self.counters.totals())
            .finish_non_exhaustive()
    }
}
