//! [`RequestBody`]: what follows a head, read from the connection's buffer and then from the client.
//!
//! Never reads beyond a body whose length was told. A chunked one ends where it ends: what was read
//! beyond lies in `spill` and is the beginning of the next request.

use super::chunks::Chunks;
use super::framing::{Framing, Length};
use super::output::Output;
use super::refusal::Refusal;
use crate::Client;
use std::fmt;
use std::io::{self, ErrorKind, Read};

/// Bytes per read of a chunked body.
const SPILL_BYTES: usize = 8 << 10;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The body of a request: `Read`, may park.
///
/// A client that waits for `100 Continue` gets it with the first read, unless it has not waited. A body beyond its limit, malformed
/// or too slow is an error here, and the client is answered 413, 400 or 408 whatever the handler returns.
pub struct RequestBody<'c> {
    client: &'c Client,
    output: &'c mut Output,
    /// What was read together with the head.
    buffered: &'c [u8],
    progress: &'c mut Progress,
}

/// How far a body was read; outlives the [`RequestBody`], which borrows it.
pub(super) struct Progress {
    /// Of what was read together with the head.
    used: usize,
    /// What was read later, of a chunked body.
    spill: Vec<u8>,
    spill_used: usize,
    decoder: Decoder,
    limit: u64,
    taken: u64,
    owes_continue: bool,
    refusal: Option<Refusal>,
}

enum Decoder {
    Sized(u64),
    Chunked(Chunks),
}

/// What a request leaves to the next one.
#[derive(Debug)]
pub(super) enum Rest {
    /// So many bytes after the head are used up.
    Used(usize),
    /// All of the buffer is used up, and this was read.
    Spilled(Vec<u8>, usize),
}

impl Progress {
    pub(super) fn new(framing: Framing, limit: u64) -> Progress {
        let decoder = match framing.length {
            Length::Sized(length) => Decoder::Sized(length),
            Length::Chunked => Decoder::Chunked(Chunks::new()),
        };
        Progress {
            used: 0,
            spill: Vec::new(),
            spill_used: 0,
            decoder,
            limit,
            taken: 0,
            owes_continue: framing.expects_continue,
            refusal: None,
        }
    }

    /// Bytes that are still to come, if the client told.
    fn remaining(&self) -> Option<u64> {
        match self.decoder {
            Decoder::Sized(left) => Some(left),
            Decoder::Chunked(_) => None,
        }
    }

    /// Why it failed.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }

    pub(super) fn is_done(&self) -> bool {
        match &self.decoder {
            Decoder::Sized(left) => *left == 0,
            Decoder::Chunked(chunks) => chunks.is_done(),
        }
    }

    /// Whether the rest is here already, or is so little that it may be waited for; and the client does
    /// not wait for a permission that nobody gave.
    pub(super) fn is_drainable(&self, max: u64) -> bool {
        let is_little = self.remaining().is_none_or(|left| left <= max);
        self.is_done() || (self.refusal.is_none() && !self.owes_continue && is_little)
    }

    /// What follows.
    pub(super) fn into_rest(self) -> Rest {
        match self.spill.is_empty() {
            true => Rest::Used(self.used),
            false => Rest::Spilled(self.spill, self.spill_used),
        }
    }
}

impl<'c> RequestBody<'c> {
    pub(super) fn new(
        client: &'c Client,
        output: &'c mut Output,
        buffered: &'c [u8],
        progress: &'c mut Progress,
    ) -> RequestBody<'c> {
        RequestBody {
            client,
            output,
            buffered,
            progress,
        }
    }

    /// Bytes that are still to come, if the client told.
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
        self.progress.remaining()
    }

    /// Sends what was gathered.
    pub(super) fn send_earlier(&mut self) -> io::Result<()> {
        match self.output.bytes.is_empty() {
            true => Ok(()),
            false => self.output.flush(self.client),
        }
    }

    /// Reads what nobody wanted; whether that was all of it.
    pub(super) fn drain(&mut self, max: u64) -> bool {
        self.progress.limit = self.progress.taken.saturating_add(max);
        let mut scratch = vec![0; 2 << 10];
        loop {
            match self.read(&mut scratch) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    fn refuse(&mut self, refusal: Refusal) -> io::Error {
        self.progress.refusal = Some(refusal);
        error_of(refusal)
    }

    /// Reads from the client into `buf`.
    fn receive(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // Whoever waits for earlier answers before he sends on gets them.
        self.send_earlier()?;
        let mut client = self.client;
        match client.read(buf) {
            Ok(0) => Err(self.refuse(Refusal::bad("body cut short"))),
            Ok(count) => Ok(count),
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                Err(self.refuse(Refusal::new(408, "body too slow")))
            }
            Err(error) => {
                self.progress.refusal = Some(Refusal::bad("body cut short"));
                Err(error)
            }
        }
    }

    fn read_sized(&mut self, buf: &mut [u8], left: u64) -> io::Result<usize> {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let rest = &self.buffered[self.progress.used..];
        let count = if rest.is_empty() {
            self.receive(&mut buf[..wanted])?
        } else {
            let count = wanted.min(rest.len());
            buf[..count].copy_from_slice(&rest[..count]);
            self.progress.used += count;
            count
        };
        self.progress.decoder = Decoder::Sized(left - count as u64);
        Ok(count)
    }

    fn read_chunked(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let progress = &mut *self.progress;
            let Decoder::Chunked(chunks) = &mut progress.decoder else {
                return Ok(0);
            };
            let is_early = progress.used < self.buffered.len();
            let input = match is_early {
                true => &self.buffered[progress.used..],
                false => &progress.spill[progress.spill_used..],
            };
            let outcome = chunks.decode(input, buf);
            let is_done = chunks.is_done();
            let (used, produced) = outcome.map_err(|refusal| self.refuse(refusal))?;
            match is_early {
                true => self.progress.used += used,
                false => self.progress.spill_used += used,
            }
            if produced > 0 || is_done {
                return Ok(produced);
            }
            if self.progress.used == self.buffered.len()
                && self.progress.spill_used == self.progress.spill.len()
            {
                self.refill()?;
            }
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        // Also if a handler's own `timeout` unwinds out of the read, and the handler reads again.
        self.progress.spill_used = 0;
        let mut spill = std::mem::take(&mut self.progress.spill);
        spill.resize(SPILL_BYTES, 0);
        let count = self.receive(&mut spill)?;
        spill.truncate(count);
        self.progress.spill = spill;
        Ok(())
    }
}

fn error_of(refusal: Refusal) -> io::Error {
    let kind = match refusal.status {
        408 => ErrorKind::TimedOut,
        413 => ErrorKind::FileTooLarge,
        _ => ErrorKind::InvalidData,
    };
    io::Error::new(kind, refusal.reason)
}

impl Read for RequestBody<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(refusal) = self.progress.refusal {
            return Err(error_of(refusal));
        }
        if buf.is_empty() || self.progress.is_done() {
            return Ok(0);
        }
        if std::mem::take(&mut self.progress.owes_continue) && self.buffered.is_empty() {
            // It leaves when this read asks the client.
            self.output.bytes.extend_from_slice(CONTINUE);
        }
        let count = match self.progress.decoder {
            Decoder::Sized(left) => self.read_sized(buf, left)?,
            Decoder::Chunked(_) => self.read_chunked(buf)?,
        };
        self.progress.taken += count as u64;
        if self.progress.taken > self.progress.limit {
            return Err(self.refuse(Refusal::new(413, "body too long")));
        }
        Ok(count)
    }
}

impl fmt::Debug for RequestBody<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody")
            .field("taken", &self.progress.taken)
            .field("remaining", &self.remaining())
            .field("refusal", &self.progress.refusal)
            .finish_non_exhaustive()
    }
}
