//! From bytes to a head: request line and header fields, by httparse, and stricter.
//!
//! Pure: no system call, nothing is kept. What is decided here depends on the bytes only, never on how
//! they were cut into reads: a prefix is either incomplete or has its final verdict.

use super::framing::{self, Framing};
use super::headers::Headers;
use super::limits::HttpLimits;
use super::refusal::Refusal;
use super::request::Version;
use super::target::{self, Target};
use httparse::{Header, Status};
use std::mem::MaybeUninit;

/// The longest method there is room for beside a target of the greatest length, with the version.
const LINE_SLACK: usize = 64;

/// Headers that are parsed into slots on the stack, 32 bytes each; requests with more pay for a vector.
pub(super) const SLOTS: usize = 24;

/// Places for header fields.
pub(super) type Slots<'c> = [MaybeUninit<Header<'c>>];

/// A request without its body.
#[derive(Debug)]
pub(super) struct Head<'c> {
    pub(super) method: &'c str,
    /// As it was sent.
    pub(super) raw_target: &'c str,
    pub(super) target: Target<'c>,
    pub(super) version: Version,
    pub(super) headers: Headers<'c>,
    pub(super) framing: Framing,
    /// Bytes, with the empty line.
    pub(super) length: usize,
}

/// Why a buffer does not begin with a head.
#[derive(Clone, Copy, Debug)]
pub(super) enum NoHead {
    /// Nothing that can be judged yet.
    Partial,
    /// More header fields than there are slots.
    TooFewSlots,
    Refused(Refusal),
}

impl From<Refusal> for NoHead {
    fn from(refusal: Refusal) -> NoHead {
        NoHead::Refused(refusal)
    }
}

/// Parses the head at the beginning of `bytes`, which does not begin with an empty line.
pub(super) fn parse<'c>(
    bytes: &'c [u8],
    slots: &'c mut Slots<'c>,
    limits: &HttpLimits,
) -> Result<Head<'c>, NoHead> {
    let slot_count = slots.len();
    let (window, too_long) = window(bytes, limits);
    let mut request = httparse::Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(window, slots) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Err(too_long.map_or(NoHead::Partial, NoHead::Refused)),
        Err(httparse::Error::TooManyHeaders) if slot_count < limits.headers_max => {
            return Err(NoHead::TooFewSlots);
        }
        Err(error) => return Err(NoHead::Refused(refusal_of(error))),
    };
    judge(window, request, length, limits)
}

/// Bytes within which a request line ends.
pub(super) fn line_bytes_max(limits: &HttpLimits) -> usize {
    limits.target_bytes_max + LINE_SLACK
}

/// The bytes that may be looked at, and the verdict if the head does not end within them.
fn window<'c>(bytes: &'c [u8], limits: &HttpLimits) -> (&'c [u8], Option<Refusal>) {
    let line_max = line_bytes_max(limits);
    if bytes.len() >= line_max && !bytes[..line_max].contains(&b'\n') {
        let refusal = Refusal::new(414, "request line too long");
        return (&bytes[..line_max], Some(refusal));
    }
    if bytes.len() >= limits.header_bytes_max {
        let refusal = Refusal::new(431, "head too long");
        return (&bytes[..limits.header_bytes_max], Some(refusal));
    }
    (bytes, None)
}

fn refusal_of(error: httparse::Error) -> Refusal {
    match error {
        httparse::Error::TooManyHeaders => Refusal::new(431, "too many header fields"),
        httparse::Error::Version => Refusal::new(505, "not HTTP/1.0 or 1.1"),
        httparse::Error::HeaderName => Refusal::bad("malformed header name"),
        httparse::Error::HeaderValue => Refusal::bad("malformed header value"),
        httparse::Error::NewLine => Refusal::bad("malformed end of line"),
        _ => Refusal::bad("malformed request line"),
    }
}

fn judge<'c>(
    bytes: &'c [u8],
    request: httparse::Request<'c, 'c>,
    length: usize,
    limits: &HttpLimits,
) -> Result<Head<'c>, NoHead> {
    let (Some(method), Some(raw_target), Some(version)) =
        (request.method, request.path, request.version)
    else {
        return Err(Refusal::bad("malformed request line").into());
    };
    let headers: &'c [Header<'c>] = request.headers;
    if !ends_with_crlf(bytes, headers, length) {
        return Err(Refusal::bad("line ends without CR").into());
    }
    if raw_target.len() > limits.target_bytes_max {
        return Err(Refusal::new(414, "request target too long").into());
    }
    if headers.len() > limits.headers_max {
        return Err(Refusal::new(431, "too many header fields").into());
    }
    let version = match version {
        0 => Version::Http10,
        _ => Version::Http11,
    };
    Ok(Head {
        method,
        raw_target,
        target: target::parse(method, raw_target)?,
        version,
        headers: Headers::new(headers),
        framing: framing::judge(version, headers)?,
        length,
    })
}

/// Whether every line ends with CR LF. httparse takes a bare LF, as RFC 9112 permits; but a front end
/// that does not would see other requests than we, so it is refused.
fn ends_with_crlf(bytes: &[u8], headers: &[Header<'_>], length: usize) -> bool {
    let begin = bytes.as_ptr().addr();
    let is_crlf_before = |end: usize| bytes.get(end.wrapping_sub(2)..end) == Some(b"\r\n");
    let is_good = |header: &Header<'_>| is_crlf_before(header.name.as_ptr().addr() - begin);
    headers.iter().all(is_good) && bytes[..length].ends_with(b"\r\n\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(bytes: &[u8], limits: &HttpLimits) -> Result<usize, Option<u16>> {
        let mut slots = [const { MaybeUninit::uninit() }; SLOTS];
        match parse(bytes, &mut slots, limits) {
            Ok(head) => Ok(head.length),
            Err(NoHead::Partial) => Err(None),
            Err(NoHead::TooFewSlots) => Err(Some(0)),
            Err(NoHead::Refused(refusal)) => Err(Some(refusal.status)),
        }
    }

    #[test]
    fn head_cut_anywhere_is_incomplete_or_has_its_verdict() {
        let limits = HttpLimits {
            header_bytes_max: 80,
            target_bytes_max: 8,
            ..HttpLimits::default()
        };
        let heads = [
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
            "GET / HTTP/1.1\nHost: x\r\n\r\n".to_owned(),
            format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(8)),
            format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(90)),
            format!("GET / HTTP/1.1\r\nHost: x\r\nA: {}\r\n\r\n", "x".repeat(90)),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        ];
        for head in heads {
            let whole = verdict(head.as_bytes(), &limits);
            assert_ne!(whole, Err(None), "{head}");
            for cut in 0..head.len() {
                let part = verdict(&head.as_bytes()[..cut], &limits);
                assert!(
                    part == Err(None) || part == whole,
                    "{head} at {cut}: {part:?}"
                );
            }
        }
    }
}
