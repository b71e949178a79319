//! Four bytes of length in front: the machine's byte order, signed, as `struct.pack('i', n)`.

use super::{bad, read_payload};
use serde::Serialize;
use std::io::{self, Read, Write};

/// Reads one frame of at most `bytes_max` bytes; `what` names it in errors. `None`: the peer has left before
/// it. Parks.
///
/// # Errors
/// `InvalidData` for a length that is negative or beyond `bytes_max`, and when the stream ends in the middle;
/// the reader's own.
///
/// # Examples
/// ```
/// use greenroom_servers::framing::{read_frame, write_frame};
/// let mut stream = Vec::new();
/// write_frame(&mut stream, b"hello")?;
/// let mut stream = &stream[..];
/// assert_eq!(read_frame(&mut stream, "greeting", 100)?.as_deref(), Some(&b"hello"[..]));
/// assert_eq!(read_frame(&mut stream, "greeting", 100)?, None);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn read_frame(
    mut reader: impl Read,
    what: &str,
    bytes_max: i32,
) -> io::Result<Option<Vec<u8>>> {
    let mut prefix = Vec::with_capacity(4);
    reader.by_ref().take(4).read_to_end(&mut prefix)?;
    if prefix.is_empty() {
        return Ok(None);
    }
    let prefix = prefix.try_into();
    let length = i32::from_ne_bytes(prefix.map_err(|_| bad("the stream ends in a prefix"))?);
    if !(0..=bytes_max).contains(&length) {
        let allowed = format!("allowed are 0 to {bytes_max}");
        // The four bytes may as well be meant unsigned: 4 GB are no -1 bytes.
        let length = length.cast_unsigned();
        return Err(bad(format!("a {what} of {length} bytes, {allowed}")));
    }
    read_payload(reader, what, length.unsigned_abs() as usize).map(Some)
}

/// Writes prefix and payload in one write: two small ones might wait for each other on the way. Parks.
///
/// # Errors
/// A payload of 2 GiB or more; the writer's own.
///
/// # Examples
/// ```
/// let mut stream = Vec::new();
/// greenroom_servers::framing::write_frame(&mut stream, b"hello")?;
/// assert_eq!(stream.len(), 4 + 5);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write_frame(mut writer: impl Write, payload: &[u8]) -> io::Result<()> {
    let length = i32::try_from(payload.len()).map_err(io::Error::other)?;
    writer.write_all(&[&length.to_ne_bytes(), payload].concat())
}

/// Writes a frame that holds a value as JSON. Parks.
///
/// # Errors
/// A value that JSON cannot hold; the writer's own.
///
/// # Examples
/// ```
/// let mut stream = Vec::new();
/// greenroom_servers::framing::write_json(&mut stream, &[1, 2])?;
/// assert_eq!(stream[4..], *b"[1,2]");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn write_json(writer: impl Write, value: &impl Serialize) -> io::Result<()> {
    write_frame(writer, &serde_json::to_vec(value)?)
}
