//! The length as a line of decimal digits in front.

use super::{bad, read_payload};
use std::io::{self, BufRead, Write};

/// Digits of a length, its line end included: no `usize` has more.
const LINE_BYTES_MAX: u64 = 21;

/// Reads one message of at most `bytes_max` bytes; `what` names it in errors. `None`: the peer has left before
/// it. Parks. Digits only: no sign, no blanks, so that two readers cannot disagree about a length.
///
/// # Errors
/// `InvalidData` for a length that is none or beyond `bytes_max`, and when the stream ends in the middle; the
/// reader's own.
///
/// # Examples
/// ```
/// use greenroom_servers::framing::{read_text_frame, write_text_frame};
/// let mut stream = Vec::new();
/// write_text_frame(&mut stream, b"hello")?;
/// assert_eq!(stream, b"5\nhello");
/// let mut stream = &stream[..];
/// assert_eq!(read_text_frame(&mut stream, "greeting", 100)?.as_deref(), Some(&b"hello"[..]));
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read_text_frame(
    mut reader: impl BufRead,
    what: &str,
    bytes_max: usize,
) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut head = io::Read::take(&mut reader, LINE_BYTES_MAX);
    head.read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    let digits = line.strip_suffix(b"\n");
    let digits = digits.ok_or_else(|| bad("a length without an end"))?;
    let digits = digits.strip_suffix(b"\r").unwrap_or(digits);
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let text = str::from_utf8(digits).ok().filter(|_| is_number);
    let text = text.ok_or_else(|| bad("a length that is no number"))?;
    let length = text.parse().ok().filter(|length| *length <= bytes_max);
    let Some(length) = length else {
        let allowed = format!("allowed are 0 to {bytes_max}");
        return Err(bad(format!("a {what} of {text} bytes, {allowed}")));
    };
    read_payload(reader, what, length).map(Some)
}

/// Writes length and payload in one write. Parks.
///
/// # Errors
/// The writer's own.
///
/// # Examples
/// ```
/// let mut stream = Vec::new();
/// greenroom_servers::framing::write_text_frame(&mut stream, b"")?;
/// assert_eq!(stream, b"0\n");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write_text_frame(mut writer: impl Write, payload: &[u8]) -> io::Result<()> {
    let head = format!("{}\n", payload.len());
    writer.write_all(&[head.as_bytes(), payload].concat())
}
