//! A server of TCP clients.

use super::client::Client;
use super::counters::Counters;
use super::handler::Handler;
use super::limits::Limits;
use super::running::Running;
use super::stream::{Peer, Stream};
use greenroom::net::{SocketAddr, TcpListener, ToSocketAddrs, serve};
use std::io;
use std::sync::Arc;

/// A server of TCP clients: socketserver's `TCPServer`.
#[derive(Debug)]
pub struct TcpServer {
    listener: TcpListener,
    limits: Limits,
}

impl TcpServer {
    /// Listens on an address; port 0 takes a free one.
    ///
    /// # Errors
    /// `AddrInUse`, `PermissionDenied`, `AddrNotAvailable`.
    pub fn bind<A: ToSocketAddrs>(address: A) -> io::Result<TcpServer> {
        Ok(TcpServer {
            listener: TcpListener::bind(address)?,
            limits: Limits::default(),
        })
    }

    /// With other bounds.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> TcpServer {
        self.limits = limits;
        self
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves in the background.
    ///
    /// # Errors
    /// No descriptor for the acceptors.
    pub fn serve_in_background<H: Handler>(self, handler: H) -> io::Result<Running> {
        let (limits, counters) = (Arc::new(self.limits), Arc::new(Counters::default()));
        let shared = Arc::clone(&counters);
        let server = serve(self.listener, move |stream, peer| {
            let _ = stream.set_nodelay(true);
            let (limits, counters) = (Arc::clone(&limits), Arc::clone(&shared));
            let client = Client::new(Stream::Tcp(stream), Peer::Ip(peer), limits, counters);
            let Ok(mut client) = client else { return };
            if handler.setup(&mut client).is_err() {
                return;
            }
            if let Err(error) = handler.handle(&mut client) {
                log::info!("{peer}: {error}");
            }
            handler.finish(&mut client);
        })?;
        Ok(Running { server, counters })
    }
}
