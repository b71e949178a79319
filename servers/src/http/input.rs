//! What was read from a client and not yet used: one buffer per connection.

use crate::Client;
use std::io::{self, Read};

/// Bytes of a buffer at first, and while the connection is idle. Most heads are below 1 KiB; a thousand
/// idle clients hold a thousand of these.
const KEPT_BYTES: usize = 4 << 10;

/// A buffer: what lies between `start` and `end` is unused. Everything is initialised, so that a read
/// needs no clearing before it.
#[derive(Debug, Default)]
pub(super) struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Input {
    pub(super) fn unused(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(super) fn consume(&mut self, count: usize) {
        self.start += count;
        debug_assert!(self.start <= self.end);
    }

    /// Forgets everything that is unused, and begins anew with this.
    pub(super) fn replace(&mut self, bytes: &[u8]) {
        self.bytes.resize(self.bytes.len().max(bytes.len()), 0);
        self.bytes[..bytes.len()].copy_from_slice(bytes);
        self.start = 0;
        self.end = bytes.len();
    }

    /// Reads more, into a buffer of at most about `max` bytes; 0 at the end. Parks.
    ///
    /// While nothing is unused the client is idle, and a shutdown is an end too.
    pub(super) fn receive(&mut self, client: &mut Client, max: usize) -> io::Result<usize> {
        let is_idle = self.start == self.end;
        self.make_room(max);
        let room = &mut self.bytes[self.end..];
        let count = match is_idle {
            true => client.read_idle(room)?,
            false => client.read(room)?,
        };
        self.end += count;
        Ok(count)
    }

    /// At least one byte of room after `end`; a buffer that has grown and is empty is given back.
    fn make_room(&mut self, max: usize) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.bytes.len() != KEPT_BYTES {
                self.bytes = vec![0; KEPT_BYTES];
            }
            return;
        }
        if self.end < self.bytes.len() {
            return;
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.end == self.bytes.len() {
            let doubled = (2 * self.end).min(max.max(self.end + KEPT_BYTES));
            self.bytes.resize(doubled, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffer_grows_moves_and_shrinks() {
        let mut input = Input::default();
        input.make_room(1 << 20);
        assert_eq!(input.bytes.len(), KEPT_BYTES);
        input.end = KEPT_BYTES;
        input.make_room(1 << 20);
        assert_eq!(input.bytes.len(), 2 * KEPT_BYTES);
        input.end = 2 * KEPT_BYTES;
        input.bytes[2 * KEPT_BYTES - 1] = 7;
        input.consume(2 * KEPT_BYTES - 1);
        input.make_room(1 << 20);
        assert_eq!((input.start, input.unused()), (0, &[7][..]));
        input.consume(1);
        input.make_room(1 << 20);
        assert_eq!(input.bytes.len(), KEPT_BYTES);
    }
}
