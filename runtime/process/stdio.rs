//! The ends of a child's pipes that stay with the parent, and what becomes a child's standard stream.
//!
//! A façade over `io/descriptor`: no flag of either end is ever changed. `Stdio` itself is std's: it only
//! says what to give to the child.
#![expect(unsafe_code, reason = "FromRawFd is an unsafe trait function")]

use super::Stdio;
use crate::io::convert::{Holder, descriptor_conversions, std_conversions};
use crate::io::descriptor::Descriptor;
use std::fmt;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{BorrowedFd, OwnedFd};

/// The standard input of a child, as [`std::process::ChildStdin`]: what is written here is read there.
///
/// Dropping it ends the stream.
///
/// # Examples
/// ```
/// use greenroom::process::{Command, Stdio};
/// use std::io::Write;
/// let mut child = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
/// let mut stdin = child.stdin.take().expect("because it is piped");
/// stdin.write_all(b"through")?;
/// drop(stdin);
/// assert_eq!(child.wait_with_output()?.stdout, b"through");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct ChildStdin(Descriptor);

/// The standard output of a child, as [`std::process::ChildStdout`].
///
/// # Examples
/// ```
/// use greenroom::process::{Command, Stdio};
/// use std::io::Read;
/// let mut child = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn()?;
/// let mut text = String::new();
/// child.stdout.take().expect("because it is piped").read_to_string(&mut text)?;
/// assert_eq!(text, "hello\n");
/// assert!(child.wait()?.success());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct ChildStdout(Descriptor);

/// The standard error of a child, as [`std::process::ChildStderr`].
///
/// # Examples
/// ```
/// use greenroom::process::{Command, Stdio};
/// use std::io::Read;
/// let mut child = Command::new("sh").args(["-c", "echo oh >&2"]).stderr(Stdio::piped()).spawn()?;
/// let mut text = String::new();
/// child.stderr.take().expect("because it is piped").read_to_string(&mut text)?;
/// assert_eq!(text, "oh\n");
/// assert!(child.wait()?.success());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct ChildStderr(Descriptor);

/// Parks until all is in the pipe.
impl Write for ChildStdin {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// As for [`ChildStdin`] itself, but shared.
impl Write for &ChildStdin {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

macro_rules! reads {
    ($name:ident) => {
        /// Parks until there is something: data, or the end of the stream (`Ok(0)`).
        impl Read for $name {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.0.read(buf)
            }

            fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                self.0.read_vectored(bufs)
            }
        }
    };
}

reads!(ChildStdout);
reads!(ChildStderr);

macro_rules! end_of_pipe {
    ($name:ident, $std:path) => {
        impl $name {
            /// Of a pipe that std made for us just now: blocking, and nobody else's.
            pub(super) fn made(theirs: $std) -> $name {
                $name(Descriptor::new(OwnedFd::from(theirs)))
            }

            pub(crate) fn descriptor(&self) -> &Descriptor {
                &self.0
            }
        }

        impl Holder for $name {
            fn adopt(fd: OwnedFd) -> $name {
                $name(Descriptor::adopt(fd))
            }

            fn release(self) -> OwnedFd {
                self.0.into_fd()
            }

            fn held(&self) -> BorrowedFd<'_> {
                self.0.as_fd()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }

        descriptor_conversions!($name);
    };
}

end_of_pipe!(ChildStdin, std::process::ChildStdin);
end_of_pipe!(ChildStdout, std::process::ChildStdout);
end_of_pipe!(ChildStderr, std::process::ChildStderr);

std_conversions! {
    /// Turns it into std's type. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::process::{Command, Stdio};
    /// let mut child = Command::new("cat").stdin(Stdio::piped()).spawn()?;
    /// let stdin: std::process::ChildStdin = child.stdin.take().expect("because it is piped").into_std();
    /// drop(stdin);
    /// assert!(child.wait()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ChildStdin, std::process::ChildStdin
}

std_conversions! {
    /// Turns it into std's type. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::process::{Command, Stdio};
    /// let mut child = Command::new("true").stdout(Stdio::piped()).spawn()?;
    /// let stdout: std::process::ChildStdout =
    ///     child.stdout.take().expect("because it is piped").into_std();
    /// assert!(child.wait()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ChildStdout, std::process::ChildStdout
}

std_conversions! {
    /// Turns it into std's type. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::process::{Command, Stdio};
    /// let mut child = Command::new("true").stderr(Stdio::piped()).spawn()?;
    /// let stderr: std::process::ChildStderr =
    ///     child.stderr.take().expect("because it is piped").into_std();
    /// assert!(child.wait()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ChildStderr, std::process::ChildStderr
}

/// What may be a child's standard stream, besides what std can say of its own types.
macro_rules! into_stdio {
    ($($name:ty),*) => {$(
        /// Gives it to a child, with the flags it has.
        impl From<$name> for Stdio {
            fn from(end: $name) -> Stdio {
                Stdio::from(OwnedFd::from(end))
            }
        }
    )*};
}

into_stdio!(ChildStdin, ChildStdout, ChildStderr);
