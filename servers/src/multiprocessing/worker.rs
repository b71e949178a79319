//! A worker of a pool: the process's side, and what its keeper in the pool's process does with it.
//!
//! One socket, one job at a time: the addresses of the function and its packed argument there, a verdict and
//! the packed value back.

use super::code::Code;
use super::frames::Frames;
use super::handover::{Handed, Packed};
use super::job::JobError;
use super::pipe::STATUS_PATIENCE;
use super::process::{Builder, Process};
use crate::panic_text::panic_text;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

const VALUE: u8 = 0;
const PANIC: u8 = 1;
const INVALID: u8 = 2;

/// The bytes of two addresses.
const ADDRESSES: usize = 16;

/// How long a worker that has hung up has before it is killed.
const EXIT_PATIENCE: Duration = Duration::from_secs(1);

/// What the process runs.
fn work(socket: Handed) {
    let frames = Frames::new(socket.into_fd());
    while let Ok(Some(job)) = frames.receive() {
        if frames.send(answer(job)).is_err() {
            break;
        }
    }
}

fn answer(job: Packed) -> Packed {
    let run = AssertUnwindSafe(|| {
        let (code, argument) = split(job)?;
        code.run(argument)
    });
    let (verdict, mut packed) = match panic::catch_unwind(run) {
        Ok(Ok(value)) => (VALUE, value),
        Ok(Err(error)) => (INVALID, text(&error.to_string())),
        Err(payload) => (PANIC, text(panic_text(payload.as_ref()))),
    };
    packed.bytes.insert(0, verdict);
    packed
}

fn text(text: &str) -> Packed {
    let (bytes, fds) = (text.as_bytes().to_vec(), Vec::new());
    Packed { bytes, fds }
}

fn split(mut job: Packed) -> io::Result<(Code, Packed)> {
    let argument = job.bytes.split_off(ADDRESSES.min(job.bytes.len()));
    let mut addresses = job.bytes.chunks_exact(ADDRESSES / 2).map(|chunk| {
        let bytes = chunk.try_into().map_err(io::Error::other)?;
        usize::try_from(u64::from_le_bytes(bytes)).map_err(io::Error::other)
    });
    let mut address = || {
        addresses
            .next()
            .unwrap_or(Err(io::ErrorKind::InvalidData.into()))
    };
    let code = Code {
        trampoline: address()?,
        function: address()?,
    };
    drop(addresses);
    let (bytes, fds) = (argument, job.fds);
    Ok((code, Packed { bytes, fds }))
}

fn join(code: Code, argument: Packed) -> Packed {
    let mut bytes = Vec::with_capacity(ADDRESSES + argument.bytes.len());
    for address in [code.trampoline, code.function] {
        bytes.extend((address as u64).to_le_bytes());
    }
    bytes.extend(argument.bytes);
    let fds = argument.fds;
    Packed { bytes, fds }
}

/// A worker, seen from its pool.
pub(super) struct Worker {
    process: Process,
    frames: Frames,
}

impl Worker {
    pub(super) fn start(name: String) -> io::Result<Worker> {
        let (here, there) = Frames::pair()?;
        let builder = Builder::new().name(name).daemon(true);
        let process = builder.spawn(work, Handed::from(there))?;
        let frames = Frames::new(here);
        Ok(Worker { process, frames })
    }

    pub(super) fn process(&self) -> &Process {
        &self.process
    }

    /// Whether it can take a job: it is there, and says nothing.
    pub(super) fn is_well(&self) -> bool {
        let hangs_up = self.frames.is_readable(Some(Instant::now()));
        self.process.is_alive() && hangs_up.is_ok_and(|hangs_up| !hangs_up)
    }

    /// Does a job. After [`JobError::WorkerDied`] the worker is of no use.
    pub(super) fn run(&self, code: Code, argument: Packed) -> Result<Packed, JobError> {
        let sent = self.frames.send(join(code, argument));
        if let Err(error) = sent
            && error.kind() == io::ErrorKind::InvalidInput
        {
            return Err(JobError::Invalid(error.to_string()));
        }
        let Ok(Some(mut answer)) = self.frames.receive() else {
            return Err(JobError::WorkerDied(self.obituary()));
        };
        if answer.bytes.is_empty() {
            return Err(JobError::WorkerDied("it sent nonsense".to_owned()));
        }
        let rest = answer.bytes.split_off(1);
        let text = || String::from_utf8_lossy(&rest).into_owned();
        match answer.bytes[0] {
            VALUE => Ok(Packed {
                bytes: rest,
                fds: answer.fds,
            }),
            PANIC => Err(JobError::Panicked(text())),
            _ => Err(JobError::Invalid(text())),
        }
    }

    fn obituary(&self) -> String {
        let record = self.process.record();
        let ended = record.obituary(STATUS_PATIENCE);
        let title = || record.title().unwrap_or_default();
        ended.unwrap_or_else(|| format!("{} closed its socket", title()))
    }

    /// Lets it go, and waits until it is gone.
    pub(super) fn end(self) {
        drop(self.frames);
        if self.process.join_timeout(EXIT_PATIENCE).is_none() {
            // It has a green thread in an endless loop, say. An error is the fork server's end, and then
            // it is dead too.
            drop(self.process.kill());
            self.process.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_come_back_as_they_were_and_torn_ones_are_errors() {
        let code = Code {
            trampoline: 1,
            function: usize::MAX,
        };
        let job = join(code, text("argument"));
        let (again, argument) = split(job).expect("because it is whole");
        assert_eq!((again, argument.bytes.as_slice()), (code, &b"argument"[..]));
        assert!(split(text("short")).is_err());
    }
}
