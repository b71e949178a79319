//! The plaintext answer, and the parsing of requests for the server that is written here.
//!
//! The head has what the peers' heads have: Content-Type, Content-Length, Date. The date is made once a
//! second; the server asks for it once per batch of events, which is one look at the clock.

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) const BODY: &str = "Hello, World!";
const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
/// wrk sends one header, browsers about twenty.
const HEADERS_MAX: usize = 32;

/// The bytes that answer `GET /`, good for this second.
#[derive(Debug)]
pub(crate) struct Answer {
    bytes: Vec<u8>,
    second: u64,
}

impl Answer {
    pub(crate) fn new() -> Answer {
        let mut answer = Answer {
            bytes: Vec::new(),
            second: u64::MAX,
        };
        answer.refresh();
        answer
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Makes the date this second's.
    pub(crate) fn refresh(&mut self) {
        let now = SystemTime::now();
        let second = now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
        if second == self.second {
            return;
        }
        self.second = second;
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second));
        let len = BODY.len();
        self.bytes = format!(
            "HTTP/1.1 200 OK\r\nServer: G\r\nDate: {date}\r\nContent-Type: text/plain\r\n\
             Content-Length: {len}\r\n\r\n{BODY}"
        )
        .into_bytes();
    }
}

/// Answers every whole request in `input`; returns how much of it they were.
///
/// Requests have no bodies here, and there is no path but `/`.
#[inline]
pub(crate) fn answer_all(input: &[u8], answer: &Answer, out: &mut Vec<u8>) -> io::Result<usize> {
    let mut used = 0;
    while used < input.len() {
        let mut headers = [const { std::mem::MaybeUninit::uninit() }; HEADERS_MAX];
        let mut request = httparse::Request::new(&mut []);
        let parsed = request
            .parse_with_uninit_headers(&input[used..], &mut headers)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let httparse::Status::Complete(len) = parsed else {
            break;
        };
        used += len;
        match (request.method, request.path) {
            (Some("GET"), Some("/")) => out.extend_from_slice(answer.bytes()),
            _ => out.extend_from_slice(NOT_FOUND),
        }
    }
    Ok(used)
}

/// Splits the first whole answer off `bytes` and checks that it is the plaintext: its length.
pub(crate) fn check_answer(bytes: &[u8]) -> io::Result<Option<usize>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(bytes).map_err(io::Error::other)?;
    let httparse::Status::Complete(head) = parsed else {
        return Ok(None);
    };
    let header = |name: &str| {
        let mut found = response.headers.iter();
        let found = found.find(|header| header.name.eq_ignore_ascii_case(name));
        found.and_then(|header| std::str::from_utf8(header.value).ok())
    };
    let wrong = |what: &str| Err(io::Error::other(format!("not the plaintext: {what}")));
    if response.code != Some(200) {
        return wrong("the status is not 200");
    }
    if !header("content-type").is_some_and(|value| value.starts_with("text/plain")) {
        return wrong("the content type is another");
    }
    if header("content-length") != Some(&BODY.len().to_string()) {
        return wrong("the length is another");
    }
    if header("date").is_none() {
        return wrong("there is no date");
    }
    let Some(body) = bytes.get(head..head + BODY.len()) else {
        return Ok(None);
    };
    if body != BODY.as_bytes() {
        return wrong("the body is another");
    }
    Ok(Some(head + BODY.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    #[test]
    fn whole_requests_are_answered_and_a_partial_one_is_left() {
        let answer = Answer::new();
        let mut out = Vec::new();
        let input = format!("{GET}{GET}GET / HT");
        let used = answer_all(input.as_bytes(), &answer, &mut out);
        assert_eq!(used.expect("because they are sound"), 2 * GET.len());
        assert_eq!(out.len(), 2 * answer.bytes().len());
    }

    #[test]
    fn other_paths_and_methods_get_404() {
        let mut out = Vec::new();
        let input = b"GET /mine HTTP/1.1\r\n\r\nPOST / HTTP/1.1\r\n\r\n";
        let used = answer_all(input, &Answer::new(), &mut out);
        assert_eq!(used.expect("because they are sound"), input.len());
        assert_eq!(out, NOT_FOUND.repeat(2));
    }

    #[test]
    fn garbage_is_an_error() {
        let mut out = Vec::new();
        assert!(answer_all(b"\0\0\0\0", &Answer::new(), &mut out).is_err());
    }

    #[test]
    fn answer_is_recognised_whole_partial_and_wrong() {
        let answer = Answer::new();
        let bytes = answer.bytes();
        assert_eq!(check_answer(bytes).ok(), Some(Some(bytes.len())));
        assert_eq!(check_answer(&bytes[..bytes.len() - 1]).ok(), Some(None));
        assert_eq!(check_answer(&bytes[..20]).ok(), Some(None));
        assert!(check_answer(NOT_FOUND).is_err());
    }
}
