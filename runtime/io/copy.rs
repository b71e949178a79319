//! [`copy`]: std's, through a buffer that suits readers which go to the blocking pool.
//!
//! std's own has 8 KiB, which is eight times the hand-overs for a file. The loop is still std's: it
//! retries `Interrupted`, and for a pair of std's types it has the kernel copy.

use std::io::{self, BufReader, Read, Write};

/// As much as a pipe holds. Doubling it saves a hand-over of ten microseconds per 64 KiB, where copying
/// those takes about as long.
const BUFFER_BYTES: usize = 64 * 1024;

/// Copies all of `reader` to `writer`, as [`std::io::copy`]; returns how many bytes. Parks as they do.
///
/// Each piece is written as soon as it is read. The buffer is on the heap.
///
/// # Errors
/// The first error of either, but for `Interrupted`, which is retried.
///
/// # Cancel
/// As `reader` and `writer`. What was read and not yet written is gone, as after an error.
///
/// # Examples
/// ```
/// use greenroom::io;
/// let mut sink = Vec::new();
/// assert_eq!(io::copy(&mut &b"hello"[..], &mut sink)?, 5);
/// assert_eq!(sink, b"hello");
/// # Ok::<(), io::Error>(())
/// ```
pub fn copy<R, W>(reader: &mut R, writer: &mut W) -> io::Result<u64>
where
    R: ?Sized + Read,
    W: ?Sized + Write,
{
    io::copy(&mut BufReader::with_capacity(BUFFER_BYTES, reader), writer)
}
