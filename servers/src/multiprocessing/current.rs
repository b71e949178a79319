//! Who this process is: the one that called the entry, one that it made, or neither.

use super::host::Host;
use rustix::process::{Pid, getpid};
use std::io::{self, Write};
use std::sync::OnceLock;

/// Set once in each process: by the entry, or in a new process before anything of its user runs.
static PLACE: OnceLock<Place> = OnceLock::new();

enum Place {
    Main(Host),
    Child(CurrentProcess),
}

/// Makes this process the one that has the fork server. An error if it was a part of a family before.
pub(super) fn become_main(host: Host) -> bool {
    PLACE.set(Place::Main(host)).is_ok()
}

/// Makes this process one that was made.
pub(super) fn become_child(process: CurrentProcess) {
    let _ = PLACE.set(Place::Child(process));
}

/// Whether this process belongs to a family already.
pub(super) fn is_placed() -> bool {
    PLACE.get().is_some()
}

/// The fork server's owner's side.
pub(super) fn host() -> io::Result<&'static Host> {
    let text = match PLACE.get() {
        Some(Place::Main(host)) => return Ok(host),
        Some(Place::Child(_)) => {
            "multiprocessing: a process that was itself started cannot start others; only the one that \
             called multiprocessing::run can"
        }
        None => {
            "multiprocessing: call multiprocessing::run at the beginning of main, and start processes \
             inside of it"
        }
    };
    Err(io::Error::new(io::ErrorKind::Unsupported, text))
}

/// The name for messages.
pub(super) fn name() -> String {
    current_process().name
}

/// Tells of an error on standard error, under this process's name. Nobody may read it, which is no panic: there
/// is nothing but the program's `main` up the stack.
pub(super) fn complain(error: &io::Error) {
    let _ = writeln!(io::stderr(), "{}: {error}", name());
}

/// What a process knows of itself; made by [`current_process`].
///
/// # Examples
/// ```
/// let here = greenroom_servers::multiprocessing::current_process();
/// assert_eq!((here.name(), here.pid()), ("MainProcess", std::process::id()));
/// ```
#[derive(Clone, Debug)]
pub struct CurrentProcess {
    name: String,
    is_daemon: bool,
    parent: Option<u32>,
}

impl CurrentProcess {
    pub(super) fn child(name: String, is_daemon: bool, owner: Pid) -> CurrentProcess {
        CurrentProcess {
            name,
            is_daemon,
            parent: Some(owner.as_raw_pid().cast_unsigned()),
        }
    }

    /// `MainProcess`, or what it was called when it was started. Never parks.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(greenroom_servers::multiprocessing::current_process().name(), "MainProcess");
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process's number. Never parks.
    ///
    /// # Examples
    /// ```
    /// let here = greenroom_servers::multiprocessing::current_process();
    /// assert_eq!(here.pid(), std::process::id());
    /// ```
    pub fn pid(&self) -> u32 {
        getpid().as_raw_pid().cast_unsigned()
    }

    /// The number of the process that started this one; of the main process, the kernel's answer. Never
    /// parks.
    ///
    /// Differs from `getppid`, which in a started process gives the fork server, as in Python.
    ///
    /// # Examples
    /// ```
    /// let here = greenroom_servers::multiprocessing::current_process();
    /// assert_eq!(here.parent_pid(), std::os::unix::process::parent_id());
    /// ```
    pub fn parent_pid(&self) -> u32 {
        self.parent
            .unwrap_or_else(std::os::unix::process::parent_id)
    }

    /// Whether it is ended at the end of its parent, rather than waited for. Never parks.
    ///
    /// # Examples
    /// ```
    /// assert!(!greenroom_servers::multiprocessing::current_process().is_daemon());
    /// ```
    pub fn is_daemon(&self) -> bool {
        self.is_daemon
    }
}

/// The running process. Never parks. Source: `multiprocessing.current_process` of Python.
///
/// # Examples
/// ```
/// println!("I am {}", greenroom_servers::multiprocessing::current_process().name());
/// ```
pub fn current_process() -> CurrentProcess {
    match PLACE.get() {
        Some(Place::Child(process)) => process.clone(),
        _ => CurrentProcess {
            name: "MainProcess".to_owned(),
            is_daemon: false,
            parent: None,
        },
    }
}
