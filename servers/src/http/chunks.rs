//! Chunked bodies, decoded byte by byte: a pure state machine, so that every cut of the input gives the
//! same answer.
//!
//! ```text
//! Size ─hex─▸ Size ─;─▸ Extension ─CR─▸ SizeLf ─LF─▸ Data ─▸ DataCr ─▸ DataLf ─▸ Size
//!        └────────CR────────────────────▸┘      └(size 0)─▸ Trailer lines ─empty line─▸ End
//! ```
//! Extensions and trailers are dropped, within bounds. A line ends with CR LF and nothing else; a trailer
//! has a name, or it is somebody's next request.

use super::refusal::Refusal;
use super::response::is_token_char;

/// Bytes of one size line. Extensions are for nobody, and 255 of them per byte of body are enough.
const SIZE_LINE_MAX: u32 = 256;

/// Bytes of all trailers.
const TRAILERS_MAX: u32 = 8 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the digits; how many there were.
    Size(u8),
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// At the begin of a trailer line, or the empty line.
    TrailerStart,
    TrailerName,
    Trailer,
    TrailerLf,
    EndLf,
    End,
}

/// A body being decoded.
#[derive(Clone, Debug)]
pub(super) struct Chunks {
    state: State,
    /// Bytes left of the chunk, or the size so far.
    left: u64,
    /// Bytes of the size line, or of all trailers.
    line: u32,
}

impl Chunks {
    pub(super) fn new() -> Chunks {
        Chunks {
            state: State::Size(0),
            left: 0,
            line: 0,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.state == State::End
    }

    /// Decodes some of `input` into `output`: bytes used, bytes produced. Stops at the end of either, and
    /// at the end of the body.
    pub(super) fn decode(
        &mut self,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(usize, usize), Refusal> {
        let (mut used, mut produced) = (0, 0);
        while used < input.len() && !self.is_done() {
            if self.state != State::Data {
                match self.step(input[used]) {
                    Ok(()) => used += 1,
                    // What came before counts first, against a limit too; the byte is judged again.
                    Err(_) if produced > 0 => break,
                    Err(refusal) => return Err(refusal),
                }
                continue;
            }
            let left = usize::try_from(self.left).unwrap_or(usize::MAX);
            let count = left.min(input.len() - used).min(output.len() - produced);
            if count == 0 {
                break;
            }
            output[produced..produced + count].copy_from_slice(&input[used..used + count]);
            used += count;
            produced += count;
            self.left -= count as u64;
            if self.left == 0 {
                self.state = State::DataCr;
            }
        }
        Ok((used, produced))
    }

    /// One byte that is no data.
    fn step(&mut self, byte: u8) -> Result<(), Refusal> {
        self.state = match (self.state, byte) {
            (State::Size(digits), _) if byte.is_ascii_hexdigit() => self.digit(digits, byte)?,
            (State::Size(1..), b'\r') | (State::Extension, b'\r') => State::SizeLf,
            (State::Size(1..), b';') => self.counted(State::Extension, SIZE_LINE_MAX)?,
            (State::Extension, _) if is_text(byte) => {
                self.counted(State::Extension, SIZE_LINE_MAX)?
            }
            (State::SizeLf, b'\n') => {
                self.line = 0;
                if self.left == 0 {
                    State::TrailerStart
                } else {
                    State::Data
                }
            }
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size(0),
            (State::TrailerStart, b'\r') => State::EndLf,
            (State::TrailerStart | State::TrailerName, _) if is_token_char(byte) => {
                self.counted(State::TrailerName, TRAILERS_MAX)?
            }
            (State::TrailerName, b':') => self.counted(State::Trailer, TRAILERS_MAX)?,
            (State::Trailer, _) if is_text(byte) => self.counted(State::Trailer, TRAILERS_MAX)?,
            (State::Trailer, b'\r') => State::TrailerLf,
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::EndLf, b'\n') => State::End,
            (State::DataCr | State::DataLf, _) => return Err(Refusal::bad("chunk too long")),
            (State::Size(_) | State::SizeLf, _) => {
                return Err(Refusal::bad("malformed chunk size"));
            }
            (State::Extension, _) => return Err(Refusal::bad("malformed chunk extension")),
            _ => return Err(Refusal::bad("malformed trailer")),
        };
        Ok(())
    }

    fn digit(&mut self, digits: u8, byte: u8) -> Result<State, Refusal> {
        let value = char::from(byte).to_digit(16).unwrap_or(0);
        // Sixteen digits fill the number; leading zeros count too.
        if digits == 16 {
            return Err(Refusal::bad("malformed chunk size"));
        }
        self.left = (self.left << 4) | u64::from(value);
        Ok(State::Size(digits + 1))
    }

    fn counted(&mut self, state: State, max: u32) -> Result<State, Refusal> {
        self.line += 1;
        match self.line <= max {
            true => Ok(state),
            false if max == TRAILERS_MAX => Err(Refusal::new(431, "trailers too long")),
            false => Err(Refusal::bad("chunk extension too long")),
        }
    }
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || !byte.is_ascii_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything in pieces of a size: what came out and the bytes used, or the status.
    fn decode(input: &[u8], piece: usize) -> Result<(Vec<u8>, usize, bool), u16> {
        let mut chunks = Chunks::new();
        let (mut out, mut used) = (Vec::new(), 0);
        for part in input.chunks(piece) {
            let mut at = 0;
            while at < part.len() && !chunks.is_done() {
                let mut buf = [0; 3];
                let (taken, produced) = chunks
                    .decode(&part[at..], &mut buf)
                    .map_err(|refusal| refusal.status)?;
                at += taken;
                out.extend_from_slice(&buf[..produced]);
            }
            used += at;
        }
        Ok((out, used, chunks.is_done()))
    }

    #[test]
    fn chunks_in_any_pieces_give_the_same() {
        let long_extension = format!("1;{}\r\nx\r\n0\r\n\r\n", "e".repeat(300));
        let endless = format!("0\r\n{}", "T: x\r\n".repeat(3_000));
        for (input, expected) in [
            ("0\r\n\r\nGET", Ok(("", 5))),
            ("3\r\nabc\r\n0\r\n\r\n", Ok(("abc", 13))),
            ("A\r\n0123456789\r\n00\r\n\r\n", Ok(("0123456789", 21))),
            (
                "1;x=\"y\"\r\na\r\n0;q\r\nT: v\r\nU: w\r\n\r\n.",
                Ok(("a", 31)),
            ),
            ("\r\n", Err(400)),
            (";x\r\n", Err(400)),
            ("-1\r\n", Err(400)),
            ("0x1\r\n", Err(400)),
            ("1 \r\n", Err(400)),
            ("1\n", Err(400)),
            ("1;a\n", Err(400)),
            ("1\r\nab\r\n", Err(400)),
            ("1\r\na\n", Err(400)),
            ("1\r\na\rb", Err(400)),
            ("10000000000000000\r\n", Err(400)),
            ("00000000000000001\r\n", Err(400)),
            ("0\r\nT: v\n\r\n", Err(400)),
            ("0\r\nGET / HTTP/1.1\r\n\r\n", Err(400)),
            ("0\r\n: v\r\n\r\n", Err(400)),
            ("0\r\nT\r\n\r\n", Err(400)),
            (&long_extension, Err(400)),
            (&endless, Err(431)),
        ] {
            for piece in [1, 2, 3, 7, 1_000_000] {
                let expected = expected.map(|(text, used)| (text.as_bytes().to_vec(), used, true));
                assert_eq!(
                    decode(input.as_bytes(), piece),
                    expected,
                    "{input} by {piece}"
                );
            }
        }
    }
}
