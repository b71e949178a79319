//! A child process: std's own, with a wait that parks and pipes that park.
//!
//! std's `Child` inside knows the status once it is known, and refuses to signal a number that may be
//! somebody else's by then. Its streams are taken out of it at once and replaced by ours.

use super::wait::Watch;
use super::{ChildStderr, ChildStdin, ChildStdout, ExitStatus, Output, drain, orphans};
use crate::io::evented::Stop;
use crate::sys::clock::{NEVER_NS, deadline_after};
use std::fmt;
use std::io;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::process;
use std::time::Duration;

/// A child process that runs or has ended, as [`std::process::Child`].
///
/// As there, dropping it neither kills the process nor waits for it: one that has ended and that nobody
/// has waited for stays in the system's table.
///
/// # Examples
/// ```
/// use greenroom::process::Command;
/// greenroom::run(|| {
///     let mut child = Command::new("sh").args(["-c", "exit 7"]).spawn()?;
///     assert_eq!(child.wait()?.code(), Some(7));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Child {
    inner: process::Child,
    watch: Watch,
    /// The writing end of its standard input, if that is piped.
    pub stdin: Option<ChildStdin>,
    /// The reading end of its standard output, if that is piped.
    pub stdout: Option<ChildStdout>,
    /// The reading end of its standard error, if that is piped.
    pub stderr: Option<ChildStderr>,
}

// As std's: a panic between two calls leaves a child in no state it could not also be in without one.
impl UnwindSafe for Child {}
impl RefUnwindSafe for Child {}

impl Child {
    /// Of a child that was started just now: nobody else knows its pipes.
    pub(super) fn made(mut inner: process::Child) -> Child {
        Child {
            stdin: inner.stdin.take().map(ChildStdin::made),
            stdout: inner.stdout.take().map(ChildStdout::made),
            stderr: inner.stderr.take().map(ChildStderr::made),
            inner,
            watch: Watch::None,
        }
    }

    /// The number of the process. Never parks.
    ///
    /// # Examples
    /// ```
    /// let mut child = greenroom::process::Command::new("true").spawn()?;
    /// assert_ne!(child.id(), greenroom::process::id());
    /// child.wait()?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn id(&self) -> u32 {
        self.inner.id()
    }

    /// Sends `SIGKILL`; nothing, and `Ok`, if the process is known to have ended. Never parks.
    ///
    /// # Errors
    /// What `kill(2)` reports, for one when the process has become another user's.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::unix::process::ExitStatusExt;
    /// let mut child = greenroom::process::Command::new("sleep").arg("60").spawn()?;
    /// child.kill()?;
    /// assert_eq!(child.wait()?.signal(), Some(9));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn kill(&mut self) -> io::Result<()> {
        self.inner.kill()
    }

    /// Waits for the end of the process; its piped standard input is closed first. Parks.
    ///
    /// # Errors
    /// What `waitpid(2)` reports: there is no such child, because `SIGCHLD` is ignored or somebody else
    /// in this process has waited for it.
    ///
    /// # Cancel
    /// Kills nothing and loses nothing: the child runs on, and the next wait finds its end.
    ///
    /// # Examples
    /// ```
    /// let mut child = greenroom::process::Command::new("true").spawn()?;
    /// assert!(child.wait()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        drop(self.stdin.take());
        loop {
            let ended = self.watch.wait(&mut self.inner, NEVER_NS);
            if let Some(status) = ended.map_err(Stop::into_error)? {
                return Ok(status);
            }
        }
    }

    /// As [`Child::wait`], for at most `timeout`; `None`: it still runs. Parks.
    ///
    /// Differs: std has no such method. Zero looks once.
    ///
    /// # Errors
    /// As `wait`.
    ///
    /// # Cancel
    /// As `wait`.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let mut child = greenroom::process::Command::new("sleep").arg("60").spawn()?;
    /// assert_eq!(child.wait_timeout(Duration::from_millis(1))?, None);
    /// child.kill()?;
    /// assert!(child.wait_timeout(Duration::from_secs(60))?.is_some());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait_timeout(&mut self, timeout: Duration) -> io::Result<Option<ExitStatus>> {
        drop(self.stdin.take());
        self.watch
            .wait(&mut self.inner, deadline_after(timeout))
            .map_err(Stop::into_error)
    }

    /// Looks whether the process has ended. Never parks.
    ///
    /// # Errors
    /// As `wait`.
    ///
    /// # Examples
    /// ```
    /// let mut child = greenroom::process::Command::new("sleep").arg("60").spawn()?;
    /// assert_eq!(child.try_wait()?, None);
    /// child.kill()?;
    /// child.wait()?;
    /// assert!(child.try_wait()?.is_some());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.inner.try_wait()
    }

    /// Closes its standard input, reads its piped output streams to their ends, both at the same time,
    /// and waits for the end of the process. Parks.
    ///
    /// # Errors
    /// As `wait`, and what reading a pipe reports. Differs: std panics for the latter.
    ///
    /// # Cancel
    /// Kills nothing. What was read is lost; the child runs on, with its pipes closed, and is reaped
    /// when another child is started after its end.
    ///
    /// # Examples
    /// ```
    /// use greenroom::process::{Command, Stdio};
    /// let child = Command::new("echo").arg("hello").stdout(Stdio::piped()).spawn()?;
    /// let output = child.wait_with_output()?;
    /// assert_eq!(output.stdout, b"hello\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.stdin.take());
        let (stdout, stderr) = (self.stdout.take(), self.stderr.take());
        let child = Owned::new(self);
        let (stdout, stderr) = drain::to_the_end(stdout, stderr)?;
        let status = child.wait()?;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    /// Turns it into std's type, with its streams. Never parks.
    ///
    /// # Examples
    /// ```
    /// let child = greenroom::process::Command::new("true").spawn()?;
    /// let mut child: std::process::Child = child.into_std();
    /// assert!(child.wait()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn into_std(self) -> process::Child {
        let mut theirs = self.inner;
        theirs.stdin = self.stdin.map(ChildStdin::into_std);
        theirs.stdout = self.stdout.map(ChildStdout::into_std);
        theirs.stderr = self.stderr.map(ChildStderr::into_std);
        theirs
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child")
            .field("stdin", &self.stdin)
            .field("stdout", &self.stdout)
            .field("stderr", &self.stderr)
            .finish_non_exhaustive()
    }
}

/// Adopts std's type, its streams with their modes.
impl From<process::Child> for Child {
    fn from(mut theirs: process::Child) -> Child {
        Child {
            stdin: theirs.stdin.take().map(ChildStdin::from),
            stdout: theirs.stdout.take().map(ChildStdout::from),
            stderr: theirs.stderr.take().map(ChildStderr::from),
            inner: theirs,
            watch: Watch::None,
        }
    }
}

impl From<Child> for process::Child {
    fn from(ours: Child) -> process::Child {
        ours.into_std()
    }
}

/// A child that a call has to itself: whatever ends the call, somebody reaps it.
pub(super) struct Owned(Option<Child>);

impl Owned {
    pub(super) fn new(child: Child) -> Owned {
        Owned(Some(child))
    }

    pub(super) fn wait(mut self) -> io::Result<ExitStatus> {
        let child = self.0.as_mut();
        child.expect("because only its end takes it").wait()
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(child) = self.0.take() {
            orphans::adopt(child.inner);
        }
    }
}
