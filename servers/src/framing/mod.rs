//! Where messages begin and end in a stream of bytes: the cures for "sticky packets".
//!
//! [`read_frame`] and [`write_frame`] put four bytes of length in front, as Python's
//! `struct.pack('i', n)`: the machine's byte order, signed. [`read_text_frame`] and [`write_text_frame`] put a
//! line with the length in decimal digits in front. Either may carry JSON: [`write_json`], and
//! `serde_json::from_slice` of what was read.
//!
//! Whoever reads says how long a message may be. A length that lies costs no memory: that grows with what has
//! really come. Errors of the kind `InvalidData` mean that the stream is out of step for good.

mod prefix;
mod text;

pub use prefix::{read_frame, write_frame, write_json};
pub use text::{read_text_frame, write_text_frame};

use std::io::{self, ErrorKind, Read};

/// Memory that is set aside before anything has come.
const FIRST_BYTES: usize = 64 << 10;

pub(crate) fn bad(text: impl Into<String>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, text.into())
}

/// Exactly `length` bytes of a `what`.
fn read_payload(reader: impl Read, what: &str, length: usize) -> io::Result<Vec<u8>> {
    let mut payload = Vec::with_capacity(length.min(FIRST_BYTES));
    reader.take(length as u64).read_to_end(&mut payload)?;
    if payload.len() < length {
        return Err(bad(format!(
            "the stream ends in a {what} of {length} bytes"
        )));
    }
    Ok(payload)
}
