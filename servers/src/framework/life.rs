//! One client, from `setup` to `finish`: what is caught, counted and logged.
//!
//! The same for green threads, OS threads and processes; these report to the server what they note. `finish` runs
//! after whatever `handle` came to: its end, an error, a panic, a cancellation. That one alone goes on unwinding,
//! when `finish` is through. An error may panic when it is shown or dropped: that harms nobody.

use super::client::Client;
use super::counters::Counters;
use super::handler::Handler;
use crate::panic_text::panic_text;
use crate::printable::printable;
use std::any::Any;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// What the waits of `finish` may take: it runs although the server may be shutting down, and a shutdown
/// waits 5 s at most.
pub(crate) const FINISH_LIMIT: Duration = Duration::from_secs(1);

/// How a part of a handler ended.
pub(crate) enum Ending {
    Good,
    Error(io::Error),
    Panic(Box<dyn Any + Send>),
    /// To be resumed.
    Interrupt(Box<dyn Any + Send>),
}

/// Runs what may panic although nobody expects it: a logger, the text of somebody's error, a drop.
pub(crate) fn unharmed(call: impl FnOnce()) {
    let Err(payload) = catch_unwind(AssertUnwindSafe(call)) else {
        return;
    };
    if greenroom::is_interrupt(payload.as_ref()) {
        resume_unwind(payload);
    }
    // What its drop panics with is leaked: one has to stop somewhere. The hook has reported both.
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(payload);
    }
}

/// Runs a part of a handler to whatever end.
pub(crate) fn attempt(part: impl FnOnce() -> io::Result<()>) -> Ending {
    match catch_unwind(AssertUnwindSafe(part)) {
        Ok(Ok(())) => Ending::Good,
        Ok(Err(error)) => Ending::Error(error),
        Err(payload) if greenroom::is_interrupt(payload.as_ref()) => Ending::Interrupt(payload),
        Err(payload) => Ending::Panic(payload),
    }
}

impl Ending {
    /// Counts and logs it. `who` is the peer.
    pub(crate) fn note(&self, who: impl fmt::Display, counters: &Counters) {
        match self {
            Ending::Good => {}
            Ending::Error(error) => {
                Counters::add(&counters.errors, 1);
                unharmed(|| log::info!("{who}: {}", printable(&error.to_string())));
            }
            Ending::Panic(payload) => {
                Counters::add(&counters.panics, 1);
                let text = printable(panic_text(payload.as_ref()));
                unharmed(|| log::error!("{who}: the handler panicked: {text}"));
            }
            Ending::Interrupt(_) => {
                Counters::add(&counters.cut_off, 1);
                unharmed(|| log::debug!("{who}: cut off"));
            }
        }
    }

    /// Goes on unwinding if it was interrupted.
    pub(crate) fn resume(self) {
        match self {
            Ending::Interrupt(payload) => resume_unwind(payload),
            Ending::Panic(payload) => unharmed(|| drop(payload)),
            Ending::Error(error) => unharmed(|| drop(error)),
            Ending::Good => {}
        }
    }
}

/// Serves one client, and tells `note` how each part ended. Unwinds if it was cancelled.
pub(crate) fn live<H: Handler>(
    handler: &H,
    client: &mut Client,
    mut note: impl FnMut(&Ending, &Client),
) {
    let begun = attempt(|| handler.setup(client));
    note(&begun, client);
    if !matches!(begun, Ending::Good) {
        return begun.resume();
    }
    let ending = attempt(|| handler.handle(client));
    note(&ending, client);
    client.end_request();
    let finished = attempt(|| {
        let limit = FINISH_LIMIT;
        greenroom::shield(|| greenroom::timeout(limit, || handler.finish(client)))?;
        Ok(())
    });
    note(&finished, client);
    finished.resume();
    ending.resume();
}

/// Counts and logs. The error of a client whose connection the server has shut down is ours.
pub(crate) fn note(ending: &Ending, client: &Client) {
    match ending {
        Ending::Error(_) if client.is_cut_off() => Counters::add(&client.counters().cut_off, 1),
        _ => ending.note(client.peer(), client.counters()),
    }
}
