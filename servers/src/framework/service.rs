//! What all clients of a server share, and what happens to each from its accept on.

use super::client::Client;
use super::counters::Counters;
use super::episode::Episode;
use super::gate::{Gate, Place};
use super::handler::Handler;
use super::life::{live, note};
use super::limits::Limits;
use super::os_thread;
use super::stream::{Peer, Stream};
use greenroom::net::Shutdown;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// How long one who is sent away may take to read why.
const FAREWELL_LIMIT: Duration = Duration::from_secs(1);

/// Those who are being told; whoever comes beyond that is closed without a word, or a flood of clients would
/// cost as many green threads as if they were let in.
const FAREWELLS_MAX: usize = 64;

/// What is read, and thrown away, of one who is sent away, so that the close does not reset the connection
/// before the answer was read.
const FAREWELL_BYTES_MAX: usize = 64 * 1024;

/// A server's handler, bounds and numbers.
pub(crate) struct Service<H> {
    pub(crate) handler: H,
    pub(crate) limits: Arc<Limits>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) gate: Arc<Gate>,
    /// Of want of descriptors.
    pub(crate) exhaustion: Episode,
    pub(crate) farewell: Vec<u8>,
    pub(crate) farewells: AtomicUsize,
    pub(crate) unix_clients: AtomicU64,
}

impl<H: Handler> Service<H> {
    pub(crate) fn new(
        handler: H,
        limits: Limits,
        counters: Arc<Counters>,
        farewell: Vec<u8>,
    ) -> Arc<Service<H>> {
        let limits = Arc::new(limits);
        Arc::new(Service {
            handler,
            gate: Gate::new(Arc::clone(&limits), Arc::clone(&counters)),
            limits,
            counters,
            exhaustion: Episode::default(),
            farewell,
            farewells: AtomicUsize::new(0),
            unix_clients: AtomicU64::new(0),
        })
    }

    /// A name for a client that has none.
    pub(crate) fn unix_peer(&self) -> Peer {
        Peer::Unix(self.unix_clients.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// In the client's own green thread: serves it, or sends it away.
    pub(crate) fn welcome(&self, stream: Stream, peer: Peer) {
        match self.gate.admit(&peer) {
            Some(place) => self.serve(stream, peer, place),
            None => self.send_away(&stream),
        }
    }

    /// As [`welcome`](Service::welcome), and waits for an OS thread that serves it.
    pub(crate) fn welcome_on_os_thread(self: &Arc<Self>, stream: Stream, peer: Peer) {
        let Some(place) = self.gate.admit(&peer) else {
            return self.send_away(&stream);
        };
        let (stream, cut) = (Arc::new(stream), Arc::new(AtomicBool::new(false)));
        let (weak, flag) = (Arc::downgrade(&stream), Arc::clone(&cut));
        let service = Arc::clone(self);
        let serve = move || {
            let (limits, counters) = service.parts();
            service.serve_client(Client::watched(stream, flag, peer, limits, counters));
            drop(place);
        };
        let end = || {
            cut.store(true, Ordering::Release);
            if let Some(stream) = weak.upgrade() {
                let _ = stream.shutdown(Shutdown::Both);
            }
        };
        if let Err(error) = os_thread::run(serve, end) {
            Counters::add(&self.counters.errors, 1);
            log::warn!("no OS thread for a client: {error}");
        }
    }

    /// Serves one who was let in, here.
    pub(crate) fn serve(&self, stream: Stream, peer: Peer, place: Place) {
        let (limits, counters) = self.parts();
        self.serve_client(Client::new(stream, peer, limits, counters));
        // After the close.
        drop(place);
    }

    fn parts(&self) -> (Arc<Limits>, Arc<Counters>) {
        (Arc::clone(&self.limits), Arc::clone(&self.counters))
    }

    fn serve_client(&self, client: io::Result<Client>) {
        match client {
            Ok(mut client) => live(&self.handler, &mut client, note),
            Err(error) => {
                Counters::add(&self.counters.errors, 1);
                log::info!("a client that could not be set up: {error}");
            }
        }
    }

    /// Tells a client that it is one too many, if there is a text for it. Parks, for [`FAREWELL_LIMIT`] at most.
    fn send_away(&self, stream: &Stream) {
        if let Some(_turn) = self.farewell_turn() {
            let _ = greenroom::timeout(FAREWELL_LIMIT, || say_farewell(stream, &self.farewell));
        }
    }

    /// As `send_away`, for an acceptor, which must not park.
    pub(crate) fn send_away_in_passing(self: &Arc<Self>, stream: Stream) {
        if self.farewell.is_empty() {
            return;
        }
        let service = Arc::clone(self);
        let builder = greenroom::thread::Builder::new();
        if let Err(error) = builder.spawn(move || service.send_away(&stream)) {
            log::debug!("no green thread for a client that is sent away: {error}");
        }
    }

    fn farewell_turn(&self) -> Option<Turn<'_>> {
        if self.farewell.is_empty() {
            return None;
        }
        let turn = Turn(&self.farewells);
        // The turn gives back what was taken, even if it was one too many.
        (self.farewells.fetch_add(1, Ordering::Relaxed) < FAREWELLS_MAX).then_some(turn)
    }
}

/// One of those who are being told.
struct Turn<'a>(&'a AtomicUsize);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn say_farewell(mut stream: &Stream, text: &[u8]) -> io::Result<()> {
    stream.write_all(text)?;
    stream.shutdown(Shutdown::Write)?;
    let (mut buf, mut read) = ([0; 1024], 0);
    while read < FAREWELL_BYTES_MAX {
        match stream.read(&mut buf)? {
            0 => break,
            count => read += count,
        }
    }
    Ok(())
}
