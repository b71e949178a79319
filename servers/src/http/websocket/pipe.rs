//! What `tungstenite` reads and writes: a client whose reads never wait.

use crate::{Client, Counters};
use greenroom::thread;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;

/// Reads in a row before others get their turn: a client that sends without end must not hold the worker.
const READS_PER_TURN: u32 = 16;

/// A client, with what it had sent early. A read that would wait is `WouldBlock`; writes wait.
pub(super) struct Pipe<'c> {
    pub(super) client: &'c Client,
    early: Vec<u8>,
    used: usize,
    reads: u32,
    /// Something came since this was reset.
    pub(super) is_heard: bool,
    /// A frame may be on its way in part.
    pub(super) is_writing: bool,
}

impl<'c> Pipe<'c> {
    pub(super) fn new(client: &'c Client, early: Vec<u8>) -> Pipe<'c> {
        Pipe {
            client,
            early,
            used: 0,
            reads: 0,
            is_heard: false,
            is_writing: false,
        }
    }

    /// Sends a whole frame at once, or nothing. For the very end, where nobody may park.
    pub(super) fn send_now(&self, frame: &[u8]) {
        if !self.is_writing {
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            let _ = send(self.client.as_fd(), frame, flags);
        }
    }
}

impl Read for Pipe<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.reads = (self.reads + 1) % READS_PER_TURN;
        if self.reads == 0 {
            thread::yield_now();
        }
        let early = &self.early[self.used..];
        if !early.is_empty() {
            let count = early.len().min(buf.len());
            buf[..count].copy_from_slice(&early[..count]);
            self.used += count;
            return Ok(count);
        }
        self.early = Vec::new();
        self.used = 0;
        loop {
            match recv(self.client.as_fd(), &mut *buf, RecvFlags::DONTWAIT) {
                Ok((count, _)) => {
                    Counters::add(&self.client.counters().bytes_in, count as u64);
                    self.is_heard = true;
                    return Ok(count);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Err(ErrorKind::WouldBlock.into()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Write for Pipe<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut client = self.client;
        self.is_writing = true;
        let count = client.write(buf)?;
        self.is_writing = count < buf.len();
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
