//! Descriptors and std's types, in and out, for Unix sockets; and the view of one as std's type.
//!
//! The macros, and what they promise, are in `io/convert.rs`.
#![expect(unsafe_code, reason = "FromRawFd is an unsafe trait function")]

use super::{UnixDatagram, UnixListener, UnixStream};
use crate::io::convert::{socket_holder, std_conversions};
use crate::io::evented::{Evented, Kind};
use crate::sys::view::with_std;
use std::os::fd::OwnedFd;
use std::os::unix::net as std_net;

/// A socket is nothing but its `evented`.
macro_rules! holder {
    ($name:ident, $kind:expr) => {
        socket_holder!($name, $kind);

        impl $name {
            /// A socket that was just made, blocking and nobody else's.
            pub(super) fn fresh(fd: impl Into<OwnedFd>) -> $name {
                $name {
                    evented: Evented::new(fd.into(), $kind),
                }
            }

            /// Asks std what never waits.
            pub(super) fn ask<T>(&self, body: impl FnOnce(&std_net::$name) -> T) -> T {
                with_std(self.evented.as_fd(), body)
            }
        }
    };
}

holder!(UnixStream, Kind::Unix);
holder!(UnixListener, Kind::Listener);
holder!(UnixDatagram, Kind::Unix);

std_conversions! {
    /// Turns it into std's type, in the blocking mode its user chose. Never parks.
    ///
    /// # Examples
    /// ```
    /// let (stream, _peer) = greenroom::os::unix::net::UnixStream::pair()?;
    /// let std_stream: std::os::unix::net::UnixStream = stream.into_std();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    UnixStream, std::os::unix::net::UnixStream
}

std_conversions! {
    /// Turns it into std's type, in the blocking mode its user chose (as soon as no clone is left here,
    /// which would block its worker). Never parks.
    ///
    /// # Examples
    /// ```
    /// let listener = greenroom::os::unix::net::UnixListener::bind("")?;
    /// let std_listener: std::os::unix::net::UnixListener = listener.into_std();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    UnixListener, std::os::unix::net::UnixListener
}

std_conversions! {
    /// Turns it into std's type, in the blocking mode its user chose. Never parks.
    ///
    /// # Examples
    /// ```
    /// let socket = greenroom::os::unix::net::UnixDatagram::unbound()?;
    /// let std_socket: std::os::unix::net::UnixDatagram = socket.into_std();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    UnixDatagram, std::os::unix::net::UnixDatagram
}
