//! Answers on their way out: gathered, and written in one piece.
//!
//! A connection has a buffer only while it has requests to answer; before it reads, the buffer becomes the
//! spare one of this OS thread, and then the next connection's. So a worker writes all answers into the
//! same lines of its cache, and clients that are idle or slow hold nothing. The spare one is taken and laid down in one go:
//! no reference to a thread's own is held across a park.

use crate::Client;
use std::cell::Cell;
use std::io::{self, IoSlice, Write};

/// What there is at first: two plain answers.
const FIRST_BYTES: usize = 512;

/// What is kept between requests: some hundred plain answers. A buffer that had to grow beyond is given
/// back.
const KEPT_BYTES: usize = 16 << 10;

thread_local! {
    /// One is enough: most connections have answered before the next one runs.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The answers of a connection that were not written yet.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) bytes: Vec<u8>,
    /// Bytes handed to the kernel so far.
    pub(super) sent: u64,
    /// A write ended before its end: nobody knows what has left, and nothing may follow.
    is_torn: bool,
}

impl Output {
    /// Writes what was gathered. Parks while the peer's window is full.
    pub(super) fn flush(&mut self, client: &Client) -> io::Result<()> {
        self.flush_with(client, &[])
    }

    /// Writes what was gathered and `tail` after it, without copying `tail`.
    ///
    /// Subtle: a handler may write within a `timeout` of its own, which unwinds out of here and is caught by
    /// the handler.
    pub(super) fn flush_with(&mut self, mut client: &Client, tail: &[u8]) -> io::Result<()> {
        if self.is_torn {
            self.bytes.clear();
            let text = "an answer was interrupted while it was written";
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, text));
        }
        self.is_torn = true;
        let result = if self.bytes.is_empty() {
            client.write_all(tail)
        } else if tail.is_empty() {
            client.write_all(&self.bytes)
        } else {
            write_both(client, &self.bytes, tail)
        };
        self.is_torn = result.is_err();
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

    /// There will be an answer.
    #[inline]
    pub(super) fn begin(&mut self) {
        if self.bytes.capacity() == 0 {
            self.bytes = SPARE.take();
            self.bytes.reserve(FIRST_BYTES);
        }
    }

    /// Nothing is gathered, and it may be long until there is: the buffer is for others.
    #[inline]
    pub(super) fn rest(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        debug_assert!(bytes.is_empty(), "because it was flushed");
        if (1..=KEPT_BYTES).contains(&bytes.capacity()) {
            SPARE.set(bytes);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffer_at_rest_is_the_next_connections_unless_it_is_large() {
        let mut first = Output::default();
        first.begin();
        // Told by its capacity: an allocator may give the same address again.
        first.bytes.reserve(2 * FIRST_BYTES);
        let capacity = first.bytes.capacity();
        first.rest();
        assert_eq!(first.bytes.capacity(), 0);
        let mut second = Output::default();
        second.begin();
        assert_eq!(second.bytes.capacity(), capacity);
        second.bytes.reserve(KEPT_BYTES + 1);
        second.rest();
        assert_eq!(SPARE.take().capacity(), 0);
    }
}
