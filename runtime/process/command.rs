//! What to start and how: std's own `Command`, started on a pool thread under the user's signal mask.
//!
//! std's start stops its thread until the new program is loaded, and lets the child inherit that
//! thread's signal mask. So it runs on the blocking pool, in a lane whose threads never end (see
//! `Lane::Children`), with the mask of the thread that started the runtime. On an OS thread it runs
//! right there, with that thread's mask, as std's does.

use super::child::{Child, Owned};
use super::{CommandArgs, CommandEnvs, ExitStatus, Output, Stdio, orphans};
use crate::sched::current;
use crate::sys::signals;
use crate::unblock::{Lane, lend};
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::Path;
use std::process;

/// A process to be started, as [`std::process::Command`].
///
/// # Examples
/// ```
/// use greenroom::process::Command;
/// let output = greenroom::run(|| Command::new("echo").args(["hello", "world"]).output())?;
/// assert_eq!(output.stdout, b"hello world\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Command {
    inner: process::Command,
    /// Which of the standard streams the user has chosen.
    chosen: Streams,
    /// `output` has chosen the others, which its next start must undo.
    is_completed: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Streams {
    stdin: bool,
    stdout: bool,
    stderr: bool,
}

impl Command {
    /// A command that runs `program`, searched for in `PATH` unless it contains a slash. Never parks.
    ///
    /// # Examples
    /// ```
    /// let status = greenroom::process::Command::new("true").status()?;
    /// assert!(status.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new<S: AsRef<OsStr>>(program: S) -> Command {
        Command::with(process::Command::new(program))
    }

    fn with(inner: process::Command) -> Command {
        Command {
            inner,
            chosen: Streams::default(),
            is_completed: false,
        }
    }

    /// Adds an argument. Never parks.
    ///
    /// # Examples
    /// ```
    /// let output = greenroom::process::Command::new("echo").arg("one arg").output()?;
    /// assert_eq!(output.stdout, b"one arg\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn arg<S: AsRef<OsStr>>(&mut self, arg: S) -> &mut Command {
        self.inner.arg(arg);
        self
    }

    /// Adds arguments. Never parks.
    ///
    /// # Examples
    /// ```
    /// let output = greenroom::process::Command::new("echo").args(["a", "b"]).output()?;
    /// assert_eq!(output.stdout, b"a b\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn args<I, S>(&mut self, args: I) -> &mut Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.inner.args(args);
        self
    }

    /// Sets a variable of the child's environment. Never parks.
    ///
    /// # Examples
    /// ```
    /// let mut command = greenroom::process::Command::new("sh");
    /// let output = command.args(["-c", "echo $COLOUR"]).env("COLOUR", "green").output()?;
    /// assert_eq!(output.stdout, b"green\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn env<K: AsRef<OsStr>, V: AsRef<OsStr>>(&mut self, key: K, val: V) -> &mut Command {
        self.inner.env(key, val);
        self
    }

    /// Sets variables of the child's environment. Never parks.
    ///
    /// # Examples
    /// ```
    /// let mut command = greenroom::process::Command::new("sh");
    /// command.args(["-c", "echo $A$B"]).envs([("A", "1"), ("B", "2")]);
    /// assert_eq!(command.output()?.stdout, b"12\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn envs<I, K, V>(&mut self, vars: I) -> &mut Command
    where
        I: IntoIterator<Item = (K, V)>,
        K: AsRef<OsStr>,
        V: AsRef<OsStr>,
    {
        self.inner.envs(vars);
        self
    }

    /// Keeps a variable from the child. Never parks.
    ///
    /// # Examples
    /// ```
    /// let mut command = greenroom::process::Command::new("/bin/sh");
    /// command.args(["-c", "echo ${HOME-none}"]).env_remove("HOME");
    /// assert_eq!(command.output()?.stdout, b"none\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn env_remove<K: AsRef<OsStr>>(&mut self, key: K) -> &mut Command {
        self.inner.env_remove(key);
        self
    }

    /// Keeps every variable from the child that was not set since. Never parks.
    ///
    /// # Examples
    /// ```
    /// let output = greenroom::process::Command::new("/usr/bin/env").env_clear().output()?;
    /// assert_eq!(output.stdout, b"");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn env_clear(&mut self) -> &mut Command {
        self.inner.env_clear();
        self
    }

    /// Sets the child's working directory. Never parks.
    ///
    /// # Examples
    /// ```
    /// let output = greenroom::process::Command::new("pwd").current_dir("/").output()?;
    /// assert_eq!(output.stdout, b"/\n");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn current_dir<P: AsRef<Path>>(&mut self, dir: P) -> &mut Command {
        self.inner.current_dir(dir);
        self
    }

    /// Says what the child's standard input is; if nobody does, it is ours, and for `output` null. Never
    /// parks.
    ///
    /// # Examples
    /// ```
    /// let (reader, writer) = greenroom::io::pipe()?;
    /// drop(writer);
    /// assert!(greenroom::process::Command::new("cat").stdin(reader).status()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stdin<T: Into<Stdio>>(&mut self, cfg: T) -> &mut Command {
        self.chosen.stdin = true;
        self.inner.stdin(cfg);
        self
    }

    /// Says what the child's standard output is; if nobody does, it is ours, and for `output` piped.
    /// Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::process::{Command, Stdio};
    /// assert!(Command::new("echo").arg("unheard").stdout(Stdio::null()).status()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stdout<T: Into<Stdio>>(&mut self, cfg: T) -> &mut Command {
        self.chosen.stdout = true;
        self.inner.stdout(cfg);
        self
    }

    /// Says what the child's standard error is; if nobody does, it is ours, and for `output` piped.
    /// Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom::process::{Command, Stdio};
    /// let mut command = Command::new("sh");
    /// command.args(["-c", "echo unheard >&2"]).stderr(Stdio::null());
    /// assert!(command.status()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stderr<T: Into<Stdio>>(&mut self, cfg: T) -> &mut Command {
        self.chosen.stderr = true;
        self.inner.stderr(cfg);
        self
    }

    /// Starts the process. Parks until the program is loaded.
    ///
    /// # Errors
    /// `NotFound`: no such program, or no such working directory. `PermissionDenied`: it cannot be
    /// executed. `InvalidInput`: a NUL in the program, an argument, the environment or the directory.
    /// What `fork(2)` and a `pre_exec` closure report. As std's, to the letter.
    ///
    /// # Panics
    /// As std's: if the pipe to the new process breaks.
    ///
    /// # Cancel
    /// Starts nothing if it comes before. A start that has begun is waited for, and the child returned.
    ///
    /// # Examples
    /// ```
    /// use greenroom::process::Command;
    /// use std::io::ErrorKind;
    /// greenroom::run(|| {
    ///     assert!(Command::new("true").spawn()?.wait()?.success());
    ///     let missing = Command::new("/no/such/program").spawn();
    ///     assert_eq!(missing.unwrap_err().kind(), ErrorKind::NotFound);
    ///     Ok::<(), std::io::Error>(())
    /// })?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn spawn(&mut self) -> io::Result<Child> {
        self.undo_completion();
        self.start()
    }

    /// Starts the process, reads its standard output and standard error to their ends, and waits for
    /// its end. Parks.
    ///
    /// # Errors
    /// As [`Command::spawn`] and [`Child::wait_with_output`].
    ///
    /// # Cancel
    /// Kills nothing, see [`Child::wait_with_output`].
    ///
    /// # Examples
    /// ```
    /// use greenroom::process::Command;
    /// let output = Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]).output()?;
    /// assert_eq!((output.stdout, output.stderr), (b"out\n".to_vec(), b"err\n".to_vec()));
    /// assert_eq!(output.status.code(), Some(3));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn output(&mut self) -> io::Result<Output> {
        self.is_completed = true;
        self.complete(Stdio::null, Stdio::piped);
        self.start()?.wait_with_output()
    }

    /// Starts the process and waits for its end. Parks.
    ///
    /// # Errors
    /// As [`Command::spawn`] and [`Child::wait`].
    ///
    /// # Cancel
    /// Kills nothing: the child runs on, and is reaped when another child is started after its end.
    ///
    /// # Examples
    /// ```
    /// let status = greenroom::run(|| greenroom::process::Command::new("false").status())?;
    /// assert_eq!(status.code(), Some(1));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn status(&mut self) -> io::Result<ExitStatus> {
        Owned::new(self.spawn()?).wait()
    }

    /// The program. Never parks.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(greenroom::process::Command::new("true").get_program(), "true");
    /// ```
    #[must_use]
    pub fn get_program(&self) -> &OsStr {
        self.inner.get_program()
    }

    /// The arguments. Never parks.
    ///
    /// # Examples
    /// ```
    /// let mut command = greenroom::process::Command::new("true");
    /// assert!(command.arg("1").get_args().eq(["1"]));
    /// ```
    pub fn get_args(&self) -> CommandArgs<'_> {
        self.inner.get_args()
    }

    /// The variables that were set (or, `None`, removed). Never parks.
    ///
    /// # Examples
    /// ```
    /// let mut command = greenroom::process::Command::new("true");
    /// assert_eq!(command.env_remove("A").get_envs().next(), Some(("A".as_ref(), None)));
    /// ```
    pub fn get_envs(&self) -> CommandEnvs<'_> {
        self.inner.get_envs()
    }

    /// The working directory, if one was set. Never parks.
    ///
    /// # Examples
    /// ```
    /// let mut command = greenroom::process::Command::new("true");
    /// assert_eq!(command.current_dir("/").get_current_dir(), Some("/".as_ref()));
    /// ```
    #[must_use]
    pub fn get_current_dir(&self) -> Option<&Path> {
        self.inner.get_current_dir()
    }

    /// Turns it into std's type. Never parks.
    ///
    /// # Examples
    /// ```
    /// let mut command: std::process::Command =
    ///     greenroom::process::Command::new("true").into_std();
    /// assert!(command.status()?.success());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn into_std(mut self) -> process::Command {
        self.undo_completion();
        self.inner
    }

    /// What std has for it.
    pub(crate) fn as_std_mut(&mut self) -> &mut process::Command {
        &mut self.inner
    }

    /// Replaces this process; see `CommandExt::exec`.
    pub(crate) fn exec(&mut self) -> io::Error {
        use std::os::unix::process::CommandExt;
        self.undo_completion();
        let inner = &mut self.inner;
        where_children_are_made(move || inner.exec())
    }

    fn start(&mut self) -> io::Result<Child> {
        orphans::look_after();
        let inner = &mut self.inner;
        where_children_are_made(move || inner.spawn()).map(Child::made)
    }

    /// Chooses the streams that the user has not chosen. std chooses by the method that starts, without
    /// a trace in the command; that choice is not to be had from outside.
    fn complete(&mut self, stdin: fn() -> Stdio, others: fn() -> Stdio) {
        if !self.chosen.stdin {
            self.inner.stdin(stdin());
        }
        if !self.chosen.stdout {
            self.inner.stdout(others());
        }
        if !self.chosen.stderr {
            self.inner.stderr(others());
        }
    }

    fn undo_completion(&mut self) {
        if std::mem::take(&mut self.is_completed) {
            self.complete(Stdio::inherit, Stdio::inherit);
        }
    }
}

/// Runs `body`, which makes a child or becomes one: on a pool thread if called from a green thread, else
/// right here; with the user's signal mask if called from a thread of ours.
fn where_children_are_made<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    match current::users_mask() {
        Some(mask) => lend(Lane::Children, move || signals::with_mask(&mask, body)),
        None => lend(Lane::Children, body),
    }
}

/// std's text.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// Takes a command over. Which of its streams were chosen cannot be asked of std's type: they keep what
/// they are, but `output` pipes all that are not chosen anew.
impl From<process::Command> for Command {
    fn from(theirs: process::Command) -> Command {
        Command::with(theirs)
    }
}

impl From<Command> for process::Command {
    fn from(ours: Command) -> process::Command {
        ours.into_std()
    }
}
