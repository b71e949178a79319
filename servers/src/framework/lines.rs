//! Lines of text, of bounded length, from whoever sends them.
//!
//! `BufRead::read_line` keeps what a peer sends until a newline comes, which may be never. Here a line that is
//! too long is told of and thrown away as it comes, and the next one is read as if nothing had happened.

use std::io::{self, ErrorKind, Read};

/// How much is read at once.
const CHUNK: usize = 1024;

/// Reads lines that end with LF or CRLF.
///
/// # Examples
/// ```
/// use greenroom_servers::{Line, LineReader};
///
/// let mut lines = LineReader::new(&b"HELO\r\na very long line\nQUIT"[..], 8);
/// assert_eq!(lines.next_line()?, Some(Line::Text(b"HELO")));
/// assert_eq!(lines.next_line()?, Some(Line::TooLong));
/// assert_eq!(lines.next_line()?, Some(Line::Cut(b"QUIT")));
/// assert_eq!(lines.next_line()?, None);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct LineReader<R> {
    inner: R,
    /// `buf[start..end]` was read and not handed out.
    buf: Vec<u8>,
    start: usize,
    end: usize,
    bytes_max: usize,
    /// The rest of a line that is too long is thrown away.
    is_skipping: bool,
}

/// A line, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A whole one.
    Text(&'a [u8]),
    /// One that had more bytes than is allowed. It is gone.
    TooLong,
    /// What came before the end of the stream without a newline: perhaps not all of it.
    Cut(&'a [u8]),
}

impl<R: Read> LineReader<R> {
    /// Reads from `inner` lines of at most `bytes_max` bytes, the end of the line not counted.
    ///
    /// At a time it keeps two bytes more than that, and up to 1 KiB of what follows.
    pub fn new(inner: R, bytes_max: usize) -> LineReader<R> {
        LineReader {
            inner,
            buf: Vec::new(),
            start: 0,
            end: 0,
            bytes_max,
            is_skipping: false,
        }
    }

    /// The next line; `None` at the end of the stream. Parks.
    ///
    /// # Errors
    /// What reading reports. What was read of a line is kept: the next call goes on.
    pub fn next_line(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut seen = 0;
        loop {
            let held = &self.buf[self.start..self.end];
            if let Some(at) = held[seen..].iter().position(|&byte| byte == b'\n') {
                return Ok(Some(self.take_line(seen + at)));
            }
            seen = held.len();
            // One more for the CR, if that is what the last byte is.
            if self.is_skipping || seen > self.bytes_max + 1 {
                self.is_skipping = true;
                (self.start, self.end, seen) = (0, 0, 0);
            }
            if !self.fill()? {
                return Ok(self.take_rest());
            }
        }
    }

    /// The reader below. What was read ahead of it is in [`buffered`](LineReader::buffered).
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// The reader below, to be written to; to read from it loses what was read ahead.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// What was read and is not part of a line that was handed out.
    pub fn buffered(&self) -> &[u8] {
        &self.buf[self.start..self.end]
    }

    /// Of a line whose newline is at `at`, from the start.
    fn take_line(&mut self, at: usize) -> Line<'_> {
        let line = self.start..self.start + at;
        self.start += at + 1;
        if std::mem::take(&mut self.is_skipping) {
            return Line::TooLong;
        }
        let line = &self.buf[line];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.len() <= self.bytes_max {
            true => Line::Text(line),
            false => Line::TooLong,
        }
    }

    fn take_rest(&mut self) -> Option<Line<'_>> {
        let rest = std::mem::replace(&mut self.start, self.end)..self.end;
        if std::mem::take(&mut self.is_skipping) || rest.len() > self.bytes_max {
            return Some(Line::TooLong);
        }
        (!rest.is_empty()).then(|| Line::Cut(&self.buf[rest]))
    }

    /// Reads more. `false`: there is no more.
    fn fill(&mut self) -> io::Result<bool> {
        self.buf.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.end - self.start);
        if self.buf.len() < self.end + CHUNK {
            self.buf.resize(self.end + CHUNK, 0);
        }
        loop {
            match self.inner.read(&mut self.buf[self.end..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                outcome => {
                    let count = outcome?;
                    self.end += count;
                    return Ok(count > 0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out so many bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buf.len());
            let (now, later) = self.0.split_at(count);
            buf[..count].copy_from_slice(now);
            self.0 = later;
            Ok(count)
        }
    }

    fn lines(text: &[u8], at_once: usize) -> Vec<String> {
        let mut reader = LineReader::new(Slow(text, at_once), 4);
        let mut lines = Vec::new();
        while let Some(line) = reader.next_line().expect("because a slice has no errors") {
            lines.push(match line {
                Line::Text(text) => format!("text {}", text.escape_ascii()),
                Line::Cut(text) => format!("cut {}", text.escape_ascii()),
                Line::TooLong => "too long".to_owned(),
            });
        }
        assert!(reader.buf.len() <= 4 + 2 + 2 * CHUNK);
        lines
    }

    #[test]
    fn lines_are_the_same_however_they_arrive() {
        let long = "x".repeat(5000);
        let text = format!("a\r\n\n12345\n1234\r\n12345\r\n{long}\r\n\rb\n{long}\n\r\r\nend");
        let expected = [
            "text a",
            "text ",
            "too long",
            "text 1234",
            "too long",
            "too long",
            "text \\rb",
            "too long",
            "text \\r",
            "cut end",
        ];
        for at_once in [1, 2, 3, 5, 7, 100, 10_000] {
            assert_eq!(lines(text.as_bytes(), at_once), expected, "{at_once}");
        }
    }

    #[test]
    fn long_line_without_an_end_is_too_long() {
        for length in [5, 6, 7, 5000] {
            assert_eq!(lines(&vec![b'x'; length], 3), ["too long"], "{length}");
        }
        assert_eq!(lines(b"1234", 9), ["cut 1234"]);
        assert!(lines(b"", 1).is_empty());
    }

    #[test]
    fn error_in_the_middle_of_a_line_loses_none_of_it() {
        struct Hiccup(Vec<io::Result<&'static [u8]>>);
        impl Read for Hiccup {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                let part = self.0.pop().unwrap_or(Ok(b""))?;
                buf[..part.len()].copy_from_slice(part);
                Ok(part.len())
            }
        }
        let parts = vec![
            Ok(&b"lo\n"[..]),
            Err(ErrorKind::TimedOut.into()),
            Ok(b"hel"),
        ];
        let mut reader = LineReader::new(Hiccup(parts), 9);
        assert!(reader.next_line().is_err());
        let line = reader.next_line().expect("because the rest is there");
        assert_eq!(line, Some(Line::Text(b"hello")));
    }
}
