//! What standard input has read ahead: std's `BufReader`, from which an interrupted call takes nothing.
//!
//! A cancel or timeout unwinds out of the middle of `read_line`, when a part of the line has left the
//! buffer already. Here that part goes back to the front, so whoever reads next finds it. Rejected:
//! reading the whole line into the buffer first, which holds a long line twice. Knows nothing of
//! descriptors; `stdin` puts the lock around it.

use std::io::{self, BufRead, IoSliceMut, Read};
use std::mem;

/// As std's buffer: a read of at least this length goes around it.
const CAPACITY_BYTES: usize = 8 * 1024;

/// A buffered `R`.
///
/// ```text
///   bytes:  | taken | read ahead | room |
///           0     start         end    len
/// ```
#[derive(Debug)]
pub(super) struct Input<R> {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
    inner: R,
}

impl<R: Read> Input<R> {
    pub(super) fn new(inner: R) -> Input<R> {
        Input {
            bytes: vec![0; CAPACITY_BYTES],
            start: 0,
            end: 0,
            inner,
        }
    }

    fn is_empty(&self) -> bool {
        self.start == self.end
    }

    fn ahead(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Makes `returned` what is read next.
    fn put_back(&mut self, returned: &[u8]) {
        if returned.len() > self.start {
            let mut bytes = returned.to_vec();
            bytes.extend_from_slice(self.ahead());
            self.start = 0;
            self.end = bytes.len();
            bytes.resize(self.end.max(CAPACITY_BYTES), 0);
            self.bytes = bytes;
        } else {
            let start = self.start - returned.len();
            self.bytes[start..self.start].copy_from_slice(returned);
            self.start = start;
        }
    }

    /// Runs `body`, which appends what it takes to `to`. If it unwinds, all of that goes back.
    fn take_to<T>(
        &mut self,
        to: &mut Vec<u8>,
        body: impl FnOnce(&mut Input<R>, &mut Vec<u8>) -> T,
    ) -> T {
        let start = to.len();
        let taking = Taking {
            input: self,
            to,
            start,
        };
        let outcome = body(taking.input, taking.to);
        mem::forget(taking);
        outcome
    }
}

/// Bytes on their way out; dropped only by unwinding.
struct Taking<'a, R: Read> {
    input: &'a mut Input<R>,
    to: &'a mut Vec<u8>,
    start: usize,
}

impl<R: Read> Drop for Taking<'_, R> {
    fn drop(&mut self) {
        self.input.put_back(&self.to[self.start..]);
        self.to.truncate(self.start);
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.is_empty() && buf.len() >= CAPACITY_BYTES {
            return self.inner.read(buf);
        }
        let count = self.fill_buf()?.read(buf)?;
        self.consume(count);
        Ok(count)
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        let room = bufs
            .iter()
            .fold(0usize, |sum, buf| sum.saturating_add(buf.len()));
        if self.is_empty() && room >= CAPACITY_BYTES {
            return self.inner.read_vectored(bufs);
        }
        let count = self.fill_buf()?.read_vectored(bufs)?;
        self.consume(count);
        Ok(count)
    }

    fn read_exact(&mut self, buf: &mut [u8]) -> io::Result<()> {
        if self.ahead().len() >= buf.len() {
            let count = self.ahead().read(buf)?;
            self.consume(count);
            return Ok(());
        }
        let asked = buf.len() as u64;
        let mut bytes = Vec::new();
        let outcome = self.take_to(&mut bytes, |input, bytes| {
            input.take(asked).read_to_end(bytes)
        });
        outcome?;
        // std's own error at an early end.
        bytes.as_slice().read_exact(buf)
    }

    fn read_to_end(&mut self, buf: &mut Vec<u8>) -> io::Result<usize> {
        self.take_to(buf, |input, buf| {
            let ahead = input.ahead().len();
            buf.extend_from_slice(input.ahead());
            input.consume(ahead);
            Ok(ahead + input.inner.read_to_end(buf)?)
        })
    }

    fn read_to_string(&mut self, buf: &mut String) -> io::Result<usize> {
        let mut bytes = Vec::new();
        let outcome = self.read_to_end(&mut bytes);
        // As std's: an error leaves what came before it in a string that was empty, and only there.
        if outcome.is_err() && !buf.is_empty() {
            return outcome;
        }
        let appended = bytes.as_slice().read_to_string(buf);
        outcome.and(appended)
    }
}

impl<R: Read> BufRead for Input<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.is_empty() {
            self.start = 0;
            self.end = 0;
            if self.bytes.len() > CAPACITY_BYTES {
                self.bytes = vec![0; CAPACITY_BYTES];
            }
            self.end = self.inner.read(&mut self.bytes)?;
        }
        Ok(self.ahead())
    }

    fn consume(&mut self, count: usize) {
        self.start = self.end.min(self.start + count);
    }

    fn read_until(&mut self, byte: u8, buf: &mut Vec<u8>) -> io::Result<usize> {
        self.take_to(buf, |input, buf| {
            let mut taken = 0;
            loop {
                let mut ahead = match input.fill_buf() {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    ahead => ahead?,
                };
                // std's fast search, which ends with the slice.
                let count = ahead.read_until(byte, buf)?;
                input.consume(count);
                taken += count;
                if count == 0 || buf.last() == Some(&byte) {
                    return Ok(taken);
                }
            }
        })
    }

    fn read_line(&mut self, buf: &mut String) -> io::Result<usize> {
        let mut line = Vec::new();
        let outcome = self.read_until(b'\n', &mut line);
        // A slice that ends with the line: what is no UTF-8 is std's own error.
        let appended = line.as_slice().read_line(buf);
        outcome.and(appended)
    }
}
