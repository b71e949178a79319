//! How a process ended.
//!
//! std's own `ExitStatus` can be made only from a number of `wait(2)`, and this one knows a third way: the
//! fork server, which alone may wait for the process, was killed and took the answer with it.

use std::fmt;

/// Python's `exitcode` where the fork server died before it could tell.
const LOST: i32 = 255;

/// How a process ended. Source: `multiprocessing.Process.exitcode` of Python, typed.
///
/// # Examples
/// ```
/// use greenroom_servers::multiprocessing::ExitStatus;
/// assert!(ExitStatus::Exited(0).success());
/// assert_eq!(ExitStatus::Signaled(9).to_string(), "was killed by signal 9");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExitStatus {
    /// By itself, with this code: 0 when its function returned, 1 when that was an error or
    /// it panicked, else what
    /// [`std::process::exit`] was given.
    Exited(i32),
    /// By this signal.
    Signaled(i32),
    /// The fork server was killed, and the process with it (or just before).
    Lost,
}

impl ExitStatus {
    /// Whether the function returned. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::ExitStatus;
    /// assert!(!ExitStatus::Exited(1).success());
    /// ```
    pub fn success(self) -> bool {
        self == ExitStatus::Exited(0)
    }

    /// As Python's number: the code, or the signal's number below zero, or 255 for [`Lost`](Self::Lost).
    /// Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::multiprocessing::ExitStatus;
    /// assert_eq!(ExitStatus::Exited(3).code(), 3);
    /// assert_eq!(ExitStatus::Signaled(15).code(), -15);
    /// ```
    pub fn code(self) -> i32 {
        match self {
            ExitStatus::Exited(code) => code,
            ExitStatus::Signaled(signal) => -signal,
            ExitStatus::Lost => LOST,
        }
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExitStatus::Exited(code) => write!(f, "exited with code {code}"),
            ExitStatus::Signaled(signal) => write!(f, "was killed by signal {signal}"),
            ExitStatus::Lost => write!(f, "was lost with the fork server"),
        }
    }
}
