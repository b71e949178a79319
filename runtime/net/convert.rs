//! Descriptors and std's types, in and out, for the sockets of this module.
//!
//! The macros, and what they promise, are in `io/convert.rs`.
#![expect(unsafe_code, reason = "FromRawFd is an unsafe trait function")]

use super::tcp_listener::TcpListener;
use super::tcp_stream::TcpStream;
use super::udp_socket::UdpSocket;
use crate::io::convert::{socket_holder, std_conversions};
use crate::io::evented::Kind;

socket_holder!(TcpStream, Kind::Stream);
socket_holder!(TcpListener, Kind::Listener);
socket_holder!(UdpSocket, Kind::Stream);

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
