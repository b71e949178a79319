//! A part of a file, to a client.

use crate::Client;
use greenroom::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;

/// Bytes per read.
const PIECE_BYTES: usize = 64 << 10;

/// Sends `length` bytes of `file` from `offset` on. Everything that goes before is written already.
pub(super) fn send_file(
    mut client: &Client,
    file: &File,
    mut offset: u64,
    mut length: u64,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    while length > 0 {
        let wanted = usize::try_from(length)
            .unwrap_or(PIECE_BYTES)
            .min(PIECE_BYTES);
        let count = file.read_at(&mut piece[..wanted], offset)?;
        if count == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        client.write_all(&piece[..count])?;
        offset += count as u64;
        length -= count as u64;
    }
    Ok(())
}
