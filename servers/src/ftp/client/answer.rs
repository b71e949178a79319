//! What a server answers, read without trust.
//!
//! An answer has so many lines of so many bytes at most, and comes in time, whatever the server sends.

use crate::ftp::lines::{Line, Lines};
use greenroom::net::TcpStream;
use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::time::Duration;

/// Bytes of one line: those of a path, and some words.
const LINE_BYTES_MAX: usize = 8 * 1024;
/// Lines of one answer: those of a long greeting.
const LINES_MAX: usize = 1000;

/// What a server answered: in an [`io::Error`] if it refused.
///
/// # Examples
/// ```
/// use greenroom_servers::TcpServer;
/// use greenroom_servers::ftp::{Ftp, Settings, client::{Answer, FtpClient}};
/// use greenroom_servers::root::Root;
/// greenroom::run(|| {
///     let ftp = Ftp::new(Root::read_only(".")?, Settings::default());
///     let server = TcpServer::bind("127.0.0.1:0")?.serve_in_background(ftp)?;
///     let mut client = FtpClient::connect(server.local_addr())?;
///     let error = client.pwd().unwrap_err();
///     assert_eq!(Answer::of(&error).map(|answer| answer.code), Some(530));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// Three digits; the first tells good from bad.
    pub code: u16,
    /// The lines without their codes; as the server sent them, so not fit for a terminal.
    pub lines: Vec<String>,
}

impl Answer {
    /// The answer that is the reason for an error.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Answer> {
        error.get_ref()?.downcast_ref()
    }

    /// The last line.
    #[must_use]
    pub fn text(&self) -> &str {
        self.lines.last().map_or("", String::as_str)
    }

    /// This answer if its code begins with one of `wanted`, else an error.
    pub(super) fn expect(self, wanted: &[u16]) -> io::Result<Answer> {
        if wanted.contains(&(self.code / 100)) {
            return Ok(self);
        }
        let kind = match self.code {
            421 => ErrorKind::ConnectionAborted,
            452 | 552 => ErrorKind::StorageFull,
            500 | 502 | 504 => ErrorKind::Unsupported,
            530 => ErrorKind::PermissionDenied,
            550 => ErrorKind::NotFound,
            _ => ErrorKind::Other,
        };
        Err(io::Error::new(kind, self))
    }
}

impl fmt::Display for Answer {
    /// The code and the last line, with question marks for control characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = crate::ftp::session::printable(self.text());
        write!(f, "{} {text}", self.code)
    }
}

impl std::error::Error for Answer {}

/// The server's side of the control connection.
#[derive(Debug)]
pub(super) struct Answers(Lines);

impl Answers {
    pub(super) fn new() -> Answers {
        Answers(Lines::new(LINE_BYTES_MAX))
    }

    /// The next answer, all of it within `limit`. Parks.
    pub(super) fn next(&mut self, stream: &TcpStream, limit: Duration) -> io::Result<Answer> {
        let answer = greenroom::timeout(limit, || self.read(stream));
        let late = || io::Error::new(ErrorKind::TimedOut, "the server does not answer");
        answer.unwrap_or_else(|_| Err(late()))
    }

    fn read(&mut self, stream: &TcpStream) -> io::Result<Answer> {
        let first = self.line(stream)?;
        let (code, is_last, text) = split(&first).ok_or_else(|| garbage("not an answer of FTP"))?;
        let mut lines = vec![text.to_owned()];
        if is_last {
            return Ok(Answer { code, lines });
        }
        while lines.len() < LINES_MAX {
            let line = self.line(stream)?;
            match split(&line) {
                Some((same, true, text)) if same == code => {
                    lines.push(text.to_owned());
                    return Ok(Answer { code, lines });
                }
                _ => lines.push(line),
            }
        }
        Err(garbage("an answer without end"))
    }

    fn line(&mut self, mut stream: &TcpStream) -> io::Result<String> {
        loop {
            match self.0.next() {
                Some(Line::Text(line)) => return Ok(String::from_utf8_lossy(&line).into_owned()),
                Some(Line::TooLong) => return Err(garbage("a line that is too long")),
                None => {}
            }
            if self.0.is_overlong() {
                return Err(garbage("a line without end"));
            }
            let mut some = [0; 2048];
            match stream.read(&mut some)? {
                0 => return Err(gone()),
                count => self.0.feed(&some[..count]),
            }
        }
    }
}

fn gone() -> io::Error {
    io::Error::new(
        ErrorKind::UnexpectedEof,
        "the server has closed the connection",
    )
}

pub(super) fn garbage(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("the server sent {what}"))
}

/// `226 text` or `226-text`.
fn split(line: &str) -> Option<(u16, bool, &str)> {
    let digits = line.get(..3)?;
    let is_code = digits.bytes().all(|byte| byte.is_ascii_digit());
    let code: u16 = digits
        .parse()
        .ok()
        .filter(|code| is_code && (100..600).contains(code))?;
    match line.as_bytes().get(3) {
        None => Some((code, true, "")),
        Some(b' ') => Some((code, true, &line[4..])),
        Some(b'-') => Some((code, false, &line[4..])),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_into_code_and_text() {
        for (line, expected) in [
            ("226 Done", Some((226, true, "Done"))),
            ("226-Done", Some((226, false, "Done"))),
            ("226", Some((226, true, ""))),
            ("2266 x", None),
            ("099 x", None),
            ("600 x", None),
            ("+26 x", None),
            ("é6 x", None),
            ("", None),
            (" 226 x", None),
            ("HTTP/1.1 400", None),
        ] {
            assert_eq!(split(line), expected, "{line}");
        }
    }

    #[test]
    fn refusals_show_no_control_characters() {
        let lines = vec!["x\x1b[2J".to_owned()];
        let error = Answer { code: 550, lines }
            .expect(&[2])
            .expect_err("because 5 is not 2");
        assert_eq!(
            (error.kind(), error.to_string()),
            (ErrorKind::NotFound, "550 x?[2J".into())
        );
    }
}
