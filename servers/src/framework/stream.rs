//! A connection of either family, and who is at its other end.
//!
//! An enum and not a type parameter: handlers, protocols and tables of clients are written and compiled
//! once, and the choice costs a predictable branch per system call.

use greenroom::net::{Shutdown, SocketAddr, TcpStream};
use greenroom::os::unix::net::UnixStream;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{self, IoSlice, Read, Write};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// A TCP or Unix connection. Reads and writes park a green thread.
#[derive(Debug)]
pub enum Stream {
    /// Over IP.
    Tcp(TcpStream),
    /// On this machine.
    Unix(UnixStream),
}

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Peer {
    /// A TCP client.
    Ip(SocketAddr),
    /// A client of a Unix socket; such clients rarely have a name, so they are told apart by number.
    Unix(u64),
}

/// Calls `$call` on the stream inside.
macro_rules! each {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream {
            Stream::Tcp($inner) => $call,
            Stream::Unix($inner) => $call,
        }
    };
}

impl Stream {
    /// Another handle of the same connection. Never parks.
    ///
    /// # Errors
    /// No descriptor.
    pub fn try_clone(&self) -> io::Result<Stream> {
        Ok(match self {
            Stream::Tcp(stream) => Stream::Tcp(stream.try_clone()?),
            Stream::Unix(stream) => Stream::Unix(stream.try_clone()?),
        })
    }

    /// As [`TcpStream::shutdown`].
    ///
    /// # Errors
    /// `NotConnected` when the peer is gone.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        each!(self, stream => stream.shutdown(how))
    }

    /// As [`TcpStream::set_nonblocking`]. Never parks.
    ///
    /// # Errors
    /// None for a socket that is open.
    pub fn set_nonblocking(&self, on: bool) -> io::Result<()> {
        each!(self, stream => stream.set_nonblocking(on))
    }

    /// As [`TcpStream::set_read_timeout`].
    ///
    /// # Errors
    /// `InvalidInput` for zero.
    pub fn set_read_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        each!(self, stream => stream.set_read_timeout(limit))
    }

    /// As [`TcpStream::set_write_timeout`].
    ///
    /// # Errors
    /// `InvalidInput` for zero.
    pub fn set_write_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        each!(self, stream => stream.set_write_timeout(limit))
    }
}

impl Read for &Stream {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        each!(*self, stream => (&*stream).read(buf))
    }
}

impl Write for &Stream {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        each!(*self, stream => (&*stream).write(buf))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        each!(*self, stream => (&*stream).write_vectored(bufs))
    }

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        each!(self, stream => stream.as_fd())
    }
}

impl From<TcpStream> for Stream {
    fn from(stream: TcpStream) -> Stream {
        Stream::Tcp(stream)
    }
}

impl From<UnixStream> for Stream {
    fn from(stream: UnixStream) -> Stream {
        Stream::Unix(stream)
    }
}

impl Peer {
    /// The address, for a client that has one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Peer::Ip(address) => Some(address.ip()),
            Peer::Unix(_) => None,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Ip(address) => write!(f, "{address}"),
            Peer::Unix(number) => write!(f, "unix client {number}"),
        }
    }
}
