//! [`Process`] and [`Builder`]: a function that runs in a process of its own.

use super::child::Letter;
use super::code::Code;
use super::current;
use super::handover::{Packed, invalid};
use super::outcome::Outcome;
use super::status::ExitStatus;
use greenroom::sync::OnceLock;
use rustix::fs::MemfdFlags;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Numbers for the names of those that have none.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// For the status of a process that is known to end. As good as for ever: it only ends what should not be.
const REPORT_PATIENCE: Duration = Duration::from_secs(60);

/// Of the flags in `/proc/PID/stat` (proc_pid_stat(5)): set before an ending process closes its files.
const PF_EXITING: u64 = 4;

/// Whether it is ending or gone.
fn is_ending(pid: u32) -> bool {
    let Ok(text) = greenroom::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return true;
    };
    // After the name, which may have blanks: state, six numbers, flags.
    let flags = text
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.split(' ').nth(6));
    let flags = flags.and_then(|flags| flags.parse::<u64>().ok());
    flags.is_none_or(|flags| flags & PF_EXITING != 0)
}

/// What the starting process knows of a process.
#[derive(Debug)]
pub(super) struct Record {
    name: String,
    is_daemon: bool,
    /// Zero if it could not be started.
    pid: OnceLock<u32>,
    status: OnceLock<ExitStatus>,
}

impl Record {
    pub(super) fn has_started(&self, pid: i32) {
        let _ = self.pid.set(pid.cast_unsigned());
    }

    pub(super) fn has_not_started(&self) {
        let _ = self.pid.set(0);
    }

    pub(super) fn has_ended(&self, status: ExitStatus) {
        let _ = self.status.set(status);
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid.get().copied().unwrap_or(0)
    }

    /// For messages: who it is, and how it ended, if it has or will within `patience`.
    ///
    /// Called when a socket of its was closed. If that was its end, the status is reported a moment later,
    /// which may be long on a loaded machine; the kernel knows whether it was.
    pub(super) fn obituary(&self, patience: Duration) -> Option<String> {
        // Subtle: a socket of a short life may tell of its end before the report of its start is read.
        if *self.pid.wait_timeout(REPORT_PATIENCE)? == 0 {
            return None;
        }
        if self.status.get().is_none() && is_ending(self.pid()) {
            let _ = self.status.wait_timeout(REPORT_PATIENCE);
        }
        let status = self.status.wait_timeout(patience)?;
        Some(format!("{} (pid {}) {status}", self.name, self.pid()))
    }

    /// `None` if it could not be started.
    pub(super) fn title(&self) -> Option<String> {
        (self.pid() != 0).then(|| format!("{} (pid {})", self.name, self.pid()))
    }
}

/// A process that runs a function, on green threads of its own. A handle: dropping it leaves the process
/// alone, a clone is the same process.
///
/// The function is a plain `fn`, or a closure that captures nothing; what it needs is its one argument (a
/// tuple, if it is several things), which is serialised. Descriptors go along as [`Handed`](super::Handed),
/// and so do connections, queues, locks and proxies of this module. When the function returns, the process
/// exits with code 0; when it returns an error ([`Outcome`](super::Outcome)) or panics, the message goes to
/// standard error, under the process's name, and the code is 1. Its other green threads are not waited for.
///
/// Every process dies with the one that started it. It cannot start others itself.
///
/// Source: `multiprocessing.Process` of Python, start method `forkserver`. Differs: no start apart from the
/// spawn; statics have the values that they had when [`run`](super::run) was called.
///
/// # Examples
/// ```
/// use greenroom_servers::multiprocessing::{self, Process};
///
/// fn main() -> std::io::Result<()> {
///     multiprocessing::run(|| {
///         let process = Process::spawn(|code: i32| std::process::exit(code), 3)?;
///         process.join();
///         assert_eq!(process.exit_code(), Some(3));
///         Ok(())
///     })?
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Process {
    record: Arc<Record>,
}

/// How a process is to be started. Source: the keyword arguments of Python's `Process`.
///
/// # Examples
/// ```
/// use greenroom_servers::multiprocessing::{self, Builder};
///
/// fn main() -> std::io::Result<()> {
///     multiprocessing::run(|| {
///         let process = Builder::new().name("digger").daemon(true).spawn(|()| (), ())?;
///         assert_eq!((process.name(), process.is_daemon()), ("digger", true));
///         Ok(())
///     })?
/// }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "it starts nothing until spawn"]
pub struct Builder {
    name: Option<String>,
    is_daemon: bool,
}

impl Builder {
    /// No name yet, no daemon. Never parks.
    ///
    /// # Examples
    /// ```
    /// let builder = greenroom_servers::multiprocessing::Builder::new();
    /// # drop(builder);
    /// ```
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Its name; else `Process-1` and so on. Never parks.
    ///
    /// # Examples
    /// ```
    /// let builder = greenroom_servers::multiprocessing::Builder::new().name("digger");
    /// # drop(builder);
    /// ```
    pub fn name(mut self, name: impl Into<String>) -> Builder {
        self.name = Some(name.into());
        self
    }

    /// Whether it is ended, rather than waited for, at the end of [`run`](super::run). Never parks.
    ///
    /// # Examples
    /// ```
    /// let builder = greenroom_servers::multiprocessing::Builder::new().daemon(true);
    /// # drop(builder);
    /// ```
    pub fn daemon(mut self, is_daemon: bool) -> Builder {
        self.is_daemon = is_daemon;
        self
    }

    /// Starts the process. Parks until it has a number.
    ///
    /// # Errors
    /// As [`Process::spawn`].
    ///
    /// # Cancel
    /// The process may have been started, and is then left alone.
    ///
    /// # Examples
    /// See [`Builder`].
    pub fn spawn<A, R>(self, function: fn(A) -> R, argument: A) -> io::Result<Process>
    where
        A: Serialize + DeserializeOwned,
        R: Outcome,
    {
        let host = current::host()?;
        let code = Code::of_process(function)?;
        let (packed, bonds) = Packed::of(&argument)?;
        let name = self
            .name
            .unwrap_or_else(|| format!("Process-{}", COUNT.fetch_add(1, Ordering::Relaxed) + 1));
        let is_daemon = self.is_daemon;
        let mut fds = vec![letter(&name, is_daemon, &packed.bytes)?];
        fds.extend(packed.fds);
        let record = Arc::new(Record {
            name,
            is_daemon,
            pid: OnceLock::new(),
            status: OnceLock::new(),
        });
        // Before the start: what it was given must know it when it ends, however soon.
        for bond in bonds {
            bond(&record);
        }
        if let Err(error) = host.start(&record, code, &fds) {
            record.has_not_started();
            return Err(error);
        }
        Ok(Process { record })
    }
}

/// What the new process reads: about itself, then its arguments. In memory, however much it is.
fn letter(name: &str, is_daemon: bool, arguments: &[u8]) -> io::Result<OwnedFd> {
    let letter = Letter {
        name: name.to_owned(),
        is_daemon,
    };
    let letter = postcard::to_stdvec(&letter).map_err(|error| invalid(&error.to_string()))?;
    let memory = rustix::fs::memfd_create("arguments", MemfdFlags::CLOEXEC)?;
    let mut memory = File::from(memory);
    memory.write_all(&letter)?;
    memory.write_all(arguments)?;
    Ok(memory.into())
}

impl Process {
    /// Starts a process that calls `function` with `argument`. Parks until it has a number.
    ///
    /// The argument is dropped here when the process has started.
    ///
    /// # Errors
    /// `Unsupported` outside of [`run`](super::run), and in a process that was itself started. `InvalidInput`
    /// if the argument cannot be serialised or has more than 250 descriptors, or if the function was loaded
    /// later (`dlopen`). `BrokenPipe` if the fork server was killed. What `fork(2)` and `memfd_create(2)`
    /// report.
    ///
    /// # Cancel
    /// The process may have been started, and is then left alone.
    ///
    /// # Examples
    /// See [`Process`].
    pub fn spawn<A, R>(function: fn(A) -> R, argument: A) -> io::Result<Process>
    where
        A: Serialize + DeserializeOwned,
        R: Outcome,
    {
        Builder::new().spawn(function, argument)
    }

    pub(super) fn from_record(record: Arc<Record>) -> Process {
        Process { record }
    }

    pub(super) fn record(&self) -> &Arc<Record> {
        &self.record
    }

    /// Parks until it has ended; returns how.
    ///
    /// # Cancel
    /// Takes nothing: the next `join` finds the status.
    ///
    /// # Examples
    /// See [`Process`].
    pub fn join(&self) -> ExitStatus {
        *self.record.status.wait()
    }

    /// Parks until it has ended, but not longer than `timeout`; `None` if it has not.
    ///
    /// # Cancel
    /// Takes nothing.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Process};
    /// use std::time::Duration;
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         let process = Process::spawn(|()| greenroom::thread::sleep(Duration::MAX), ())?;
    ///         assert_eq!(process.join_timeout(Duration::from_millis(1)), None);
    ///         process.terminate()?;
    ///         process.join();
    ///         assert_eq!(process.exit_code(), Some(-15));
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn join_timeout(&self, timeout: Duration) -> Option<ExitStatus> {
        self.record.status.wait_timeout(timeout).copied()
    }

    /// Sends SIGTERM. Nothing happens to one that has ended. May park until the fork server takes it.
    ///
    /// Returns when the signal is on its way: the process may run a moment longer, or as long as it likes if it
    /// handles the signal. [`join`](Self::join) waits for its end.
    ///
    /// # Errors
    /// `BrokenPipe` if the fork server was killed this moment.
    ///
    /// # Examples
    /// See [`join_timeout`](Self::join_timeout).
    pub fn terminate(&self) -> io::Result<()> {
        self.signal(rustix::process::Signal::TERM)
    }

    /// Sends SIGKILL. Nothing happens to one that has ended. May park until the fork server takes it.
    ///
    /// Returns when the signal is on its way: the process may run a moment longer, and
    /// [`is_alive`](Self::is_alive) be true. [`join`](Self::join) waits for its end.
    ///
    /// # Errors
    /// `BrokenPipe` if the fork server was killed this moment.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, ExitStatus, Process};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         let process = Process::spawn(|()| greenroom::thread::park(), ())?;
    ///         process.kill()?;
    ///         assert_eq!(process.join(), ExitStatus::Signaled(9));
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn kill(&self) -> io::Result<()> {
        self.signal(rustix::process::Signal::KILL)
    }

    fn signal(&self, signal: rustix::process::Signal) -> io::Result<()> {
        if !self.is_alive() {
            return Ok(());
        }
        current::host()?.signal(self.pid(), signal.as_raw())
    }

    /// Whether it has not ended. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Process};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         let process = Process::spawn(|()| (), ())?;
    ///         process.join();
    ///         assert!(!process.is_alive());
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn is_alive(&self) -> bool {
        self.record.status.get().is_none()
    }

    /// How it ended, if it has. Never parks.
    ///
    /// # Examples
    /// As [`exit_code`](Self::exit_code).
    pub fn exit_status(&self) -> Option<ExitStatus> {
        self.record.status.get().copied()
    }

    /// How it ended as Python's number, if it has: see [`ExitStatus::code`]. Never parks.
    ///
    /// # Examples
    /// See [`Process`].
    pub fn exit_code(&self) -> Option<i32> {
        self.exit_status().map(ExitStatus::code)
    }

    /// Its name. Never parks.
    ///
    /// # Examples
    /// See [`Builder`].
    pub fn name(&self) -> &str {
        &self.record.name
    }

    /// Its number, which may be another's once it has ended. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::{self, Process};
    ///
    /// fn main() -> std::io::Result<()> {
    ///     multiprocessing::run(|| {
    ///         assert_ne!(Process::spawn(|()| (), ())?.pid(), std::process::id());
    ///         Ok(())
    ///     })?
    /// }
    /// ```
    pub fn pid(&self) -> u32 {
        self.record.pid()
    }

    /// Whether it is ended, rather than waited for, at the end of [`run`](super::run). Never parks.
    ///
    /// # Examples
    /// See [`Builder`].
    pub fn is_daemon(&self) -> bool {
        self.record.is_daemon
    }
}

/// The processes that were started here and have not ended, in no order. May park for a moment.
///
/// Source: `multiprocessing.active_children` of Python.
///
/// # Examples
/// ```
/// use greenroom_servers::multiprocessing::{self, Process};
///
/// fn main() -> std::io::Result<()> {
///     multiprocessing::run(|| {
///         let process = Process::spawn(|()| greenroom::thread::park(), ())?;
///         let pids: Vec<u32> = multiprocessing::active_children().iter().map(Process::pid).collect();
///         assert_eq!(pids, [process.pid()]);
///         process.kill()
///     })?
/// }
/// ```
pub fn active_children() -> Vec<Process> {
    let alive = current::host().map_or_else(|_| Vec::new(), super::host::Host::alive);
    alive.into_iter().map(Process::from_record).collect()
}
