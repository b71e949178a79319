//! A child process on two pipes, answering in lines; it never outlives its guard.
//!
//! Reads are bounded in time. Dropping the guard closes stdin, asks by SIGTERM, waits, then kills,
//! always by this child's own id; if the bench itself is killed, the kernel kills the child.

use crate::sys::process;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a child may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(3);
const LINE_BYTES_MAX: usize = 1 << 20;

/// A running child.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    pending: Vec<u8>,
}

impl Process {
    /// Starts `argv`, on `core` only if one is given; `name` is for error messages.
    pub(crate) fn start(name: &str, argv: &[OsString], core: Option<usize>) -> io::Result<Process> {
        Process::start_logged(name, argv, core, Stdio::inherit())
    }

    /// The same with the child's stderr sent to `log`.
    pub(crate) fn start_logged(
        name: &str,
        argv: &[OsString],
        core: Option<usize>,
        log: Stdio,
    ) -> io::Result<Process> {
        let (program, args) = argv
            .split_first()
            .ok_or_else(|| io::Error::other("an empty command line"))?;
        let mut command = Command::new(program);
        command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log);
        process::detach(&mut command);
        let started = process::pinned(core, || command.spawn())?;
        let mut child = started.map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", program.display()))
        })?;
        // Kernels without session groups have no such file, and the priority is inherited anyway.
        drop(process::prefer_session(child.id()));
        let stdin = child.stdin.take();
        let stdout = child
            .stdout
            .take()
            .expect("because stdout was asked to be a pipe");
        Ok(Process {
            name: name.to_owned(),
            child,
            stdin,
            stdout,
            pending: Vec::new(),
        })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes one line to the child's stdin.
    pub(crate) fn tell(&mut self, line: &str) -> io::Result<()> {
        let name = &self.name;
        let stdin = self
            .stdin
            .as_mut()
            .ok_or_else(|| io::Error::other("stdin is closed"))?;
        stdin
            .write_all(format!("{line}\n").as_bytes())
            .map_err(|error| {
                io::Error::new(error.kind(), format!("{name} does not listen: {error}"))
            })
    }

    /// The next line of the child's stdout.
    pub(crate) fn line(&mut self, timeout: Duration) -> io::Result<String> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(end) = self.pending.iter().position(|&byte| byte == b'\n') {
                let rest = self.pending.split_off(end + 1);
                let line = std::mem::replace(&mut self.pending, rest);
                return Ok(String::from_utf8_lossy(&line).trim_end().to_owned());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            process::wait_readable(&self.stdout, left)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.name)))?;
            let mut chunk = [0; 4096];
            let got = self.stdout.read(&mut chunk)?;
            if got == 0 || self.pending.len() > LINE_BYTES_MAX {
                let status = self.child.try_wait()?;
                let text = match status {
                    Some(status) => format!("{} ended: {status}", self.name),
                    None => format!("{} closed its output", self.name),
                };
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
            }
            self.pending.extend_from_slice(&chunk[..got]);
        }
    }

    pub(crate) fn has_ended(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    /// Ends the child by SIGINT, as Ctrl-C does, and returns how it ended.
    pub(crate) fn interrupt(&mut self) -> io::Result<ExitStatus> {
        process::interrupt(self.pid())?;
        self.wait(GRACE)
    }

    fn wait(&mut self, timeout: Duration) -> io::Result<ExitStatus> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= deadline {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("{} goes on after a signal to end", self.name),
                ));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn end(&mut self) -> io::Result<()> {
        self.stdin = None;
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        process::terminate(self.pid())?;
        self.wait(GRACE).map(drop)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Err(error) = self.end() else { return };
        eprintln!("bench: {error}; killing it");
        let killed = self.child.kill().and_then(|()| self.child.wait());
        if let Err(error) = killed {
            eprintln!("bench: cannot kill {}: {error}", self.name);
        }
    }
}
