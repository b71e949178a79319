//! What Unix systems add to processes, as [`std::os::unix::process`].
//!
//! [`CommandExt`] is sealed in std and speaks of std's `Command`, so this one has its name and its
//! methods. Statuses are std's own, and so is their trait.
#![expect(
    unsafe_code,
    reason = "pre_exec is an unsafe function, here and in std"
)]

pub use std::os::unix::process::{ExitStatusExt, parent_id};

use crate::process::Command;
use sealed::Sealed;
use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt as _;

mod sealed {
    pub trait Sealed {}
    impl Sealed for crate::process::Command {}
}

/// What a command can say on Unix, as [`std::os::unix::process::CommandExt`].
///
/// # Examples
/// ```
/// use greenroom::os::unix::process::CommandExt;
/// use greenroom::process::Command;
/// let output = Command::new("sh").arg0("renamed").args(["-c", "echo $0"]).output()?;
/// assert_eq!(output.stdout, b"renamed\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait CommandExt: Sealed {
    /// Sets the child's user. Never parks; a start that may not do it fails with `PermissionDenied`.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::unix::process::CommandExt;
    /// use std::os::unix::fs::MetadataExt;
    /// let me = std::fs::metadata("/proc/self")?.uid();
    /// assert!(greenroom::process::Command::new("true").uid(me).status()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn uid(&mut self, id: u32) -> &mut Command;

    /// Sets the child's group. Never parks; a start that may not do it fails with `PermissionDenied`.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::unix::process::CommandExt;
    /// use std::os::unix::fs::MetadataExt;
    /// let mine = std::fs::metadata("/proc/self")?.gid();
    /// assert!(greenroom::process::Command::new("true").gid(mine).status()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn gid(&mut self, id: u32) -> &mut Command;

    /// Has `f` called in the child just before the program is loaded; an error of it is the start's.
    ///
    /// Several are called in the order in which they were given. The start parks until they are through;
    /// sixteen at a time may take long before further starts have to wait.
    ///
    /// # Safety
    /// `f` runs in a forked child of a process with many threads: it may make only calls that are
    /// async-signal-safe, signal-safety(7), so it must not allocate nor lock, and must not use this
    /// library. It runs on no green thread: greenroom's locals are not there.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::unix::process::CommandExt;
    /// use std::io::{Error, ErrorKind};
    /// let mut command = greenroom::process::Command::new("true");
    /// // SAFETY: makes an error of a number, which neither allocates nor locks.
    /// unsafe { command.pre_exec(|| Err(Error::from_raw_os_error(13))) };
    /// assert_eq!(command.status().unwrap_err().kind(), ErrorKind::PermissionDenied);
    /// ```
    unsafe fn pre_exec<F>(&mut self, f: F) -> &mut Command
    where
        F: FnMut() -> io::Result<()> + Send + Sync + 'static;

    /// As [`CommandExt::pre_exec`].
    ///
    /// # Safety
    /// The same.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::unix::process::CommandExt;
    /// let mut command = greenroom::process::Command::new("true");
    /// // SAFETY: does nothing.
    /// #[expect(deprecated, reason = "std still has it")]
    /// unsafe { command.before_exec(|| Ok(())) };
    /// assert!(command.status()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[deprecated(note = "use `pre_exec` instead")]
    unsafe fn before_exec<F>(&mut self, f: F) -> &mut Command
    where
        F: FnMut() -> io::Result<()> + Send + Sync + 'static,
    {
        // SAFETY: the caller's promise is the same.
        unsafe { self.pre_exec(f) }
    }

    /// Replaces this process by the program: returns only if that failed. Parks.
    ///
    /// The program gets the signal mask that a child would get. No destructor runs, and every green
    /// thread is gone. After a failure the process may be half changed, as with std: directory, streams,
    /// user, and `SIGPIPE` at its default.
    ///
    /// # Cancel
    /// Before it has begun only.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::unix::process::CommandExt;
    /// let error = greenroom::process::Command::new("/no/such/program").exec();
    /// assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    /// ```
    #[must_use]
    fn exec(&mut self) -> io::Error;

    /// Sets the first word of the argument list, by default the program. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::unix::process::CommandExt;
    /// let mut command = greenroom::process::Command::new("sh");
    /// let output = command.arg0("-x").args(["-c", "echo $0"]).output()?;
    /// assert_eq!(output.stdout, b"-x\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn arg0<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Command;

    /// Puts the child into a process group; 0: one of its own. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::os::unix::process::CommandExt;
    /// let mut child = greenroom::process::Command::new("true").process_group(0).spawn()?;
    /// assert!(child.wait()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    fn process_group(&mut self, pgroup: i32) -> &mut Command;
}

impl CommandExt for Command {
    fn uid(&mut self, id: u32) -> &mut Command {
        self.as_std_mut().uid(id);
        self
    }

    fn gid(&mut self, id: u32) -> &mut Command {
        self.as_std_mut().gid(id);
        self
    }

    unsafe fn pre_exec<F>(&mut self, f: F) -> &mut Command
    where
        F: FnMut() -> io::Result<()> + Send + Sync + 'static,
    {
        // SAFETY: the caller's promise is the same.
        unsafe { self.as_std_mut().pre_exec(f) };
        self
    }

    fn exec(&mut self) -> io::Error {
        Command::exec(self)
    }

    fn arg0<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Command {
        self.as_std_mut().arg0(arg);
        self
    }

    fn process_group(&mut self, pgroup: i32) -> &mut Command {
        self.as_std_mut().process_group(pgroup);
        self
    }
}
