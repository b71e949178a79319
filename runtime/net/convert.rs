//! Descriptors and std's types, in and out, for the sockets of this module.
//!
//! The macros, and what they promise, are in `io/convert.rs`.
#![expect(unsafe_code, reason = "FromRawFd is an unsafe trait function")]

use super::tcp_listener::TcpListener;
use super::tcp_stream::TcpStream;
use super::udp_socket::UdpSocket;
use crate::io::convert::{Holder, descriptor_conversions, std_conversions};
use crate::io::evented::{Evented, Kind};
use std::os::fd::{BorrowedFd, OwnedFd};

/// A socket is nothing but its `evented`.
macro_rules! holder {
    ($name:ident, $kind:expr) => {
        impl Holder for $name {
            fn adopt(fd: OwnedFd) -> $name {
                $name {
                    evented: Evented::adopt(fd, $kind),
                }
            }

            fn release(self) -> OwnedFd {
                self.evented.into_fd()
            }

            fn held(&self) -> BorrowedFd<'_> {
                self.evented.as_fd()
            }
        }
    };
}

holder!(TcpStream, Kind::Stream);
holder!(TcpListener, Kind::Listener);
holder!(UdpSocket, Kind::Stream);
descriptor_conversions!(TcpStream);
descriptor_conversions!(TcpListener);
descriptor_conversions!(UdpSocket);

std_conversions! {
    /// Turns it into std's type, in the blocking mode its user chose. Never parks.
    ///
    /// # Examples
    /// ```
    /// let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// let std_stream: std::net::TcpStream = stream.into_std();
    /// assert!(std_stream.local_addr()?.ip().is_loopback());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    TcpStream, std::net::TcpStream
}

std_conversions! {
    /// Turns it into std's type, in the blocking mode its user chose (as soon as no clone is left here,
    /// which would block its worker). Never parks.
    ///
    /// # Examples
    /// ```
    /// let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let std_listener: std::net::TcpListener = listener.into_std();
    /// assert!(std_listener.local_addr()?.ip().is_loopback());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    TcpListener, std::net::TcpListener
}

std_conversions! {
    /// Turns it into std's type, in the blocking mode and with the timeouts its user chose. Never parks.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::net::UdpSocket::bind("127.0.0.1:0")?;
    /// let std_socket: std::net::UdpSocket = socket.into_std();
    /// assert!(std_socket.local_addr()?.ip().is_loopback());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    UdpSocket, std::net::UdpSocket
}
