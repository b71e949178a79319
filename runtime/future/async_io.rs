//! [`AsyncIo`]: streams of greenroom as `AsyncRead + AsyncWrite` of futures-io.
//!
//! An attempt never waits (per-call flags, as everywhere); if it would block, a relay per direction waits
//! for readiness with the stream's own registration.

use super::relay::Relay;
use crate::io::evented::Direction;
use crate::io::{PipeReader, PipeWriter};
use crate::net::TcpStream;
use crate::os::unix::net::UnixStream;
use crate::process::{ChildStderr, ChildStdin, ChildStdout};
use crate::sys::socket;
use futures_io::{AsyncRead, AsyncWrite};
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// What can be in an [`AsyncIo`]: greenroom's streams, pipes, and the streams of children. Sealed.
///
/// # Examples
/// ```
/// use greenroom::future::{AsyncIo, Streamable};
/// fn wrap<S: Streamable>(stream: S) -> AsyncIo<S> {
///     AsyncIo::new(stream)
/// }
/// let (reader, writer) = greenroom::io::pipe()?;
/// let (reader, writer) = (wrap(reader), wrap(writer));
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait Streamable: sealed::Waits + Send + Sync + 'static {}

mod sealed {
    use super::{IoSlice, IoSliceMut, io};

    /// What only waits.
    pub trait Waits {
        fn wait_readable(&self) -> io::Result<bool>;
        fn wait_writable(&self) -> io::Result<bool>;
    }

    /// What never waits.
    pub trait Reads: Waits {
        fn read_now(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize>;
    }

    /// What never waits.
    pub trait Writes: Waits {
        fn write_now(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize>;
        /// Tells the other end that nothing more comes, where that is possible with an open descriptor.
        fn end(&self) -> io::Result<()>;
    }
}

/// A stream of greenroom for `async` code, under [`block_on`](crate::block_on) or any other executor.
///
/// Reading and writing may be pending at the same time. Closing shuts a socket's writing direction down.
/// Dropped while it is pending, the descriptor is closed as soon as the green thread that waits for it
/// has been told.
///
/// # Examples
/// ```
/// use futures_io::{AsyncRead, AsyncWrite};
/// use greenroom::future::AsyncIo;
/// use greenroom::net::{TcpListener, TcpStream};
/// use std::{future::poll_fn, io::Write, pin::Pin};
///
/// greenroom::run(|| {
///     let listener = TcpListener::bind("127.0.0.1:0")?;
///     let mut client = TcpStream::connect(listener.local_addr()?)?;
///     client.write_all(b"hello")?;
///     let mut stream = AsyncIo::new(listener.accept()?.0);
///     let mut buf = [0; 8];
///     let count =
///         greenroom::block_on(poll_fn(|cx| Pin::new(&mut stream).poll_read(cx, &mut buf)))?;
///     assert_eq!(&buf[..count], b"hello");
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct AsyncIo<S: Streamable> {
    stream: Arc<S>,
    reading: Relay,
    writing: Relay,
}

impl<S: Streamable> AsyncIo<S> {
    /// Wraps a stream. Never parks.
    ///
    /// # Examples
    /// ```
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// let stream = greenroom::future::AsyncIo::new(stream);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(stream: S) -> AsyncIo<S> {
        AsyncIo {
            stream: Arc::new(stream),
            reading: Relay::default(),
            writing: Relay::default(),
        }
    }

    /// The stream inside, for options and addresses.
    ///
    /// # Examples
    /// ```
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// let stream = greenroom::future::AsyncIo::new(stream);
    /// stream.get_ref().set_nodelay(true)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn get_ref(&self) -> &S {
        &self.stream
    }

    /// Takes the stream back. Pending reads and writes are called off, which parks for a moment.
    ///
    /// # Panics
    /// If a private runtime that ended has left a green thread behind that waited for this stream.
    ///
    /// # Examples
    /// ```
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// let stream = greenroom::future::AsyncIo::new(stream);
    /// let stream: greenroom::net::TcpStream = stream.into_inner();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn into_inner(mut self) -> S {
        self.reading.call_off();
        self.writing.call_off();
        Arc::into_inner(self.stream)
            .expect("the green threads that waited for the stream have ended")
    }
}

/// One attempt; if it would block, `relay` is to wait.
fn poll<S: Streamable, T>(
    (stream, relay): (&Arc<S>, &mut Relay),
    wait: fn(&S) -> io::Result<bool>,
    context: &Context<'_>,
    attempt: impl FnOnce(&S) -> io::Result<T>,
) -> Poll<io::Result<T>> {
    match attempt(stream) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            let stream = Arc::clone(stream);
            relay.arrange(context.waker(), move || {
                // An error shows at the next attempt.
                let _ = wait(&stream);
            });
            Poll::Pending
        }
        done => Poll::Ready(done),
    }
}

impl<S: Streamable + sealed::Reads> AsyncRead for AsyncIo<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_read_vectored(context, &mut [IoSliceMut::new(buf)])
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let parts = (&this.stream, &mut this.reading);
        poll(parts, S::wait_readable, context, |stream| {
            stream.read_now(bufs)
        })
    }
}

impl<S: Streamable + sealed::Writes> AsyncWrite for AsyncIo<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let parts = (&this.stream, &mut this.writing);
        poll(parts, S::wait_writable, context, |stream| {
            stream.write_now(bufs)
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(match self.stream.end() {
            // The peer was faster.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            ended => ended,
        })
    }
}

// The relays and the stream stay where they are put whether this moves or not.
impl<S: Streamable> Unpin for AsyncIo<S> {}

impl<S: Streamable + fmt::Debug> fmt::Debug for AsyncIo<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsyncIo").field(&self.stream).finish()
    }
}

macro_rules! waits {
    ($name:ty, $this:ident => $evented:expr) => {
        impl Streamable for $name {}

        impl sealed::Waits for $name {
            fn wait_readable(&self) -> io::Result<bool> {
                let $this = self;
                $evented.wait(Direction::Read, None)
            }

            fn wait_writable(&self) -> io::Result<bool> {
                let $this = self;
                $evented.wait(Direction::Write, None)
            }
        }
    };
}

macro_rules! sockets {
    ($($socket:ty),*) => {$(
        waits!($socket, this => this.evented);

        impl sealed::Reads for $socket {
            fn read_now(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                socket::recv_vectored(self.evented.as_fd(), bufs)
            }
        }

        impl sealed::Writes for $socket {
            fn write_now(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                socket::send_vectored(self.evented.as_fd(), bufs)
            }

            fn end(&self) -> io::Result<()> {
                socket::shutdown(self.evented.as_fd(), Shutdown::Write)
            }
        }
    )*};
}

macro_rules! readers {
    ($($reader:ty),*) => {$(
        waits!($reader, this => this.descriptor().evented());

        impl sealed::Reads for $reader {
            fn read_now(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.descriptor().read_now(bufs)
            }
        }
    )*};
}

macro_rules! writers {
    ($($writer:ty),*) => {$(
        waits!($writer, this => this.descriptor().evented());

        impl sealed::Writes for $writer {
            fn write_now(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                self.descriptor().write_now(bufs)
            }

            // A pipe ends when its descriptor is closed.
            fn end(&self) -> io::Result<()> {
                Ok(())
            }
        }
    )*};
}

sockets!(TcpStream, UnixStream);
readers!(PipeReader, ChildStdout, ChildStderr);
writers!(PipeWriter, ChildStdin);
