//! Anonymous pipes: [`pipe`], [`PipeReader`], [`PipeWriter`].
//!
//! A façade over `descriptor`: no flag of either end is ever changed.
#![expect(unsafe_code, reason = "FromRawFd is an unsafe trait function")]

use super::convert::std_conversions;
use super::descriptor::Descriptor;
use super::ends::{end, reads, writes};
use crate::sys::view::with_std;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;

/// Makes an anonymous pipe, as [`std::io::pipe`]: what is written to one end is read at the other.
///
/// Both ends are close-on-exec and blocking, so they may be given to a child as they are. Never parks.
///
/// # Errors
/// No descriptor left.
///
/// # Examples
/// ```
/// use std::io::{Read, Write};
/// greenroom::run(|| {
///     let (mut reader, mut writer) = greenroom::io::pipe()?;
///     greenroom::thread::spawn(move || writer.write_all(b"through"));
///     let mut text = String::new();
///     reader.read_to_string(&mut text)?;
///     assert_eq!(text, "through");
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    let reader = Descriptor::new(OwnedFd::from(reader));
    let writer = Descriptor::new(OwnedFd::from(writer));
    Ok((PipeReader(reader), PipeWriter(writer)))
}

/// The end of a pipe that reads, as [`std::io::PipeReader`]. Reads park until there is something.
///
/// It can stand in a [`select!`](crate::select!) as `readable`.
///
/// # Cancel
/// A read that is cancelled or out of time takes nothing.
///
/// # Examples
/// ```
/// use std::io::Read;
/// let (mut reader, writer) = greenroom::io::pipe()?;
/// drop(writer);
/// assert_eq!(reader.read(&mut [0; 8])?, 0);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct PipeReader(Descriptor);

/// The end of a pipe that writes, as [`std::io::PipeWriter`]. Writes park until all is in the pipe.
///
/// It can stand in a [`select!`](crate::select!) as `writable`: there is room for something.
///
/// # Cancel
/// A write that is cancelled or out of time has put nothing, or returns how much.
///
/// # Examples
/// ```
/// use std::io::{ErrorKind, Write};
/// let (reader, mut writer) = greenroom::io::pipe()?;
/// drop(reader);
/// assert_eq!(writer.write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct PipeWriter(Descriptor);

impl PipeReader {
    /// A second handle of the same end. Never parks.
    ///
    /// # Errors
    /// What `fcntl(2)` reports, for one when the process has no descriptor left.
    ///
    /// # Examples
    /// ```
    /// let (reader, _writer) = greenroom::io::pipe()?;
    /// let second = reader.try_clone()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<PipeReader> {
        self.0.try_clone().map(PipeReader)
    }
}

impl PipeWriter {
    /// A second handle of the same end; the reader sees the end of the stream when all are gone. Never
    /// parks.
    ///
    /// # Errors
    /// What `fcntl(2)` reports, for one when the process has no descriptor left.
    ///
    /// # Examples
    /// ```
    /// let (_reader, writer) = greenroom::io::pipe()?;
    /// let second = writer.try_clone()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_clone(&self) -> io::Result<PipeWriter> {
        self.0.try_clone().map(PipeWriter)
    }
}

macro_rules! end_of_pipe {
    ($name:ident) => {
        end!($name);

        /// std's text: the descriptor's number.
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                with_std::<io::$name, _>(self.0.as_fd(), |theirs| theirs.fmt(f))
            }
        }

        /// A child's stream becomes this end, which is blocking, as children expect.
        impl From<$name> for Stdio {
            fn from(end: $name) -> Stdio {
                OwnedFd::from(end).into()
            }
        }
    };
}

end_of_pipe!(PipeReader);
end_of_pipe!(PipeWriter);
reads!(PipeReader, &PipeReader);
writes!(PipeWriter, &PipeWriter);

std_conversions! {
    /// Turns it into std's type. Never parks.
    ///
    /// # Examples
    /// ```
    /// let (reader, _writer) = greenroom::io::pipe()?;
    /// let std_reader: std::io::PipeReader = reader.into_std();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    PipeReader, io::PipeReader
}

std_conversions! {
    /// Turns it into std's type. Never parks.
    ///
    /// # Examples
    /// ```
    /// let (_reader, writer) = greenroom::io::pipe()?;
    /// let std_writer: std::io::PipeWriter = writer.into_std();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    PipeWriter, io::PipeWriter
}
