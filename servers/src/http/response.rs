//! [`Response`]: what a handler answers.

use super::status::reason;
use super::upgraded::Upgraded;
use super::writer::BodyWriter;
use greenroom::fs::File;
use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};

type Text = Cow<'static, str>;
type WriterFn = Box<dyn FnOnce(&mut BodyWriter<'_>) -> io::Result<()> + Send>;
pub(super) type UpgradeFn = Box<dyn FnOnce(Upgraded<'_>) -> io::Result<()> + Send>;

/// An answer: status, header fields, body. `Date`, `Server`, `Content-Length`, `Transfer-Encoding` and
/// `Connection` are the server's business and cannot be set.
///
/// # Examples
/// ```
/// use greenroom_servers::http::Response;
/// let answer = Response::text("gone fishing").with_status(503).header("Retry-After", "3600");
/// assert_eq!(answer.status(), 503);
/// ```
pub struct Response {
    pub(super) status: u16,
    pub(super) content_type: Option<Text>,
    pub(super) headers: Vec<(Text, Text)>,
    pub(super) body: Body,
    pub(super) closes: bool,
    /// Why it is 500: a log line.
    pub(super) cause: Option<io::Error>,
}

/// The bytes of an answer, or where they come from. Never sent for HEAD, 204, 205 and 304.
#[non_exhaustive]
pub enum Body {
    /// Nothing.
    Empty,
    /// Bytes, with a `Content-Length`.
    Bytes(Cow<'static, [u8]>),
    /// What a reader gives: exactly `length` bytes, or if that is `None` until its end, chunked.
    Stream {
        /// The bytes.
        reader: Box<dyn Read + Send>,
        /// How many, if that is known.
        length: Option<u64>,
    },
    /// What a closure writes, chunked.
    Writer(WriterFn),
    /// A part of a file, sent by the kernel where it can.
    File {
        /// Open for reading.
        file: File,
        /// Where the part begins.
        offset: u64,
        /// Its bytes; the file must have them.
        length: u64,
    },
    /// The connection, for another protocol.
    Upgrade(UpgradeFn),
}

impl Response {
    /// An answer without a body.
    ///
    /// # Panics
    /// `status` is not within 200–599.
    #[must_use]
    pub fn new(status: u16) -> Response {
        Response {
            status: checked_status(status),
            content_type: None,
            headers: Vec::new(),
            body: Body::Empty,
            closes: false,
            cause: None,
        }
    }

    /// 200 with plain text.
    #[inline]
    #[must_use]
    pub fn text(text: impl Into<Cow<'static, str>>) -> Response {
        Response::of("text/plain; charset=utf-8", to_bytes(text.into()))
    }

    /// 200 with a page.
    #[must_use]
    pub fn html(page: impl Into<Cow<'static, str>>) -> Response {
        Response::of("text/html; charset=utf-8", to_bytes(page.into()))
    }

    /// 200 with bytes.
    #[must_use]
    pub fn bytes(bytes: impl Into<Cow<'static, [u8]>>) -> Response {
        Response::of("application/octet-stream", bytes.into())
    }

    /// The standard text of a status: what the server itself answers.
    ///
    /// # Panics
    /// `status` is not within 200–599.
    #[must_use]
    pub fn status_page(status: u16) -> Response {
        Response::text(format!("{status} {}\n", reason(status))).with_status(status)
    }

    /// A redirection, 302 unless another status is set.
    ///
    /// # Panics
    /// `location` holds a control character.
    #[must_use]
    pub fn redirect(location: impl Into<Cow<'static, str>>) -> Response {
        Response::new(302).header("Location", location)
    }

    /// 200 with what a reader gives until its end, chunked; to clients of HTTP/1.0 the end of the
    /// connection is the end. The reader may park.
    #[must_use]
    pub fn stream(reader: impl Read + Send + 'static) -> Response {
        let reader = Box::new(reader);
        Response::new(200).body(Body::Stream {
            reader,
            length: None,
        })
    }

    /// 200 with what a closure writes, chunked. It may park, and end with an error: then the client sees
    /// the connection end in mid-air. See [`BodyWriter`].
    #[must_use]
    pub fn writer(
        write: impl FnOnce(&mut BodyWriter<'_>) -> io::Result<()> + Send + 'static,
    ) -> Response {
        Response::new(200).body(Body::Writer(Box::new(write)))
    }

    /// 101: `run` gets the connection, for `protocol`. Further header fields may be added.
    ///
    /// # Panics
    /// `protocol` holds a control character.
    #[must_use]
    pub fn upgrade(
        protocol: impl Into<Cow<'static, str>>,
        run: impl FnOnce(Upgraded<'_>) -> io::Result<()> + Send + 'static,
    ) -> Response {
        let mut response = Response::new(200).header("Upgrade", protocol);
        response.status = 101;
        response.body(Body::Upgrade(Box::new(run)))
    }

    /// With another status.
    ///
    /// # Panics
    /// `status` is not within 200–599, or this is an upgrade.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Response {
        assert!(self.status != 101, "an upgrade is 101");
        self.status = checked_status(status);
        self
    }

    /// With one more header field; `Content-Type` replaces the one there is.
    ///
    /// # Panics
    /// `name` is not a token, `value` holds a control character other than a tab (nobody can split an
    /// answer in two), or the field is the server's business.
    #[must_use]
    pub fn header(mut self, name: impl Into<Text>, value: impl Into<Text>) -> Response {
        self.set(name.into(), value.into());
        self
    }

    fn set(&mut self, name: Text, value: Text) {
        assert!(is_token(&name), "{name:?} is no header name");
        let is_plain = |byte: u8| byte == b'\t' || !byte.is_ascii_control();
        assert!(value.bytes().all(is_plain), "control character in {name}");
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        assert!(!OURS.iter().any(|ours| is(ours)), "{name} is not yours");
        if is("content-type") {
            self.content_type = Some(value);
        } else {
            self.headers.push((name, value));
        }
    }

    /// With another body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Response {
        self.body = body;
        self
    }

    /// The connection ends after it.
    #[must_use]
    pub fn close(mut self) -> Response {
        self.closes = true;
        self
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Written out, not by way of `new`, and inline: nearly all answers are made here, and none is moved.
    #[inline]
    fn of(content_type: &'static str, bytes: Cow<'static, [u8]>) -> Response {
        Response {
            status: 200,
            content_type: Some(Cow::Borrowed(content_type)),
            headers: Vec::new(),
            body: Body::Bytes(bytes),
            closes: false,
            cause: None,
        }
    }
}

/// Fields that `encode` writes.
const OURS: [&str; 5] = [
    "connection",
    "content-length",
    "date",
    "server",
    "transfer-encoding",
];

fn checked_status(status: u16) -> u16 {
    assert!((200..600).contains(&status), "no final status: {status}");
    status
}

#[inline]
fn to_bytes(text: Cow<'static, str>) -> Cow<'static, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// The characters that RFC 9110 allows in names.
pub(super) fn is_token(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(is_token_char)
}

pub(super) fn is_token_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// An error of the system is 500, and a log line.
impl From<io::Result<Response>> for Response {
    fn from(result: io::Result<Response>) -> Response {
        result.unwrap_or_else(|error| {
            let mut response = Response::status_page(500);
            response.cause = Some(error);
            response
        })
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("content_type", &self.content_type)
            .field("headers", &self.headers)
            .field("body", &self.body)
            .field("closes", &self.closes)
            .finish()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Empty => f.write_str("Empty"),
            Body::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Body::Stream { length, .. } => write!(f, "Stream({length:?})"),
            Body::Writer(_) => f.write_str("Writer"),
            Body::File { offset, length, .. } => write!(f, "File({offset}+{length})"),
            Body::Upgrade(_) => f.write_str("Upgrade"),
        }
    }
}
