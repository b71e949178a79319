//! Clients between two requests, whom a shutdown sends away at once.
//!
//! A protocol that waits for a next request says so by `Client::read_idle`. Steps of a client: 1. it is
//! idle; 2. is the server stopping? then it leaves; 3. it reads; 4. from idle to busy, or it leaves. Steps of
//! a shutdown: a. the server is stopping; b. each client that is idle is ended, and its stream is shut down.
//! Sequentially consistent, so that of 1–2 and a–b one sees the other. Race: bytes come between b's two
//! halves. The client finds in 4 that it was ended and drops them: as if they had come after the close.
//! *Tests:* `idle_clients_leave_when_the_server_stops`.

use super::stream::Stream;
use greenroom::net::Shutdown;
use greenroom::sync::Event;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

const BUSY: u8 = 0;
const IDLE: u8 = 1;
const ENDED: u8 = 2;

/// A server's clients that have ever been idle.
#[derive(Debug, Default)]
pub(crate) struct Idlers {
    is_stopping: AtomicBool,
    /// For those who wait for it.
    stopping: Event,
    places: Mutex<Places>,
}

#[derive(Debug, Default)]
struct Places {
    entries: Vec<Option<Arc<Entry>>>,
    free: Vec<usize>,
}

#[derive(Debug)]
struct Entry {
    state: AtomicU8,
    stream: Weak<Stream>,
}

/// One client's place among them.
#[derive(Debug)]
pub(crate) struct Idler {
    entry: Arc<Entry>,
    index: usize,
}

impl Idlers {
    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    /// Set when the server stops.
    pub(crate) fn stopping(&self) -> &Event {
        &self.stopping
    }

    // std's mutex: nothing parks under it.
    fn lock(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn enter(&self, stream: &Arc<Stream>) -> Idler {
        let entry = Arc::new(Entry {
            state: AtomicU8::new(BUSY),
            stream: Arc::downgrade(stream),
        });
        let mut places = self.lock();
        let index = places.free.pop().unwrap_or(places.entries.len());
        if index == places.entries.len() {
            places.entries.push(None);
        }
        places.entries[index] = Some(Arc::clone(&entry));
        Idler { entry, index }
    }

    pub(crate) fn leave(&self, idler: &Idler) {
        let mut places = self.lock();
        places.entries[idler.index] = None;
        places.free.push(idler.index);
    }

    /// Step 1 and 2; `false`: the client leaves.
    pub(crate) fn begin(&self, idler: &Idler) -> bool {
        idler.entry.state.store(IDLE, Ordering::SeqCst);
        !self.is_stopping()
    }

    /// Step 4; `false`: the client leaves.
    pub(crate) fn end(idler: &Idler) -> bool {
        idler.entry.change(BUSY)
    }

    /// Ends all that are idle, and from now on whoever becomes so. Never parks.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        self.stopping.set();
        let entries: Vec<Arc<Entry>> = self.lock().entries.iter().flatten().cloned().collect();
        for entry in entries {
            if entry.change(ENDED)
                && let Some(stream) = entry.stream.upgrade()
            {
                let _ = stream.shutdown(Shutdown::Read);
            }
        }
    }
}

impl Entry {
    /// From idle to something else.
    fn change(&self, to: u8) -> bool {
        let state = &self.state;
        state
            .compare_exchange(IDLE, to, Ordering::SeqCst, Ordering::SeqCst)
            .is_ok()
    }
}
