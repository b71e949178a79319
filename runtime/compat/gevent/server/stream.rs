//! `StreamServer`: a handler per TCP connection.
//!
//! Handles are clones: one green thread sits in `serve_forever`, another one calls `stop`.

use super::base::{Handlers, Running, STOP_TIMEOUT, Spawn, Switch, naming};
use crate::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs, serve_as};
use crate::thread::{Builder, sleep};
use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// First pause after a failed accept, doubled until [`PAUSE_MAX`]. gevent's `min_delay`, `max_delay`.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);

type Handle = dyn Fn(TcpStream, SocketAddr) + Send + Sync;

/// A TCP server by gevent's names: a handler per connection, each in a green thread of its own.
///
/// Clones are handles of one server. Dropping all of them stops accepting and leaves connections alone.
/// The socket is bound by `start`, as in gevent. A handler's panic ends its connection only. Source:
/// `gevent.server.StreamServer`. Differs: no `ssl_args`: the handler wraps its stream (rustls).
///
/// # Examples
/// ```
/// use greenroom::gevent::{server::StreamServer, socket::TcpStream};
/// use std::io::{Read, Write};
/// let server = StreamServer::new("127.0.0.1:0", |mut stream, _peer| {
///     let _ = stream.write_all(b"hello");
/// })?;
/// server.start()?;
/// let mut text = String::new();
/// TcpStream::connect(server.address())?.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// server.stop(None);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone)]
pub struct StreamServer(Arc<Shared>);

struct Shared {
    addresses: Vec<SocketAddr>,
    spawn: Spawn,
    handle: Arc<Handle>,
    /// Where it was made: there its handlers say that they were spawned.
    place: &'static Location<'static>,
    switch: Switch,
}

impl StreamServer {
    /// A server that is not started, for an address to listen on. Parks while a name is looked up.
    ///
    /// # Errors
    /// The address cannot be resolved.
    ///
    /// # Examples
    /// ```
    /// use greenroom::gevent::server::StreamServer;
    /// let server = StreamServer::new("127.0.0.1:0", |_stream, _peer| ())?;
    /// assert!(!server.started());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn new<A, H>(address: A, handle: H) -> io::Result<StreamServer>
    where
        A: ToSocketAddrs,
        H: Fn(TcpStream, SocketAddr) + Send + Sync + 'static,
    {
        StreamServer::with_spawn(address, Spawn::Default, handle)
    }

    /// As [`new`](StreamServer::new), with a bound on the handlers that run at a time. gevent's
    /// argument `spawn`.
    ///
    /// # Errors
    /// The address cannot be resolved.
    ///
    /// # Panics
    /// If the bound is 0.
    ///
    /// # Examples
    /// ```
    /// use greenroom::gevent::server::{Spawn, StreamServer};
    /// let server = StreamServer::with_spawn("127.0.0.1:0", Spawn::Pool(10), |_stream, _peer| ())?;
    /// assert!(!server.started());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[track_caller]
    pub fn with_spawn<A, H>(address: A, spawn: Spawn, handle: H) -> io::Result<StreamServer>
    where
        A: ToSocketAddrs,
        H: Fn(TcpStream, SocketAddr) + Send + Sync + 'static,
    {
        assert!(
            spawn != Spawn::Pool(0),
            "a pool without room would serve nobody"
        );
        Ok(StreamServer(Arc::new(Shared {
            addresses: address.to_socket_addrs()?.collect(),
            spawn,
            handle: Arc::new(handle),
            place: Location::caller(),
            switch: Switch::new(),
        })))
    }

    /// Binds, and accepts in the background; nothing if it is started, as in gevent. Never parks.
    ///
    /// # Errors
    /// The address cannot be bound, also because another start is under way; no descriptor, no stack.
    ///
    /// # Examples
    /// ```
    /// let server = greenroom::gevent::server::StreamServer::new("127.0.0.1:0", |_, _| ())?;
    /// server.start()?;
    /// assert!(server.started());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn start(&self) -> io::Result<()> {
        if self.started() {
            return Ok(());
        }
        let listener = TcpListener::bind(self.0.addresses.as_slice())?;
        let handle = Arc::clone(&self.0.handle);
        let address = listener.local_addr()?;
        let naming = naming(address, self.0.place);
        let running = match self.0.spawn {
            Spawn::Default => {
                let handle = move |stream, peer| handle(stream, peer);
                Running::Native(serve_as(naming, listener, handle)?)
            }
            Spawn::Pool(_) => {
                let handlers = Handlers::new(self.0.spawn, naming);
                let theirs = handlers.clone();
                let acceptor = Builder::new()
                    .name("stream-server".into())
                    .spawn(move || accept_all(&listener, &theirs, &handle))?;
                Running::Loop {
                    acceptor,
                    handlers,
                    address,
                }
            }
        };
        self.0.switch.put(running);
        Ok(())
    }

    /// Starts, unless it is started, and waits until somebody calls [`stop`](StreamServer::stop). Parks.
    ///
    /// # Errors
    /// As [`start`](StreamServer::start).
    ///
    /// # Cancel
    /// Stops accepting, and waits for nobody.
    ///
    /// # Examples
    /// ```
    /// use greenroom::gevent::{Timeout, server::StreamServer};
    /// let server = StreamServer::new("127.0.0.1:0", |_, _| ())?;
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

    /// Stops accepting, waits at most `timeout` (gevent's `stop_timeout`, 1 s, if `None`) for handlers
    /// to end, then cancels them and waits up to 5 s until they have unwound. Parks. Nothing if it is
    /// not started; it may be started again.
    ///
    /// # Panics
    /// If a handler of a bounded server calls it: it would wait for itself, as that of an unbounded one
    /// does for a while. [`spawn`](crate::gevent::spawn) a stop there.
    ///
    /// # Cancel
    /// Stops accepting; handlers go on.
    ///
    /// # Examples
    /// ```
    /// let server = greenroom::gevent::server::StreamServer::new("127.0.0.1:0", |_, _| ())?;
    /// server.start()?;
    /// server.stop(std::time::Duration::ZERO);
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
    /// let server = greenroom::gevent::server::StreamServer::new("127.0.0.1:0", |_, _| ())?;
    /// assert!(!server.started());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn started(&self) -> bool {
        self.0.switch.is_on()
    }

    /// The address it listens on; before `start`, the first one it was given. Never parks. gevent's
    /// `address`, `server_host` and `server_port`.
    ///
    /// # Panics
    /// If it was given an empty list of addresses.
    ///
    /// # Examples
    /// ```
    /// let server = greenroom::gevent::server::StreamServer::new("127.0.0.1:0", |_, _| ())?;
    /// server.start()?;
    /// assert_ne!(server.address().port(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn address(&self) -> SocketAddr {
        let bound = self.0.switch.address();
        bound.unwrap_or_else(|| self.0.addresses[0])
    }
}

impl fmt::Debug for StreamServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamServer")
            .field("addresses", &self.0.addresses)
            .field("spawn", &self.0.spawn)
            .field("started", &self.started())
            .finish_non_exhaustive()
    }
}

/// gevent's loop: room first, then a connection. Until it is cancelled.
fn accept_all(listener: &TcpListener, handlers: &Handlers, handle: &Arc<Handle>) {
    let mut pause = PAUSE_MIN;
    loop {
        handlers.wait_available();
        let (stream, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                log::warn!("accept: {error}");
                sleep(pause);
                pause = (pause * 2).min(PAUSE_MAX);
                continue;
            }
        };
        pause = PAUSE_MIN;
        let handle = Arc::clone(handle);
        if let Err(error) = handlers.spawn(move || handle(stream, peer)) {
            log::warn!("no green thread for a connection from {peer}: {error}");
        }
    }
}
