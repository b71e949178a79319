//! One client's connection: its bytes counted, its waits bounded.

use super::counters::Counters;
use super::limits::Limits;
use super::stream::{Peer, Stream};
use greenroom::net::Shutdown;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One client's connection, as a handler sees it. Dropping it closes it.
///
/// `Read` and `Write` are also there for `&Client`, so one green thread of a scope may read while another
/// writes. Waits are bounded by the server's [`Limits`]: a read or write that is kept waiting fails with
/// `TimedOut`, and is counted.
#[derive(Debug)]
pub struct Client {
    stream: Stream,
    peer: Peer,
    limits: Arc<Limits>,
    counters: Arc<Counters>,
    /// When the request under way must be over.
    deadline: Option<Instant>,
}

impl Client {
    /// Takes over a connection.
    ///
    /// # Errors
    /// What setting its timeouts reports.
    pub fn new(
        stream: Stream,
        peer: Peer,
        limits: Arc<Limits>,
        counters: Arc<Counters>,
    ) -> io::Result<Client> {
        stream.set_read_timeout(limits.idle_timeout)?;
        stream.set_write_timeout(limits.idle_timeout)?;
        Ok(Client {
            stream,
            peer,
            limits,
            counters,
            deadline: None,
        })
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The server's bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The connection below: what is read or written there is not counted, and bounded by the idle
    /// timeout only.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The server's counters.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// A request begins: all waits until [`end_request`](Client::end_request) together may take
    /// [`Limits::request_timeout`].
    pub fn begin_request(&mut self) {
        let limit = self.limits.request_timeout;
        self.deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    }

    /// As [`begin_request`](Client::begin_request), with another limit: of a part of a request.
    pub fn begin_request_within(&mut self, limit: Option<Duration>) {
        self.deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    }

    /// Whether the waits of a request are bounded together now.
    pub fn is_in_request(&self) -> bool {
        self.deadline.is_some()
    }

    /// The request is over: waits are bounded by the idle timeout only.
    pub fn end_request(&mut self) {
        self.deadline = None;
    }

    /// Ends one or both directions, as [`greenroom::net::TcpStream::shutdown`].
    ///
    /// # Errors
    /// `NotConnected` when the peer is gone.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.stream.shutdown(how)
    }

    /// Adds bytes that left by another way than `write` (`sendfile`).
    pub fn count_sent(&self, bytes: u64) {
        Counters::add(&self.counters.bytes_out, bytes);
    }

    /// How long a wait for the peer that begins now may last; for those who wait by themselves.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        let of_request = self.deadline.map(left);
        of_request.into_iter().chain(self.limits.idle_timeout).min()
    }

    /// As a read or write that ran out of time: counted.
    pub(crate) fn out_of_time(&self) -> io::Error {
        self.timed_out()
    }

    /// Runs one read or write within the bounds.
    fn bounded(&self, call: impl FnOnce(&Stream) -> io::Result<usize>) -> io::Result<usize> {
        let result = match self.deadline {
            None => call(&self.stream),
            Some(deadline) => self.before(deadline, call),
        };
        result.map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => self.timed_out(),
            _ => error,
        })
    }

    fn before(
        &self,
        deadline: Instant,
        call: impl FnOnce(&Stream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left == Duration::ZERO {
            return Err(ErrorKind::TimedOut.into());
        }
        let elapsed = |_| io::Error::from(ErrorKind::TimedOut);
        greenroom::timeout(left, || call(&self.stream)).map_err(elapsed)?
    }

    fn timed_out(&self) -> io::Error {
        Counters::add(&self.counters.timeouts, 1);
        let is_late = self.deadline.is_some_and(|at| at <= Instant::now());
        let what = match is_late {
            true => "the request took too long",
            false => "the peer was idle for too long",
        };
        io::Error::new(ErrorKind::TimedOut, what)
    }
}

impl Read for &Client {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.bounded(|mut stream| stream.read(buf))?;
        Counters::add(&self.counters.bytes_in, count as u64);
        Ok(count)
    }
}

impl Write for &Client {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let count = self.bounded(|mut stream| stream.write(buf))?;
        Counters::add(&self.counters.bytes_out, count as u64);
        Ok(count)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let count = self.bounded(|mut stream| stream.write_vectored(bufs))?;
        Counters::add(&self.counters.bytes_out, count as u64);
        Ok(count)
    }

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Client {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }
}

impl Write for Client {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    #[inline]
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
