//! What header fields say about the message: where its body ends, whether the connection stays, what the
//! client waits for. The rules against request smuggling are here.
//!
//! Pure. Refused rather than guessed: a length that two readers could read in two ways.

use super::headers::{has_token, tokens};
use super::refusal::Refusal;
use super::request::Version;
use httparse::Header;

/// Where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Sized(u64),
    Chunked,
}

/// What the fields say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Framing {
    pub(super) length: Length,
    /// The client would like to send more requests.
    pub(super) keeps: bool,
    /// It sends the body after a `100 Continue`.
    pub(super) expects_continue: bool,
}

/// Judges all fields in one pass.
pub(super) fn judge(version: Version, headers: &[Header<'_>]) -> Result<Framing, Refusal> {
    let mut hosts = 0;
    let (mut length, mut is_chunked) = (None, None);
    let mut expects_continue = false;
    let (mut asks_keep, mut asks_close) = (false, false);
    for header in headers {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        let value = header.value;
        match header.name.len() {
            4 if is("host") => {
                hosts += 1;
                check_host(value)?;
            }
            6 if is("expect") => expects_continue = expects(value)?,
            10 if is("connection") => {
                asks_keep |= has_token(value, "keep-alive");
                asks_close |= has_token(value, "close");
            }
            14 if is("content-length") => {
                set_once(&mut length, parse_length(value)?, "two content lengths")?;
            }
            17 if is("transfer-encoding") => {
                set_once(
                    &mut is_chunked,
                    check_coding(value)?,
                    "two transfer encodings",
                )?;
            }
            _ => {}
        }
    }
    if hosts > 1 {
        return Err(Refusal::bad("two hosts"));
    }
    if hosts == 0 && version == Version::Http11 {
        return Err(Refusal::bad("no host"));
    }
    let length = match (length, is_chunked) {
        (Some(_), Some(())) => {
            return Err(Refusal::bad("content length and transfer encoding"));
        }
        (None, Some(())) if version == Version::Http10 => {
            return Err(Refusal::bad("transfer encoding in HTTP/1.0"));
        }
        (None, Some(())) => Length::Chunked,
        (length, None) => Length::Sized(length.unwrap_or(0)),
    };
    Ok(Framing {
        length,
        keeps: (version == Version::Http11 || asks_keep) && !asks_close,
        expects_continue: expects_continue && version == Version::Http11,
    })
}

/// Even two that are equal: a front end may have looked at one of them.
fn set_once<T>(slot: &mut Option<T>, value: T, reason: &'static str) -> Result<(), Refusal> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Refusal::bad(reason)),
    }
}

/// Digits and nothing else: no sign, no list, no blank, no base.
fn parse_length(value: &[u8]) -> Result<u64, Refusal> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Refusal::bad("malformed content length"));
    }
    let digit = |sum: u64, byte: &u8| sum.checked_mul(10)?.checked_add(u64::from(byte - b'0'));
    let length = value.iter().try_fold(0, digit);
    length.ok_or(Refusal::new(413, "content length beyond all bounds"))
}

/// `chunked` once is the only coding, and the whole value: a list with empty elements beside it, which RFC
/// 9110 lets pass, is no list to everybody.
fn check_coding(value: &[u8]) -> Result<(), Refusal> {
    let is_chunked = |coding: &[u8]| coding.eq_ignore_ascii_case(b"chunked");
    if is_chunked(value) {
        return Ok(());
    }
    let mut codings = tokens(value);
    match (codings.next(), codings.next()) {
        (None, _) => Err(Refusal::bad("empty transfer encoding")),
        (Some(first), Some(second)) if is_chunked(first) && is_chunked(second) => {
            Err(Refusal::bad("chunked twice"))
        }
        _ => Err(Refusal::new(501, "transfer encoding is not chunked")),
    }
}

fn expects(value: &[u8]) -> Result<bool, Refusal> {
    match value.eq_ignore_ascii_case(b"100-continue") {
        true => Ok(true),
        false => Err(Refusal::new(417, "unknown expectation")),
    }
}

/// The characters of names, addresses and ports.
const HOST_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte: u8 = 0;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric();
        byte += 1;
    }
    let others = b"-._~!$&'()*+,;=:[]%";
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
};

/// A name or an address, and maybe a port; may be empty. Not whether it is ours: there is one site.
pub(super) fn check_host(host: &[u8]) -> Result<(), Refusal> {
    // Without a way out in the middle: hosts are short and good, and a branch per byte costs more.
    let is_good = |so_far, &byte: &u8| so_far & HOST_BYTES[usize::from(byte)];
    match host.iter().fold(true, is_good) {
        true => Ok(()),
        false => Err(Refusal::bad("malformed host")),
    }
}
