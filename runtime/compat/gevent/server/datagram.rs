//! `DatagramServer`: a handler per datagram.
//!
//! One receiver reads, and spawns a handler for each; with a bound it waits for room before it reads, so
//! that what comes meanwhile stays, and is lost, in the kernel's buffer.

use super::base::{Handlers, Running, STOP_TIMEOUT, Spawn, Switch, naming};
use crate::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use crate::thread::{Builder, yield_now};
use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// The longest datagram that UDP has, in bytes.
const DATAGRAM_MAX: usize = 65_535;

type Handle = dyn Fn(&UdpSocket, Vec<u8>, SocketAddr) + Send + Sync;

/// A UDP server by gevent's names: a handler per datagram, each in a green thread of its own.
///
/// Clones are handles of one server. Dropping all of them stops it. Source:
/// `gevent.server.DatagramServer`. Differs: the handler is given the socket to answer by, for
/// `self.socket.sendto`; datagrams of up to 65,535 bytes.
///
/// # Examples
/// ```
/// use greenroom::gevent::{server::DatagramServer, socket::UdpSocket};
/// let server = DatagramServer::new("127.0.0.1:0", |socket, data, peer| {
///     let _ = socket.send_to(&data, peer);
/// })?;
/// server.start()?;
/// let client = UdpSocket::bind("127.0.0.1:0")?;
/// client.send_to(b"echo", server.address())?;
/// let mut data = [0; 16];
/// assert_eq!(client.recv(&mut data)?, 4);
/// server.stop(None);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct DatagramServer(Arc<Shared>);

struct Shared {
    addresses: Vec<SocketAddr>,
    spawn: Spawn,
    handle: Arc<Handle>,
    /// Where it was made: there its handlers say that they were spawned.
    place: &'static Location<'static>,
    switch: Switch,
}

impl DatagramServer {
    /// A server that is not started, for an address to read from. Parks while a name is looked up.
    ///
    /// # Errors
    /// The address cannot be resolved.
    ///
    /// # Examples
    /// ```
    /// use greenroom::gevent::server::DatagramServer;
    /// let server = DatagramServer::new("127.0.0.1:0", |_socket, _data, _peer| ())?;
    /// assert!(!server.started());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn new<A, H>(address: A, handle: H) -> io::Result<DatagramServer>
    where
        A: ToSocketAddrs,
        H: Fn(&UdpSocket, Vec<u8>, SocketAddr) + Send + Sync + 'static,
    {
        DatagramServer::with_spawn(address, Spawn::Default, handle)
    }

    /// As [`new`](DatagramServer::new), with a bound on the handlers that run at a time.
    ///
    /// # Errors
    /// The address cannot be resolved.
    ///
    /// # Panics
    /// If the bound is 0.
    ///
    /// # Examples
    /// ```
    /// use greenroom::gevent::server::{DatagramServer, Spawn};
    /// let server = DatagramServer::with_spawn("127.0.0.1:0", Spawn::Pool(1), |_, _, _| ())?;
    /// assert!(!server.started());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn with_spawn<A, H>(address: A, spawn: Spawn, handle: H) -> io::Result<DatagramServer>
    where
        A: ToSocketAddrs,
        H: Fn(&UdpSocket, Vec<u8>, SocketAddr) + Send + Sync + 'static,
    {
        assert!(
            spawn != Spawn::Pool(0),
            "a pool without room would serve nobody"
        );
        Ok(DatagramServer(Arc::new(Shared {
            addresses: address.to_socket_addrs()?.collect(),
            spawn,
            handle: Arc::new(handle),
            place: Location::caller(),
            switch: Switch::new(),
        })))
    }

    /// Binds, and reads in the background; nothing if it is started, as in gevent. Never parks.
    ///
    /// # Errors
    /// The address cannot be bound, also because another start is under way; no descriptor, no stack.
    ///
    /// # Examples
    /// ```
    /// let server = greenroom::gevent::server::DatagramServer::new("127.0.0.1:0", |_, _, _| ())?;
    /// server.start()?;
    /// assert!(server.started());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn start(&self) -> io::Result<()> {
        if self.started() {
            return Ok(());
        }
        let socket = Arc::new(UdpSocket::bind(self.0.addresses.as_slice())?);
        let address = socket.local_addr()?;
        let handlers = Handlers::new(self.0.spawn, naming(address, self.0.place));
        let (theirs, handle) = (handlers.clone(), Arc::clone(&self.0.handle));
        let acceptor = Builder::new()
            .name("datagram-server".into())
            .spawn(move || receive_all(&socket, &theirs, &handle))?;
        self.0.switch.put(Running::Loop {
            acceptor,
            handlers,
            address,
        });
        Ok(())
    }

    /// Starts, unless it is started, and waits until somebody calls [`stop`](DatagramServer::stop).
    /// Parks.
    ///
    /// # Errors
    /// As [`start`](DatagramServer::start).
    ///
    /// # Cancel
    /// Stops reading, and waits for nobody.
    ///
    /// # Examples
    /// ```
    /// use greenroom::gevent::{Timeout, server::DatagramServer};
    /// let server = DatagramServer::new("127.0.0.1:0", |_, _, _| ())?;
    /// let limit = Timeout::new(std::time::Duration::from_millis(1));
    /// assert!(limit.run(|| server.serve_forever()).is_err());
    /// assert!(!server.started());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn serve_forever(&self) -> io::Result<()> {
        self.start()?;
        self.0.switch.wait_until_stopped();
        Ok(())
    }

    /// Stops reading, waits at most `timeout` (1 s, if `None`) for handlers to end, then cancels them
    /// and waits up to 5 s until they have unwound. Parks. Nothing if it is not started.
    ///
    /// # Panics
    /// If a handler calls it: it would wait for itself. [`spawn`](crate::gevent::spawn) a stop there.
    ///
    /// # Cancel
    /// Stops reading; handlers go on.
    ///
    /// # Examples
    /// ```
    /// let server = greenroom::gevent::server::DatagramServer::new("127.0.0.1:0", |_, _, _| ())?;
    /// server.start()?;
    /// server.stop(None);
    /// assert!(!server.started());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stop(&self, timeout: impl Into<Option<Duration>>) {
        self.0.switch.stop(timeout.into().unwrap_or(STOP_TIMEOUT));
    }

    /// Whether it is started. Never parks.
    ///
    /// # Examples
    /// ```
    /// let server = greenroom::gevent::server::DatagramServer::new("127.0.0.1:0", |_, _, _| ())?;
    /// assert!(!server.started());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn started(&self) -> bool {
        self.0.switch.is_on()
    }

    /// The address it reads from; before `start`, the first one it was given. Never parks.
    ///
    /// # Panics
    /// If it was given an empty list of addresses.
    ///
    /// # Examples
    /// ```
    /// let server = greenroom::gevent::server::DatagramServer::new("127.0.0.1:0", |_, _, _| ())?;
    /// server.start()?;
    /// assert_ne!(server.address().port(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn address(&self) -> SocketAddr {
        let bound = self.0.switch.address();
        bound.unwrap_or_else(|| self.0.addresses[0])
    }
}

impl fmt::Debug for DatagramServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatagramServer")
            .field("addresses", &self.0.addresses)
            .field("spawn", &self.0.spawn)
            .field("started", &self.started())
            .finish_non_exhaustive()
    }
}

/// Room first, then a datagram. Until it is cancelled.
fn receive_all(socket: &Arc<UdpSocket>, handlers: &Handlers, handle: &Arc<Handle>) {
    let mut buffer = vec![0; DATAGRAM_MAX];
    loop {
        handlers.wait_available();
        let (length, peer) = match socket.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error) => {
                // An answer that could not be delivered is reported here; it concerns one peer.
                log::debug!("recv_from: {error}");
                yield_now();
                continue;
            }
        };
        let (socket, handle) = (Arc::clone(socket), Arc::clone(handle));
        let data = buffer[..length].to_vec();
        if let Err(error) = handlers.spawn(move || handle(&socket, data, peer)) {
            log::warn!("no green thread for a datagram from {peer}: {error}");
        }
    }
}
