//! The settings of a [`UdpSocket`]: timeouts, mode, broadcast, hops, multicast.
//!
//! Options live in the kernel, and std's own call sets and reads them; only what a wait of ours must
//! know (timeouts, non-blocking mode) is kept beside it, in the settings that clones share.

use super::udp_socket::UdpSocket;
use crate::io::evented::Direction;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

impl UdpSocket {
    /// Sets how long one receive may wait (`None`: for ever); then it fails with `WouldBlock`. Applies to
    /// receives that start afterwards, on all clones. Never parks.
    ///
    /// # Errors
    /// `InvalidInput` for zero.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_read_timeout(Some(std::time::Duration::from_millis(2)))?;
    /// let error = socket.recv(&mut [0; 8]).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_read_timeout(&self, dur: Option<Duration>) -> io::Result<()> {
        self.std(|socket| socket.set_read_timeout(dur))?;
        self.evented.set_timeout(Direction::Read, dur)
    }

    /// Sets how long one send may wait (`None`: for ever); then it fails with `WouldBlock`. Applies to sends
    /// that start afterwards, on all clones. Never parks.
    ///
    /// # Errors
    /// `InvalidInput` for zero.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_write_timeout(Some(std::time::Duration::from_secs(1)))?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_write_timeout(&self, dur: Option<Duration>) -> io::Result<()> {
        self.std(|socket| socket.set_write_timeout(dur))?;
        self.evented.set_timeout(Direction::Write, dur)
    }

    /// How long one receive may wait, as the kernel rounded it. Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// assert_eq!(socket.read_timeout()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        self.std(std::net::UdpSocket::read_timeout)
    }

    /// How long one send may wait, as the kernel rounded it. Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// assert_eq!(socket.write_timeout()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        self.std(std::net::UdpSocket::write_timeout)
    }

    /// Switches `SO_BROADCAST`: whether datagrams may go to broadcast addresses. Never parks.
    ///
    /// # Errors
    /// What `setsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_broadcast(true)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_broadcast(&self, broadcast: bool) -> io::Result<()> {
        self.std(|socket| socket.set_broadcast(broadcast))
    }

    /// Whether `SO_BROADCAST` is on. Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// assert!(!socket.broadcast()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn broadcast(&self) -> io::Result<bool> {
        self.std(std::net::UdpSocket::broadcast)
    }

    /// Switches `IP_MULTICAST_LOOP`: whether multicast datagrams come back to this machine. Never parks.
    ///
    /// # Errors
    /// What `setsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_multicast_loop_v4(false)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_multicast_loop_v4(&self, multicast_loop_v4: bool) -> io::Result<()> {
        self.std(|socket| socket.set_multicast_loop_v4(multicast_loop_v4))
    }

    /// Whether `IP_MULTICAST_LOOP` is on. Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// assert!(socket.multicast_loop_v4()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.std(std::net::UdpSocket::multicast_loop_v4)
    }

    /// Sets `IP_MULTICAST_TTL`, the hops a multicast datagram may take. Never parks.
    ///
    /// # Errors
    /// What `setsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_multicast_ttl_v4(2)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_multicast_ttl_v4(&self, multicast_ttl_v4: u32) -> io::Result<()> {
        self.std(|socket| socket.set_multicast_ttl_v4(multicast_ttl_v4))
    }

    /// The value of `IP_MULTICAST_TTL`. Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// assert_eq!(socket.multicast_ttl_v4()?, 1);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.std(std::net::UdpSocket::multicast_ttl_v4)
    }

    /// Switches `IPV6_MULTICAST_LOOP`: whether multicast datagrams come back to this machine. Never parks.
    ///
    /// # Errors
    /// What `setsockopt(2)` reports, for one on an IPv4 socket.
    ///
    /// # Examples
    /// ```
    /// # let Ok(socket) = greenroom::net::UdpSocket::bind("[::1]:0") else { return Ok(()) };
    /// socket.set_multicast_loop_v6(false)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_multicast_loop_v6(&self, multicast_loop_v6: bool) -> io::Result<()> {
        self.std(|socket| socket.set_multicast_loop_v6(multicast_loop_v6))
    }

    /// Whether `IPV6_MULTICAST_LOOP` is on. Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// # let Ok(socket) = greenroom::net::UdpSocket::bind("[::1]:0") else { return Ok(()) };
    /// assert!(socket.multicast_loop_v6()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.std(std::net::UdpSocket::multicast_loop_v6)
    }

    /// Sets `IP_TTL`, the hops a datagram may take. Never parks.
    ///
    /// # Errors
    /// What `setsockopt(2)` reports, for one `InvalidInput` above 255.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_ttl(42)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        self.std(|socket| socket.set_ttl(ttl))
    }

    /// The value of `IP_TTL`. Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// assert!(socket.ttl()? > 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn ttl(&self) -> io::Result<u32> {
        self.std(std::net::UdpSocket::ttl)
    }

    /// Joins the group `multiaddr` on the interface with the address `interface`; the unspecified address
    /// lets the system choose. Never parks.
    ///
    /// # Errors
    /// What `setsockopt(2)` reports: `ENODEV` for no such interface, `AddrInUse` if it has joined already.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// let group = std::net::Ipv4Addr::new(239, 1, 2, 3);
    /// socket.join_multicast_v4(&group, &std::net::Ipv4Addr::LOCALHOST)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn join_multicast_v4(&self, multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.std(|socket| socket.join_multicast_v4(multiaddr, interface))
    }

    /// Leaves what [`join_multicast_v4`](UdpSocket::join_multicast_v4) has joined. Never parks.
    ///
    /// # Errors
    /// What `setsockopt(2)` reports: `ENODEV` for no such interface, `AddrNotAvailable` if it has
    /// not joined.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// let group = std::net::Ipv4Addr::new(239, 1, 2, 3);
    /// socket.join_multicast_v4(&group, &std::net::Ipv4Addr::LOCALHOST)?;
    /// socket.leave_multicast_v4(&group, &std::net::Ipv4Addr::LOCALHOST)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn leave_multicast_v4(&self, multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.std(|socket| socket.leave_multicast_v4(multiaddr, interface))
    }

    /// Joins the group `multiaddr` on the interface with the index `interface`; 0 lets the system choose.
    /// Never parks.
    ///
    /// # Errors
    /// As [`join_multicast_v4`](UdpSocket::join_multicast_v4).
    ///
    /// # Examples
    /// ```
    /// # let Ok(socket) = greenroom::net::UdpSocket::bind("[::1]:0") else { return Ok(()) };
    /// const LOOPBACK: u32 = 1;
    /// let group = std::net::Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 0x123);
    /// socket.join_multicast_v6(&group, LOOPBACK)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn join_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.std(|socket| socket.join_multicast_v6(multiaddr, interface))
    }

    /// Leaves what [`join_multicast_v6`](UdpSocket::join_multicast_v6) has joined. Never parks.
    ///
    /// # Errors
    /// As [`leave_multicast_v4`](UdpSocket::leave_multicast_v4).
    ///
    /// # Examples
    /// ```
    /// # let Ok(socket) = greenroom::net::UdpSocket::bind("[::1]:0") else { return Ok(()) };
    /// const LOOPBACK: u32 = 1;
    /// let group = std::net::Ipv6Addr::new(0xff01, 0, 0, 0, 0, 0, 0, 0x123);
    /// socket.join_multicast_v6(&group, LOOPBACK)?;
    /// socket.leave_multicast_v6(&group, LOOPBACK)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn leave_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.std(|socket| socket.leave_multicast_v6(multiaddr, interface))
    }

    /// Fetches and clears the socket's pending error (`SO_ERROR`). Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// assert!(socket.take_error()?.is_none());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.std(std::net::UdpSocket::take_error)
    }

    /// Switches between blocking and non-blocking mode, for all clones: in the latter, calls that would have
    /// to wait fail with `WouldBlock`. Never parks.
    ///
    /// # Errors
    /// What `ioctl(2)` reports.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// socket.set_nonblocking(true)?;
    /// assert_eq!(socket.recv(&mut [0; 8]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.evented.set_nonblocking(nonblocking)
    }
}
