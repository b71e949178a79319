//! Lists, downloads and uploads, whole or from where an earlier one ended.

use super::answer::{Answer, garbage};
use super::{FtpClient, check};
use crate::ftp::address::{parse_extended, parse_passive};
use greenroom::fs::OpenOptions;
use greenroom::net::{Shutdown, SocketAddr, TcpStream};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Bytes of a list: a server could send one without end.
const LIST_BYTES_MAX: u64 = 16 << 20;
const PIECE_BYTES: usize = 64 * 1024;

impl FtpClient {
    /// A directory as the server shows it; `""` is the current one.
    ///
    /// # Errors
    /// An [`Answer`]; `InvalidData` for a list of more than 16 MiB.
    pub fn list(&mut self, directory: &str) -> io::Result<String> {
        self.text_of("LIST", directory)
    }

    /// The names in a directory; `""` is the current one. They are the server's words: one may have slashes or be
    /// `..`, so none is a path here before it was looked at.
    ///
    /// # Errors
    /// As [`list`](FtpClient::list).
    pub fn names(&mut self, directory: &str) -> io::Result<Vec<String>> {
        let text = self.text_of("NLST", directory)?;
        Ok(text.lines().map(str::to_owned).collect())
    }

    /// Downloads a file into `sink`. `progress` hears how many bytes there are so far, and how many there
    /// will be if the server tells. Returns the bytes of this transfer.
    ///
    /// # Errors
    /// An [`Answer`]; what `sink` and the connections report; `UnexpectedEof` if there is less than the
    /// server told, whatever it says.
    pub fn get(
        &mut self,
        file: &str,
        sink: impl Write,
        progress: impl FnMut(u64, Option<u64>),
    ) -> io::Result<u64> {
        self.get_from(file, 0, sink, progress)
    }

    /// As [`get`](FtpClient::get), without the first `offset` bytes.
    ///
    /// # Errors
    /// As [`get`](FtpClient::get); an [`Answer`] if `offset` is beyond the file's end.
    pub fn get_from(
        &mut self,
        file: &str,
        offset: u64,
        mut sink: impl Write,
        mut progress: impl FnMut(u64, Option<u64>),
    ) -> io::Result<u64> {
        let total = self
            .size(file)
            .map_or_else(only_answers, |size| Ok(Some(size)))?;
        let data = self.open_transfer("RETR", file, offset)?;
        let copied = copy(&data, &mut sink, |bytes| progress(offset + bytes, total));
        drop(data);
        let bytes = self.close_transfer(copied)?;
        match total {
            // A server may call anything whole.
            Some(total) if offset.saturating_add(bytes) < total => Err(cut_off()),
            _ => Ok(bytes),
        }
    }

    /// Goes on with a download: `local` has the file's beginning, or is made if there is something to
    /// get. Returns the bytes of this transfer.
    ///
    /// # Errors
    /// As [`get_from`](FtpClient::get_from); what opening `local` reports.
    pub fn resume_get(
        &mut self,
        file: &str,
        local: &Path,
        progress: impl FnMut(u64, Option<u64>),
    ) -> io::Result<u64> {
        let (mut options, mut is_new) = (OpenOptions::new(), false);
        let sink = match options.append(true).open(local) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                is_new = true;
                options.create_new(true).open(local)?
            }
            opened => opened?,
        };
        let offset = sink.metadata()?.len();
        let outcome = self.get_from(file, offset, &sink, progress);
        if outcome.is_err() && is_new && sink.metadata()?.len() == 0 {
            // Nothing came: nothing stays.
            greenroom::fs::remove_file(local)?;
        }
        outcome
    }

    /// Uploads all of `source` as a file. `progress` hears how many bytes were sent. Returns them.
    ///
    /// # Errors
    /// An [`Answer`]; what `source` and the connections report.
    pub fn put(
        &mut self,
        file: &str,
        source: impl Read,
        progress: impl FnMut(u64),
    ) -> io::Result<u64> {
        self.put_by("STOR", file, 0, source, progress)
    }

    /// Uploads all of `source` to the end of a file.
    ///
    /// # Errors
    /// As [`put`](FtpClient::put).
    pub fn append(
        &mut self,
        file: &str,
        source: impl Read,
        progress: impl FnMut(u64),
    ) -> io::Result<u64> {
        self.put_by("APPE", file, 0, source, progress)
    }

    /// Goes on with an upload of `local` where the server's file ends, or begins it if there is none.
    /// Returns the bytes of this transfer.
    ///
    /// # Errors
    /// As [`put`](FtpClient::put); `InvalidInput` if the server has more than `local`.
    pub fn resume_put(
        &mut self,
        file: &str,
        local: &Path,
        mut progress: impl FnMut(u64),
    ) -> io::Result<u64> {
        let mut source = greenroom::fs::File::open(local)?;
        let offset = self
            .size(file)
            .map_or_else(only_answers, |size| Ok(Some(size)))?;
        let offset = offset.unwrap_or(0);
        if offset > source.metadata()?.len() {
            let what = "the server's file is longer than this one";
            return Err(io::Error::new(ErrorKind::InvalidInput, what));
        }
        source.seek(SeekFrom::Start(offset))?;
        let mut progress = |bytes| progress(offset + bytes);
        match offset {
            0 => self.put_by("STOR", file, 0, &source, progress),
            // Every server knows APPE, and to none it is an offset that could be another's.
            _ => self.put_by("APPE", file, 0, &source, &mut progress),
        }
    }

    fn put_by(
        &mut self,
        verb: &str,
        file: &str,
        offset: u64,
        mut source: impl Read,
        progress: impl FnMut(u64),
    ) -> io::Result<u64> {
        let data = self.open_transfer(verb, file, offset)?;
        let copied = copy(&mut source, &data, progress);
        let copied = copied.and_then(|bytes| data.shutdown(Shutdown::Write).map(|()| bytes));
        drop(data);
        self.close_transfer(copied)
    }

    fn text_of(&mut self, verb: &str, directory: &str) -> io::Result<String> {
        let data = self.open_transfer(verb, directory, 0)?;
        let mut text = Vec::new();
        let copied = (&data).take(LIST_BYTES_MAX + 1).read_to_end(&mut text);
        drop(data);
        let is_too_long = text.len() as u64 > LIST_BYTES_MAX;
        let copied = copied.map(|count| count as u64);
        let copied = copied.and_then(|count| match is_too_long {
            true => Err(garbage("a list without end")),
            false => Ok(count),
        });
        self.close_transfer(copied)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// To the preliminary answer.
    fn open_transfer(&mut self, verb: &str, name: &str, offset: u64) -> io::Result<TcpStream> {
        check(name)?;
        // Lists too: the difference is only in names that have line ends.
        self.order("TYPE", "I")?;
        let data = self.data_connection()?;
        if offset > 0 {
            self.ask("REST", &offset.to_string())?.expect(&[3])?;
        }
        self.ask(verb, name)?.expect(&[1])?;
        Ok(data)
    }

    /// The last answer: the server's reason is better than what became of the connection.
    fn close_transfer(&mut self, copied: io::Result<u64>) -> io::Result<u64> {
        let answer = self.answer().and_then(|answer| answer.expect(&[2]));
        match (copied, answer) {
            (Ok(bytes), Ok(_)) => Ok(bytes),
            (Ok(_), Err(error)) => Err(error),
            (Err(error), Ok(_)) => Err(error),
            // Our own trouble, of which the server can only say that the connection broke.
            (Err(error), Err(answer)) => match Answer::of(&answer) {
                Some(reason) if !matches!(reason.code, 425 | 426) => Err(answer),
                _ => Err(error),
            },
        }
    }

    /// EPSV, or PASV from a server that has none.
    fn data_connection(&mut self) -> io::Result<TcpStream> {
        let mut address = self.server;
        address.set_port(self.data_port()?);
        let data = TcpStream::connect_timeout(&address, self.patience)?;
        data.set_read_timeout(Some(self.patience))?;
        data.set_write_timeout(Some(self.patience))?;
        Ok(data)
    }

    fn data_port(&mut self) -> io::Result<u16> {
        if self.has_extended {
            let answer = self.ask("EPSV", "")?;
            if answer.code == 229 {
                return parse_extended(answer.text()).ok_or_else(|| garbage("no port"));
            }
            let is_v4 = self.server.ip().to_canonical().is_ipv4();
            if answer.code / 100 != 5 || !is_v4 {
                return answer.expect(&[]).map(|_| 0);
            }
            self.has_extended = false;
        }
        let answer = self.ask("PASV", "")?.expect(&[2])?;
        let told = parse_passive(answer.text()).ok_or_else(|| garbage("no address"))?;
        // Its port only: a server must not send a client to a third machine, and one behind a translator
        // of addresses does not know its own.
        if SocketAddr::V4(told).ip() != self.server.ip().to_canonical() {
            log::debug!(
                "{}: PASV says {told}; its own address is taken",
                self.server
            );
        }
        Ok(told.port())
    }
}

/// What to make of a server that cannot tell a size: nothing, if it is only that.
fn only_answers(error: io::Error) -> io::Result<Option<u64>> {
    match Answer::of(&error) {
        Some(answer) if answer.code != 421 => Ok(None),
        _ => Err(error),
    }
}

fn cut_off() -> io::Error {
    let what = "the file ended early: resume goes on where it did";
    io::Error::new(ErrorKind::UnexpectedEof, what)
}

/// Everything from `source` to `sink`.
fn copy(
    mut source: impl Read,
    mut sink: impl Write,
    mut progress: impl FnMut(u64),
) -> io::Result<u64> {
    let (mut piece, mut bytes) = (vec![0; PIECE_BYTES], 0);
    loop {
        let count = source.read(&mut piece)?;
        if count == 0 {
            sink.flush()?;
            return Ok(bytes);
        }
        sink.write_all(&piece[..count])?;
        bytes += count as u64;
        progress(bytes);
    }
}
