//! The ends of a child's pipes that stay with the parent, and what becomes a child's standard stream.
//!
//! A façade over `io/descriptor`: no flag of either end is ever changed. `Stdio` itself is std's: it only
//! says what to give to the child.
#![expect(unsafe_code, reason = "FromRawFd is an unsafe trait function")]

use super::Stdio;
use crate::io::convert::std_conversions;
use crate::io::descriptor::Descriptor;
use crate::io::ends::{end, reads, writes};
use std::fmt;
use std::os::fd::OwnedFd;

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

macro_rules! end_of_pipe {
    ($name:ident, $std:path) => {
        end!($name);

        impl $name {
            /// Of a pipe that std made for us just now: blocking, and nobody else's.
            pub(super) fn made(theirs: $std) -> $name {
                $name(Descriptor::new(OwnedFd::from(theirs)))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

end_of_pipe!(ChildStdin, std::process::ChildStdin);
end_of_pipe!(ChildStdout, std::process::ChildStdout);
end_of_pipe!(ChildStderr, std::process::ChildStderr);
writes!(ChildStdin, &ChildStdin);
reads!(ChildStdout, ChildStderr);

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
