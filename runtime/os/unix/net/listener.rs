//! [`UnixListener`]: a socket that accepts Unix stream connections.
//!
//! Its open file is non-blocking while greenroom owns it, as a TCP listener's is, so std's own `accept`
//! never waits on it; the mode the *user* chose comes back to the file when the listener leaves.

use super::{SocketAddr, UnixStream};
use crate::io::evented::{Evented, Stop};
use std::fmt;
use std::io;
use std::os::unix::net as std_net;
use std::path::Path;

/// A Unix socket that listens, as [`std::os::unix::net::UnixListener`].
///
/// Several threads may accept from one listener. Dropping it refuses those who wait to be accepted; a
/// path that it was bound to stays in the file system, as in std.
///
/// # Examples
/// ```
/// use greenroom::os::unix::net::{UnixListener, UnixStream};
/// use std::io::{Read, Write};
///
/// greenroom::run(|| {
///     // Bound to nothing, the kernel chooses an abstract name.
///     let listener = UnixListener::bind("")?;
///     let addr = listener.local_addr()?;
///     greenroom::thread::spawn(move || UnixStream::connect_addr(&addr)?.write_all(b"hello"));
///     let (mut stream, _peer) = listener.accept()?;
///     let mut text = String::new();
///     stream.read_to_string(&mut text)?;
///     assert_eq!(text, "hello");
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixListener {
    pub(crate) evented: Evented,
}

impl UnixListener {
    /// Makes a socket that listens at `path`, which it creates. Never parks.
    ///
    /// # Errors
    /// `AddrInUse` if the path exists, `InvalidInput` if it is too long (108 bytes) or has a NUL, or
    /// what `bind(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let path = std::env::temp_dir().join(format!("greenroom-bind-{}", std::process::id()));
    /// let listener = greenroom::os::unix::net::UnixListener::bind(&path)?;
    /// assert_eq!(listener.local_addr()?.as_pathname(), Some(&*path));
    /// std::fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixListener> {
        std_net::UnixListener::bind(path).map(UnixListener::fresh)
    }

    /// Makes a socket that listens at an address, for one an abstract name. Never parks.
    ///
    /// # Errors
    /// `AddrInUse` if the address is taken, or what `bind(2)` reports.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::unix::net::{SocketAddr, UnixListener};
    /// use std::os::linux::net::SocketAddrExt;
    ///
    /// let name = format!("greenroom-bind-addr-{}", std::process::id());
    /// let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
    /// assert_eq!(listener.local_addr()?.as_abstract_name(), Some(name.as_bytes()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind_addr(socket_addr: &SocketAddr) -> io::Result<UnixListener> {
        std_net::UnixListener::bind_addr(socket_addr).map(UnixListener::fresh)
    }

    /// Takes one connection, and who made it (mostly unnamed).
    ///
    /// Parks until there is one.
    ///
    /// # Errors
    /// `WouldBlock` in non-blocking mode; `EMFILE` and kin when no descriptor is left: the connection
    /// stays in the queue then.
    ///
    /// # Cancel
    /// No connection was taken.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::unix::net::{UnixListener, UnixStream};
    ///
    /// let listener = UnixListener::bind("")?;
    /// let _client = UnixStream::connect_addr(&listener.local_addr()?)?;
    /// let (_stream, peer) = listener.accept()?;
    /// assert!(peer.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        self.try_accept().map_err(Stop::into_error)
    }

    /// As [`accept`](UnixListener::accept), without unwinding for an interrupt.
    pub(crate) fn try_accept(&self) -> Result<(UnixStream, SocketAddr), Stop> {
        let (stream, peer) = self
            .evented
            .try_accept(|_| self.ask(std_net::UnixListener::accept))?;
        Ok((UnixStream::fresh(stream), peer))
    }

    /// A second handle of the same socket; the non-blocking mode is shared. Never parks.
    ///
    /// # Errors
    /// What `fcntl(2)` reports, for one when the process has no descriptor left.
    ///
    /// # Examples
    /// ```
    /// let listener = greenroom::os::unix::net::UnixListener::bind("")?;
    /// let second = listener.try_clone()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<UnixListener> {
        Ok(UnixListener {
            evented: self.evented.try_clone()?,
        })
    }

    /// Where it listens. Never parks.
    ///
    /// # Errors
    /// What `getsockname(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let listener = greenroom::os::unix::net::UnixListener::bind("")?;
    /// assert!(!listener.local_addr()?.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.ask(std_net::UnixListener::local_addr)
    }

    /// Switches between blocking and non-blocking mode, for all clones: in the latter, `accept` fails
    /// with `WouldBlock` if nobody has come. Never parks.
    ///
    /// # Errors
    /// None as long as greenroom owns it; std reports what `ioctl(2)` does.
    ///
    /// # Examples
    /// ```
    /// let listener = greenroom::os::unix::net::UnixListener::bind("")?;
    /// listener.set_nonblocking(true)?;
    /// assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.evented.set_nonblocking(nonblocking)
    }

    /// Fetches and clears the socket's pending error (`SO_ERROR`). Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let listener = greenroom::os::unix::net::UnixListener::bind("")?;
    /// assert!(listener.take_error()?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.ask(std_net::UnixListener::take_error)
    }

    /// The connections, one after the other, without end. Each step parks as
    /// [`accept`](UnixListener::accept) does.
    ///
    /// # Cancel
    /// As in [`accept`](UnixListener::accept).
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::unix::net::{UnixListener, UnixStream};
    ///
    /// let listener = UnixListener::bind("")?;
    /// let _client = UnixStream::connect_addr(&listener.local_addr()?)?;
    /// assert!(listener.incoming().next().is_some_and(|stream| stream.is_ok()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }
}

/// std's text.
impl fmt::Debug for UnixListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ask(|listener| fmt::Debug::fmt(listener, f))
    }
}

impl<'a> IntoIterator for &'a UnixListener {
    type Item = io::Result<UnixStream>;
    type IntoIter = Incoming<'a>;

    fn into_iter(self) -> Incoming<'a> {
        self.incoming()
    }
}

/// The connections of a [`UnixListener`], without end; see [`UnixListener::incoming`].
///
/// # Examples
/// ```
/// use greenroom::os::unix::net::{UnixListener, UnixStream};
///
/// let listener = UnixListener::bind("")?;
/// let _client = UnixStream::connect_addr(&listener.local_addr()?)?;
/// for stream in &listener {
///     assert!(stream?.peer_addr()?.is_unnamed());
///     break;
/// }
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "iterators are lazy and do nothing unless consumed"]
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a UnixListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<UnixStream>;

    /// Accepts one connection; parks until there is one. Never `None`.
    fn next(&mut self) -> Option<io::Result<UnixStream>> {
        Some(self.listener.accept().map(|(stream, _peer)| stream))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, None)
    }
}
