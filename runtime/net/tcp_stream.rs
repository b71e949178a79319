//! [`TcpStream`]: one TCP connection.
//!
//! A façade: every call goes to `sys/` at once or through the one wait loop of `io/`. Must never
//! change the socket's flags behind the user's back (see `connect.rs` and `convert.rs`).

use super::connect;
use super::resolve::ToSocketAddrs;
use crate::io::evented::{Direction, Evented};
use crate::io::stream;
use crate::sys::socket::{self, option};
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// A TCP connection, as [`std::net::TcpStream`].
///
/// Two green threads (or OS threads) may read and write one stream at the same time through
/// `&TcpStream`; several that read, or several that write, each get their turn. The connection is
/// closed when the last handle is dropped. Dropping one clone of several closes nothing and wakes
/// nobody; [`shutdown`](TcpStream::shutdown) is what ends the waits of others.
///
/// # Examples
/// ```
/// use greenroom::net::{TcpListener, TcpStream};
/// use std::io::{Read, Write};
///
/// greenroom::run(|| {
///     let listener = TcpListener::bind("127.0.0.1:0")?;
///     let addr = listener.local_addr()?;
///     let client = greenroom::thread::spawn(move || {
///         let mut stream = TcpStream::connect(addr)?;
///         stream.write_all(b"hello")
///     });
///     let (mut stream, _peer) = listener.accept()?;
///     let mut text = String::new();
///     stream.read_to_string(&mut text)?;
///     assert_eq!(text, "hello");
///     client.join().expect("the client does not panic")
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct TcpStream {
    pub(crate) evented: Evented,
}

impl TcpStream {
    /// Opens a connection to `addr`, trying every address it resolves to.
    ///
    /// Parks until the handshake is over; a host name is looked up on the blocking pool.
    ///
    /// # Errors
    /// The error of the last address tried: `ConnectionRefused`, `TimedOut` (the kernel gave up),
    /// network errors, or what [`ToSocketAddrs`] reports. `InvalidInput` if there is no address.
    ///
    /// # Cancel
    /// The attempt is abandoned and its socket closed.
    ///
    /// # Examples
    /// ```
    /// use greenroom::net::{TcpListener, TcpStream};
    ///
    /// greenroom::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0")?;
    ///     let stream = TcpStream::connect(("localhost", listener.local_addr()?.port()))?;
    ///     assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
        let evented = connect::first_to_open(addr, |addr| connect::connect(addr, None))?;
        Ok(TcpStream { evented })
    }

    /// Opens a connection to one address, waiting at most `timeout` for the handshake.
    ///
    /// Parks until then.
    ///
    /// # Errors
    /// `TimedOut` when `timeout` is over; `InvalidInput` if it is zero and the attempt did not fail at
    /// once; otherwise as [`connect`](TcpStream::connect).
    ///
    /// # Cancel
    /// The attempt is abandoned and its socket closed.
    ///
    /// # Examples
    /// ```
    /// use greenroom::net::{TcpListener, TcpStream};
    /// use std::time::Duration;
    ///
    /// greenroom::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0")?;
    ///     TcpStream::connect_timeout(&listener.local_addr()?, Duration::from_secs(5))
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_timeout(addr: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        Ok(TcpStream {
            evented: connect::connect(addr, Some(timeout))?,
        })
    }

    /// The address of the other end. Never parks.
    ///
    /// # Errors
    /// `NotConnected` once the connection is gone.
    ///
    /// # Examples
    /// ```
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// assert_eq!(stream.peer_addr()?, listener.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        socket::peer_addr(self.evented.as_fd())
    }

    /// The address of this end. Never parks.
    ///
    /// # Errors
    /// What `getsockname(2)` reports.
    ///
    /// # Examples
    /// ```
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// assert!(stream.local_addr()?.ip().is_loopback());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        socket::local_addr(self.evented.as_fd())
    }

    /// Ends reading, writing or both, for all clones; whoever waits in that direction is woken
    /// (reads return 0, writes fail with `BrokenPipe`). Never parks.
    ///
    /// # Errors
    /// `NotConnected` if the connection is gone.
    ///
    /// # Examples
    /// ```
    /// use greenroom::net::{Shutdown, TcpListener, TcpStream};
    /// use std::io::Read;
    ///
    /// greenroom::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0")?;
    ///     let stream = TcpStream::connect(listener.local_addr()?)?;
    ///     stream.shutdown(Shutdown::Both)?;
    ///     assert_eq!((&stream).read(&mut [0; 8])?, 0);
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        socket::shutdown(self.evented.as_fd(), how)
    }

    /// A second handle of the same connection; timeouts and the non-blocking mode are shared. Never
    /// parks.
    ///
    /// # Errors
    /// What `fcntl(2)` reports, for one when the process has no descriptor left.
    ///
    /// # Examples
    /// ```
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// assert_eq!(stream.try_clone()?.local_addr()?, stream.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<TcpStream> {
        Ok(TcpStream {
            evented: self.evented.try_clone()?,
        })
    }

    /// Sets how long one read may wait (`None`: for ever); then it fails with `WouldBlock`. Applies
    /// to reads that start afterwards, on all clones. Never parks.
    ///
    /// # Errors
    /// `InvalidInput` for zero.
    ///
    /// # Examples
    /// ```
    /// use greenroom::net::{TcpListener, TcpStream};
    /// use std::{io::{ErrorKind, Read}, time::Duration};
    ///
    /// greenroom::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0")?;
    ///     let mut stream = TcpStream::connect(listener.local_addr()?)?;
    ///     stream.set_read_timeout(Some(Duration::from_millis(2)))?;
    ///     let error = stream.read(&mut [0; 8]).unwrap_err();
    ///     assert_eq!(error.kind(), ErrorKind::WouldBlock);
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_read_timeout(&self, dur: Option<Duration>) -> io::Result<()> {
        self.set_timeout(Direction::Read, option::Timeout::Receive, dur)
    }

    /// Sets how long one write may wait (`None`: for ever); then it returns what was queued so far,
    /// or `WouldBlock` if that is nothing. Applies to writes that start afterwards, on all clones.
    /// Never parks.
    ///
    /// # Errors
    /// `InvalidInput` for zero.
    ///
    /// # Examples
    /// ```
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// stream.set_write_timeout(Some(std::time::Duration::from_secs(1)))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_write_timeout(&self, dur: Option<Duration>) -> io::Result<()> {
        self.set_timeout(Direction::Write, option::Timeout::Send, dur)
    }

    /// The kernel hears of it too, so that std handles and children that share the socket behave.
    fn set_timeout(
        &self,
        direction: Direction,
        which: option::Timeout,
        dur: Option<Duration>,
    ) -> io::Result<()> {
        option::set_timeout(self.evented.as_fd(), which, dur)?;
        self.evented.set_timeout(direction, dur)
    }

    /// How long one read may wait, as the kernel rounded it. Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// assert_eq!(stream.read_timeout()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        option::timeout(self.evented.as_fd(), option::Timeout::Receive)
    }

    /// How long one write may wait, as the kernel rounded it. Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// assert_eq!(stream.write_timeout()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        option::timeout(self.evented.as_fd(), option::Timeout::Send)
    }

    /// Reads without taking: the next read returns the same bytes again.
    ///
    /// Parks until there is something to read.
    ///
    /// # Errors
    /// As a read.
    ///
    /// # Cancel
    /// Nothing was taken.
    ///
    /// # Examples
    /// ```
    /// use greenroom::net::{TcpListener, TcpStream};
    /// use std::io::Write;
    ///
    /// greenroom::run(|| {
    ///     let listener = TcpListener::bind("127.0.0.1:0")?;
    ///     let mut client = TcpStream::connect(listener.local_addr()?)?;
    ///     client.write_all(b"hi")?;
    ///     let (stream, _) = listener.accept()?;
    ///     let mut buf = [0; 8];
    ///     assert_eq!(stream.peek(&mut buf)?, 2);
    ///     assert_eq!(stream.peek(&mut buf)?, 2);
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        stream::peek(&self.evented, buf)
    }

    /// Switches `TCP_NODELAY`: whether small writes leave at once instead of being gathered. Never
    /// parks.
    ///
    /// # Errors
    /// What `setsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// stream.set_nodelay(true)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        option::set_nodelay(self.evented.as_fd(), nodelay)
    }

    /// Whether `TCP_NODELAY` is on. Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// assert!(!stream.nodelay()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn nodelay(&self) -> io::Result<bool> {
        option::nodelay(self.evented.as_fd())
    }

    /// Sets `IP_TTL`, the hops a packet may take. Never parks.
    ///
    /// # Errors
    /// What `setsockopt(2)` reports, for one `InvalidInput` above 255.
    ///
    /// # Examples
    /// ```
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// stream.set_ttl(42)?;
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
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// assert!(stream.ttl()? > 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        option::ttl(self.evented.as_fd())
    }

    /// Fetches and clears the socket's pending error (`SO_ERROR`). Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// assert!(stream.take_error()?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self.evented.take_kept_error() {
            Some(error) => Ok(Some(error)),
            None => option::take_error(self.evented.as_fd()),
        }
    }

    /// Switches between blocking and non-blocking mode, for all clones: in the latter, reads and
    /// writes that would have to wait fail with `WouldBlock`. Never parks.
    ///
    /// # Errors
    /// What `ioctl(2)` reports.
    ///
    /// # Examples
    /// ```
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// stream.set_nonblocking(true)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.evented.set_nonblocking(nonblocking)
    }
}

/// Reads park until there is something: data, the end of the stream (`Ok(0)`) or an error.
///
/// # Errors
/// `WouldBlock` after the read timeout or in non-blocking mode, `ConnectionReset` when the peer
/// reset the connection.
///
/// # Cancel
/// Nothing was taken from the socket.
impl Read for TcpStream {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        stream::read(&self.evented, buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        stream::read_vectored(&self.evented, bufs)
    }
}

/// Writes park until *all* bytes are queued in the kernel, as writes to a blocking socket do.
///
/// # Errors
/// `BrokenPipe` or `ConnectionReset` when the connection is gone, `WouldBlock` after the write
/// timeout or in non-blocking mode. After progress these are not reported: the count is.
///
/// # Cancel
/// Nothing was queued. A cancel that comes after a part was queued ends the write with the count of
/// that part, and unwinds at the next call that may park.
impl Write for TcpStream {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        stream::write(&self.evented, buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        stream::write_vectored(&self.evented, bufs)
    }

    /// Does nothing: the kernel holds the only buffer.
    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// As for [`TcpStream`] itself, but shared: one task may read while another writes.
impl Read for &TcpStream {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        stream::read(&self.evented, buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        stream::read_vectored(&self.evented, bufs)
    }
}

/// As for [`TcpStream`] itself, but shared: one task may read while another writes.
impl Write for &TcpStream {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        stream::write(&self.evented, buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        stream::write_vectored(&self.evented, bufs)
    }

    /// Does nothing: the kernel holds the only buffer.
    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// std's text: both addresses, as far as they are known, and the descriptor.
impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("TcpStream");
        if let Ok(addr) = self.local_addr() {
            text.field("addr", &addr);
        }
        if let Ok(peer) = self.peer_addr() {
            text.field("peer", &peer);
        }
        text.field("fd", &self.evented.as_fd().as_raw_fd()).finish()
    }
}
