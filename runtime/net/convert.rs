//! Descriptors and std's types, in and out.
//!
//! What comes in may be non-blocking, carry timeouts or be shared with a clone elsewhere, so it is
//! *adopted*; what goes out has the flags its user chose. Nothing is ever closed or left registered
//! on the way: that is `Evented`'s business.
#![expect(unsafe_code, reason = "FromRawFd is an unsafe trait function")]

use super::tcp_listener::TcpListener;
use super::tcp_stream::TcpStream;
use crate::io::evented::{Evented, Kind};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};
use std::panic::{RefUnwindSafe, UnwindSafe};

/// Everything that is the same for both types.
macro_rules! conversions {
    ($name:ident, $kind:expr) => {
        impl $name {
            /// Turns it into std's type, in the blocking mode its user chose (a listener: as soon
            /// as no clone is left here, which would block its worker). Never parks.
            ///
            /// # Examples
            /// ```
            /// let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
            /// let std_listener: std::net::TcpListener = listener.into_std();
            /// assert!(std_listener.local_addr()?.ip().is_loopback());
            /// # Ok::<(), std::io::Error>(())
            /// ```
            pub fn into_std(self) -> std::net::$name {
                std::net::$name::from(OwnedFd::from(self))
            }
        }

        /// Adopts std's type with its mode and timeouts. Clones of it may live on.
        impl From<std::net::$name> for $name {
            fn from(socket: std::net::$name) -> $name {
                $name::from(OwnedFd::from(socket))
            }
        }

        impl From<$name> for std::net::$name {
            fn from(socket: $name) -> std::net::$name {
                socket.into_std()
            }
        }

        /// Adopts a descriptor with its mode and timeouts. Others may share its open file.
        impl From<OwnedFd> for $name {
            fn from(fd: OwnedFd) -> $name {
                $name {
                    evented: Evented::adopt(fd, $kind),
                }
            }
        }

        impl From<$name> for OwnedFd {
            fn from(socket: $name) -> OwnedFd {
                socket.evented.into_fd()
            }
        }

        impl AsFd for $name {
            fn as_fd(&self) -> BorrowedFd<'_> {
                self.evented.as_fd()
            }
        }

        impl AsRawFd for $name {
            fn as_raw_fd(&self) -> RawFd {
                self.evented.as_fd().as_raw_fd()
            }
        }

        impl IntoRawFd for $name {
            fn into_raw_fd(self) -> RawFd {
                OwnedFd::from(self).into_raw_fd()
            }
        }

        impl FromRawFd for $name {
            unsafe fn from_raw_fd(fd: RawFd) -> $name {
                // SAFETY: the caller promises that `fd` is open and theirs to give away.
                $name::from(unsafe { OwnedFd::from_raw_fd(fd) })
            }
        }

        // As std's types: a panic between two calls leaves a socket in no state it could not also
        // be in without one.
        impl UnwindSafe for $name {}
        impl RefUnwindSafe for $name {}
    };
}

conversions!(TcpStream, Kind::Stream);
conversions!(TcpListener, Kind::Listener);
