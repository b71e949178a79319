//! Answers on their way out: gathered, and written in one piece.

use crate::Client;
use std::io::{self, IoSlice, Write};

/// What there is at first: two plain answers.
const FIRST_BYTES: usize = 512;

/// What is kept between requests: some thirty plain answers. A buffer that had to grow beyond is given back.
const KEPT_BYTES: usize = 8 << 10;

/// The answers of a connection that were not written yet.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) bytes: Vec<u8>,
    /// Bytes handed to the kernel so far.
    pub(super) sent: u64,
}

impl Output {
    /// Writes what was gathered. Parks while the peer's window is full.
    pub(super) fn flush(&mut self, client: &Client) -> io::Result<()> {
        self.flush_with(client, &[])
    }

    /// Writes what was gathered and `tail` after it, without copying `tail`.
    pub(super) fn flush_with(&mut self, mut client: &Client, tail: &[u8]) -> io::Result<()> {
        let result = if self.bytes.is_empty() {
            client.write_all(tail)
        } else if tail.is_empty() {
            client.write_all(&self.bytes)
        } else {
            write_both(client, &self.bytes, tail)
        };
        if result.is_ok() {
            self.sent += (self.bytes.len() + tail.len()) as u64;
        }
        self.bytes.clear();
        result
    }

    /// Bytes handed to the kernel or gathered so far.
    pub(super) fn total(&self) -> u64 {
        self.sent + self.bytes.len() as u64
    }

    /// The connection is idle, and nothing is gathered: a large buffer is given back.
    pub(super) fn rest(&mut self) {
        if self.bytes.capacity() > KEPT_BYTES || self.bytes.capacity() == 0 {
            self.bytes = Vec::with_capacity(FIRST_BYTES);
        }
    }
}

fn write_both(mut client: &Client, first: &[u8], second: &[u8]) -> io::Result<()> {
    let slices = [IoSlice::new(first), IoSlice::new(second)];
    let count = client.write_vectored(&slices)?;
    if count == 0 {
        return Err(io::ErrorKind::WriteZero.into());
    }
    match count.checked_sub(first.len()) {
        None => {
            client.write_all(&first[count..])?;
            client.write_all(second)
        }
        Some(beyond) => client.write_all(&second[beyond..]),
    }
}
