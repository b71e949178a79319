//! Standard output: [`stdout`], [`Stdout`], [`StdoutLock`], and its flush when the process exits.
//!
//! A `LineWriter` behind greenroom's `ReentrantLock`. As in std, the buffer is emptied by `atexit`, if
//! nobody holds the lock; from then on there is no buffer, so what destructors print later comes out.

use super::output::output;
use super::raw::{Raw, block_from_now_on};
use crate::sync::{ReentrantLock, ReentrantLockGuard};
use crate::sys::stdio::{Standard, at_exit};
use std::cell::RefCell;
use std::io::{self, IoSlice, LineWriter, Write};
use std::process::Stdio;
use std::sync::OnceLock;

type Shared = ReentrantLock<RefCell<Lines>>;

/// std's `OnceLock`: making the buffer waits for nobody.
static STDOUT: OnceLock<Shared> = OnceLock::new();

/// The buffer. Only `write_vectored` is not std's, which takes no more than the first slice if it cannot
/// learn (by a method that is not stable) that what is below takes them all.
struct Lines(LineWriter<Raw>);

impl Write for Lines {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        // One write, so that an interrupt comes before all of it or not at all.
        let all: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
        self.0.write(&all)
    }

    fn write_all(&mut self, buf: &[u8]) -> io::Result<()> {
        self.0.write_all(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A handle of standard output, as [`std::io::stdout`]. Never parks.
///
/// Line-buffered, by a buffer that is not the one of std's handle: lines of both kinds mix, but what
/// has no end of line yet comes out in whatever order the buffers are emptied.
///
/// # Examples
/// ```
/// use greenroom::io::{self, Write};
/// # fn main() -> io::Result<()> {
/// let mut stdout = io::stdout();
/// stdout.write_all(b"hello, world\n")?;
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn stdout() -> Stdout {
    Stdout {
        inner: STDOUT.get_or_init(|| {
            at_exit(flush_at_exit);
            let lines = LineWriter::new(Raw(Standard::Output));
            ReentrantLock::new(RefCell::new(Lines(lines)))
        }),
    }
}

/// Empties the buffer, on the thread that exits the process; nothing may park there.
extern "C" fn flush_at_exit() {
    block_from_now_on();
    let Some(shared) = STDOUT.get() else {
        return;
    };
    // Who holds the lock may be parked, or have leaked it, and would never give it back.
    let Some(guard) = shared.try_lock() else {
        return;
    };
    // Borrowed: the exit comes out of the middle of a write, from a signal handler.
    if let Ok(mut writer) = guard.try_borrow_mut() {
        // Subtle: not by the drop of the old writer. An interrupted write looks like a panic to it, and
        // then it would keep what it has. There is nobody to tell of an error.
        drop(writer.flush());
        *writer = Lines(LineWriter::with_capacity(0, Raw(Standard::Output)));
    }
}

/// A handle of standard output, shared by all, as [`std::io::Stdout`].
///
/// A write parks while the descriptor takes nothing, and while somebody else has the lock. The
/// descriptor's flags, which the shell and others share, are never changed. A closed descriptor
/// swallows everything.
///
/// # Cancel
/// A write that is cancelled or out of time has put nothing, or has returned how much. What was in the
/// buffer stays there.
///
/// # Examples
/// ```
/// use greenroom::io::{self, Stdout, Write};
/// let mut stdout: Stdout = io::stdout();
/// writeln!(stdout, "{} + {} = {}", 1, 2, 1 + 2)?;
/// # Ok::<(), io::Error>(())
/// ```
pub struct Stdout {
    inner: &'static Shared,
}

/// Standard output, locked, as [`std::io::StdoutLock`]: what its owner writes stays together.
///
/// # Examples
/// ```
/// use greenroom::io::{self, StdoutLock, Write};
/// let mut lock: StdoutLock<'static> = io::stdout().lock();
/// writeln!(lock, "one")?;
/// writeln!(lock, "two, right below")?;
/// # Ok::<(), io::Error>(())
/// ```
#[must_use = "if unused stdout will immediately unlock"]
pub struct StdoutLock<'a> {
    inner: ReentrantLockGuard<'a, RefCell<Lines>>,
}

impl Stdout {
    /// Takes the lock, once more if we have it. Parks while somebody else has it.
    ///
    /// # Cancel
    /// As [`ReentrantLock::lock`].
    ///
    /// # Examples
    /// ```
    /// use greenroom::io::{self, Write};
    /// let mut stdout = io::stdout().lock();
    /// stdout.write_all(b"hello, world\n")?;
    /// # Ok::<(), io::Error>(())
    /// ```
    pub fn lock(&self) -> StdoutLock<'static> {
        StdoutLock {
            inner: self.inner.lock(),
        }
    }
}

output!(Stdout, StdoutLock, Standard::Output);

/// The child's stream is the descriptor of our standard output.
impl From<Stdout> for Stdio {
    fn from(_: Stdout) -> Stdio {
        std::io::stdout().into()
    }
}
