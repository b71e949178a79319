//! Reading and writing a stream: what each attempt does, and what its count means.
//!
//! The attempts here never wait; `evented` repeats them. A blocking write means "all of it", as in the
//! kernel: it goes on until every byte is queued; an error, timeout or cancel after progress returns
//! the count so far. Called by the `Read` and `Write` impls of streams, and by `descriptor`.

use super::evented::{Attempt, Direction, Evented, Stop};
use crate::sys::socket::{self, CALL_BYTES_MAX, IOV_MAX, is_told_once};
use crate::sys::would_block;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::BorrowedFd;

/// Classifies a count of received bytes. Fewer than asked for: the socket was drained, and the next
/// read may park without asking it again. The end of the stream (0) never drains: it stays there.
#[inline]
fn received(count: usize, asked: usize) -> Attempt<usize> {
    if count != 0 && count < asked.min(CALL_BYTES_MAX) {
        Attempt::Short(count)
    } else {
        Attempt::Done(count)
    }
}

/// As `recv(2)` on a blocking socket; as there, an empty buffer waits for data it does not take.
#[inline]
pub(crate) fn read(evented: &Evented, buf: &mut [u8]) -> io::Result<usize> {
    let count = evented.io(Direction::Read, |fd| {
        Ok(received(socket::recv(fd, buf)?, buf.len()))
    })?;
    end_or_error(evented, count, buf.len())
}

/// As `recv(2)` with `MSG_PEEK`. The bytes stay, so a short count says nothing about the next call.
pub(crate) fn peek(evented: &Evented, buf: &mut [u8]) -> io::Result<usize> {
    let count = evented.io(Direction::Read, |fd| {
        Ok(Attempt::Done(socket::peek(fd, buf)?))
    })?;
    end_or_error(evented, count, buf.len())
}

/// As `readv(2)` on a blocking socket.
pub(crate) fn read_vectored(evented: &Evented, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    let room = bufs.len().min(IOV_MAX);
    let bufs = &mut bufs[..room];
    let asked = bufs
        .iter()
        .fold(0usize, |sum, buf| sum.saturating_add(buf.len()));
    if asked == 0 {
        // readv(2) does not even ask the socket, unlike recv(2).
        return Ok(0);
    }
    let count = evented.io(Direction::Read, |fd| {
        Ok(received(socket::recv_vectored(fd, bufs)?, asked))
    })?;
    end_or_error(evented, count, asked)
}

/// What the write timeout of a socket limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// The whole call, as for TCP.
    Call,
    /// Each wait for room: whoever reads slowly is waited for, as for Unix streams.
    Standstill,
}

/// As `send(2)` on a blocking socket.
#[inline]
pub(crate) fn write(evented: &Evented, buf: &[u8]) -> io::Result<usize> {
    write_limited(evented, buf, Limit::Call)
}

/// As [`write`], with a choice of what the timeout means.
#[inline]
pub(crate) fn write_limited(evented: &Evented, buf: &[u8], limit: Limit) -> io::Result<usize> {
    if let Some(error) = evented.take_kept_error() {
        return Err(error);
    }
    let buf = &buf[..buf.len().min(CALL_BYTES_MAX)];
    let mut sent = 0;
    let outcome = evented.try_io(Direction::Write, |fd| {
        sent += socket::send(fd, &buf[sent..])?;
        full_unless(sent == buf.len(), limit)
    });
    progress(evented, sent, outcome).map_err(Stop::into_error)
}

/// As `writev(2)` on a blocking socket.
pub(crate) fn write_vectored(evented: &Evented, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    try_write_by(evented, bufs, socket::send_vectored, Limit::Call).map_err(Stop::into_error)
}

/// As `writev(2)` on a blocking file, by a `call` that takes as much as fits and never waits.
pub(crate) fn try_write_by(
    evented: &Evented,
    bufs: &[IoSlice<'_>],
    call: impl Fn(BorrowedFd<'_>, &[IoSlice<'_>]) -> io::Result<usize>,
    limit: Limit,
) -> Result<usize, Stop> {
    let mut rest = Rest {
        bufs: &bufs[..bufs.len().min(IOV_MAX)],
        offset: 0,
    };
    rest.advance(0);
    if rest.bufs.is_empty() {
        // writev(2) does not even ask the socket, unlike send(2).
        return Ok(0);
    }
    if let Some(error) = evented.take_kept_error() {
        return Err(Stop::Io(error));
    }
    let mut sent = 0;
    let outcome = evented.try_io(Direction::Write, |fd| {
        loop {
            let (count, asked) = rest.send(fd, &call)?;
            sent += count;
            rest.advance(count);
            if rest.bufs.is_empty() || sent >= CALL_BYTES_MAX {
                return full_unless(true, limit);
            }
            if count < asked {
                return full_unless(false, limit);
            }
        }
    });
    progress(evented, sent, outcome)
}

/// The verdict of an attempt to send: a count below what was asked for means the socket is full,
/// which is "would block" for the bytes that remain (the kernel owes us an edge for them).
#[inline]
fn full_unless(all_queued: bool, limit: Limit) -> io::Result<Attempt<()>> {
    match limit {
        _ if all_queued => Ok(Attempt::Done(())),
        Limit::Standstill => Ok(Attempt::Part),
        Limit::Call => Err(would_block()),
    }
}

/// What a write reports: progress wins over the error, the timeout or the interrupt that ended it. The next
/// call meets them: an interrupt is due until it is raised, and an error that the kernel tells only once (a
/// reset) is kept, or a peer's answer that was cut short would look complete.
#[inline]
fn progress(evented: &Evented, sent: usize, outcome: Result<(), Stop>) -> Result<usize, Stop> {
    match outcome {
        Err(stop) if sent == 0 => Err(stop),
        Err(Stop::Io(error)) if is_told_once(&error) => {
            evented.keep_error(&error);
            Ok(sent)
        }
        _ => Ok(sent),
    }
}

/// The end of a stream, unless a write before has heard of a reset.
#[inline]
fn end_or_error(evented: &Evented, count: usize, asked: usize) -> io::Result<usize> {
    if count == 0 && asked != 0 {
        return evented.take_kept_error().map_or(Ok(0), Err);
    }
    Ok(count)
}

/// What a vectored write still has to queue: `bufs`, of which the first has lost `offset` bytes.
struct Rest<'a> {
    bufs: &'a [IoSlice<'a>],
    offset: usize,
}

impl Rest<'_> {
    /// One system call: a buffer that was begun is finished alone, whole ones go together. Returns
    /// how many bytes were queued and how many were asked for.
    fn send(
        &self,
        fd: BorrowedFd<'_>,
        call: impl Fn(BorrowedFd<'_>, &[IoSlice<'_>]) -> io::Result<usize>,
    ) -> io::Result<(usize, usize)> {
        if self.offset > 0 {
            let tail = [IoSlice::new(&self.bufs[0][self.offset..])];
            return Ok((call(fd, &tail)?, tail[0].len().min(CALL_BYTES_MAX)));
        }
        let asked = self
            .bufs
            .iter()
            .fold(0usize, |sum, buf| sum.saturating_add(buf.len()));
        Ok((call(fd, self.bufs)?, asked.min(CALL_BYTES_MAX)))
    }

    /// Drops `count` queued bytes, and empty buffers behind them.
    fn advance(&mut self, count: usize) {
        self.offset += count;
        while let Some(first) = self.bufs.first() {
            if self.offset < first.len() {
                return;
            }
            self.offset -= first.len();
            self.bufs = &self.bufs[1..];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rest_advanced_by_every_split_names_exactly_the_unsent_bytes() {
        let parts: [&[u8]; 5] = [b"ab", b"", b"cde", b"", b"f"];
        let slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let whole = parts.concat();
        for first in 0..=whole.len() {
            for second in 0..=whole.len() - first {
                let mut rest = Rest {
                    bufs: &slices,
                    offset: 0,
                };
                rest.advance(first);
                rest.advance(second);
                let left: Vec<u8> = rest.bufs.concat_from(rest.offset);
                assert_eq!(
                    left,
                    whole[first + second..],
                    "after {first} and {second} bytes"
                );
            }
        }
    }

    trait ConcatFrom {
        fn concat_from(&self, offset: usize) -> Vec<u8>;
    }

    impl ConcatFrom for [IoSlice<'_>] {
        fn concat_from(&self, offset: usize) -> Vec<u8> {
            let all: Vec<u8> = self.iter().flat_map(|buf| buf.iter().copied()).collect();
            all[offset.min(all.len())..].to_vec()
        }
    }

    #[test]
    fn received_end_of_stream_and_full_buffer_do_not_count_as_drained() {
        assert!(matches!(received(0, 8), Attempt::Done(0)));
        assert!(matches!(received(8, 8), Attempt::Done(8)));
        assert!(matches!(received(7, 8), Attempt::Short(7)));
        assert!(matches!(
            received(CALL_BYTES_MAX, usize::MAX),
            Attempt::Done(CALL_BYTES_MAX)
        ));
    }
}
