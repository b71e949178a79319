//! [`pipe`]: two connected ends that send values both ways.

use super::frames::Frames;
use super::handover::{Packed, give_owned, take};
use super::process::Record;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::os::fd::OwnedFd;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// How long an end of a connection waits for the status of the process at its other end.
pub(super) const STATUS_PATIENCE: Duration = Duration::from_millis(250);

/// What is left of a [`Connection::recv_timeout`] at least, for a message that has begun to come.
const REST: Duration = Duration::from_millis(10);

/// Which process has an end, once it was given to one.
type Holder = Arc<OnceLock<Arc<Record>>>;

/// Two connected ends: what one sends, of type `A` or `B`, the other receives. Never parks.
///
/// One end is usually given to a process as its argument; the other one then finds its end when that process
/// is gone. Source: `multiprocessing.Pipe` of Python (duplex).
///
/// # Errors
/// No descriptor left.
///
/// # Examples
/// ```
/// use greenroom_servers::multiprocessing::{self, Connection, Process};
///
/// fn double(numbers: Connection<u32, u32>) {
///     while let Ok(number) = numbers.recv() {
///         numbers.send(&(2 * number)).expect("because the parent reads");
///     }
/// }
///
/// fn main() -> std::io::Result<()> {
///     multiprocessing::run(|| {
///         let (ours, theirs) = multiprocessing::pipe::<u32, u32>()?;
///         let process = Process::spawn(double, theirs)?;
///         ours.send(&21)?;
///         assert_eq!(ours.recv()?, 42);
///         process.kill()?;
///         let error = ours.recv().unwrap_err().to_string();
///         assert!(error.contains("was killed by signal 9"), "{error}");
///         Ok(())
///     })?
/// }
/// ```
pub fn pipe<A, B>() -> io::Result<(Connection<A, B>, Connection<B, A>)> {
    let (first, second) = Frames::pair()?;
    let (left, right) = (Holder::default(), Holder::default());
    let ours = Connection::new(first, Arc::clone(&left), Arc::clone(&right));
    Ok((ours, Connection::new(second, right, left)))
}

/// One end of a [`pipe`]: sends values of type `S`, receives values of type `R`.
///
/// It can be an argument of a process or part of a message; it is then moved there. Green threads may share it
/// by reference: messages are whole, in some order. A message has at most 256 MiB.
///
/// # Examples
/// See [`pipe`].
pub struct Connection<S, R> {
    frames: Frames,
    here: Holder,
    there: Holder,
    types: PhantomData<fn(S) -> R>,
}

impl<S, R> Connection<S, R> {
    fn new(socket: OwnedFd, here: Holder, there: Holder) -> Connection<S, R> {
        Connection {
            frames: Frames::new(socket),
            here,
            there,
            types: PhantomData,
        }
    }

    /// Why there is nothing to receive, and nobody to send to.
    fn end(&self, kind: io::ErrorKind) -> io::Error {
        let obituary = self
            .there
            .get()
            .and_then(|record| record.obituary(STATUS_PATIENCE));
        let text = obituary.unwrap_or_else(|| "the other end was closed".to_owned());
        io::Error::new(kind, format!("multiprocessing: {text}"))
    }

    /// Sends a value. Parks while the other end does not read and the socket's buffer is full.
    ///
    /// # Errors
    /// `BrokenPipe` when the other end is closed; the text names the process that had it and how it ended, if
    /// this process started that one. `InvalidInput` if the value cannot be serialised, or is too long.
    ///
    /// # Cancel
    /// The value is sent, or not; if it has gone in part, the rest goes with the next one.
    ///
    /// # Examples
    /// See [`pipe`].
    pub fn send(&self, value: &S) -> io::Result<()>
    where
        S: Serialize,
    {
        let (packed, _bonds) = Packed::of(value)?;
        self.frames
            .send(packed)
            .map_err(|error| match error.kind() {
                io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
                    self.end(io::ErrorKind::BrokenPipe)
                }
                _ => error,
            })
    }

    /// Receives a value. Parks until one comes.
    ///
    /// # Errors
    /// `UnexpectedEof` when the other end is closed and all it sent is received; the text as of
    /// [`send`](Self::send). `InvalidData` if what came is not such a value.
    ///
    /// # Cancel
    /// Takes nothing: what has come in part stays for the next call.
    ///
    /// # Examples
    /// See [`pipe`].
    pub fn recv(&self) -> io::Result<R>
    where
        R: DeserializeOwned,
    {
        match self.frames.receive()? {
            Some(message) => message.unpack(),
            None => Err(self.end(io::ErrorKind::UnexpectedEof)),
        }
    }

    /// Receives a value that comes within `timeout`. A value that has begun to come by then may take 10 ms more.
    ///
    /// # Errors
    /// `TimedOut`; and as [`recv`](Self::recv).
    ///
    /// # Cancel
    /// Takes nothing.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let (ours, _theirs) = greenroom_servers::multiprocessing::pipe::<(), ()>()?;
    /// let error = ours.recv_timeout(Duration::from_millis(1)).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn recv_timeout(&self, timeout: Duration) -> io::Result<R>
    where
        R: DeserializeOwned,
    {
        let began = Instant::now();
        if !self.poll(timeout)? {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let left = timeout.saturating_sub(began.elapsed()).max(REST);
        greenroom::timeout(left, || self.recv())?
    }

    /// Whether there is something to receive, or the end, now or within `timeout`.
    ///
    /// # Errors
    /// What `poll(2)` reports.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// let (ours, theirs) = greenroom_servers::multiprocessing::pipe::<(), u8>()?;
    /// assert!(!ours.poll(Duration::ZERO)?);
    /// theirs.send(&1)?;
    /// assert!(ours.poll(Duration::ZERO)?);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn poll(&self, timeout: Duration) -> io::Result<bool> {
        self.frames.is_readable(Instant::now().checked_add(timeout))
    }

    /// Closes it, as dropping it does. Never parks.
    ///
    /// # Examples
    /// ```
    /// let (ours, theirs) = greenroom_servers::multiprocessing::pipe::<(), ()>()?;
    /// ours.close();
    /// assert!(theirs.recv().is_err());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn close(self) {}
}

impl<S, R> fmt::Debug for Connection<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl<S, R> Serialize for Connection<S, R> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let here = Arc::clone(&self.here);
        let bond = move |record: &Arc<Record>| drop(here.set(Arc::clone(record)));
        give_owned(serializer, self.frames.duplicate(), Some(Box::new(bond)))
    }
}

impl<'de, S, R> Deserialize<'de> for Connection<S, R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Connection<S, R>, D::Error> {
        let socket = take(deserializer)?;
        Ok(Connection::new(
            socket,
            Holder::default(),
            Holder::default(),
        ))
    }
}
