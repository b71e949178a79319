//! [`TcpListener`]: a socket that accepts TCP connections.
//!
//! Its open file is non-blocking while greenroom owns it, since `accept4(2)` has no "do not wait" of
//! its own; the mode the *user* chose lives in the settings that clones share, and comes back to the
//! file when the listener is turned into something else (`convert.rs`).

use super::connect;
use super::resolve::ToSocketAddrs;
use super::tcp_stream::TcpStream;
use crate::io::evented::{Evented, Kind, Stop};
use crate::sys::socket::{self, option};
use std::fmt;
use std::io;
use std::iter::FusedIterator;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

/// A TCP socket that accepts connections, as [`std::net::TcpListener`].
///
/// Any number of green threads and OS threads may accept on one listener; each connection goes to
/// one of them.
///
/// Differs: the queue of connections that wait for `accept` is as long as the kernel allows
/// (`net.core.somaxconn`), where std asks for 128; and a process that inherits the descriptor, or a
/// std handle that shares it, finds it non-blocking until the last handle here is gone.
///
/// # Examples
/// ```
/// use greenroom::net::{TcpListener, TcpStream};
/// use std::io::Write;
///
/// greenroom::run(|| {
///     let listener = TcpListener::bind("127.0.0.1:0")?;
///     let addr = listener.local_addr()?;
///     let client = greenroom::thread::spawn(move || TcpStream::connect(addr));
///     let (mut stream, peer) = listener.accept()?;
///     writeln!(stream, "welcome, {peer}")?;
///     client.join().expect("the client does not panic")
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpListener {
    pub(crate) evented: Evented,
}

impl TcpListener {
    /// Binds the first of `addr`'s addresses that can be had and listens on it; port 0 lets the
    /// system choose.
    ///
    /// Parks only if a host name has to be looked up. Sets `SO_REUSEADDR`, as std does, and never
    /// `SO_REUSEPORT`.
    ///
    /// # Errors
    /// The error of the last address tried: `AddrInUse`, `AddrNotAvailable`, `PermissionDenied`, or
    /// what [`ToSocketAddrs`] reports. `InvalidInput` if there is no address.
    ///
    /// # Examples
    /// ```
    /// use greenroom::net::TcpListener;
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// assert_ne!(listener.local_addr()?.port(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<TcpListener> {
        Ok(TcpListener {
            evented: connect::first_to_open(addr, connect::listen)?,
        })
    }

    /// The address it listens on. Never parks.
    ///
    /// # Errors
    /// What `getsockname(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// assert_ne!(listener.local_addr()?.port(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        socket::local_addr(self.evented.as_fd())
    }

    /// A second handle of the same socket. Never parks.
    ///
    /// # Errors
    /// What `fcntl(2)` reports, for one when the process has no descriptor left.
    ///
    /// # Examples
    /// ```
    /// let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// assert_eq!(listener.try_clone()?.local_addr()?, listener.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<TcpListener> {
        Ok(TcpListener {
            evented: self.evented.try_clone()?,
        })
    }

    /// Accepts one connection and says who called.
    ///
    /// Parks until there is one.
    ///
    /// # Errors
    /// `WouldBlock` in non-blocking mode; `EMFILE`/`ENFILE` when there is no descriptor left (the
    /// connection stays queued: back off and try again); `ConnectionAborted` when the caller hung up
    /// first.
    ///
    /// # Cancel
    /// No connection was taken from the queue.
    ///
    /// # Examples
    /// ```
    /// let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let client = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// let (_stream, peer) = listener.accept()?;
    /// assert_eq!(peer, client.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.try_accept().map_err(Stop::into_error)
    }

    /// As [`accept`](TcpListener::accept), without unwinding for an interrupt.
    pub(super) fn try_accept(&self) -> Result<(TcpStream, SocketAddr), Stop> {
        let (fd, peer) = self.evented.try_accept(socket::accept)?;
        Ok((
            TcpStream {
                evented: Evented::new(fd, Kind::Stream),
            },
            peer,
        ))
    }

    /// An endless iterator over [`accept`](TcpListener::accept)ed connections; each `next` may park.
    ///
    /// # Examples
    /// ```
    /// use greenroom::net::{TcpListener, TcpStream};
    ///
    /// greenroom::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0")?;
    ///     let clients = [
    ///         TcpStream::connect(listener.local_addr()?)?,
    ///         TcpStream::connect(listener.local_addr()?)?,
    ///     ];
    ///     for (client, stream) in clients.iter().zip(listener.incoming()) {
    ///         assert_eq!(stream?.peer_addr()?, client.local_addr()?);
    ///     }
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// Sets `IP_TTL`, the hops a packet may take. Never parks.
    ///
    /// # Errors
    /// What `setsockopt(2)` reports, for one `InvalidInput` above 255.
    ///
    /// # Examples
    /// ```
    /// let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// listener.set_ttl(42)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        option::set_ttl(self.evented.as_fd(), ttl)
    }

    /// The value of `IP_TTL`. Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// assert!(listener.ttl()? > 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        option::ttl(self.evented.as_fd())
    }

    /// Sets `IPV6_V6ONLY`, which the kernel refuses on a bound socket, hence always here.
    ///
    /// # Errors
    /// `InvalidInput` on a bound IPv6 socket; what else `setsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// # #![allow(deprecated)]
    /// let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// assert!(listener.set_only_v6(true).is_err(), "bound already");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[deprecated(
        since = "0.1.0",
        note = "this option can only be set before the socket is bound"
    )]
    pub fn set_only_v6(&self, only_v6: bool) -> io::Result<()> {
        option::set_only_v6(self.evented.as_fd(), only_v6)
    }

    /// Whether `IPV6_V6ONLY` is on.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports, for one on an IPv4 socket.
    ///
    /// # Examples
    /// ```
    /// # #![allow(deprecated)]
    /// let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// assert!(listener.only_v6().is_err(), "an IPv4 socket has no such option");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[deprecated(
        since = "0.1.0",
        note = "this option can only be set before the socket is bound"
    )]
    pub fn only_v6(&self) -> io::Result<bool> {
        option::only_v6(self.evented.as_fd())
    }

    /// Fetches and clears the socket's pending error (`SO_ERROR`). Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// assert!(listener.take_error()?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        option::take_error(self.evented.as_fd())
    }

    /// Switches between blocking and non-blocking mode, for all clones: in the latter, an accept
    /// that would have to wait fails with `WouldBlock`. Never parks.
    ///
    /// # Errors
    /// What `ioctl(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// listener.set_nonblocking(true)?;
    /// assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.evented.set_nonblocking(nonblocking)
    }
}

/// std's text: the address, as far as it is known, and the descriptor.
impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("TcpListener");
        if let Ok(addr) = self.local_addr() {
            text.field("addr", &addr);
        }
        text.field("fd", &self.evented.as_fd().as_raw_fd()).finish()
    }
}

/// The connections of a [`TcpListener`], without end; see [`TcpListener::incoming`].
///
/// # Examples
/// ```
/// let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
/// let client = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
/// let first = listener.incoming().next();
/// assert!(first.is_some_and(|stream| stream.is_ok()));
/// # drop(client);
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "iterators are lazy and do nothing unless consumed"]
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    /// Accepts one connection; parks until there is one. Never `None`.
    fn next(&mut self) -> Option<io::Result<TcpStream>> {
        Some(self.listener.accept().map(|(stream, _peer)| stream))
    }
}

impl FusedIterator for Incoming<'_> {}
