//! Lines of a bounded length, in constant memory.
//!
//! `BufRead::read_line` takes whatever comes before the next line end, a gigabyte if need be. Here a line that
//! is too long is reported as soon as that is known, what is left of it is skipped, and the next one is read.

use std::io::{self, ErrorKind, Read};

/// Reads lines that end in LF or CRLF.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    buffer: Box<[u8]>,
    /// What is in the buffer and not yet given out.
    start: usize,
    end: usize,
    bytes_max: usize,
    /// The rest of a line that was reported as too long is still to come.
    is_skipping: bool,
}

/// A line, without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// All of it. The last line of a stream may lack its end.
    Whole(&'a [u8]),
    /// It is longer than allowed.
    TooLong,
}

impl<R: Read> Lines<R> {
    /// Lines of at most `bytes_max` bytes.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::lines::{Line, Lines};
    /// let mut lines = Lines::new(&b"one\r\nfar too long\ntwo"[..], 4);
    /// assert_eq!(lines.next()?, Some(Line::Whole(b"one")));
    /// assert_eq!(lines.next()?, Some(Line::TooLong));
    /// assert_eq!(lines.next()?, Some(Line::Whole(b"two")));
    /// assert_eq!(lines.next()?, None);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn new(reader: R, bytes_max: usize) -> Lines<R> {
        Lines {
            reader,
            // And CRLF.
            buffer: vec![0; bytes_max + 2].into(),
            start: 0,
            end: 0,
            bytes_max,
            is_skipping: false,
        }
    }

    /// The next line; `None` at the end of the stream. Parks.
    ///
    /// # Errors
    /// The reader's own.
    #[expect(clippy::should_implement_trait, reason = "a line borrows the buffer")]
    pub fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut seen = self.start;
        loop {
            let found = self.buffer[seen..self.end].iter().position(|b| *b == b'\n');
            if let Some(at) = found {
                let line = self.start..seen + at;
                self.start = line.end + 1;
                seen = self.start;
                if !std::mem::take(&mut self.is_skipping) {
                    return Ok(Some(whole(&self.buffer[line], self.bytes_max)));
                }
                continue;
            }
            if self.end - self.start == self.buffer.len() || self.is_skipping {
                (self.start, self.end) = (0, 0);
                if !std::mem::replace(&mut self.is_skipping, true) {
                    return Ok(Some(Line::TooLong));
                }
            }
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            seen = self.end;
            let came = match self.reader.read(&mut self.buffer[seen..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                came => came?,
            };
            self.end += came;
            if came == 0 {
                let line = 0..std::mem::take(&mut self.end);
                let is_line = !line.is_empty();
                return Ok(is_line.then(|| whole(&self.buffer[line], self.bytes_max)));
            }
        }
    }
}

fn whole(line: &[u8], bytes_max: usize) -> Line<'_> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match line.len() <= bytes_max {
        true => Line::Whole(line),
        false => Line::TooLong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives so many bytes at a time.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buf.len());
            buf[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn all(input: &[u8], piece: usize) -> Vec<String> {
        let mut lines = Lines::new(Pieces(input, piece), 4);
        let mut all = Vec::new();
        while let Some(line) = lines.next().expect("because a slice never fails") {
            all.push(match line {
                Line::Whole(line) => line.escape_ascii().to_string(),
                Line::TooLong => "TOO LONG".to_owned(),
            });
        }
        all
    }

    #[test]
    fn lines_come_whole_however_they_arrive() {
        let rows: [(&[u8], &[&str]); 8] = [
            (b"", &[]),
            (b"\n\r\n", &["", ""]),
            (b"abcd\r\nabcd\nx", &["abcd", "abcd", "x"]),
            (b"abcde\nx\n", &["TOO LONG", "x"]),
            (b"abcdefghijklmnop\nx\n", &["TOO LONG", "x"]),
            (b"abcdefghijklmnop", &["TOO LONG"]),
            (b"ab\rd\n", &["ab\\rd"]),
            (b"abcd\r", &["abcd"]),
        ];
        for (input, wanted) in rows {
            for piece in 1..=input.len().max(1) {
                assert_eq!(all(input, piece), wanted, "{piece} bytes at a time");
            }
        }
    }
}
