//! [`Upgraded`]: the connection after a 101, for another protocol.

use crate::Client;
use std::io::{self, Read, Write};

/// A connection that has left HTTP: what the client sent after its request comes first.
///
/// `Read` and `Write` as the client itself, with the server's bounds of time. It is closed when the
/// closure that got it returns.
#[derive(Debug)]
pub struct Upgraded<'c> {
    client: &'c mut Client,
    early: Vec<u8>,
    read: usize,
}

impl<'c> Upgraded<'c> {
    pub(super) fn new(client: &'c mut Client, early: Vec<u8>) -> Upgraded<'c> {
        Upgraded {
            client,
            early,
            read: 0,
        }
    }

    /// The connection itself; what came early must be [taken](Upgraded::take_early) first.
    pub fn client(&mut self) -> &mut Client {
        self.client
    }

    /// What the client had sent after its request and nobody has read yet.
    #[must_use]
    pub fn take_early(&mut self) -> Vec<u8> {
        let rest = self.early.split_off(self.read);
        self.early = Vec::new();
        self.read = 0;
        rest
    }
}

impl Read for Upgraded<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let rest = &self.early[self.read..];
        if rest.is_empty() {
            return self.client.read(buf);
        }
        let count = rest.len().min(buf.len());
        buf[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}

impl Write for Upgraded<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.client.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.client.flush()
    }
}
