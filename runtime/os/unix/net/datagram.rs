//! [`UnixDatagram`]: a Unix socket of whole messages, which arrive in order and never get lost.
//!
//! A façade: data goes through the one wait loop of `io/`, what never waits to std. Two cases are not
//! like a stream's. Of room in the queue of a socket one is *not* connected to, no event tells: those
//! sends go through `backoff`. And the end that [`shutdown`](UnixDatagram::shutdown) makes is told to
//! receives that wait, but not to those that do not: it is asked for before parking.

use super::SocketAddr;
use crate::io::backoff;
use crate::io::evented::{Attempt, Direction, Evented};
use crate::net::Shutdown;
use crate::sys::unix_addr::RawUnixAddr;
use crate::sys::{socket, unix_socket};
use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::net as std_net;
use std::path::Path;
use std::time::Duration;

/// A Unix datagram socket, as [`std::os::unix::net::UnixDatagram`].
///
/// Several threads may send and receive through one socket; each datagram goes to one of them.
///
/// # Examples
/// ```
/// use greenroom::os::unix::net::UnixDatagram;
///
/// greenroom::run(|| {
///     // Bound to nothing, the kernel chooses an abstract name.
///     let receiver = UnixDatagram::bind("")?;
///     let addr = receiver.local_addr()?;
///     greenroom::thread::spawn(move || UnixDatagram::unbound()?.send_to_addr(b"hello", &addr));
///     let mut buf = [0; 16];
///     let (len, sender) = receiver.recv_from(&mut buf)?;
///     assert_eq!(&buf[..len], b"hello");
///     assert!(sender.is_unnamed());
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UnixDatagram {
    pub(crate) evented: Evented,
}

impl UnixDatagram {
    /// Makes a socket with the name `path`, which it creates. Never parks.
    ///
    /// # Errors
    /// `AddrInUse` if the path exists, `InvalidInput` if it is too long (108 bytes) or has a NUL, or
    /// what `bind(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let path = std::env::temp_dir().join(format!("greenroom-dgram-{}", std::process::id()));
    /// let socket = greenroom::os::unix::net::UnixDatagram::bind(&path)?;
    /// assert_eq!(socket.local_addr()?.as_pathname(), Some(&*path));
    /// std::fs::remove_file(path)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind<P: AsRef<Path>>(path: P) -> io::Result<UnixDatagram> {
        std_net::UnixDatagram::bind(path).map(UnixDatagram::fresh)
    }

    /// Makes a socket with an address, for one an abstract name. Never parks.
    ///
    /// # Errors
    /// `AddrInUse` if the address is taken, or what `bind(2)` reports.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::unix::net::{SocketAddr, UnixDatagram};
    /// use std::os::linux::net::SocketAddrExt;
    ///
    /// let name = format!("greenroom-dgram-addr-{}", std::process::id());
    /// let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;
    /// assert_eq!(socket.local_addr()?.as_abstract_name(), Some(name.as_bytes()));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind_addr(socket_addr: &SocketAddr) -> io::Result<UnixDatagram> {
        std_net::UnixDatagram::bind_addr(socket_addr).map(UnixDatagram::fresh)
    }

    /// Makes a socket without a name: it can send, and nobody can answer. Never parks.
    ///
    /// # Errors
    /// What `socket(2)` reports, for one when the process has no descriptor left.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::os::unix::net::UnixDatagram::unbound()?;
    /// assert!(socket.local_addr()?.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn unbound() -> io::Result<UnixDatagram> {
        std_net::UnixDatagram::unbound().map(UnixDatagram::fresh)
    }

    /// Makes two sockets that are connected to each other and have no names. Never parks.
    ///
    /// # Errors
    /// What `socketpair(2)` reports, for one when the process has no descriptor left.
    ///
    /// # Examples
    /// ```
    /// let (one, other) = greenroom::os::unix::net::UnixDatagram::pair()?;
    /// one.send(b"hi")?;
    /// assert_eq!(other.recv(&mut [0; 8])?, 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn pair() -> io::Result<(UnixDatagram, UnixDatagram)> {
        let (one, other) = std_net::UnixDatagram::pair()?;
        Ok((UnixDatagram::fresh(one), UnixDatagram::fresh(other)))
    }

    /// Connects it to the socket at `path`: [`send`](UnixDatagram::send) goes there, and datagrams of
    /// others do not arrive any more. Never parks.
    ///
    /// # Errors
    /// `NotFound`, `ConnectionRefused` if nobody has that name any more, `InvalidInput` if the path is
    /// too long (108 bytes) or has a NUL, or what `connect(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::os::unix::net::UnixDatagram::unbound()?;
    /// let error = socket.connect("/nobody/is/here").unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect<P: AsRef<Path>>(&self, path: P) -> io::Result<()> {
        self.ask(|socket| socket.connect(path))
    }

    /// As [`connect`](UnixDatagram::connect), to an address. Never parks.
    ///
    /// # Errors
    /// As [`connect`](UnixDatagram::connect); `InvalidInput` for the unnamed address.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::unix::net::UnixDatagram;
    /// let receiver = UnixDatagram::bind("")?;
    /// let sender = UnixDatagram::unbound()?;
    /// sender.connect_addr(&receiver.local_addr()?)?;
    /// sender.send(b"hi")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect_addr(&self, socket_addr: &SocketAddr) -> io::Result<()> {
        self.ask(|socket| socket.connect_addr(socket_addr))
    }

    /// A second handle of the same socket; timeouts and the non-blocking mode are shared. Never parks.
    ///
    /// # Errors
    /// What `fcntl(2)` reports, for one when the process has no descriptor left.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::os::unix::net::UnixDatagram::unbound()?;
    /// let second = socket.try_clone()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<UnixDatagram> {
        Ok(UnixDatagram {
            evented: self.evented.try_clone()?,
        })
    }

    /// Its own address. Never parks.
    ///
    /// # Errors
    /// What `getsockname(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::os::unix::net::UnixDatagram::bind("")?;
    /// assert!(!socket.local_addr()?.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.ask(std_net::UnixDatagram::local_addr)
    }

    /// The address it is connected to. Never parks.
    ///
    /// # Errors
    /// `NotConnected` if it is not.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::os::unix::net::UnixDatagram::unbound()?;
    /// assert_eq!(socket.peer_addr().unwrap_err().kind(), std::io::ErrorKind::NotConnected);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.ask(std_net::UnixDatagram::peer_addr)
    }

    /// Takes one datagram, and who sent it. What does not fit into `buf` is lost.
    ///
    /// Parks until there is one.
    ///
    /// # Errors
    /// `WouldBlock` after the read timeout or in non-blocking mode.
    ///
    /// # Cancel
    /// Nothing was taken.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::unix::net::UnixDatagram;
    /// let receiver = UnixDatagram::bind("")?;
    /// let sender = UnixDatagram::bind("")?;
    /// sender.send_to_addr(b"hi", &receiver.local_addr()?)?;
    /// let (len, from) = receiver.recv_from(&mut [0; 8])?;
    /// assert_eq!(len, 2);
    /// assert!(!from.is_unnamed());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.receive(
            |fd| unix_socket::recv_from(fd, buf),
            || Ok((0, SocketAddr::from_pathname("")?)),
        )
    }

    /// Takes one datagram. What does not fit into `buf` is lost.
    ///
    /// Parks until there is one.
    ///
    /// # Errors
    /// `WouldBlock` after the read timeout or in non-blocking mode.
    ///
    /// # Cancel
    /// Nothing was taken.
    ///
    /// # Examples
    /// ```
    /// let (one, other) = greenroom::os::unix::net::UnixDatagram::pair()?;
    /// one.send(b"hi")?;
    /// let mut buf = [0; 8];
    /// let len = other.recv(&mut buf)?;
    /// assert_eq!(&buf[..len], b"hi");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.receive(|fd| socket::recv(fd, buf), || Ok(0))
    }

    /// Waits for what `take` takes; `end` is what a shut down socket gives for ever.
    ///
    /// Subtle: one whose reading was shut down says "would block" to `take`, see
    /// [`unix_socket::is_shut_for_reading`]. A shutdown after that look is an event, which ends the park.
    fn receive<T>(
        &self,
        mut take: impl FnMut(BorrowedFd<'_>) -> io::Result<T>,
        end: impl Fn() -> io::Result<T>,
    ) -> io::Result<T> {
        let would_wait = |error: &io::Error| {
            error.kind() == io::ErrorKind::WouldBlock && !self.evented.is_nonblocking()
        };
        self.evented.io(Direction::Read, |fd| {
            let taken = match take(fd) {
                Err(error) if would_wait(&error) => {
                    if !unix_socket::is_shut_for_reading(fd)? {
                        return Err(error);
                    }
                    end()
                }
                done => done,
            };
            taken.map(Attempt::Done)
        })
    }

    /// Sends one datagram to the socket at `path`.
    ///
    /// Parks while that socket's queue is full, and looks again after pauses of up to 20 ms.
    ///
    /// # Errors
    /// `NotFound`, `ConnectionRefused` if nobody has that name any more, `InvalidInput` if the path is
    /// too long or has a NUL; `EMSGSIZE` for a datagram beyond the buffer; `WouldBlock` after the write
    /// timeout or in non-blocking mode; `EPERM` if the receiver is connected to somebody else.
    ///
    /// # Cancel
    /// Nothing was sent.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::os::unix::net::UnixDatagram::unbound()?;
    /// let error = socket.send_to(b"hi", "/nobody/is/here").unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_to<P: AsRef<Path>>(&self, buf: &[u8], path: P) -> io::Result<usize> {
        self.send_to_addr(buf, &SocketAddr::from_pathname(path)?)
    }

    /// As [`send_to`](UnixDatagram::send_to), to an address. Parks as that does.
    ///
    /// # Errors
    /// As [`send_to`](UnixDatagram::send_to); `InvalidInput` for the unnamed address.
    ///
    /// # Cancel
    /// Nothing was sent.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::unix::net::UnixDatagram;
    /// let receiver = UnixDatagram::bind("")?;
    /// let sent = UnixDatagram::unbound()?.send_to_addr(b"hi", &receiver.local_addr()?)?;
    /// assert_eq!(sent, 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_to_addr(&self, buf: &[u8], socket_addr: &SocketAddr) -> io::Result<usize> {
        let addr = RawUnixAddr::encode(socket_addr);
        backoff::write(&self.evented, |fd| unix_socket::send_to(fd, buf, &addr))
    }

    /// Sends one datagram to the socket it is connected to.
    ///
    /// Parks while that socket's queue is full; room there is an event, so it goes on at once.
    ///
    /// # Errors
    /// `NotConnected`; `ConnectionRefused` if the peer is gone; `EMSGSIZE` for a datagram beyond the
    /// buffer; `WouldBlock` after the write timeout or in non-blocking mode.
    ///
    /// # Cancel
    /// Nothing was sent.
    ///
    /// # Examples
    /// ```
    /// let (one, _other) = greenroom::os::unix::net::UnixDatagram::pair()?;
    /// assert_eq!(one.send(b"hi")?, 2);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.evented.io(Direction::Write, |fd| {
            socket::send(fd, buf).map(Attempt::Done)
        })
    }

    /// Sets how long one receive may wait (`None`: for ever); then it fails with `WouldBlock`. Applies
    /// to calls that start afterwards, on all clones. Never parks.
    ///
    /// # Errors
    /// `InvalidInput` for zero.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::os::unix::net::UnixDatagram::bind("")?;
    /// socket.set_read_timeout(Some(std::time::Duration::from_millis(2)))?;
    /// let error = socket.recv(&mut [0; 8]).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        // The kernel hears of it too: std handles and children that share the socket shall behave.
        self.ask(|socket| socket.set_read_timeout(timeout))?;
        self.evented.set_timeout(Direction::Read, timeout)
    }

    /// Sets how long one send may wait (`None`: for ever); then it fails with `WouldBlock`. Applies to
    /// calls that start afterwards, on all clones. Never parks.
    ///
    /// # Errors
    /// `InvalidInput` for zero.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::os::unix::net::UnixDatagram::unbound()?;
    /// socket.set_write_timeout(Some(std::time::Duration::from_secs(1)))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.ask(|socket| socket.set_write_timeout(timeout))?;
        self.evented.set_timeout(Direction::Write, timeout)
    }

    /// How long one receive may wait, as the kernel rounded it. Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::os::unix::net::UnixDatagram::unbound()?;
    /// assert_eq!(socket.read_timeout()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        self.ask(std_net::UnixDatagram::read_timeout)
    }

    /// How long one send may wait, as the kernel rounded it. Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::os::unix::net::UnixDatagram::unbound()?;
    /// assert_eq!(socket.write_timeout()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        self.ask(std_net::UnixDatagram::write_timeout)
    }

    /// Switches between blocking and non-blocking mode, for all clones: in the latter, calls that would
    /// have to wait fail with `WouldBlock`. Never parks.
    ///
    /// # Errors
    /// What `ioctl(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::os::unix::net::UnixDatagram::unbound()?;
    /// socket.set_nonblocking(true)?;
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
    /// let socket = greenroom::os::unix::net::UnixDatagram::unbound()?;
    /// assert!(socket.take_error()?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.ask(std_net::UnixDatagram::take_error)
    }

    /// Ends receiving, sending or both, for all clones; who waits to receive is woken and gets 0, as
    /// everybody after him does. Never parks.
    ///
    /// # Errors
    /// What `shutdown(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::os::unix::net::UnixDatagram::bind("")?;
    /// socket.shutdown(std::net::Shutdown::Read)?;
    /// assert_eq!(socket.recv(&mut [0; 8])?, 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.ask(|socket| socket.shutdown(how))
    }
}

/// std's text.
impl fmt::Debug for UnixDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.ask(|socket| fmt::Debug::fmt(socket, f))
    }
}
