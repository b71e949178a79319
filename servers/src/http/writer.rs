//! [`BodyWriter`]: an answer's body that is written while it is sent.

use super::output::Output;
use crate::Client;
use std::io::{self, Write};

/// Bytes that are gathered into one chunk, unless it is flushed earlier. Doubling it halves the overhead
/// of framing, which is below 1 ‰ already.
const CHUNK_BYTES: usize = 8 << 10;

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    /// By chunks (HTTP/1.1).
    Chunked,
    /// By the end of the connection (HTTP/1.0).
    Close,
}

/// Where [`Response::writer`](super::Response::writer)'s closure writes. Small writes are gathered;
/// `flush` sends what there is, so that server-sent events leave one by one.
///
/// A write fails once the peer has gone and the kernel knows it.
///
/// # Cancel
/// A write that is interrupted, say by a [`greenroom::timeout`] around it, is the last: later ones are
/// `BrokenPipe`, and the client sees the connection end in mid-air.
#[derive(Debug)]
pub struct BodyWriter<'c> {
    client: &'c Client,
    output: &'c mut Output,
    coding: Coding,
    pending: Vec<u8>,
}

impl<'c> BodyWriter<'c> {
    pub(super) fn new(
        client: &'c Client,
        output: &'c mut Output,
        coding: Coding,
    ) -> BodyWriter<'c> {
        BodyWriter {
            client,
            output,
            coding,
            pending: Vec::new(),
        }
    }

    /// The connection: to see the peer, or to learn while waiting for the next event that it has gone
    /// (a `read` of 0 bytes). What is read there is lost to HTTP: answer such a request with
    /// [`close`](super::Response::close).
    #[must_use]
    pub fn client(&self) -> &'c Client {
        self.client
    }

    /// Moves what is pending into the output, as one chunk.
    fn frame(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let bytes = &mut self.output.bytes;
        match self.coding {
            Coding::Close => bytes.extend_from_slice(&self.pending),
            Coding::Chunked => {
                let _ = write!(bytes, "{:X}\r\n", self.pending.len());
                bytes.extend_from_slice(&self.pending);
                bytes.extend_from_slice(b"\r\n");
            }
        }
        self.pending.clear();
    }

    /// Writes the last chunk, into the output only.
    pub(super) fn finish(mut self) {
        self.frame();
        if self.coding == Coding::Chunked {
            self.output.bytes.extend_from_slice(b"0\r\n\r\n");
        }
    }
}

impl Write for BodyWriter<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let room = CHUNK_BYTES - self.pending.len();
        let count = room.min(buf.len());
        self.pending.extend_from_slice(&buf[..count]);
        if self.pending.len() == CHUNK_BYTES {
            self.flush()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.frame();
        self.output.flush(self.client)
    }
}
