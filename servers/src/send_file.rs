//! A part of a file, to a client: by `sendfile(2)` where the page cache has it.
//!
//! `sendfile` waits for the disk, and would hold the worker; so a piece is sent by the kernel only if its
//! first and its last byte can be read without waiting. Others are read through `greenroom::fs` (on the
//! blocking pool, if need be) and written; the next time they are in the cache.
//!
//! `sendfile` has no "do not wait" of its own: the socket is non-blocking meanwhile, and a full one is
//! waited for here, by the client's limits of time.

use crate::{Client, Stream};
use greenroom::fs::File;
use greenroom::{select, thread};
use rustix::fs::sendfile;
use rustix::io::{Errno, ReadWriteFlags, preadv2};
use std::io::{self, ErrorKind, IoSliceMut, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// Bytes per `sendfile`: halved, the two probes cost twice as much (they are 1 % of a piece); doubled, a
/// neighbour on this worker waits longer for its turn (a piece takes some 50 µs).
const PIECE_BYTES: usize = 256 << 10;

/// Sends `length` bytes of `file` from `offset` on. Everything that goes before is written already. A
/// file that has become shorter is `UnexpectedEof`, and the end of the connection.
pub(crate) fn send_file(
    client: &Client,
    file: &File,
    mut offset: u64,
    length: u64,
) -> io::Result<()> {
    let end = offset.saturating_add(length);
    if offset == end {
        return Ok(());
    }
    let socket = NonBlocking::new(client.stream())?;
    while offset < end {
        let piece = usize::try_from(end - offset).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
        offset += match is_cached(file, offset, piece) {
            true => send_cached(client, file, offset, piece)?,
            false => send_read(client, &socket, file, offset, piece)?,
        } as u64;
        thread::yield_now();
    }
    Ok(())
}

/// Whether both ends of a piece can be read at once; a guess for what is between. The end of the file
/// counts as no.
fn is_cached(file: &File, offset: u64, piece: usize) -> bool {
    [offset, offset + piece as u64 - 1].into_iter().all(|at| {
        let mut byte = [0];
        let mut slices = [IoSliceMut::new(&mut byte)];
        preadv2(file.as_fd(), &mut slices, at, ReadWriteFlags::NOWAIT) == Ok(1)
    })
}

/// One piece by the kernel; how much of it that was.
fn send_cached(client: &Client, file: &File, offset: u64, piece: usize) -> io::Result<usize> {
    loop {
        let mut from = offset;
        match sendfile(client.as_fd(), file.as_fd(), Some(&mut from), piece) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                client.count_sent(count as u64);
                client.note_pace(Duration::ZERO, count)?;
                return Ok(count);
            }
            Err(Errno::AGAIN) => await_room(client)?,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// One piece by way of this process.
fn send_read(
    mut client: &Client,
    socket: &NonBlocking<'_>,
    file: &File,
    offset: u64,
    piece: usize,
) -> io::Result<usize> {
    let mut bytes = vec![0; piece];
    let count = file.read_at(&mut bytes, offset)?;
    if count == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    socket.pause(|| client.write_all(&bytes[..count]))?;
    Ok(count)
}

/// Parks until the peer has taken something.
fn await_room(client: &Client) -> io::Result<()> {
    let limit = client.time_to_write().unwrap_or(Duration::MAX);
    let begun = Instant::now();
    match client.stream() {
        Stream::Tcp(stream) => select! {
            writable(stream) -> result => result,
            after(limit) => Err(client.out_of_time()),
        },
        Stream::Unix(stream) => select! {
            writable(stream) -> result => result,
            after(limit) => Err(client.out_of_time()),
        },
    }?;
    // What there is room for is earned when it has left.
    client.note_pace(begun.elapsed(), 1)
}

/// A stream that does not wait, until this is dropped.
struct NonBlocking<'s>(&'s Stream);

impl NonBlocking<'_> {
    fn new(stream: &Stream) -> io::Result<NonBlocking<'_>> {
        stream.set_nonblocking(true)?;
        Ok(NonBlocking(stream))
    }

    /// Runs `call` over a stream that waits, as ever.
    fn pause<T>(&self, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.0.set_nonblocking(false)?;
        let result = call();
        self.0.set_nonblocking(true)?;
        result
    }
}

impl Drop for NonBlocking<'_> {
    fn drop(&mut self) {
        // Fails for no socket that is open.
        let _ = self.0.set_nonblocking(false);
    }
}
