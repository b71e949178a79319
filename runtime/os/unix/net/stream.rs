//! [`UnixStream`]: one Unix stream connection.
//!
//! A façade: data goes through the one wait loop of `io/`, a connection attempt through `backoff`, and
//! what never waits to std.
//!
//! Subtle: a read that returns less than asked for says nothing about the next one. The kernel ends it
//! where descriptors or credentials were sent along, with more data behind. So readiness is never cleared
//! by a short read, unlike TCP's, which costs a system call when the reader is faster than the writer.
//! And the write timeout limits each wait for room, not the whole call.

use super::SocketAddr;
use crate::io::backoff;
use crate::io::evented::{Attempt, Direction, Evented, Kind, Stop};
use crate::io::stream::{self, Limit};
use crate::net::Shutdown;
use crate::sys::unix_addr::RawUnixAddr;
use crate::sys::{fd, socket, unix_socket};
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::unix::net as std_net;
use std::path::Path;
use std::time::Duration;

/// A Unix stream connection, as [`std::os::unix::net::UnixStream`].
///
/// Two threads may read and write one stream at the same time through `&UnixStream`. The connection is
/// closed when the last handle is dropped.
///
/// # Examples
/// ```
/// use greenroom::os::unix::net::UnixStream;
/// use std::io::{Read, Write};
///
/// greenroom::run(|| {
///     let (mut ours, mut theirs) = UnixStream::pair()?;
///     greenroom::thread::spawn(move || theirs.write_all(b"hello"));
///     let mut text = String::new();
///     ours.read_to_string(&mut text)?;
///     assert_eq!(text, "hello");
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixStream {
    pub(crate) evented: Evented,
}

/// Connects a socket to the address that `find` finds. The socket comes first, as in std: it matters for
/// which error is reported.
fn connect(find: impl FnOnce() -> io::Result<RawUnixAddr>) -> io::Result<UnixStream> {
    let socket = unix_socket::stream()?;
    let addr = find()?;
    let evented = Evented::new(socket, Kind::Unix);
    backoff::write(&evented, |socket| unix_socket::connect(socket, &addr))?;
    // What the user gets is a blocking socket, as from std.
    fd::set_nonblocking(evented.as_fd(), false)?;
    Ok(UnixStream { evented })
}

impl UnixStream {
    /// Connects to the socket that listens at `path`.
    ///
    /// Parks while the listener's queue is full, and looks again after pauses of up to 20 ms.
    ///
    /// # Errors
    /// `NotFound`, `ConnectionRefused` if nobody listens there, `InvalidInput` if the path is too long
    /// (108 bytes) or has a NUL, or what `connect(2)` reports.
    ///
    /// # Cancel
    /// The attempt is abandoned and its socket closed.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::unix::net::UnixStream;
    /// let error = UnixStream::connect("/nobody/listens/here").unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// ```
    pub fn connect<P: AsRef<Path>>(path: P) -> io::Result<UnixStream> {
        connect(|| SocketAddr::from_pathname(path).map(|addr| RawUnixAddr::encode(&addr)))
    }

    /// Connects to the socket that listens at an address, for one an abstract name.
    ///
    /// Parks as [`connect`](UnixStream::connect) does.
    ///
    /// # Errors
    /// As [`connect`](UnixStream::connect); `InvalidInput` for the unnamed address.
    ///
    /// # Cancel
    /// The attempt is abandoned and its socket closed.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::unix::net::{UnixListener, UnixStream};
    /// let listener = UnixListener::bind("")?;
    /// let stream = UnixStream::connect_addr(&listener.local_addr()?)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_addr(socket_addr: &SocketAddr) -> io::Result<UnixStream> {
        connect(|| Ok(RawUnixAddr::encode(socket_addr)))
    }

    /// Makes two streams that are connected to each other and have no names. Never parks.
    ///
    /// # Errors
    /// What `socketpair(2)` reports, for one when the process has no descriptor left.
    ///
    /// # Examples
    /// ```
    /// let (one, other) = greenroom::os::unix::net::UnixStream::pair()?;
    /// assert!(one.peer_addr()?.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn pair() -> io::Result<(UnixStream, UnixStream)> {
        let (one, other) = std_net::UnixStream::pair()?;
        Ok((UnixStream::fresh(one), UnixStream::fresh(other)))
    }

    /// A second handle of the same connection; timeouts and the non-blocking mode are shared. Never
    /// parks.
    ///
    /// # Errors
    /// What `fcntl(2)` reports, for one when the process has no descriptor left.
    ///
    /// # Examples
    /// ```
    /// let (stream, _peer) = greenroom::os::unix::net::UnixStream::pair()?;
    /// let second = stream.try_clone()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<UnixStream> {
        Ok(UnixStream {
            evented: self.evented.try_clone()?,
        })
    }

    /// The address of this end, mostly unnamed. Never parks.
    ///
    /// # Errors
    /// What `getsockname(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let (stream, _peer) = greenroom::os::unix::net::UnixStream::pair()?;
    /// assert!(stream.local_addr()?.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.ask(std_net::UnixStream::local_addr)
    }

    /// The address of the other end. Never parks.
    ///
    /// # Errors
    /// What `getpeername(2)` reports.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::unix::net::{UnixListener, UnixStream};
    /// let listener = UnixListener::bind("")?;
    /// let stream = UnixStream::connect_addr(&listener.local_addr()?)?;
    /// assert!(!stream.peer_addr()?.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.ask(std_net::UnixStream::peer_addr)
    }

    /// Sets how long one read may wait (`None`: for ever); then it fails with `WouldBlock`. Applies
    /// to reads that start afterwards, on all clones. Never parks.
    ///
    /// # Errors
    /// `InvalidInput` for zero.
    ///
    /// # Examples
    /// ```
    /// use std::{io::{ErrorKind, Read}, time::Duration};
    /// let (mut stream, _peer) = greenroom::os::unix::net::UnixStream::pair()?;
    /// stream.set_read_timeout(Some(Duration::from_millis(2)))?;
    /// let error = stream.read(&mut [0; 8]).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        // The kernel hears of it too: std handles and children that share the socket shall behave.
        self.ask(|stream| stream.set_read_timeout(timeout))?;
        self.evented.set_timeout(Direction::Read, timeout)
    }

    /// Sets how long one write may wait for room (`None`: for ever); then it returns what was queued so
    /// far, or `WouldBlock` if that is nothing. As long as the peer reads, however slowly, a write goes
    /// on, unlike TCP's. Applies to writes that start afterwards, on all clones. Never parks.
    ///
    /// # Errors
    /// `InvalidInput` for zero.
    ///
    /// # Examples
    /// ```
    /// let (stream, _peer) = greenroom::os::unix::net::UnixStream::pair()?;
    /// stream.set_write_timeout(Some(std::time::Duration::from_secs(1)))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.ask(|stream| stream.set_write_timeout(timeout))?;
        self.evented.set_timeout(Direction::Write, timeout)
    }

    /// How long one read may wait, as the kernel rounded it. Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let (stream, _peer) = greenroom::os::unix::net::UnixStream::pair()?;
    /// assert_eq!(stream.read_timeout()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        self.ask(std_net::UnixStream::read_timeout)
    }

    /// How long one write may wait, as the kernel rounded it. Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let (stream, _peer) = greenroom::os::unix::net::UnixStream::pair()?;
    /// assert_eq!(stream.write_timeout()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        self.ask(std_net::UnixStream::write_timeout)
    }

    /// Switches between blocking and non-blocking mode, for all clones: in the latter, reads and
    /// writes that would have to wait fail with `WouldBlock`. Never parks.
    ///
    /// # Errors
    /// What `ioctl(2)` reports.
    ///
    /// # Examples
    /// ```
    /// use std::io::{ErrorKind, Read};
    /// let (mut stream, _peer) = greenroom::os::unix::net::UnixStream::pair()?;
    /// stream.set_nonblocking(true)?;
    /// assert_eq!(stream.read(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
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
    /// let (stream, _peer) = greenroom::os::unix::net::UnixStream::pair()?;
    /// assert!(stream.take_error()?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.ask(std_net::UnixStream::take_error)
    }

    /// Ends reading, writing or both, for all clones; whoever waits in that direction is woken
    /// (reads return 0, writes fail with `BrokenPipe`). Never parks.
    ///
    /// # Errors
    /// What `shutdown(2)` reports.
    ///
    /// # Examples
    /// ```
    /// use std::{io::Read, net::Shutdown};
    /// let (mut stream, _peer) = greenroom::os::unix::net::UnixStream::pair()?;
    /// stream.shutdown(Shutdown::Both)?;
    /// assert_eq!(stream.read(&mut [0; 8])?, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.ask(|stream| stream.shutdown(how))
    }
}

/// As for [`UnixStream`] itself, but shared: one task may read while another writes.
impl Read for &UnixStream {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.evented.io(Direction::Read, |fd| {
            socket::recv(fd, buf).map(Attempt::Done)
        })
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        if bufs.iter().all(|buf| buf.is_empty()) {
            // readv(2) does not even ask the socket, unlike recv(2).
            return Ok(0);
        }
        self.evented.io(Direction::Read, |fd| {
            socket::recv_vectored(fd, bufs).map(Attempt::Done)
        })
    }
}

/// As for [`UnixStream`] itself, but shared: one task may read while another writes.
impl Write for &UnixStream {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        stream::write_limited(&self.evented, buf, Limit::Standstill)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let call = socket::send_vectored;
        stream::try_write_by(&self.evented, bufs, call, Limit::Standstill).map_err(Stop::into_error)
    }

    /// Does nothing: the kernel holds the only buffer.
    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads park until there is something: data, the end of the stream (`Ok(0)`) or an error.
///
/// # Errors
/// `WouldBlock` after the read timeout or in non-blocking mode, `ConnectionReset` when the peer left
/// without having read everything.
///
/// # Cancel
/// Nothing was taken from the socket.
impl Read for UnixStream {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(bufs)
    }
}

/// Writes park until *all* bytes are queued in the kernel, as writes to a blocking socket do.
///
/// # Errors
/// `BrokenPipe` or `ConnectionReset` when the peer is gone, `WouldBlock` after the write timeout or in
/// non-blocking mode. After progress these are not reported: the count is.
///
/// # Cancel
/// Nothing was queued. A cancel that comes after a part was queued ends the write with the count of
/// that part, and unwinds at the next call that may park.
impl Write for UnixStream {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    /// Does nothing: the kernel holds the only buffer.
    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// std's text.
impl fmt::Debug for UnixStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ask(|stream| fmt::Debug::fmt(stream, f))
    }
}
