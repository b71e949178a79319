//! One client's connection: its bytes counted, its waits bounded.

use super::counters::Counters;
use super::idle::{Idler, Idlers};
use super::limits::Limits;
use super::pace::Pace;
use super::stream::{Peer, Stream};
use greenroom::net::Shutdown;
use rustix::time::{ClockId, clock_gettime};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// One client's connection, as a handler sees it. Dropping it closes it.
///
/// `Read` and `Write` are also there for `&Client`, so one green thread of a scope may read while another
/// writes. Waits are bounded by the server's [`Limits`]: a read or write that is kept waiting fails with
/// `TimedOut`, and is counted. A deadline around it all is a `greenroom::timeout`, and independent of these.
///
/// # Examples
/// ```
/// use greenroom::net::TcpStream;
/// use greenroom_servers::{Client, TcpServer};
/// use std::io::{Read, Write};
/// use std::time::Duration;
///
/// greenroom::run(|| {
///     let greet = |client: &mut Client| {
///         let text = format!("hello, {}\n", client.peer());
///         client.write_all(text.as_bytes())
///     };
///     let server = TcpServer::bind("127.0.0.1:0")?.serve_in_background(greet)?;
///     let mut stream = TcpStream::connect(server.local_addr())?;
///     let mut text = String::new();
///     stream.read_to_string(&mut text)?;
///     assert_eq!(text, format!("hello, {}\n", stream.local_addr()?));
///     server.shutdown(Duration::from_secs(1));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Client {
    /// Shared with whoever may have to shut it down.
    stream: Arc<Stream>,
    peer: Peer,
    limits: Arc<Limits>,
    counters: Arc<Counters>,
    /// When the request under way must be over.
    deadline: Option<Instant>,
    /// How much longer writes may wait, if there is an idle time-out.
    pace: Option<Pace>,
    /// Raised by a shutdown that can end this client by its socket only.
    cut: Option<Arc<AtomicBool>>,
    /// Once it has waited for a request.
    idler: OnceLock<Idler>,
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
        Client::with(Arc::new(stream), peer, limits, counters)
    }

    /// As [`new`](Client::new), for a connection that somebody may shut down after raising `cut`.
    pub(crate) fn watched(
        stream: Arc<Stream>,
        cut: Arc<AtomicBool>,
        peer: Peer,
        limits: Arc<Limits>,
        counters: Arc<Counters>,
    ) -> io::Result<Client> {
        let mut client = Client::with(stream, peer, limits, counters)?;
        client.cut = Some(cut);
        Ok(client)
    }

    fn with(
        stream: Arc<Stream>,
        peer: Peer,
        limits: Arc<Limits>,
        counters: Arc<Counters>,
    ) -> io::Result<Client> {
        stream.set_read_timeout(limits.idle_timeout)?;
        stream.set_write_timeout(limits.idle_timeout)?;
        let pace = |idle| Pace::new(idle, limits.write_rate_min);
        Ok(Client {
            pace: limits.idle_timeout.map(pace),
            stream,
            peer,
            limits,
            counters,
            deadline: None,
            cut: None,
            idler: OnceLock::new(),
        })
    }

    /// Another connection of the same client: counted with this one, bounded by an idle time-out of its own.
    ///
    /// # Errors
    /// As [`new`](Client::new).
    pub(crate) fn beside(&self, stream: Stream, idle_timeout: Duration) -> io::Result<Client> {
        let limits = Limits {
            idle_timeout: Some(idle_timeout),
            ..Limits::clone(&self.limits)
        };
        let (peer, counters) = (self.peer.clone(), Arc::clone(&self.counters));
        Client::new(stream, peer, Arc::new(limits), counters)
    }

    /// Whether the server has shut the connection down.
    pub(crate) fn is_cut_off(&self) -> bool {
        let cut = self.cut.as_ref();
        cut.is_some_and(|cut| cut.load(Ordering::Acquire))
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

    /// As `read`, between two requests: it ends, with 0 bytes, when the server is shut down. Parks.
    ///
    /// # Errors
    /// As `read`.
    pub fn read_idle(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !self.stay_idle() {
            return Ok(0);
        }
        let count = self.read(buf)?;
        Ok(if self.be_busy() { count } else { 0 })
    }

    /// As [`read_idle`](Client::read_idle), for whoever reads in other ways, and may be sent away at any
    /// time from now on: a shutdown ends what comes from the peer. `false`: the server is stopping already.
    pub(crate) fn stay_idle(&self) -> bool {
        let idlers = &self.counters.idlers;
        let idler = self.idler.get_or_init(|| idlers.enter(&self.stream));
        idlers.begin(idler)
    }

    /// The end of [`stay_idle`](Client::stay_idle). `false`: it was sent away meanwhile.
    pub(crate) fn be_busy(&self) -> bool {
        self.idler.get().is_none_or(Idlers::end)
    }

    /// Whether the server is being shut down: a protocol ends its conversations as soon as it politely can.
    pub fn is_stopping(&self) -> bool {
        self.counters.idlers.is_stopping()
    }

    /// Adds bytes that left by another way than `write`: by `sendfile`, or over another connection.
    pub fn count_sent(&self, bytes: u64) {
        Counters::add(&self.counters.bytes_out, bytes);
    }

    /// Adds bytes that came by another way than `read`: another connection of this client.
    pub fn count_received(&self, bytes: u64) {
        Counters::add(&self.counters.bytes_in, bytes);
    }

    /// How long a wait for room that begins now may last; for those who wait by themselves.
    pub(crate) fn time_to_write(&self) -> Option<Duration> {
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        let of_request = self.deadline.map(left);
        let of_pace = self.pace.as_ref().map(Pace::left);
        of_request.into_iter().chain(of_pace).min()
    }

    /// The peer was waited for so long, and so many bytes have left; for those who write by themselves.
    ///
    /// # Errors
    /// `TimedOut` for a peer that reads too slowly, counted.
    pub(crate) fn note_pace(&self, waited: Duration, bytes: usize) -> io::Result<()> {
        match &self.pace {
            Some(pace) if !pace.note(waited, bytes as u64) => Err(self.timed_out()),
            _ => Ok(()),
        }
    }

    /// As a read or write that ran out of time: counted.
    pub(crate) fn out_of_time(&self) -> io::Error {
        self.timed_out()
    }

    /// One read. The end of a stream that the server itself has ended is an error: what was read so far
    /// would look complete.
    fn read_bounded(&self, call: impl FnOnce(&Stream) -> io::Result<usize>) -> io::Result<usize> {
        let count = self.bounded(self.deadline, call)?;
        Counters::add(&self.counters.bytes_in, count as u64);
        if count == 0 && self.is_cut_off() {
            let text = "the server is shutting down";
            return Err(io::Error::new(ErrorKind::ConnectionAborted, text));
        }
        Ok(count)
    }

    /// One write, of so many bytes. Blocking: it waits until all has left, or the time is up.
    fn write_bounded(
        &self,
        bytes: usize,
        call: impl FnOnce(&Stream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let Some(pace) = &self.pace else {
            let count = self.bounded(self.deadline, call)?;
            Counters::add(&self.counters.bytes_out, count as u64);
            return Ok(count);
        };
        let (begun, patience) = (coarse_now(), pace.left());
        let count = self.bounded(self.write_deadline(pace), call)?;
        Counters::add(&self.counters.bytes_out, count as u64);
        let waited = coarse_now().saturating_sub(begun);
        // Longer than its own time-out allows, and all has left: not the peer stood still, but this process.
        let is_ours = count == bytes && waited > patience;
        self.note_pace(if is_ours { Duration::ZERO } else { waited }, count)?;
        Ok(count)
    }

    /// The stream's own time-out will do while the client has all its patience; but that of Unix streams begins
    /// anew with each byte that is read at the other end.
    #[inline]
    fn write_deadline(&self, pace: &Pace) -> Option<Instant> {
        if pace.is_full() && matches!(self.stream.as_ref(), Stream::Tcp(_)) {
            return self.deadline;
        }
        let of_pace = Instant::now().checked_add(pace.left());
        [self.deadline, of_pace].into_iter().flatten().min()
    }

    /// Runs one read or write within the bounds.
    #[inline]
    fn bounded(
        &self,
        deadline: Option<Instant>,
        call: impl FnOnce(&Stream) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let result = match deadline {
            None => call(&self.stream),
            Some(deadline) => self.before(deadline, call),
        };
        result.map_err(|error| match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => self.timed_out(),
            _ => error,
        })
    }

    /// Subtle: by unwinding out of the wait, which takes nothing back: a read that is interrupted has read
    /// nothing, a write that has had a part of its effect returns its count.
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

    #[cold]
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

/// The time to some 4 ms: what is summed up over many writes is right in the mean, at a third of the price.
#[inline]
fn coarse_now() -> Duration {
    let now = clock_gettime(ClockId::MonotonicCoarse);
    Duration::try_from(now).unwrap_or_default()
}

impl Drop for Client {
    fn drop(&mut self) {
        if let Some(idler) = self.idler.get() {
            self.counters.idlers.leave(idler);
        }
    }
}

impl Read for &Client {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_bounded(|mut stream| stream.read(buf))
    }
}

impl Write for &Client {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_bounded(buf.len(), |mut stream| stream.write(buf))
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let bytes = bufs.iter().map(|buf| buf.len()).sum();
        self.write_bounded(bytes, |mut stream| stream.write_vectored(bufs))
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
