//! Standard input: [`stdin`], [`Stdin`], [`StdinLock`].
//!
//! One buffer behind greenroom's `Mutex`: whoever waits for a line holds the lock, parked, and the others
//! queue for it, parked too. A poisoned lock is taken as it is: the buffer is whole at every moment.

use super::input::Input;
use super::raw::Raw;
use crate::sync::{Mutex, MutexGuard, PoisonError};
use crate::sys::stdio::Standard;
use std::fmt;
use std::io::{self, BufRead, IoSliceMut, Lines, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::OnceLock;

/// A handle of standard input, as [`std::io::stdin`]. Never parks.
///
/// Its buffer is not the one of std's handle: a program should read by one of the two only.
///
/// # Examples
/// ```
/// use greenroom::io;
/// # fn main() -> io::Result<()> {
/// greenroom::run(|| {
///     let mut name = String::new();
///     io::stdin().read_line(&mut name)?;
///     Ok(())
/// })
/// # }
/// ```
#[must_use]
pub fn stdin() -> Stdin {
    // std's: making the buffer waits for nobody.
    static INSTANCE: OnceLock<Mutex<Input<Raw>>> = OnceLock::new();
    Stdin {
        inner: INSTANCE.get_or_init(|| Mutex::new(Input::new(Raw(Standard::Input)))),
    }
}

/// A handle of standard input, shared by all, as [`std::io::Stdin`].
///
/// Each call takes the lock for itself; [`lock`](Stdin::lock) keeps it. Reads park until there is
/// something. The flags of the descriptor, which the shell and others share, are never changed.
///
/// # Cancel
/// A call that is cancelled or out of time takes nothing: what it had read is what the next one reads.
///
/// # Examples
/// ```
/// use greenroom::io::{self, Read, Stdin};
/// # fn main() -> io::Result<()> {
/// let mut stdin: Stdin = io::stdin();
/// let mut all = Vec::new();
/// # if false {
/// stdin.read_to_end(&mut all)?;
/// # }
/// # Ok(())
/// # }
/// ```
pub struct Stdin {
    inner: &'static Mutex<Input<Raw>>,
}

/// Standard input, locked, as [`std::io::StdinLock`]: `Read` and `BufRead`.
///
/// # Examples
/// ```
/// use greenroom::io::{self, StdinLock};
/// let lock: StdinLock<'static> = io::stdin().lock();
/// assert_eq!(format!("{lock:?}"), "StdinLock { .. }");
/// ```
#[must_use = "if unused stdin will immediately unlock"]
pub struct StdinLock<'a> {
    inner: MutexGuard<'a, Input<Raw>>,
}

impl Stdin {
    /// Takes the lock, which goes with the guard. Parks while anybody has it, ourselves included.
    ///
    /// # Cancel
    /// As [`Mutex::lock`].
    ///
    /// # Examples
    /// ```
    /// use greenroom::io::{self, BufRead};
    /// # fn main() -> io::Result<()> {
    /// let mut stdin = io::stdin().lock();
    /// let mut line = String::new();
    /// # if false {
    /// stdin.read_line(&mut line)?;
    /// # }
    /// # Ok(())
    /// # }
    /// ```
    pub fn lock(&self) -> StdinLock<'static> {
        StdinLock {
            inner: self.inner.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Locks and reads a line, which is appended with its end. Parks until it is whole.
    ///
    /// # Errors
    /// As [`BufRead::read_line`]; `InvalidData`: the line is no UTF-8.
    ///
    /// # Cancel
    /// The part of a line that had come is there for the next call.
    ///
    /// # Examples
    /// ```no_run
    /// use greenroom::io;
    /// let mut line = String::new();
    /// match io::stdin().read_line(&mut line) {
    ///     Ok(count) => println!("{count} bytes: {line}"),
    ///     Err(error) => println!("error: {error}"),
    /// }
    /// ```
    pub fn read_line(&self, buf: &mut String) -> io::Result<usize> {
        self.lock().read_line(buf)
    }

    /// Locks for good and returns the lines, each of which may park.
    ///
    /// # Cancel
    /// As [`read_line`](Stdin::read_line).
    ///
    /// # Examples
    /// ```no_run
    /// for line in greenroom::io::stdin().lines() {
    ///     println!("got a line: {}", line.unwrap());
    /// }
    /// ```
    #[must_use = "`self` will be dropped if the result is not used"]
    pub fn lines(self) -> Lines<StdinLock<'static>> {
        self.lock().lines()
    }
}

impl fmt::Debug for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdin").finish_non_exhaustive()
    }
}

impl fmt::Debug for StdinLock<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StdinLock").finish_non_exhaustive()
    }
}

macro_rules! read_by {
    ($name:ty, |$this:ident| $reader:expr) => {
        impl Read for $name {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                let $this = self;
                $reader.read(buf)
            }

            fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
                let $this = self;
                $reader.read_vectored(bufs)
            }

            fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize> {
                let $this = self;
                $reader.read_to_end(buf)
            }

            fn read_to_string(&mut self, buf: &mut String) -> io::Result<usize> {
                let $this = self;
                $reader.read_to_string(buf)
            }

            fn read_exact(&mut self, buf: &mut [u8]) -> io::Result<()> {
                let $this = self;
                $reader.read_exact(buf)
            }
        }
    };
}

read_by!(Stdin, |this| this.lock());
read_by!(&Stdin, |this| this.lock());
read_by!(StdinLock<'_>, |this| this.inner);

impl BufRead for StdinLock<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.inner.consume(count);
    }

    fn read_until(&mut self, byte: u8, buf: &mut Vec<u8>) -> io::Result<usize> {
        self.inner.read_until(byte, buf)
    }

    fn read_line(&mut self, buf: &mut String) -> io::Result<usize> {
        self.inner.read_line(buf)
    }
}

impl AsFd for Stdin {
    fn as_fd(&self) -> BorrowedFd<'_> {
        Standard::Input.fd()
    }
}

impl AsFd for StdinLock<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        Standard::Input.fd()
    }
}

impl AsRawFd for Stdin {
    fn as_raw_fd(&self) -> RawFd {
        Standard::Input.number()
    }
}

impl AsRawFd for StdinLock<'_> {
    fn as_raw_fd(&self) -> RawFd {
        Standard::Input.number()
    }
}
