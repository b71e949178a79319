//! What sockets have on Linux only: [`std::os::linux::net`] for green threads.
//!
//! std's `TcpStreamExt` is closed to other crates' types, so this one is a trait of its own with the
//! same name and methods; it never waits, and std itself makes the calls.

use crate::net::TcpStream;
use crate::sys::view::with_std;
use std::io;
use std::os::fd::AsFd;
use std::os::linux::net as of_std;

pub use of_std::SocketAddrExt;

mod sealed {
    //! Keeps the trait to this crate, as std keeps its own.

    /// Implemented by greenroom's TCP stream.
    pub trait Sealed {}
    impl Sealed for crate::net::TcpStream {}
}

/// Options of a [`TcpStream`] that only Linux has, as [`std::os::linux::net::TcpStreamExt`].
///
/// # Examples
/// ```
/// use greenroom::net::{TcpListener, TcpStream};
/// use greenroom::os::linux::net::TcpStreamExt;
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let stream = TcpStream::connect(listener.local_addr()?)?;
/// stream.set_quickack(true)?;
/// assert!(stream.quickack()?);
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait TcpStreamExt: sealed::Sealed {
    /// Switches `TCP_QUICKACK`: whether received data is acknowledged at once instead of together with
    /// an answer. The kernel may switch it back as the connection goes on. Never parks.
    ///
    /// # Errors
    /// What `setsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::linux::net::TcpStreamExt;
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// stream.set_quickack(false)?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn set_quickack(&self, quickack: bool) -> io::Result<()>;

    /// Whether `TCP_QUICKACK` is on. Never parks.
    ///
    /// # Errors
    /// What `getsockopt(2)` reports.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::linux::net::TcpStreamExt;
    /// # let listener = greenroom::net::TcpListener::bind("127.0.0.1:0")?;
    /// let stream = greenroom::net::TcpStream::connect(listener.local_addr()?)?;
    /// stream.set_quickack(false)?;
    /// assert!(!stream.quickack()?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn quickack(&self) -> io::Result<bool>;
}

impl TcpStreamExt for TcpStream {
    fn set_quickack(&self, quickack: bool) -> io::Result<()> {
        with_std(self.as_fd(), |stream: &std::net::TcpStream| {
            of_std::TcpStreamExt::set_quickack(stream, quickack)
        })
    }

    fn quickack(&self) -> io::Result<bool> {
        with_std(self.as_fd(), |stream: &std::net::TcpStream| {
            of_std::TcpStreamExt::quickack(stream)
        })
    }
}
