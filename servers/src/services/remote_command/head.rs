//! How a command ended: what the client is told before the output.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How a command ended, as JSON.
///
/// # Examples
/// ```
/// use greenroom_servers::services::remote_command::Head;
/// let head = Head { exit_code: Some(2), ..Head::default() };
/// assert_eq!(head.to_string(), "exit status 2");
/// ```
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub struct Head {
    /// If it ended by itself.
    pub exit_code: Option<i32>,
    /// If a signal ended it.
    pub signal: Option<i32>,
    /// Bytes of the frame after this one.
    pub stdout_size: usize,
    /// Bytes of the frame after that.
    pub stderr_size: usize,
    /// `"time"` or `"output"`: which limit it was killed for.
    pub killed_for: Option<String>,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.killed_for, self.exit_code, self.signal) {
            (Some(limit), ..) => write!(f, "killed: its {limit} was up"),
            (None, Some(code), _) => write!(f, "exit status {code}"),
            (None, None, signal) => write!(f, "signal {}", signal.unwrap_or(0)),
        }
    }
}
