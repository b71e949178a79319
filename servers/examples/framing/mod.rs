//! What the framing examples share: a frame is four bytes of length and so many of payload; limits, and time-outs.
//!
//! The frames themselves are the library's, `servers/src/framing`. The length is Python's `struct.pack('i', n)`: the
//! machine's byte order, signed. Whoever reads a frame says how long it may be.
#![allow(dead_code, unused_imports, reason = "every example uses its own part")]

use greenroom::net::{Shutdown, TcpStream};
pub(crate) use greenroom_servers::framing::{read_frame, write_frame, write_json};
use std::io::{self, Read};
use std::time::Duration;

/// How long, and how much, a peer that was refused may go on sending before it is cut off.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: u64 = 16 << 20;

pub(crate) fn bad(text: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.into())
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
