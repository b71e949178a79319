//! Accepting: on every worker as the core does it, or by a crew with as many members as clients may be served.

use super::concurrency::Concurrency;
use super::control::Engine;
use super::crew::{Crew, Seat};
use super::episode::Episode;
use super::handler::Handler;
use super::service::Service;
use super::stream::{Peer, Stream};
use greenroom::net::{Listener, Server, TcpListener, serve};
use greenroom::os::unix::net::UnixListener;
use rustix::io::Errno;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// First pause after the process has run out of descriptors; doubled until [`PAUSE_MAX`]. As in the core.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// What clients come in by.
pub(crate) trait Door: Listener + Sync {
    /// The next client. Parks.
    fn take<H: Handler>(&self, service: &Service<H>) -> io::Result<(Stream, Peer)>;

    /// Starts the core's `serve`, which calls `welcome` for each client in a green thread of its own.
    fn serve<H: Handler>(
        self,
        service: Arc<Service<H>>,
        welcome: fn(&Arc<Service<H>>, Stream, Peer),
    ) -> io::Result<Box<dyn Engine>>;
}

impl Door for TcpListener {
    fn take<H: Handler>(&self, _: &Service<H>) -> io::Result<(Stream, Peer)> {
        let (stream, peer) = self.accept()?;
        let _ = stream.set_nodelay(true);
        Ok((stream.into(), Peer::Ip(peer)))
    }

    fn serve<H: Handler>(
        self,
        service: Arc<Service<H>>,
        welcome: fn(&Arc<Service<H>>, Stream, Peer),
    ) -> io::Result<Box<dyn Engine>> {
        let server = serve(self, move |stream, peer| {
            // Answers are written whole: to hold back their ends would only delay them.
            let _ = stream.set_nodelay(true);
            welcome(&service, stream.into(), Peer::Ip(peer));
        })?;
        Ok(Box::new(server))
    }
}

impl Door for UnixListener {
    fn take<H: Handler>(&self, service: &Service<H>) -> io::Result<(Stream, Peer)> {
        let (stream, _unnamed) = self.accept()?;
        Ok((stream.into(), service.unix_peer()))
    }

    fn serve<H: Handler>(
        self,
        service: Arc<Service<H>>,
        welcome: fn(&Arc<Service<H>>, Stream, Peer),
    ) -> io::Result<Box<dyn Engine>> {
        let server = serve(self, move |stream, _unnamed| {
            let peer = service.unix_peer();
            welcome(&service, stream.into(), peer);
        })?;
        Ok(Box::new(server))
    }
}

impl<A: Send + 'static> Engine for Server<A> {
    fn finish(self: Box<Self>, grace: Duration) {
        Server::finish(*self, grace);
    }
}

/// A pool's engine. Dropping it stops accepting.
struct Pool<L: Send + Sync + 'static>(Arc<Crew<L>>);

impl<L: Send + Sync + 'static> Engine for Pool<L> {
    fn finish(self: Box<Self>, grace: Duration) {
        self.0.finish(grace);
    }
}

impl<L: Send + Sync + 'static> Drop for Pool<L> {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// Starts serving.
pub(crate) fn start<L: Door, H: Handler>(
    listener: L,
    concurrency: Concurrency,
    service: Arc<Service<H>>,
) -> io::Result<Box<dyn Engine>> {
    let members = match concurrency {
        Concurrency::GreenThread => {
            return listener.serve(service, |service, stream, peer| {
                service.welcome(stream, peer);
            });
        }
        Concurrency::OsThread => {
            return listener.serve(service, |service, stream, peer| {
                service.welcome_on_os_thread(stream, peer);
            });
        }
        Concurrency::Inline => 1,
        Concurrency::Pool(members) => members.max(1),
    };
    let pool = Pool(Crew::new(listener));
    for _ in 0..members {
        let service = Arc::clone(&service);
        pool.0
            .spawn(move |seat| accept_and_serve(&seat, &service))?;
    }
    Ok(Box::new(pool))
}

/// One member of a pool.
fn accept_and_serve<L: Door, H: Handler>(seat: &Seat<L>, service: &Arc<Service<H>>) {
    let mut pause = Pause::default();
    while let Some(listener) = seat.begin_wait() {
        let accepted = listener.take(service);
        drop(listener);
        // Before the wait is over: a pause must not delay a shutdown.
        if let Err(error) = &accepted {
            pause.after(error, &service.exhaustion);
        }
        if !seat.end_wait() {
            return;
        }
        let Ok((stream, peer)) = accepted else {
            continue;
        };
        pause = Pause::default();
        seat.serve(|| match service.gate.admit(&peer) {
            Some(place) => service.serve(stream, peer, place),
            None => service.send_away_in_passing(stream),
        });
    }
}

/// How long to wait after an error that is not the client's.
#[derive(Debug)]
pub(crate) struct Pause(Duration);

impl Default for Pause {
    fn default() -> Pause {
        Pause(PAUSE_MIN)
    }
}

impl Pause {
    /// Parks for a while if the process is out of something; yields for an error of one client.
    pub(crate) fn after(&mut self, error: &io::Error, exhaustion: &Episode) {
        let out_of = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
        let is_out = |errno: &Errno| error.raw_os_error() == Some(errno.raw_os_error());
        if !out_of.iter().any(is_out) {
            log::debug!("accept: {error}");
            greenroom::thread::yield_now();
            return;
        }
        if exhaustion.begins() {
            log::warn!("accept: {error}; pausing until descriptors are free");
        }
        greenroom::thread::sleep(self.0);
        self.0 = (self.0 * 2).min(PAUSE_MAX);
    }
}
