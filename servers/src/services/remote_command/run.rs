//! Runs one command to its end or to its limits, and reads both of its pipes meanwhile, in one green thread.
//!
//! The command leads a process group of its own. The group is killed before its leader has been waited for: until then
//! the number is nobody else's.

use super::Head;
use greenroom::os::unix::process::{CommandExt, ExitStatusExt};
use greenroom::process::{Child, Command, ExitStatus, Stdio};
use greenroom::select;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const PIECE_BYTES: usize = 16 << 10;

/// What a command may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunLimits {
    /// Of both streams together.
    pub output_bytes_max: usize,
    /// Until it has ended and its pipes are closed.
    pub time: Duration,
}

/// What became of a command.
#[derive(Debug)]
pub struct Report {
    /// How it ended.
    pub head: Head,
    /// What it wrote, within the limit.
    pub stdout: Vec<u8>,
    /// What it complained, within the limit.
    pub stderr: Vec<u8>,
}

/// Runs a command with no input, in a process group of its own. Parks until it has ended and its pipes are
/// closed, or its group was killed for one of the limits.
///
/// # Errors
/// It cannot be started: `NotFound`, `PermissionDenied`.
///
/// # Cancel
/// The group is killed.
///
/// # Examples
/// ```
/// use greenroom_servers::services::remote_command::{RunLimits, run};
/// use std::time::Duration;
/// let limits = RunLimits { output_bytes_max: 100, time: Duration::from_secs(10) };
/// let report = run(greenroom::process::Command::new("echo").arg("hello"), limits)?;
/// assert_eq!((report.head.exit_code, report.stdout), (Some(0), b"hello\n".to_vec()));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn run(command: &mut Command, limits: RunLimits) -> io::Result<Report> {
    run_among(command, limits, &Groups::default())
}

/// The groups that run now, for whoever ends the process without unwinding its green threads.
#[derive(Debug, Default)]
pub(super) struct Groups(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
    leaders: BTreeSet<u32>,
    /// Whoever still comes is killed at once.
    is_over: bool,
}

impl Groups {
    /// Never parks.
    pub(super) fn kill_all(&self) {
        self.with(|inside| {
            inside.is_over = true;
            inside.leaders.iter().for_each(|leader| kill(*leader));
        });
    }

    fn enter(&self, leader: u32) {
        self.with(|inside| {
            inside.leaders.insert(leader);
            if inside.is_over {
                kill(leader);
            }
        });
    }

    fn leave(&self, leader: u32) {
        self.with(|inside| inside.leaders.remove(&leader));
    }

    fn with<T>(&self, body: impl FnOnce(&mut Inside) -> T) -> T {
        // std's: nothing parks under it.
        body(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// As [`run`], and the group is to be found in `groups` meanwhile.
pub(super) fn run_among(
    command: &mut Command,
    limits: RunLimits,
    groups: &Groups,
) -> io::Result<Report> {
    let command = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.process_group(0).spawn()?;
    groups.enter(child.id());
    let mut group = Group {
        child,
        groups,
        is_reaped: false,
    };
    let deadline = Instant::now() + limits.time.min(Duration::from_secs(1 << 32));
    let mut output = Output {
        stdout: Vec::new(),
        stderr: Vec::new(),
        left: limits.output_bytes_max,
    };

    let mut killed_for = output.collect(&mut group.child, deadline)?;
    let mut status = None;
    if killed_for.is_none() {
        // It may have closed its output and still be at work.
        status = group.wait_until(deadline)?;
        killed_for = status.is_none().then_some("time");
    }
    let status = match status {
        Some(status) => status,
        None => group.kill()?,
    };
    let Output { stdout, stderr, .. } = output;
    let head = Head {
        exit_code: status.code(),
        signal: status.signal(),
        stdout_size: stdout.len(),
        stderr_size: stderr.len(),
        killed_for: killed_for.map(str::to_owned),
    };
    Ok(Report {
        head,
        stdout,
        stderr,
    })
}

struct Output {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// Bytes that may still come.
    left: usize,
}

impl Output {
    /// Reads whichever pipe is ready, to the end of both; or says which limit was reached.
    fn collect(
        &mut self,
        child: &mut Child,
        deadline: Instant,
    ) -> io::Result<Option<&'static str>> {
        let mut out = child.stdout.take();
        let mut err = child.stderr.take();
        loop {
            let is_within = match (&out, &err) {
                (None, None) => return Ok(None),
                (Some(stdout), Some(stderr)) => select! {
                    at(deadline) => return Ok(Some("time")),
                    readable(stdout) -> ready => {
                        ready?;
                        take(&mut out, &mut self.stdout, &mut self.left)?
                    }
                    readable(stderr) -> ready => {
                        ready?;
                        take(&mut err, &mut self.stderr, &mut self.left)?
                    }
                },
                (Some(stdout), None) => select! {
                    at(deadline) => return Ok(Some("time")),
                    readable(stdout) -> ready => {
                        ready?;
                        take(&mut out, &mut self.stdout, &mut self.left)?
                    }
                },
                (None, Some(stderr)) => select! {
                    at(deadline) => return Ok(Some("time")),
                    readable(stderr) -> ready => {
                        ready?;
                        take(&mut err, &mut self.stderr, &mut self.left)?
                    }
                },
            };
            if !is_within {
                return Ok(Some("output"));
            }
        }
    }
}

/// One read from a pipe that is ready; forgets the pipe at its end. False: there was more than may come.
fn take(pipe: &mut Option<impl Read>, into: &mut Vec<u8>, left: &mut usize) -> io::Result<bool> {
    let Some(open) = pipe else {
        return Ok(true);
    };
    let mut piece = vec![0; PIECE_BYTES];
    let came = open.read(&mut piece)?;
    if came == 0 {
        *pipe = None;
    }
    let kept = came.min(*left);
    into.extend_from_slice(&piece[..kept]);
    *left -= kept;
    Ok(kept == came)
}

/// A process group, killed when its client's green thread ends before it.
struct Group<'a> {
    child: Child,
    groups: &'a Groups,
    is_reaped: bool,
}

impl Group<'_> {
    /// The status, if it has ended by then.
    fn wait_until(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        let patience = deadline.saturating_duration_since(Instant::now());
        let status = self.child.wait_timeout(patience)?;
        self.is_reaped = status.is_some();
        Ok(status)
    }

    fn kill(&mut self) -> io::Result<ExitStatus> {
        kill(self.child.id());
        let status = self.child.wait()?;
        self.is_reaped = true;
        Ok(status)
    }
}

impl Drop for Group<'_> {
    fn drop(&mut self) {
        if !self.is_reaped {
            kill(self.child.id());
        }
        self.groups.leave(self.child.id());
    }
}

fn kill(leader: u32) {
    let id = i32::try_from(leader).ok().and_then(Pid::from_raw);
    // All that can fail: the group is another user's by now, or has just been reaped.
    if let Some(Err(error)) = id.map(|id| kill_process_group(id, Signal::KILL)) {
        log::warn!("kill: {error}");
    }
}
