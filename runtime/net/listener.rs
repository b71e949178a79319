//! What `serve` accepts from: TCP and Unix sockets that listen.
//!
//! Sealed: an acceptor relies on how the descriptor is registered, and on an accept that is interrupted
//! without unwinding. Called by `serve.rs` only.

use super::{SocketAddr, TcpListener, TcpStream};
use crate::io::evented::Stop;
use crate::os::unix::net::{self as unix, UnixListener, UnixStream};
use std::io;

/// A socket that [`serve`](super::serve) can accept from.
///
/// # Examples
/// ```
/// use greenroom::net::serve;
/// use greenroom::os::unix::net::{UnixListener, UnixStream};
/// use std::io::{Read, Write};
/// use std::time::Duration;
///
/// greenroom::run(|| {
///     let server = serve(UnixListener::bind("")?, |mut stream, _peer| {
///         let _ = stream.write_all(b"hello");
///     })?;
///     let mut text = String::new();
///     UnixStream::connect_addr(&server.local_addr())?.read_to_string(&mut text)?;
///     assert_eq!(text, "hello");
///     server.finish(Duration::from_secs(1));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait Listener: sealed::Accept {}

pub(crate) mod sealed {
    use std::fmt;
    use std::io;

    /// What an acceptor needs.
    pub trait Accept: Send + Sized + 'static {
        /// A connection.
        type Stream: Send + 'static;
        /// Of either end.
        type Address: Clone + fmt::Debug + Send + 'static;

        fn address(&self) -> io::Result<Self::Address>;

        /// Another descriptor of the socket; a connection wakes only one of the exclusive ones. Whoever
        /// has it must go on accepting until that would block.
        fn exclusive_clone(&self) -> io::Result<Self>;

        /// The next connection; `None` for an interrupt, instead of unwinding.
        fn accept_or_stop(&self) -> Option<io::Result<(Self::Stream, Self::Address)>>;
    }
}

fn io_or_stop<T>(outcome: Result<T, Stop>) -> Option<io::Result<T>> {
    match outcome {
        Ok(value) => Some(Ok(value)),
        Err(Stop::Io(error)) => Some(Err(error)),
        Err(Stop::Interrupted) => None,
    }
}

impl Listener for TcpListener {}

impl sealed::Accept for TcpListener {
    type Stream = TcpStream;
    type Address = SocketAddr;

    fn address(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }

    fn exclusive_clone(&self) -> io::Result<TcpListener> {
        let clone = self.try_clone()?;
        clone.evented.set_exclusive();
        Ok(clone)
    }

    fn accept_or_stop(&self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        io_or_stop(self.try_accept())
    }
}

impl Listener for UnixListener {}

impl sealed::Accept for UnixListener {
    type Stream = UnixStream;
    type Address = unix::SocketAddr;

    fn address(&self) -> io::Result<unix::SocketAddr> {
        self.local_addr()
    }

    fn exclusive_clone(&self) -> io::Result<UnixListener> {
        let clone = self.try_clone()?;
        clone.evented.set_exclusive();
        Ok(clone)
    }

    fn accept_or_stop(&self) -> Option<io::Result<(UnixStream, unix::SocketAddr)>> {
        io_or_stop(self.try_accept())
    }
}
