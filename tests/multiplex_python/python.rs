//! CPython in a child process, on the same open files: they are sent over a Unix socket and put at the same
//! numbers.

use crate::calls::send_with_file;
use crate::installed::is_installed;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::{RwLock, RwLockReadGuard};
use std::time::Duration;

const LATEST: Duration = Duration::from_secs(20);

/// Held while a child starts: until it executes Python it has every open file of this process, and an epoll
/// watches a file until all have closed it.
static FORKS: RwLock<()> = RwLock::new(());

/// For the time of a step: no child starts.
pub(crate) fn without_forks() -> RwLockReadGuard<'static, ()> {
    FORKS
        .read()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

pub(crate) struct Python {
    child: Child,
    control: UnixStream,
}

/// Whether there is one; if not, a line says so.
pub(crate) fn is_there() -> bool {
    is_installed("python3")
}

impl Python {
    pub(crate) fn start() -> Python {
        let (control, theirs) = UnixStream::pair().unwrap();
        control.set_read_timeout(Some(LATEST)).unwrap();
        let mut command = Command::new("python3");
        command.args(["-I", "-c", include_str!("peer.py")]);
        command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
        let guard = FORKS
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        let child = command.spawn().unwrap();
        drop(guard);
        Python { child, control }
    }

    /// Its answer to one command. An error: it does not answer.
    pub(crate) fn tell(&self, command: &str) -> Result<String, String> {
        (&self.control).write_all(command.as_bytes()).unwrap();
        self.answer(command)
    }

    /// Gives it a file that it has at the same number.
    pub(crate) fn give(&self, file: &impl AsFd) -> Result<String, String> {
        let number: RawFd = file.as_fd().as_raw_fd();
        let command = format!("open {number}");
        send_with_file(&self.control, &command, file);
        self.answer(&command)
    }

    fn answer(&self, command: &str) -> Result<String, String> {
        let mut line = Vec::new();
        let mut part = [0; 4096];
        while line.last() != Some(&b'\n') {
            match (&self.control).read(&mut part) {
                Ok(0) => return Err(format!("Python ended at `{command}`")),
                Ok(count) => line.extend_from_slice(&part[..count]),
                Err(error) => return Err(format!("Python does not answer `{command}`: {error}")),
            }
        }
        let text = String::from_utf8(line).unwrap();
        Ok(text.trim_end_matches('\n').to_owned())
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
