//! Lines out of the bytes of a control connection: bounded, with Telnet's commands taken out.
//!
//! Pure: bytes go in, lines come out, nothing waits. A control connection is a Telnet connection (RFC 959,
//! 3.6), and clients that abort a transfer do send Telnet's "interrupt process" and "data mark" in front of
//! `ABOR`. What is longer than the limit is forgotten up to its end, and reported as one line that is too
//! long: the next one is read as ever. Called by the session, and by the client with a limit of its own.

use std::collections::VecDeque;

/// Telnet's escape: a command follows, or the byte itself.
pub(crate) const INTERPRET_AS_COMMAND: u8 = 255;
/// `WILL`, `WONT`, `DO`, `DONT`: an option follows.
const NEGOTIATIONS: std::ops::RangeInclusive<u8> = 251..=254;

/// What stood between two line feeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// Without its end, `CR LF` or a bare `LF`.
    Text(Vec<u8>),
    /// It had more bytes than the limit.
    TooLong,
}

/// Where the Telnet commands are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telnet {
    Data,
    Command,
    Option,
}

/// The lines of one connection.
#[derive(Debug)]
pub(crate) struct Lines {
    bytes_max: usize,
    telnet: Telnet,
    line: Vec<u8>,
    is_too_long: bool,
    ready: VecDeque<Line>,
}

impl Lines {
    /// With lines of at most `bytes_max` bytes, their ends not counted.
    pub(crate) fn new(bytes_max: usize) -> Lines {
        Lines {
            bytes_max,
            telnet: Telnet::Data,
            line: Vec::new(),
            is_too_long: false,
            ready: VecDeque::new(),
        }
    }

    /// Takes what was received.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.telnet = match self.telnet {
                Telnet::Data if byte == INTERPRET_AS_COMMAND => Telnet::Command,
                Telnet::Command if NEGOTIATIONS.contains(&byte) => Telnet::Option,
                // Twice: the byte itself, of a name that is not UTF-8.
                Telnet::Command if byte == INTERPRET_AS_COMMAND => self.push(byte),
                Telnet::Command | Telnet::Option => Telnet::Data,
                Telnet::Data => self.push(byte),
            };
        }
    }

    fn push(&mut self, byte: u8) -> Telnet {
        // One byte more than the limit, for the CR of an end.
        match byte {
            b'\n' => self.end(),
            _ if self.line.len() <= self.bytes_max => self.line.push(byte),
            _ => self.is_too_long = true,
        }
        Telnet::Data
    }

    fn end(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        if line.last() == Some(&b'\r') && !self.is_too_long {
            line.pop();
        }
        let is_too_long = std::mem::take(&mut self.is_too_long) || line.len() > self.bytes_max;
        self.ready.push_back(match is_too_long {
            true => Line::TooLong,
            false => Line::Text(line),
        });
    }

    /// The next line that is complete.
    pub(crate) fn next(&mut self) -> Option<Line> {
        self.ready.pop_front()
    }

    /// Whether the line that has begun is too long already.
    pub(crate) fn is_overlong(&self) -> bool {
        self.is_too_long
    }

    /// Whether there are bytes of a line without its end.
    pub(crate) fn has_begun(&self) -> bool {
        !self.line.is_empty()
    }

    /// The complete lines, the oldest first.
    pub(crate) fn waiting(&self) -> impl ExactSizeIterator<Item = &Line> {
        self.ready.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes_max: usize, input: &[u8]) -> Vec<Line> {
        let mut lines = Lines::new(bytes_max);
        // As it might come: in one piece, and byte by byte.
        lines.feed(input);
        let mut others = Lines::new(bytes_max);
        input.iter().for_each(|&byte| others.feed(&[byte]));
        assert!(lines.waiting().eq(others.waiting()));
        std::iter::from_fn(|| lines.next()).collect()
    }

    fn text(line: &[u8]) -> Line {
        Line::Text(line.to_vec())
    }

    #[test]
    fn lines_end_with_or_without_carriage_return() {
        let found = lines(9, b"one\r\ntwo\n\r\n\nrest");
        assert_eq!(found, [text(b"one"), text(b"two"), text(b""), text(b"")]);
        assert_eq!(lines(9, b"a\rb\r\r\n"), [text(b"a\rb\r")]);
    }

    #[test]
    fn line_that_is_too_long_is_one_line_and_the_next_is_whole() {
        assert_eq!(
            lines(3, b"abc\r\nabcd\nx\n"),
            [text(b"abc"), Line::TooLong, text(b"x")]
        );
        let long = [&[b'x'; 100_000][..], b"\r\nabc\r\n"].concat();
        assert_eq!(lines(3, &long), [Line::TooLong, text(b"abc")]);
        assert_eq!(lines(3, b"abcd\r\n"), [Line::TooLong]);
        assert_eq!(lines(3, b"abc\r\r\n"), [Line::TooLong]);
    }

    #[test]
    fn telnet_commands_are_taken_out_and_a_doubled_byte_is_kept() {
        assert_eq!(lines(9, b"\xff\xf4\xff\xf2ABOR\r\n"), [text(b"ABOR")]);
        assert_eq!(lines(9, b"\xff\xfd\x06NO\xff\xfb\nOP\n"), [text(b"NOOP")]);
        assert_eq!(lines(9, b"a\xff\xffb\n"), [text(b"a\xffb")]);
    }
}
