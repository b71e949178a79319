//! What goes over a data connection: the bodies of RETR, STOR, APPE and the lists.
//!
//! Each runs in a green thread of its own and knows nothing of the control connection. An error says which
//! side it is of, because the answers differ.

use super::ascii::{FromNetwork, to_network};
use super::listing::Form;
use crate::Client;
use crate::root::{Entry, ReadDir};
use crate::send_file::send_file;
use greenroom::fs::File;
use greenroom::net::Shutdown;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// One read and one write: large enough that the calls do not count, small enough for thousands of
/// transfers.
const PIECE_BYTES: usize = 64 * 1024;

/// So much is sent between two steps of the count that STAT shows.
const REPORTED_BYTES: u64 = 1 << 20;

/// Entries that are sorted together; a directory with more is a sequence of sorted lists.
const SORTED_TOGETHER: usize = 4096;

/// How bytes stand in the data connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Representation {
    /// Lines end with CR LF: TYPE A.
    Ascii,
    /// As in the file: TYPE I.
    Image,
}

/// Why a transfer ended early.
#[derive(Debug)]
pub(crate) enum Broken {
    /// Nobody came through the door.
    NoConnection(io::Error),
    /// The data connection failed.
    Data(io::Error),
    /// The file failed.
    File(io::Error),
    /// The file would become longer than is allowed.
    TooLong,
}

/// A transfer's bytes so far, in the file's count: in TYPE A that of the network differs.
#[derive(Debug, Default)]
pub(crate) struct Progress(AtomicU64);

impl Progress {
    pub(crate) fn bytes(&self) -> u64 {
        // Relaxed, here and below: a number for people.
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// A file from `offset` on, to the end that it has now: `len`.
pub(crate) fn send_image(
    file: &File,
    mut offset: u64,
    len: u64,
    data: &Client,
    progress: &Progress,
) -> Result<(), Broken> {
    while offset < len {
        let part = (len - offset).min(REPORTED_BYTES);
        send_file(data, file, offset, part).map_err(|error| match error.kind() {
            // It has become shorter.
            ErrorKind::UnexpectedEof => Broken::File(error),
            _ => Broken::Data(error),
        })?;
        progress.add(part);
        offset += part;
    }
    data.shutdown(Shutdown::Write).map_err(Broken::Data)
}

/// A file in TYPE A.
pub(crate) fn send_ascii(
    mut file: &File,
    mut data: &Client,
    progress: &Progress,
) -> Result<(), Broken> {
    let (mut piece, mut converted) = (vec![0; PIECE_BYTES], Vec::new());
    loop {
        let count = file.read(&mut piece).map_err(Broken::File)?;
        if count == 0 {
            return data.shutdown(Shutdown::Write).map_err(Broken::Data);
        }
        converted.clear();
        to_network(&piece[..count], &mut converted);
        data.write_all(&converted).map_err(Broken::Data)?;
        progress.add(count as u64);
    }
}

/// To a file's position, at most `room` bytes. What came before an error stays in the file, so that the
/// client can resume.
pub(crate) fn receive_file(
    mut file: File,
    as_what: Representation,
    room: u64,
    mut data: &Client,
    progress: &Progress,
) -> Result<(), Broken> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut converted = Vec::new();
    let (mut way, mut room) = (FromNetwork::default(), room);
    loop {
        let count = data.read(&mut piece).map_err(Broken::Data)?;
        let bytes = match as_what {
            Representation::Image => &piece[..count],
            Representation::Ascii => {
                converted.clear();
                way.convert(&piece[..count], &mut converted);
                if count == 0 {
                    way.finish(&mut converted);
                }
                &converted[..]
            }
        };
        let fits = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        file.write_all(&bytes[..fits]).map_err(Broken::File)?;
        progress.add(fits as u64);
        room -= fits as u64;
        if fits < bytes.len() {
            return Err(Broken::TooLong);
        }
        if count == 0 {
            return Ok(());
        }
    }
}

/// Lists a directory, or one file.
pub(crate) enum Listed {
    Directory(ReadDir),
    One(Vec<u8>, crate::root::Facts),
}

/// The entries, one line each.
pub(crate) fn send_list(
    listed: Listed,
    form: &Form,
    mut data: &Client,
    progress: &Progress,
) -> Result<(), Broken> {
    let now = SystemTime::now();
    let mut send = |name: &[u8], facts: &_, text: &mut Vec<u8>, is_last: bool| {
        if let Some(line) = form.line(name, facts, now) {
            text.extend(line);
            text.extend(b"\r\n");
        }
        if is_last || text.len() >= PIECE_BYTES {
            data.write_all(text).map_err(Broken::Data)?;
            progress.add(text.len() as u64);
            text.clear();
        }
        Ok(())
    };
    let mut text = Vec::new();
    match listed {
        Listed::One(name, facts) => send(&name, &facts, &mut text, true)?,
        Listed::Directory(mut entries) => loop {
            let some = entries.by_ref().take(SORTED_TOGETHER);
            let mut some: Vec<Entry> = some.collect::<io::Result<_>>().map_err(Broken::File)?;
            some.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            for (entry, number) in some.iter().zip(1..) {
                let is_last = number == some.len();
                send(
                    entry.name.as_encoded_bytes(),
                    &entry.facts,
                    &mut text,
                    is_last,
                )?;
            }
            if some.len() < SORTED_TOGETHER {
                break;
            }
        },
    }
    data.shutdown(Shutdown::Write).map_err(Broken::Data)
}
