//! Standard error: [`stderr`], [`Stderr`], [`StderrLock`].
//!
//! No buffer, so there is nothing to lose and nothing to flush; each piece of a formatted text is a write
//! of its own, as in std.

use super::output::output;
use super::raw::Raw;
use crate::sync::{ReentrantLock, ReentrantLockGuard};
use crate::sys::stdio::Standard;
use std::cell::RefCell;
use std::process::Stdio;

static STDERR: ReentrantLock<RefCell<Raw>> = ReentrantLock::new(RefCell::new(Raw(Standard::Error)));

/// A handle of standard error, as [`std::io::stderr`]. Never parks.
///
/// # Examples
/// ```
/// use greenroom::io::{self, Write};
/// io::stderr().write_all(b"a warning\n")?;
/// # Ok::<(), io::Error>(())
/// ```
#[must_use]
pub fn stderr() -> Stderr {
    Stderr { inner: &STDERR }
}

/// A handle of standard error, shared by all, as [`std::io::Stderr`].
///
/// Not buffered. A write parks while the descriptor takes nothing, and while somebody else has the
/// lock. The descriptor's flags, which the shell and others share, are never changed.
///
/// # Cancel
/// A write that is cancelled or out of time has put nothing, or has returned how much.
///
/// # Examples
/// ```
/// use greenroom::io::{self, Stderr, Write};
/// let mut stderr: Stderr = io::stderr();
/// writeln!(stderr, "{} is missing", "something")?;
/// # Ok::<(), io::Error>(())
/// ```
pub struct Stderr {
    inner: &'static ReentrantLock<RefCell<Raw>>,
}

/// Standard error, locked, as [`std::io::StderrLock`]: what its owner writes stays together.
///
/// # Examples
/// ```
/// use greenroom::io::{self, StderrLock, Write};
/// let mut lock: StderrLock<'static> = io::stderr().lock();
/// writeln!(lock, "first")?;
/// writeln!(lock, "second, right below")?;
/// # Ok::<(), io::Error>(())
/// ```
#[must_use = "if unused stderr will immediately unlock"]
pub struct StderrLock<'a> {
    inner: ReentrantLockGuard<'a, RefCell<Raw>>,
}

impl Stderr {
    /// Takes the lock, once more if we have it. Parks while somebody else has it.
    ///
    /// # Cancel
    /// As [`ReentrantLock::lock`].
    ///
    /// # Examples
    /// ```
    /// use greenroom::io::{self, Write};
    /// let mut stderr = io::stderr().lock();
    /// stderr.write_all(b"a warning\n")?;
    /// # Ok::<(), io::Error>(())
    /// ```
    pub fn lock(&self) -> StderrLock<'static> {
        StderrLock {
            inner: self.inner.lock(),
        }
    }
}

output!(Stderr, StderrLock, Standard::Error);

/// The child's stream is the descriptor of our standard error.
impl From<Stderr> for Stdio {
    fn from(_: Stderr) -> Stdio {
        std::io::stderr().into()
    }
}
