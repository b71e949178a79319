//! The owner's side of the fork server: who waits for a start, who is alive, and the reader of reports.
//!
//! One green thread reads reports and nothing else, so it never waits for a writer, and the server, which
//! waits when nobody reads, goes on. It alone moves a process from "asked for" to "alive" to "ended": a
//! process may end before its starter has run again, and its number may be given to the next.

use super::code::Code;
use super::process::Record;
use super::rights;
use super::status::ExitStatus;
use super::wire::{Report, Request};
use greenroom::os::unix::net::UnixStream;
use greenroom::sync::mpsc::{SyncSender, sync_channel};
use greenroom::sync::{Mutex, MutexGuard};
use std::collections::HashMap;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, PoisonError};

/// The fork server, seen from its owner.
pub(super) struct Host {
    control: OwnedFd,
    /// Held while a request is sent. It guards no data of ours: the socket's order is what it keeps.
    sending: Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    seq: u64,
    starting: HashMap<u64, (Arc<Record>, SyncSender<io::Result<()>>)>,
    alive: HashMap<i32, Arc<Record>>,
    /// The server is gone, or is being ended.
    is_over: bool,
}

fn gone() -> io::Error {
    io::Error::new(
        io::ErrorKind::BrokenPipe,
        "multiprocessing: the fork server has ended; no process can be started any more",
    )
}

impl Host {
    pub(super) fn new(control: OwnedFd) -> Host {
        Host {
            control,
            sending: Mutex::new(()),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, request: Request, fds: &[OwnedFd]) -> io::Result<()> {
        let bytes = request.encode();
        // Shielded: half a request would take the next one's place, and none would leave its record without an
        // answer.
        greenroom::shield(|| {
            let _turn = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
            let socket = self.control.as_fd();
            let mut sent = rights::send_parking(socket, &bytes, fds)?;
            while sent < bytes.len() {
                sent += rights::send_parking(socket, &bytes[sent..], &[])?;
            }
            Ok(())
        })
    }

    /// Starts a process. Returns when it has a number.
    pub(super) fn start(
        &self,
        record: &Arc<Record>,
        code: Code,
        fds: &[OwnedFd],
    ) -> io::Result<()> {
        let (answer, answered) = sync_channel(1);
        let seq = {
            let mut state = self.state();
            if state.is_over {
                return Err(gone());
            }
            state.seq += 1;
            let seq = state.seq;
            state.starting.insert(seq, (Arc::clone(record), answer));
            seq
        };
        let count = fds.len() as u64;
        if let Err(error) = self.send(
            Request::Spawn {
                seq,
                code,
                fds: count,
            },
            fds,
        ) {
            self.state().starting.remove(&seq);
            return Err(match error.kind() {
                io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => gone(),
                _ => error,
            });
        }
        answered.recv().unwrap_or_else(|_| Err(gone()))
    }

    /// Sends `signal`, unless the process has ended: the server knows, and never hits another.
    pub(super) fn signal(&self, pid: u32, signal: i32) -> io::Result<()> {
        let pid = pid.cast_signed();
        self.send(Request::Signal { pid, signal }, &[])
    }

    pub(super) fn alive(&self) -> Vec<Arc<Record>> {
        self.state().alive.values().cloned().collect()
    }

    /// Where reports come from. Made before the body runs, which may leave no descriptor.
    pub(super) fn reports(&self) -> io::Result<UnixStream> {
        Ok(UnixStream::from(self.control.try_clone()?))
    }

    /// Reads reports until the server ends. The entry starts it, on a green thread.
    pub(super) fn read_reports(&self, mut stream: UnixStream) -> io::Result<()> {
        let mut report = [0; Report::SIZE];
        loop {
            if let Err(error) = stream.read_exact(&mut report) {
                self.give_up();
                return match error.kind() {
                    io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => Ok(()),
                    _ => Err(error),
                };
            }
            self.take_in(Report::decode(report));
        }
    }

    fn take_in(&self, report: Report) {
        match report {
            Report::Started { seq, pid } => {
                let mut state = self.state();
                let Some((record, answer)) = state.starting.remove(&seq) else {
                    return;
                };
                record.has_started(pid);
                state.alive.insert(pid, record);
                drop(state);
                let _ = answer.try_send(Ok(()));
            }
            Report::Failed { seq, errno } => {
                let starting = self.state().starting.remove(&seq);
                if let Some((_, answer)) = starting {
                    let _ = answer.try_send(Err(io::Error::from_raw_os_error(errno)));
                }
            }
            Report::Exited { pid, code } => self.has_ended(pid, ExitStatus::Exited(code)),
            Report::Signaled { pid, signal } => self.has_ended(pid, ExitStatus::Signaled(signal)),
        }
    }

    fn has_ended(&self, pid: i32, status: ExitStatus) {
        let record = self.state().alive.remove(&pid);
        if let Some(record) = record {
            record.has_ended(status);
        }
    }

    /// The server is gone, and everybody with it.
    fn give_up(&self) {
        let mut state = self.state();
        let was_expected = std::mem::replace(&mut state.is_over, true);
        let starting = std::mem::take(&mut state.starting);
        let alive = std::mem::take(&mut state.alive);
        drop(state);
        if !was_expected {
            log::error!("multiprocessing: the fork server was killed, and all processes with it");
        }
        // Whoever waits for a start learns it by the end of its channel.
        drop(starting);
        for record in alive.into_values() {
            record.has_ended(ExitStatus::Lost);
        }
    }

    /// Ends the server: it kills and reaps whoever is left.
    pub(super) fn end(&self) -> io::Result<()> {
        self.state().is_over = true;
        rustix::net::shutdown(&self.control, rustix::net::Shutdown::Write)?;
        Ok(())
    }
}
