//! The handler: reads commands, decides which may run, and answers.

use super::run::{Groups, run_among};
use super::{Report, RunLimits, command};
use crate::ear::Ear;
use crate::framing::{bad, read_frame, write_frame, write_json};
use crate::linger::close_gently;
use crate::printable::printable;
use crate::{Client, Handler};
use greenroom::sync::{Event, Semaphore};
use std::io::{self, ErrorKind, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Programs that change nothing and read no file's content, whatever their arguments.
pub const ALLOWED: [&str; 6] = ["echo", "ls", "pwd", "uname", "uptime", "whoami"];

/// What all commands of all clients may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfficeLimits {
    /// Of a command's text.
    pub command_bytes_max: u16,
    /// Of each command.
    pub run: RunLimits,
    /// Commands that run, and answers that are on their way, at one time.
    pub running_max: usize,
    /// How long a command may wait for its turn before its client hears `busy`.
    pub wait: Duration,
    /// How long a client may take for a whole answer.
    pub answer: Duration,
}

impl Default for OfficeLimits {
    /// 4 KiB of command, 1 MiB of output, 10 seconds each; 64 commands at one time.
    fn default() -> OfficeLimits {
        OfficeLimits {
            command_bytes_max: 4096,
            run: RunLimits {
                output_bytes_max: 1 << 20,
                time: Duration::from_secs(10),
            },
            running_max: 64,
            wait: Duration::from_secs(10),
            answer: Duration::from_secs(10),
        }
    }
}

/// The remote-command service.
///
/// # Examples
/// ```
/// use greenroom_servers::framing::{read_frame, write_frame};
/// use greenroom_servers::{TcpServer, services::remote_command::RemoteCommand};
/// # greenroom::run(|| {
/// let server = TcpServer::bind("127.0.0.1:0")?.serve_in_background(RemoteCommand::allowing(["echo"]))?;
/// let stream = greenroom::net::TcpStream::connect(server.local_addr())?;
/// write_frame(&stream, b"echo hello")?;
/// let head = read_frame(&stream, "head", 1000)?.unwrap();
/// assert!(head.starts_with(br#"{"exit_code":0,"#));
/// assert_eq!(read_frame(&stream, "stdout", 1000)?.unwrap(), b"hello\n");
/// # server.shutdown(std::time::Duration::ZERO);
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct RemoteCommand {
    /// `None`: anything goes.
    allowed: Option<Vec<String>>,
    limits: OfficeLimits,
    running: Semaphore,
    is_open_to_others: bool,
    is_closed: Event,
    groups: Groups,
    commands: AtomicU64,
    refused: AtomicU64,
}

impl RemoteCommand {
    /// Runs these programs only, without a shell.
    pub fn allowing<P: Into<String>>(programs: impl IntoIterator<Item = P>) -> RemoteCommand {
        RemoteCommand::new(Some(programs.into_iter().map(Into::into).collect()))
    }

    /// Gives every line to `sh -c`.
    ///
    /// # Examples
    /// ```
    /// let service = greenroom_servers::services::remote_command::RemoteCommand::allowing_any();
    /// assert_eq!(service.counts(), (0, 0));
    /// ```
    pub fn allowing_any() -> RemoteCommand {
        RemoteCommand::new(None)
    }

    fn new(allowed: Option<Vec<String>>) -> RemoteCommand {
        let limits = OfficeLimits::default();
        RemoteCommand {
            allowed,
            limits,
            running: Semaphore::new(limits.running_max),
            is_open_to_others: false,
            is_closed: Event::new(),
            groups: Groups::default(),
            commands: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// With other bounds.
    #[must_use]
    pub fn limits(mut self, limits: OfficeLimits) -> RemoteCommand {
        self.limits = limits;
        self.running = Semaphore::new(limits.running_max);
        self
    }

    /// Serves clients of other machines too.
    #[must_use]
    pub fn open_to_others(mut self) -> RemoteCommand {
        self.is_open_to_others = true;
        self
    }

    /// Lets go whoever runs no command now, and the others when they have their answer: before the server's own
    /// shutdown. Never parks.
    pub fn close(&self) {
        self.is_closed.set();
    }

    /// Kills every command that runs, and from now on whatever is started: before the process ends, at once or with
    /// clients left on OS threads, which a shutdown cannot cancel. Never parks.
    pub fn kill_all(&self) {
        self.groups.kill_all();
    }

    /// Commands that ran, and those that were refused. Never parks.
    pub fn counts(&self) -> (u64, u64) {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (count(&self.commands), count(&self.refused))
    }

    /// Commands one after the other, until the client leaves.
    fn serve(&self, client: &mut Client) -> io::Result<()> {
        while let Some(line) = self.read_command(client)? {
            // Until the answer is on its way: so many outputs are in memory, and no more.
            let permit = self.running.acquire_timeout(self.limits.wait);
            let outcome = match (&permit, line) {
                (_, Err(error)) => {
                    log::warn!("{}: {error}", client.peer());
                    Err(error)
                }
                (None, _) => Err(io::Error::other("busy: too many commands are running")),
                (Some(_), Ok(line)) => {
                    let outcome = command(&line, self.allowed.as_deref());
                    let limits = self.limits.run;
                    let outcome = outcome
                        .and_then(|mut command| run_among(&mut command, limits, &self.groups));
                    log_outcome(client, &line, &outcome);
                    outcome
                }
            };
            let counter = match outcome {
                Ok(_) => &self.commands,
                Err(_) => &self.refused,
            };
            counter.fetch_add(1, Ordering::Relaxed);
            // One limit for all of it: a client that takes a byte now and then would keep the permit.
            let told = greenroom::timeout(self.limits.answer, || answer(client, outcome));
            // Of a kind of its own: nothing may follow half an answer.
            let deaf = |why: &str| io::Error::new(ErrorKind::ConnectionAborted, why);
            told.map_err(|_| deaf("took its answer too slowly"))?
                .map_err(|error| deaf(&format!("did not hear its answer: {error}")))?;
        }
        Ok(())
    }

    /// The next command, if it is text; waits for its first byte as long as the server lets an idle client.
    fn read_command(&self, client: &mut Client) -> io::Result<Option<io::Result<String>>> {
        let mut first = [0; 1];
        if Ear::new(client, &self.is_closed).read(&mut first)? == 0 {
            return Ok(None);
        }
        client.begin_request();
        let bytes_max = i32::from(self.limits.command_bytes_max);
        let frame = read_frame(first.chain(&*client), "command", bytes_max);
        client.end_request();
        let text = frame?.map(String::from_utf8);
        Ok(text.map(|text| text.map_err(|_| bad("a command that is no text"))))
    }

    /// Says why nothing more will be read, and closes.
    fn refuse(&self, client: &Client, error: &io::Error) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let last = serde_json::json!({ "error": error.to_string() });
        let told = greenroom::timeout(self.limits.answer, || write_json(client, &last));
        if let Ok(Ok(())) = told {
            close_gently(client);
        }
    }
}

impl Handler for RemoteCommand {
    fn handle(&self, client: &mut Client) -> io::Result<()> {
        let is_near = |ip: std::net::IpAddr| ip.to_canonical().is_loopback();
        let outcome = match client.peer().ip() {
            Some(ip) if !self.is_open_to_others && !is_near(ip) => {
                Err(bad("commands are for clients of this machine only"))
            }
            _ => self.serve(client),
        };
        if let Err(error) = &outcome
            && matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::TimedOut)
        {
            self.refuse(client, error);
        }
        outcome
    }
}

fn log_outcome(client: &Client, line: &str, outcome: &io::Result<Report>) {
    let (peer, line) = (client.peer(), printable(line));
    match outcome {
        Ok(report) => log::info!("{peer}: `{line}`: {}", report.head),
        Err(error) => log::warn!("{peer}: `{line}`: {}", printable(&error.to_string())),
    }
}

fn answer(client: &Client, outcome: io::Result<Report>) -> io::Result<()> {
    match outcome {
        Ok(report) => {
            write_json(client, &report.head)?;
            write_frame(client, &report.stdout)?;
            write_frame(client, &report.stderr)
        }
        Err(error) => write_json(client, &serde_json::json!({ "error": error.to_string() })),
    }
}
