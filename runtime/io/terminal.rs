//! [`IsTerminal`], std's trait of that name, for handles of both libraries.
//!
//! std's own is sealed, so greenroom's types cannot have it. This one has the same method, and std's
//! types have it too, so one `use` suffices.

use super::stdio::{Stderr, StderrLock, Stdin, StdinLock, Stdout, StdoutLock};
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

mod sealed {
    /// Only types of std and of this library.
    pub trait Sealed {}
}

/// Whether a descriptor is a terminal, as [`std::io::IsTerminal`]. Never parks.
///
/// # Examples
/// ```
/// use greenroom::io::{self, IsTerminal};
/// let file = std::fs::File::open("/dev/null")?;
/// assert!(!file.is_terminal());
/// if io::stdout().is_terminal() {
///     println!("somebody looks at this");
/// }
/// # Ok::<(), io::Error>(())
/// ```
pub trait IsTerminal: sealed::Sealed {
    /// `true` if it is a terminal; `false` also if that cannot be told.
    ///
    /// # Examples
    /// ```
    /// use greenroom::io::IsTerminal;
    /// let (reader, _writer) = greenroom::io::pipe()?;
    /// assert!(!std::os::fd::OwnedFd::from(reader).is_terminal());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn is_terminal(&self) -> bool;
}

macro_rules! is_terminal {
    ($($name:ty),* $(,)?) => {$(
        impl sealed::Sealed for $name {}

        impl IsTerminal for $name {
            fn is_terminal(&self) -> bool {
                std::io::IsTerminal::is_terminal(&self.as_fd())
            }
        }
    )*};
}

is_terminal!(
    Stdin,
    StdinLock<'_>,
    Stdout,
    StdoutLock<'_>,
    Stderr,
    StderrLock<'_>,
    std::io::Stdin,
    std::io::StdinLock<'_>,
    std::io::Stdout,
    std::io::StdoutLock<'_>,
    std::io::Stderr,
    std::io::StderrLock<'_>,
    crate::fs::File,
    File,
    OwnedFd,
);

impl sealed::Sealed for BorrowedFd<'_> {}

impl IsTerminal for BorrowedFd<'_> {
    fn is_terminal(&self) -> bool {
        std::io::IsTerminal::is_terminal(self)
    }
}
