//! Heads of answers, written into the output.

use super::date;
use super::request::Version;
use super::response::{Body, Response};
use super::status::reason;
use super::writer::Coding;

const OK_LINE: &str = "HTTP/1.1 200 OK\r\n";

/// Room for a plain head and its body: one check of the output's size instead of one per part.
const PLAIN_BYTES: usize = 256;

/// What all heads of a second begin with: the status line of 200, `Server` and `Date`, formatted anew when
/// the second has changed. One per connection: shared it would need synchronisation that costs as much
/// as it saves.
#[derive(Debug)]
pub(super) struct Clock<'s> {
    server_line: &'s str,
    second: u64,
    begin: String,
}

impl Clock<'_> {
    pub(super) fn new(server_line: &str) -> Clock<'_> {
        let mut clock = Clock {
            server_line,
            second: u64::MAX,
            begin: String::new(),
        };
        clock.tick();
        clock
    }

    /// Looks at the time: once per batch of answers, before the first.
    pub(super) fn tick(&mut self) {
        let second = date::coarse_seconds();
        if second != self.second {
            self.second = second;
            let (server_line, date) = (self.server_line, date::format_seconds(second));
            self.begin = format!("{OK_LINE}{server_line}Date: {date}\r\n");
        }
    }
}

/// What an answer's head depends on, beside the answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'c> {
    pub(super) version: Version,
    pub(super) is_head: bool,
    /// The connection stays.
    pub(super) keeps: bool,
    pub(super) clock: &'c Clock<'c>,
}

/// How the body follows its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follows {
    /// It does not.
    Nothing,
    /// With its length told.
    Sized(u64),
    Coded(Coding),
    Upgrade,
}

/// What follows the head of this answer, and whether the connection can stay.
pub(super) fn plan(response: &Response, version: Version) -> Follows {
    let coding = match version {
        Version::Http10 => Coding::Close,
        Version::Http11 => Coding::Chunked,
    };
    match &response.body {
        _ if matches!(response.status, 204 | 304) => Follows::Nothing,
        _ if response.status == 205 => Follows::Sized(0),
        Body::Empty => Follows::Sized(0),
        Body::Bytes(bytes) => Follows::Sized(bytes.len() as u64),
        Body::File { length, .. } => Follows::Sized(*length),
        Body::Stream { length, .. } => length.map_or(Follows::Coded(coding), Follows::Sized),
        Body::Writer(_) => Follows::Coded(coding),
        Body::Upgrade(_) => Follows::Upgrade,
    }
}

/// Writes a head.
pub(super) fn head(out: &mut Vec<u8>, response: &Response, follows: Follows, context: Context<'_>) {
    out.reserve(PLAIN_BYTES);
    let begin = context.clock.begin.as_bytes();
    match response.status {
        200 => out.extend_from_slice(begin),
        status => {
            out.extend_from_slice(b"HTTP/1.1 ");
            number(out, u64::from(status));
            out.push(b' ');
            out.extend_from_slice(reason(status).as_bytes());
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(&begin[OK_LINE.len()..]);
        }
    }
    if let Some(content_type) = &response.content_type {
        out.extend_from_slice(b"Content-Type: ");
        out.extend_from_slice(content_type.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    for (name, value) in &response.headers {
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    match follows {
        Follows::Sized(length) => {
            out.extend_from_slice(b"Content-Length: ");
            number(out, length);
            out.extend_from_slice(b"\r\n");
        }
        Follows::Coded(Coding::Chunked) => {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        Follows::Coded(Coding::Close) | Follows::Nothing | Follows::Upgrade => {}
    }
    let connection: &[u8] = match (follows, context.keeps, context.version) {
        (Follows::Upgrade, _, _) => b"Connection: Upgrade\r\n",
        (_, false, _) => b"Connection: close\r\n",
        (_, true, Version::Http10) => b"Connection: keep-alive\r\n",
        (_, true, Version::Http11) => b"",
    };
    out.extend_from_slice(connection);
    out.extend_from_slice(b"\r\n");
}

/// Writes a number; `write!` would take longer than the rest of a plain head.
fn number(out: &mut Vec<u8>, mut number: u64) {
    // As many as `u64::MAX` has.
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn number_is_written_as_display_writes_it() {
        for value in [0, 9, 10, 13, 199, 10_485_760, u64::MAX] {
            let mut out = Vec::new();
            number(&mut out, value);
            assert_eq!(out, value.to_string().as_bytes());
        }
    }
}
