//! One client connection as a checked stream of tape bytes.
//!
//! The owner raises `target`, [`Conn::flush`] sends up to there as far as the socket takes it, and
//! [`Conn::receive`] compares every arriving byte with what was sent. A byte that differs or that
//! was never sent is an error, never counted.

use super::tape::{Tape, WINDOW_MAX};
use crate::sys::socket;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

/// A connection; all positions count bytes since its start.
#[derive(Debug)]
pub(crate) struct Conn {
    fd: OwnedFd,
    start: u64,
    sent: u64,
    /// How far the owner wants to have sent.
    pub(crate) target: u64,
    received: u64,
    /// Whole messages received so far, counted by the owner.
    pub(crate) messages: u64,
}

impl Conn {
    pub(crate) fn new(fd: OwnedFd, index: usize) -> Conn {
        let start = Tape::start_of(index);
        Conn {
            fd,
            start,
            sent: 0,
            target: 0,
            received: 0,
            messages: 0,
        }
    }

    pub(crate) fn raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }

    /// Sends up to `target`; what does not fit waits for the next writable event.
    #[inline]
    pub(crate) fn flush(&mut self, tape: &Tape) -> io::Result<()> {
        while self.sent < self.target {
            let left = usize::try_from(self.target - self.sent).unwrap_or(WINDOW_MAX);
            let len = left.min(WINDOW_MAX);
            match socket::send(self.raw_fd(), tape.window(self.start + self.sent, len)) {
                Ok(sent) => {
                    self.sent += sent as u64;
                    if sent < len {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads and checks what is there; returns how many bytes that were.
    #[inline]
    pub(crate) fn receive(&mut self, buffer: &mut [u8], tape: &Tape) -> io::Result<u64> {
        let before = self.received;
        loop {
            let got = match socket::recv(self.raw_fd(), buffer) {
                Ok(0) => return Err(io::Error::other("the server closed a connection in use")),
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            if buffer[..got] != *tape.window(self.start + self.received, got) {
                return Err(io::Error::other(
                    "an echoed byte differs from what was sent",
                ));
            }
            self.received += got as u64;
            if self.received > self.sent {
                return Err(io::Error::other("more bytes came back than were sent"));
            }
            if got < buffer.len() {
                break;
            }
        }
        Ok(self.received - before)
    }

    /// Counts the messages of `size` bytes completed since the last call.
    #[inline]
    pub(crate) fn take_complete(&mut self, size: u64) -> u64 {
        let complete = self.received / size - self.messages;
        self.messages += complete;
        complete
    }
}
