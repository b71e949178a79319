//! Messages over a Unix stream socket: a length, a count of descriptors, the bytes.
//!
//! ```text
//! | length: u32 | descriptors: u32 | bytes … |   little-endian; the descriptors come with the first byte
//! ```
//! What has been read or written of a message stays here if its reader or writer is interrupted (a deadline, a
//! cancel), and the next one goes on from there: no message is ever torn, and none is lost. Lengths come from
//! the peer, so memory grows with what has really come.

use super::handover::{DESCRIPTORS_MAX, Packed, invalid};
use super::rights;
use greenroom::os::unix::net::UnixStream;
use greenroom::sync::{Mutex, MutexGuard};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::PoisonError;
use std::time::Instant;

/// The longest message in bytes. A mistake is found before it takes all memory; twice as much is well too.
pub(super) const MESSAGE_MAX: usize = 256 << 20;

/// How much is read at once.
const PIECE: usize = 256 << 10;

const HEADER: usize = 8;

pub(super) struct Frames {
    stream: UnixStream,
    reading: Mutex<Reading>,
    writing: Mutex<VecDeque<Piece>>,
    /// What goes before the next message that is sent. Locked for a moment, never across a wait.
    posted: std::sync::Mutex<Vec<Packed>>,
}

/// A message that has come in part.
#[derive(Default)]
struct Reading {
    /// Length and descriptors, once known.
    header: Option<(usize, usize)>,
    bytes: Vec<u8>,
    /// How many of `bytes` have come.
    filled: usize,
    fds: Vec<OwnedFd>,
}

/// A part of a message that has gone in part.
struct Piece {
    bytes: Vec<u8>,
    sent: usize,
    /// Go with the first byte.
    fds: Vec<OwnedFd>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the peer is gone, rather than something wrong here.
fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

impl Frames {
    pub(super) fn new(socket: OwnedFd) -> Frames {
        Frames {
            stream: UnixStream::from(socket),
            reading: Mutex::default(),
            writing: Mutex::default(),
            posted: std::sync::Mutex::default(),
        }
    }

    /// Two ends: one to use here, one to give away.
    pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
        let (here, there) = std::os::unix::net::UnixStream::pair()?;
        Ok((here.into(), there.into()))
    }

    /// A duplicate of the socket, to give away. Not in the middle of a message, which would be torn.
    pub(super) fn duplicate(&self) -> io::Result<OwnedFd> {
        let reading = locked(&self.reading);
        let is_whole = reading.header.is_none() && reading.filled == 0;
        if !is_whole || !locked(&self.writing).is_empty() {
            return Err(invalid("this connection is in the middle of a message"));
        }
        self.stream.as_fd().try_clone_to_owned()
    }

    /// No more messages, here and there. Readers and writers end.
    pub(super) fn shut_down(&self) {
        drop(self.stream.shutdown(std::net::Shutdown::Both));
    }

    /// Sends a message. If it is interrupted the rest goes before the next one.
    pub(super) fn send(&self, message: Packed) -> io::Result<()> {
        if message.bytes.len() > MESSAGE_MAX {
            let length = message.bytes.len();
            let text = format!("a message of {length} bytes; at most {MESSAGE_MAX}");
            return Err(invalid(&text));
        }
        let mut writing = locked(&self.writing);
        self.flush(&mut writing)?;
        self.line_up_posted(&mut writing);
        line_up(&mut writing, message);
        self.flush(&mut writing)
    }

    /// Has a message of a few bytes go before the next one that is sent. Never parks. Whether it is the first that
    /// waits: then somebody must call [`send_posted`](Self::send_posted), for the case that no other comes.
    pub(super) fn post(&self, message: Packed) -> bool {
        let mut posted = self.posted.lock().unwrap_or_else(PoisonError::into_inner);
        posted.push(message);
        posted.len() == 1
    }

    /// Sends what was posted, if nobody has yet.
    pub(super) fn send_posted(&self) -> io::Result<()> {
        let mut writing = locked(&self.writing);
        self.line_up_posted(&mut writing);
        self.flush(&mut writing)
    }

    fn line_up_posted(&self, writing: &mut VecDeque<Piece>) {
        let mut posted = self.posted.lock().unwrap_or_else(PoisonError::into_inner);
        for message in std::mem::take(&mut *posted) {
            line_up(writing, message);
        }
    }

    /// Writes what there is. Descriptors that the kernel refuses are an error here; their message goes without
    /// them, is an error there too, and the next one is whole.
    fn flush(&self, writing: &mut VecDeque<Piece>) -> io::Result<()> {
        let mut refused = None;
        while let Some(piece) = writing.front_mut() {
            let rest = &piece.bytes[piece.sent..];
            if rest.is_empty() {
                writing.pop_front();
                continue;
            }
            let sent = if piece.fds.is_empty() {
                (&self.stream).write(rest)
            } else {
                rights::send_parking(self.stream.as_fd(), rest, &piece.fds)
            };
            match sent {
                Ok(count) => {
                    piece.sent += count;
                    piece.fds.clear();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if !piece.fds.is_empty() && !is_end(&error) => {
                    piece.fds.clear();
                    let text = format!("multiprocessing: its descriptors cannot be sent: {error}");
                    refused = Some(io::Error::new(error.kind(), text));
                }
                Err(error) => {
                    // Nothing can follow half a message.
                    writing.clear();
                    return Err(error);
                }
            }
        }
        refused.map_or(Ok(()), Err)
    }

    /// The next message; `None` at the end, also where it tears a message.
    pub(super) fn receive(&self) -> io::Result<Option<Packed>> {
        let mut reading = locked(&self.reading);
        match self.receive_into(&mut reading) {
            Err(error) if is_end(&error) => Ok(None),
            received => received,
        }
    }

    fn receive_into(&self, reading: &mut Reading) -> io::Result<Option<Packed>> {
        let (length, count) = match reading.header {
            Some(header) => header,
            None => {
                if !self.fill(reading, HEADER)? {
                    return Ok(None);
                }
                let header = parse(&reading.bytes)?;
                reading.filled = 0;
                reading.bytes.clear();
                *reading.header.insert(header)
            }
        };
        if !self.fill(reading, length)? {
            return Ok(None);
        }
        let whole = std::mem::take(reading);
        if whole.fds.len() != count {
            return Err(torn(
                "descriptors are missing; its sender or this process has no room for more (RLIMIT_NOFILE)",
            ));
        }
        Ok(Some(Packed {
            bytes: whole.bytes,
            fds: whole.fds,
        }))
    }

    /// Reads until `want` bytes are there. False at the end.
    fn fill(&self, reading: &mut Reading, want: usize) -> io::Result<bool> {
        while reading.filled < want {
            let room = (reading.filled + PIECE).min(want);
            reading.bytes.resize(room, 0);
            let comes_with_fds = reading.header.is_some_and(|(_, count)| count > 0);
            let buf = &mut reading.bytes[reading.filled..];
            let got = if comes_with_fds && reading.filled == 0 {
                rights::receive_parking(self.stream.as_fd(), buf, &mut reading.fds, None)
            } else {
                (&self.stream).read(buf)
            };
            match got {
                Ok(0) => return Ok(false),
                Ok(count) => reading.filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Parks until there is something to read or the end, or the deadline: then it is false.
    pub(super) fn is_readable(&self, deadline: Option<Instant>) -> io::Result<bool> {
        rights::is_readable(self.stream.as_fd(), deadline)
    }
}

/// Appends a message: its descriptors go with the first byte behind the header.
fn line_up(writing: &mut VecDeque<Piece>, message: Packed) {
    let Packed { mut bytes, fds } = message;
    let length = u32::try_from(bytes.len()).expect("because the limit is smaller");
    let count = u32::try_from(fds.len()).expect("because descriptors are few");
    let mut header = Vec::with_capacity(HEADER);
    header.extend(length.to_le_bytes());
    header.extend(count.to_le_bytes());
    if fds.is_empty() {
        bytes.splice(0..0, header);
    } else {
        writing.push_back(Piece::new(header, Vec::new()));
    }
    writing.push_back(Piece::new(bytes, fds));
}

impl Piece {
    fn new(bytes: Vec<u8>, fds: Vec<OwnedFd>) -> Piece {
        Piece {
            bytes,
            sent: 0,
            fds,
        }
    }
}

fn torn(text: &str) -> io::Error {
    let text = format!("multiprocessing: not a message: {text}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

fn parse(header: &[u8]) -> io::Result<(usize, usize)> {
    let number = |range| {
        let four = header
            .get(range)
            .and_then(|bytes: &[u8]| bytes.try_into().ok());
        four.map(u32::from_le_bytes)
            .and_then(|number| usize::try_from(number).ok())
    };
    match (number(0..4), number(4..8)) {
        (Some(length), Some(count)) if length <= MESSAGE_MAX && count <= DESCRIPTORS_MAX => {
            Ok((length, count))
        }
        _ => Err(torn("its length is beyond the limit")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_beyond_the_limits_are_refused() {
        assert_eq!(parse(&[1, 0, 0, 0, 2, 0, 0, 0]).ok(), Some((1, 2)));
        assert!(parse(&[255; 8]).is_err());
        assert!(parse(&[0, 0, 0, 0, 0, 1, 0, 0]).is_err());
        assert!(parse(&[0; 3]).is_err());
    }

    #[test]
    fn interrupted_reader_leaves_the_message_to_the_next() {
        greenroom::run(|| {
            let (here, there) = Frames::pair().expect("because descriptors are left");
            let here = Frames::new(here);
            let mut there = UnixStream::from(there);
            let mut write = |bytes: &[u8]| there.write_all(bytes).expect("because it is open");
            write(&[3, 0, 0, 0, 0, 0]);
            for more in [&[0, 0, 7][..], &[8]] {
                let short = std::time::Duration::from_millis(2);
                assert!(greenroom::timeout(short, || here.receive()).is_err());
                write(more);
            }
            write(&[9]);
            let message = here.receive().ok().flatten();
            assert_eq!(message.map(|message| message.bytes), Some(vec![7, 8, 9]));
        });
    }
}
