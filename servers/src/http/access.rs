//! The access log: a line per request in the combined log format, and its duration in microseconds.
//!
//! Whatever a client sent is escaped: no request can end a line, close a quote or move a terminal's
//! cursor.

use super::date::{civil, month_name, unix_seconds};
use super::head::Head;
use super::request::Version;
use crate::Peer;
use std::fmt;
use std::time::{Duration, SystemTime};

/// Bytes that the client chose.
struct Escaped<'c>(&'c [u8]);

/// Now, as `10/Oct/2000:13:55:36 +0000`.
struct Stamp(u64);

/// Whether a line would be written at all.
pub(super) fn is_on(wanted: bool) -> bool {
    wanted && log::log_enabled!(target: "access", log::Level::Info)
}

/// Writes the line of a request that was answered.
pub(super) fn line(peer: &Peer, head: &Head<'_>, status: u16, bytes: u64, took: Duration) {
    let version = match head.version {
        Version::Http10 => "1.0",
        Version::Http11 => "1.1",
    };
    let field = |name| Escaped(head.headers.get_bytes(name).unwrap_or(b"-"));
    log::info!(
        target: "access",
        "{} - - [{}] \"{} {} HTTP/{version}\" {status} {bytes} \"{}\" \"{}\" {}us",
        host(peer),
        Stamp(unix_seconds(SystemTime::now())),
        Escaped(head.method.as_bytes()),
        Escaped(head.raw_target.as_bytes()),
        field("referer"),
        field("user-agent"),
        took.as_micros(),
    );
}

/// Writes the line of what was no request.
pub(super) fn line_of_refusal(peer: &Peer, status: u16, bytes: u64) {
    let stamp = Stamp(unix_seconds(SystemTime::now()));
    log::info!(
        target: "access",
        "{} - - [{stamp}] \"-\" {status} {bytes} \"-\" \"-\" 0us",
        host(peer),
    );
}

fn host(peer: &Peer) -> String {
    peer.ip()
        .map_or_else(|| "unix".to_owned(), |ip| ip.to_string())
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &byte in self.0 {
            match byte {
                b'"' | b'\\' => write!(f, "\\{}", char::from(byte))?,
                b' '..=b'~' => write!(f, "{}", char::from(byte))?,
                _ => write!(f, "\\x{byte:02X}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0 / 86_400);
        let (hour, minute, second) = (self.0 / 3_600 % 24, self.0 / 60 % 60, self.0 % 60);
        let month = month_name(month);
        write!(
            f,
            "{day:02}/{month}/{year:04}:{hour:02}:{minute:02}:{second:02} +0000"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_cannot_be_broken_by_a_client() {
        let text = Escaped(b"a\"b\\c\r\n\x1b[2J\xff").to_string();
        assert_eq!(text, r#"a\"b\\c\x0D\x0A\x1B[2J\xFF"#);
        assert_eq!(Stamp(971_186_136).to_string(), "10/Oct/2000:13:55:36 +0000");
    }
}
