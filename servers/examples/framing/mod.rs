//! What the framing examples share: a frame is four bytes of length and so many of payload; limits, and time-outs.
//!
//! The length is Python's `struct.pack('i', n)`: the machine's byte order, signed. Whoever reads a frame says how long
//! it may be, before memory is set aside for it.
#![allow(dead_code, reason = "every example uses its own part")]

use greenroom::net::{Shutdown, TcpStream};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{self, Read, Write};
use std::time::Duration;

/// How long, and how much, a peer that was refused may go on sending before it is cut off.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: u64 = 16 << 20;

pub(crate) fn bad(text: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.into())
}

/// Reads one frame; `what` names it in errors. `None`: the peer has left before it.
pub(crate) fn read_frame(
    mut stream: &TcpStream,
    what: &str,
    bytes_max: i32,
) -> io::Result<Option<Vec<u8>>> {
    let mut prefix = Vec::new();
    stream.take(4).read_to_end(&mut prefix)?;
    if prefix.is_empty() {
        return Ok(None);
    }
    let prefix = prefix.try_into();
    let length = i32::from_ne_bytes(prefix.map_err(|_| bad("the stream ends in a prefix"))?);
    if !(0..=bytes_max).contains(&length) {
        let allowed = format!("allowed are 0 to {bytes_max}");
        // The four bytes may as well be meant unsigned: 4 GB are no -1 bytes.
        let length = length.cast_unsigned();
        return Err(bad(format!("a {what} of {length} bytes, {allowed}")));
    }
    let mut payload = vec![0; length.unsigned_abs() as usize];
    match stream.read_exact(&mut payload) {
        Ok(()) => Ok(Some(payload)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(bad(format!(
            "the stream ends in a {what} of {length} bytes"
        ))),
        Err(error) => Err(error),
    }
}

/// Prefix and payload in one write: two small ones might wait for each other on the way.
pub(crate) fn write_frame(mut stream: &TcpStream, payload: &[u8]) -> io::Result<()> {
    let length = i32::try_from(payload.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_ne_bytes(), payload].concat())
}

pub(crate) fn write_json(stream: &TcpStream, value: &impl Serialize) -> io::Result<()> {
    write_frame(stream, &serde_json::to_vec(value)?)
}

/// For every read and write from now on.
pub(crate) fn set_idle_limit(stream: &TcpStream, limit: Duration) -> io::Result<()> {
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))
}

/// A timed-out read is `WouldBlock` in std, and says little.
pub(crate) fn explain(error: io::Error, limit: Duration) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            bad(format!("nothing moved for {} s", limit.as_secs_f64()))
        }
        _ => error,
    }
}

/// Ends a connection whose peer may still be sending. A close with bytes unread resets it, and the reset can
/// overtake the answer that says what was wrong.
pub(crate) fn close_gently(stream: &TcpStream) {
    if stream.shutdown(Shutdown::Write).is_ok() {
        // What comes of it matters to nobody.
        let _ = greenroom::timeout(LINGER, || {
            io::copy(&mut stream.take(LINGER_BYTES_MAX), &mut io::sink())
        });
    }
}

/// How a command ended: what the client is told before the output.
#[derive(Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Head {
    pub(crate) exit_code: Option<i32>,
    pub(crate) signal: Option<i32>,
    pub(crate) stdout_size: usize,
    pub(crate) stderr_size: usize,
    /// `"time"` or `"output"`: which limit it was killed for.
    pub(crate) killed_for: Option<String>,
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.killed_for, self.exit_code, self.signal) {
            (Some(limit), ..) => write!(f, "killed: its {limit} was up"),
            (None, Some(code), _) => write!(f, "exit status {code}"),
            (None, None, signal) => write!(f, "signal {}", signal.unwrap_or(0)),
        }
    }
}
