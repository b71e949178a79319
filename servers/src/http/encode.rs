//! Heads of answers, written into the output.

use super::date;
use super::request::Version;
use super::response::{Body, Response};
use super::status::reason;
use super::writer::Coding;
use std::io::Write;
use std::time::SystemTime;

/// The `Date` field's value, formatted anew when the second has changed. One per connection: shared it
/// would need synchronisation that costs as much as it saves.
#[derive(Debug)]
pub(super) struct Clock {
    second: u64,
    text: String,
}

impl Clock {
    pub(super) fn new() -> Clock {
        Clock {
            second: u64::MAX,
            text: String::new(),
        }
    }

    /// Looks at the time: once per batch of requests.
    pub(super) fn tick(&mut self) {
        let second = date::unix_seconds(SystemTime::now());
        if second != self.second {
            self.second = second;
            self.text = date::format_seconds(second);
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
    pub(super) server_line: &'c str,
    pub(super) clock: &'c Clock,
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
    match response.status {
        200 => out.extend_from_slice(b"HTTP/1.1 200 OK\r\n"),
        status => {
            out.extend_from_slice(b"HTTP/1.1 ");
            number(out, u64::from(status));
            line(out, &[" ", reason(status)]);
        }
    }
    out.extend_from_slice(context.server_line.as_bytes());
    line(out, &["Date: ", &context.clock.text]);
    if let Some(content_type) = &response.content_type {
        line(out, &["Content-Type: ", content_type]);
    }
    for (name, value) in &response.headers {
        line(out, &[name, ": ", value]);
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
        (Follows::Upgrade, _, _) => b"Connection: Upgrade\r\n\r\n",
        (_, false, _) => b"Connection: close\r\n\r\n",
        (_, true, Version::Http10) => b"Connection: keep-alive\r\n\r\n",
        (_, true, Version::Http11) => b"\r\n",
    };
    out.extend_from_slice(connection);
}

fn line(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

fn number(out: &mut Vec<u8>, number: u64) {
    if number < 10 {
        out.push(b'0' + u8::try_from(number).unwrap_or(0));
    } else {
        let _ = write!(out, "{number}");
    }
}
