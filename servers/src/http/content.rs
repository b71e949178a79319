//! The bodies of answers, on their way out.

use super::encode::Follows;
use super::output::Output;
use super::response::Body;
use super::writer::{BodyWriter, Coding};
use crate::Client;
use crate::send_file::send_file;
use rustix::net::sockopt::set_socket_linger;
use std::io::{self, ErrorKind, Read};
use std::time::Duration;

/// Bodies up to here are copied behind their heads; longer ones are written where they lie. A copy of
/// so much costs less than the second slice of a vectored write.
const COPIED_BYTES: usize = 16 << 10;

/// Bytes per read of a stream.
const PIECE_BYTES: usize = 8 << 10;

/// The bytes of a body that is copied behind its head, which takes neither a move nor a call of what is
/// the user's.
#[inline]
pub(super) fn short(body: &Body) -> Option<&[u8]> {
    match body {
        Body::Empty => Some(&[]),
        Body::Bytes(bytes) if bytes.len() <= COPIED_BYTES => Some(bytes),
        _ => None,
    }
}

/// Sends a body after its head, which lies in `output`; small ones stay there. May park.
pub(super) fn send(
    body: Body,
    follows: Follows,
    client: &Client,
    output: &mut Output,
) -> io::Result<()> {
    if let Some(bytes) = short(&body) {
        output.bytes.extend_from_slice(bytes);
        return Ok(());
    }
    match (body, follows) {
        (Body::Bytes(bytes), _) => output.flush_with(client, &bytes),
        (
            Body::File {
                file,
                offset,
                length,
            },
            _,
        ) => {
            output.flush(client)?;
            send_file(client, &file, offset, length)?;
            output.sent += length;
            Ok(())
        }
        (Body::Stream { reader, .. }, Follows::Sized(length)) => {
            send_sized(reader, length, client, output)
        }
        (Body::Stream { mut reader, .. }, Follows::Coded(coding)) => {
            send_coded(coding, client, output, |writer| {
                io::copy(&mut reader, writer).map(drop)
            })
        }
        (Body::Writer(write), Follows::Coded(coding)) => send_coded(coding, client, output, write),
        _ => Ok(()),
    }
}

fn send_coded(
    coding: Coding,
    client: &Client,
    output: &mut Output,
    write: impl FnOnce(&mut BodyWriter<'_>) -> io::Result<()>,
) -> io::Result<()> {
    if coding == Coding::Close {
        set_reset_on_close(client, true)?;
    }
    let mut writer = BodyWriter::new(client, output, coding);
    write(&mut writer)?;
    writer.finish();
    if coding == Coding::Close {
        output.flush(client)?;
        set_reset_on_close(client, false)?;
    }
    Ok(())
}

/// Where the end of the connection is the end of the body, an end in its midst would make it look whole. So
/// until it is whole every end is a reset: by an error, a panic, a cancellation, a `kill -9`. Unix sockets
/// have no resets.
fn set_reset_on_close(client: &Client, on: bool) -> io::Result<()> {
    let linger = on.then_some(Duration::ZERO);
    Ok(set_socket_linger(client, linger)?)
}

fn send_sized(
    mut reader: Box<dyn Read + Send>,
    mut length: u64,
    client: &Client,
    output: &mut Output,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    while length > 0 {
        let wanted = usize::try_from(length)
            .unwrap_or(PIECE_BYTES)
            .min(PIECE_BYTES);
        let count = match reader.read(&mut piece[..wanted]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        output.flush_with(client, &piece[..count])?;
        length -= count as u64;
    }
    Ok(())
}
