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
/// A client that waits for `100 Continue` gets it with the first read. A body beyond its limit, malformed
/// or too slow is an error here, and the client is answered 413, 400 or 408 whatever the handler returns.
pub struct RequestBody<'c> {
    pub(super) client: &'c Client,
    pub(super) output: &'c mut Output,
    /// What was read together with the head.
    buffered: &'c [u8],
    used: usize,
    /// What was read later, of a chunked body.
    spill: Vec<u8>,
    spill_used: usize,
    decoder: Decoder,
    pub(super) limit: u64,
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

impl<'c> RequestBody<'c> {
    pub(super) fn new(
        client: &'c Client,
        output: &'c mut Output,
        buffered: &'c [u8],
        framing: Framing,
        limit: u64,
    ) -> RequestBody<'c> {
        let decoder = match framing.length {
            Length::Sized(length) => Decoder::Sized(length),
            Length::Chunked => Decoder::Chunked(Chunks::new()),
        };
        RequestBody {
            client,
            output,
            buffered,
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
    #[must_use]
    pub fn remaining(&self) -> Option<u64> {
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

    /// Whether the client waits for a permission that nobody gave.
    pub(super) fn owes_continue(&self) -> bool {
        self.owes_continue && !self.is_done()
    }

    /// Whether the rest is here already, or is so little that it may be waited for.
    pub(super) fn is_drainable(&self, max: u64) -> bool {
        self.refusal.is_none()
            && !self.owes_continue()
            && self.remaining().is_none_or(|left| left <= max)
    }

    /// Reads what nobody wanted; whether that was all of it.
    pub(super) fn drain(&mut self, max: u64) -> bool {
        if self.is_done() {
            return true;
        }
        self.limit = self.taken.saturating_add(max);
        let mut scratch = vec![0; 2 << 10];
        loop {
            match self.read(&mut scratch) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }

    /// What follows.
    pub(super) fn into_rest(self) -> Rest {
        match self.spill.is_empty() {
            true => Rest::Used(self.used),
            false => Rest::Spilled(self.spill, self.spill_used),
        }
    }

    fn refuse(&mut self, refusal: Refusal) -> io::Error {
        self.refusal = Some(refusal);
        error_of(refusal)
    }

    /// Reads from the client into `buf`.
    fn receive(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.owes_continue {
            self.owes_continue = false;
            self.output.bytes.extend_from_slice(CONTINUE);
        }
        // Whoever waits for earlier answers before he sends on gets them.
        if !self.output.bytes.is_empty() {
            self.output.flush(self.client)?;
        }
        let mut client = self.client;
        match client.read(buf) {
            Ok(0) => Err(self.refuse(Refusal::bad("body cut short"))),
            Ok(count) => Ok(count),
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                Err(self.refuse(Refusal::new(408, "body too slow")))
            }
            Err(error) => {
                self.refusal = Some(Refusal::bad("body cut short"));
                Err(error)
            }
        }
    }

    fn read_sized(&mut self, buf: &mut [u8], left: u64) -> io::Result<usize> {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        let rest = &self.buffered[self.used..];
        let count = if rest.is_empty() {
            self.receive(&mut buf[..wanted])?
        } else {
            let count = wanted.min(rest.len());
            buf[..count].copy_from_slice(&rest[..count]);
            self.used += count;
            count
        };
        self.decoder = Decoder::Sized(left - count as u64);
        Ok(count)
    }

    fn read_chunked(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let Decoder::Chunked(chunks) = &mut self.decoder else {
                return Ok(0);
            };
            let is_early = self.used < self.buffered.len();
            let input = match is_early {
                true => &self.buffered[self.used..],
                false => &self.spill[self.spill_used..],
            };
            let outcome = chunks.decode(input, buf);
            let is_done = chunks.is_done();
            let (used, produced) = outcome.map_err(|refusal| self.refuse(refusal))?;
            match is_early {
                true => self.used += used,
                false => self.spill_used += used,
            }
            if produced > 0 || is_done {
                return Ok(produced);
            }
            if self.used == self.buffered.len() && self.spill_used == self.spill.len() {
                self.refill()?;
            }
        }
    }

    fn refill(&mut self) -> io::Result<()> {
        let mut spill = std::mem::take(&mut self.spill);
        spill.resize(SPILL_BYTES, 0);
        let count = self.receive(&mut spill)?;
        spill.truncate(count);
        self.spill = spill;
        self.spill_used = 0;
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
        if let Some(refusal) = self.refusal {
            return Err(error_of(refusal));
        }
        if buf.is_empty() || self.is_done() {
            return Ok(0);
        }
        let count = match self.decoder {
            Decoder::Sized(left) => self.read_sized(buf, left)?,
            Decoder::Chunked(_) => self.read_chunked(buf)?,
        };
        self.taken += count as u64;
        if self.taken > self.limit {
            return Err(self.refuse(Refusal::new(413, "body too long")));
        }
        Ok(count)
    }
}

impl fmt::Debug for RequestBody<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody")
            .field("taken", &self.taken)
            .field("remaining", &self.remaining())
            .field("refusal", &self.refusal)
            .finish_non_exhaustive()
    }
}
