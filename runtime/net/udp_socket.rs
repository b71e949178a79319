//! [`UdpSocket`]: sends and receives datagrams.
//!
//! A façade: what may wait goes through the one wait loop of `io/`, one datagram per call; the rest is
//! std's own call on the borrowed descriptor. A receive that gets less than it asked for has seen one
//! datagram, never "all there was". Options are in `udp_options.rs`.

use super::connect;
use super::resolve::ToSocketAddrs;
use crate::io::evented::{Attempt, Direction, Evented, Kind};
use crate::sys::view::with_std;
use crate::sys::{datagram, socket};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

/// A UDP socket, as [`std::net::UdpSocket`].
///
/// Any number of green threads and OS threads may send and receive through one socket or its clones
/// at the same time; each datagram goes to one of them, whole.
///
/// # Examples
/// ```
/// use greenroom::net::UdpSocket;
///
/// greenroom::run(|| {
///     let server = UdpSocket::bind("127.0.0.1:0")?;
///     let addr = server.local_addr()?;
///     let client = greenroom::thread::spawn(move || {
///         let socket = UdpSocket::bind("127.0.0.1:0")?;
///         socket.send_to(b"ping", addr)?;
///         let mut buf = [0; 16];
///         let (count, _from) = socket.recv_from(&mut buf)?;
///         Ok::<_, std::io::Error>(buf[..count].to_vec())
///     });
///     let mut buf = [0; 16];
///     let (count, from) = server.recv_from(&mut buf)?;
///     server.send_to(&buf[..count], from)?;
///     assert_eq!(client.join().expect("the client does not panic")?, b"ping");
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct UdpSocket {
    pub(crate) evented: Evented,
}

impl UdpSocket {
    /// Binds the first of `addr`'s addresses that can be had; port 0 lets the system choose.
    ///
    /// Parks only if a host name has to be looked up.
    ///
    /// # Errors
    /// The error of the last address tried: `AddrInUse`, `AddrNotAvailable`, `PermissionDenied`, or
    /// what [`ToSocketAddrs`] reports. `InvalidInput` if there is no address.
    ///
    /// # Cancel
    /// Nothing is bound.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// assert_ne!(socket.local_addr()?.port(), 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<UdpSocket> {
        let bound = connect::first_to_open(addr, |addr| std::net::UdpSocket::bind(addr))?;
        Ok(UdpSocket {
            evented: Evented::new(OwnedFd::from(bound), Kind::Stream),
        })
    }

    /// Asks std's socket, for what never waits.
    pub(super) fn std<T>(&self, body: impl FnOnce(&std::net::UdpSocket) -> T) -> T {
        with_std(self.evented.as_fd(), body)
    }

    /// Takes one datagram and says who sent it; what exceeds `buf` is lost.
    ///
    /// Parks until there is one.
    ///
    /// # Errors
    /// `WouldBlock` after the read timeout or in non-blocking mode; on a connected socket
    /// `ConnectionRefused` when an earlier datagram found nobody.
    ///
    /// # Cancel
    /// No datagram was taken.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.send_to(b"to myself", socket.local_addr()?)?;
    /// let mut buf = [0; 16];
    /// assert_eq!(socket.recv_from(&mut buf)?, (9, socket.local_addr()?));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.evented.io(Direction::Read, |fd| {
            datagram::recv_from(fd, buf).map(Attempt::Done)
        })
    }

    /// As [`recv_from`](UdpSocket::recv_from), but leaves the datagram in the socket.
    ///
    /// Parks until there is one.
    ///
    /// # Errors
    /// As [`recv_from`](UdpSocket::recv_from).
    ///
    /// # Cancel
    /// Nothing has changed.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.send_to(b"seen twice", socket.local_addr()?)?;
    /// let mut buf = [0; 16];
    /// assert_eq!(socket.peek_from(&mut buf)?, socket.recv_from(&mut buf)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.evented.io(Direction::Read, |fd| {
            datagram::peek_from(fd, buf).map(Attempt::Done)
        })
    }

    /// Sends `buf` as one datagram to the first of `addr`'s addresses.
    ///
    /// Parks while the socket's send buffer is full, and if a host name has to be looked up.
    ///
    /// # Errors
    /// `InvalidInput` ("no addresses to send data to") if there is no address; `EMSGSIZE` for more than
    /// a datagram holds; `WouldBlock` after the write timeout or in non-blocking mode; what
    /// [`ToSocketAddrs`] and `sendto(2)` report.
    ///
    /// # Cancel
    /// Nothing was sent.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// assert_eq!(socket.send_to(b"hello", socket.local_addr()?)?, 5);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], addr: A) -> io::Result<usize> {
        let Some(addr) = addr.to_socket_addrs()?.next() else {
            // Nothing to send to: std words the refusal, and sends nothing.
            let none: &[SocketAddr] = &[];
            return self.std(|socket| socket.send_to(buf, none));
        };
        self.evented.io(Direction::Write, |fd| {
            datagram::send_to(fd, buf, &addr).map(Attempt::Done)
        })
    }

    /// Sets the first of `addr`'s addresses that the kernel takes as the peer of [`send`](UdpSocket::send)
    /// and [`recv`](UdpSocket::recv); datagrams of others are dropped from now on.
    ///
    /// Parks only if a host name has to be looked up: no packet is exchanged.
    ///
    /// # Errors
    /// The error of the last address tried, for one `NetworkUnreachable`, or what [`ToSocketAddrs`]
    /// reports. `InvalidInput` if there is no address.
    ///
    /// # Cancel
    /// The socket is as it was.
    ///
    /// # Examples
    /// ```
    /// let server = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// let client = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// client.connect(server.local_addr()?)?;
    /// assert_eq!(client.peer_addr()?, server.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        connect::first_to_open(addr, |addr| self.std(|socket| socket.connect(addr)))
    }

    /// Sends `buf` as one datagram to the peer.
    ///
    /// Parks while the socket's send buffer is full.
    ///
    /// # Errors
    /// `EDESTADDRREQ` without [`connect`](UdpSocket::connect); `ConnectionRefused` when an earlier
    /// datagram found nobody; else as [`send_to`](UdpSocket::send_to).
    ///
    /// # Cancel
    /// Nothing was sent.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// assert!(socket.send(b"nobody").is_err());
    /// socket.connect(socket.local_addr()?)?;
    /// assert_eq!(socket.send(b"myself")?, 6);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        self.evented.io(Direction::Write, |fd| {
            socket::send(fd, buf).map(Attempt::Done)
        })
    }

    /// Takes one datagram, of the peer only if the socket is connected; what exceeds `buf` is lost.
    ///
    /// Parks until there is one.
    ///
    /// # Errors
    /// As [`recv_from`](UdpSocket::recv_from).
    ///
    /// # Cancel
    /// No datagram was taken.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.connect(socket.local_addr()?)?;
    /// socket.send(b"")?;
    /// assert_eq!(socket.recv(&mut [0; 16])?, 0, "an empty datagram is one too");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.evented.io(Direction::Read, |fd| {
            socket::recv(fd, buf).map(Attempt::Done)
        })
    }

    /// As [`recv`](UdpSocket::recv), but leaves the datagram in the socket.
    ///
    /// Parks until there is one.
    ///
    /// # Errors
    /// As [`recv_from`](UdpSocket::recv_from).
    ///
    /// # Cancel
    /// Nothing has changed.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.send_to(b"seen twice", socket.local_addr()?)?;
    /// assert_eq!(socket.peek(&mut [0; 4])?, 4);
    /// assert_eq!(socket.recv(&mut [0; 16])?, 10);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.evented.io(Direction::Read, |fd| {
            socket::peek(fd, buf).map(Attempt::Done)
        })
    }

    /// The address of the peer that [`connect`](UdpSocket::connect) has set. Never parks.
    ///
    /// # Errors
    /// `NotConnected` if there is none.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// assert_eq!(socket.peer_addr().unwrap_err().kind(), std::io::ErrorKind::NotConnected);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.std(std::net::UdpSocket::peer_addr)
    }

    /// The address it is bound to. Never parks.
    ///
    /// # Errors
    /// What `getsockname(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// assert!(socket.local_addr()?.ip().is_loopback());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.std(std::net::UdpSocket::local_addr)
    }

    /// A second handle of the same socket; timeouts and the non-blocking mode are shared. Never parks.
    ///
    /// # Errors
    /// What `fcntl(2)` reports, for one when the process has no descriptor left.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// assert_eq!(socket.try_clone()?.local_addr()?, socket.local_addr()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<UdpSocket> {
        Ok(UdpSocket {
            evented: self.evented.try_clone()?,
        })
    }
}

/// std's text: the address, as far as it is known, and the descriptor.
impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.std(|socket| fmt::Debug::fmt(socket, f))
    }
}
