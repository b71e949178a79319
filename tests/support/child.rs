//! Child processes: killed when the test ends, read without a chance of a full pipe, never waited for
//! without a deadline.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// For one line of output, and for the end.
const DEADLINE: Duration = Duration::from_secs(100);

/// A running child; killed and reaped when dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    lines: Receiver<String>,
    stderr: Arc<Mutex<String>>,
    stderr_reader: Option<std::thread::JoinHandle<()>>,
}

/// How a child ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// What was not taken line by line.
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{}\n{}", self.status, self.stdout, self.stderr)
    }
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Running {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (send, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| send.send(line))
        });
        let stderr = Arc::new(Mutex::new(String::new()));
        let mut errors = child.stderr.take().unwrap();
        let text = Arc::clone(&stderr);
        let reader = std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(n @ 1..) = errors.read(&mut some) {
                text.lock()
                    .unwrap()
                    .push_str(&String::from_utf8_lossy(&some[..n]));
            }
        });
        Running {
            child,
            lines,
            stderr,
            stderr_reader: Some(reader),
        }
    }

    /// The next line of standard output; `None` at its end.
    pub(crate) fn next_line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(DEADLINE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the child hangs: {}", self.stderr()),
        }
    }

    /// What came on standard error so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    /// Closes standard input and waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        drop(self.child.stdin.take());
        let mut stdout = String::new();
        // To the end of the stream: the reader has hung up.
        while let Some(line) = self.next_line() {
            stdout.extend([line.as_str(), "\n"]);
        }
        if let Some(reader) = self.stderr_reader.take() {
            reader.join().unwrap();
        }
        let status = self.child.wait().unwrap();
        Ended {
            status,
            stdout,
            stderr: self.stderr(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Harmless if it has ended: it is reaped only here or by `end`.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
