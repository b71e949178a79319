//! A server of TCP clients.

use super::accept;
use super::concurrency::Concurrency;
use super::control::{Owner, Stopper};
use super::counters::Totals;
use super::handler::Handler;
use super::limits::Limits;
use super::options::Options;
use super::running::Running;
use greenroom::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::io;

/// A server of TCP clients: socketserver's `TCPServer`.
///
/// # Examples
/// ```
/// use greenroom::net::{Shutdown, TcpStream};
/// use greenroom_servers::{Client, Limits, TcpServer};
/// use std::io::{self, Read, Write};
/// use std::time::Duration;
///
/// greenroom::run(|| {
///     let upper = |client: &mut Client| {
///         let mut text = String::new();
///         client.read_to_string(&mut text)?;
///         client.write_all(text.to_uppercase().as_bytes())
///     };
///     let limits = Limits { clients_max: 100, ..Limits::default() };
///     let server = TcpServer::bind("127.0.0.1:0")?.limits(limits).serve_in_background(upper)?;
///
///     let mut stream = TcpStream::connect(server.local_addr())?;
///     stream.write_all(b"hello")?;
///     stream.shutdown(Shutdown::Write)?;
///     assert_eq!(io::read_to_string(stream)?, "HELLO");
///
///     let totals = server.shutdown(Duration::from_secs(1));
///     assert_eq!((totals.accepted, totals.bytes_in, totals.bytes_out), (1, 5, 5));
///     Ok::<(), io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct TcpServer {
    listener: TcpListener,
    options: Options,
}

impl TcpServer {
    /// Listens on an address; port 0 takes a free one.
    ///
    /// # Errors
    /// `AddrInUse`, `PermissionDenied`, `AddrNotAvailable`.
    pub fn bind<A: ToSocketAddrs>(address: A) -> io::Result<TcpServer> {
        TcpListener::bind(address).map(TcpServer::from)
    }

    /// With other bounds.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> TcpServer {
        self.options.limits = limits;
        self
    }

    /// With clients served otherwise than by a green thread each.
    #[must_use]
    pub fn concurrency(mut self, concurrency: Concurrency) -> TcpServer {
        self.options.concurrency = concurrency;
        self
    }

    /// Clients beyond a limit are told so, as far as they read it within a second, before they are closed.
    #[must_use]
    pub fn reject_with(mut self, text: impl Into<Vec<u8>>) -> TcpServer {
        self.options.farewell = text.into();
        self
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What `getsockname(2)` reports.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Ends it from elsewhere.
    pub fn stopper(&self) -> Stopper {
        self.options.control.stopper()
    }

    /// Serves until a [`Stopper`] ends it. Parks. Unwound by a cancel or a timeout, it stops accepting and
    /// leaves clients alone.
    ///
    /// # Errors
    /// As [`serve_in_background`](TcpServer::serve_in_background).
    pub fn serve_forever<H: Handler>(self, handler: H) -> io::Result<Totals> {
        let (owner, _) = self.begin(handler)?;
        Ok(owner.0.wait())
    }

    /// Serves in the background. Never parks.
    ///
    /// # Errors
    /// No descriptor or stack for the acceptors; `InvalidInput` for a time-out of zero.
    pub fn serve_in_background<H: Handler>(self, handler: H) -> io::Result<Running> {
        let (owner, address) = self.begin(handler)?;
        Ok(Running { owner, address })
    }

    fn begin<H: Handler>(self, handler: H) -> io::Result<(Owner, SocketAddr)> {
        let address = self.listener.local_addr()?;
        let TcpServer { listener, options } = self;
        let concurrency = options.concurrency;
        let owner = options.begin(handler, |service| {
            accept::start(listener, concurrency, service)
        })?;
        Ok((owner, address))
    }
}

/// Of a listener that was made elsewhere: with options of its own, or inherited.
impl From<TcpListener> for TcpServer {
    fn from(listener: TcpListener) -> TcpServer {
        TcpServer {
            listener,
            options: Options::default(),
        }
    }
}
