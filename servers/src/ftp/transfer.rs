//! What takes a data connection: PASV and EPSV, the lists, RETR, STOR, APPE, and what ends them.
//!
//! ```text
//! session:  150 ──► spawn ──► watch: lines wait their turn; ABOR, the end or a reset cancels ──► 226 / 4xx / 5xx
//! transfer:           └─► enter the door ──► copy ──► close ──────────────────────────────────────┘
//! ```
//! One at a time. An upload is written in place, so that a cut one can be resumed by REST or APPE; the file
//! is cut at REST's offset first: what follows is what the client has. But not before the data connection is
//! there: without it the old file stays as it is.

use super::address;
use super::command::{Command, Family, Name, verb};
use super::data::{Broken, Listed, Progress, Representation};
use super::data::{receive_file, send_ascii, send_image, send_list};
use super::door::Door;
use super::lines::Line;
use super::listing::Form;
use super::reply::Reply;
use super::session::{Next, Session};
use super::tree::refusal;
use crate::Client;
use crate::root::{Facts, Kind, Root, Writing};
use greenroom::fs::File;
use greenroom::net::{IpAddr, SocketAddr};
use greenroom::thread::ScopedJoinHandle;
use greenroom::{Cancelled, Elapsed};
use std::io::{self, ErrorKind, Seek, SeekFrom};

/// Lines that wait for the end of a transfer. No more are read: the client's sending stops, and its ABOR
/// is not seen before.
const LINES_WAITING_MAX: usize = 32;

/// How the wait beside a transfer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watched {
    /// The transfer is over.
    Done,
    /// There was an ABOR.
    Abort,
    /// The control connection has ended, without a QUIT before: RFC 959 calls that an abort, too.
    Gone,
}

type Outcome = Result<Result<(), Broken>, Elapsed>;

impl Session<'_> {
    pub(super) fn passive(&mut self) -> io::Result<()> {
        if self.is_extended_only {
            return self.say(501, "EPSV and nothing else, as you said");
        }
        if self.here.ip().to_canonical().is_ipv6() {
            return self.say(501, "EPSV is for IPv6");
        }
        match self.open_door() {
            Ok(SocketAddr::V4(address)) => {
                let text = address::passive(address);
                self.say(227, format!("Entering Passive Mode ({text})."))
            }
            Ok(_) => self.say(501, "EPSV is for IPv6"),
            Err(error) => self.no_door(&error),
        }
    }

    pub(super) fn extended(&mut self, family: Family) -> io::Result<()> {
        match (family, self.here.ip().to_canonical()) {
            (Family::V6, IpAddr::V4(_)) => return self.say(522, "Protocol not supported, use (1)"),
            (Family::V4, IpAddr::V6(_)) => return self.say(522, "Protocol not supported, use (2)"),
            _ => {}
        }
        match self.open_door() {
            Ok(address) => {
                let text = address::extended(address.port());
                self.say(229, format!("Entering Extended Passive Mode ({text})"))
            }
            Err(error) => self.no_door(&error),
        }
    }

    fn open_door(&mut self) -> io::Result<SocketAddr> {
        let settings = &self.ftp.settings;
        // The one before is closed first: with a range of ports it may be the last of them.
        self.close_door();
        let here = match self.here.ip().to_canonical() {
            IpAddr::V4(ip) => SocketAddr::from((ip, 0)),
            // With its scope, without which a link-local address is nowhere.
            IpAddr::V6(_) => self.here,
        };
        let ports = settings.passive_ports.as_ref();
        let door = Door::open(here, ports, self.peer, settings.data_wait)?;
        let address = door.address();
        self.door = Some(door);
        Ok(address)
    }

    pub(super) fn close_door(&mut self) {
        if let Some(door) = self.door.take() {
            door.close();
        }
    }

    fn no_door(&mut self, error: &io::Error) -> io::Result<()> {
        log::warn!("{}: no port for a data connection: {error}", self.peer);
        self.say(425, "No port is free")
    }

    pub(super) fn list(&mut self, root: &Root, command: Command) -> io::Result<Next> {
        let (name, form) = match command {
            Command::Nlst(name) => {
                let before = name.as_deref().map_or_else(Vec::new, prefix);
                (name, Form::Names(before))
            }
            Command::Mlsd(name) => (name, Form::Facts(self.facts)),
            Command::List(name) => (name, Form::Long),
            _ => return Ok(Next::Go),
        };
        let name = name.unwrap_or_default();
        let listed = self.facts_of(root, &name).and_then(|(path, facts)| {
            Ok(match (facts.kind, &form) {
                (Kind::Directory, _) => Listed::Directory(root.read_dir(&path)?),
                (_, Form::Facts(_)) => return Err(ErrorKind::NotADirectory.into()),
                _ => Listed::One(name.clone(), facts),
            })
        });
        let form = match (&listed, form) {
            // The file's name is all there is.
            (Ok(Listed::One(..)), Form::Names(_)) => Form::Names(Vec::new()),
            (_, form) => form,
        };
        match listed {
            Err(error) => self.refuse(&error),
            Ok(listed) => self.transfer("The list comes", move |data, progress| {
                send_list(listed, &form, data, progress)
            }),
        }
    }

    pub(super) fn retrieve(&mut self, root: &Root, name: &Name) -> io::Result<Next> {
        let offset = std::mem::take(&mut self.restart);
        match self.path(name).and_then(|path| root.open(&path)) {
            Err(error) => self.refuse(&error),
            // Before it is sought: the kernel knows no offset beyond 2^63.
            Ok((_, Facts { len, .. })) if offset > len => self.restart_is_beyond(),
            Ok((file, Facts { len, .. })) => {
                let representation = self.representation;
                self.transfer("The file comes", move |data, progress| {
                    match representation {
                        Representation::Image => send_image(&file, offset, len, data, progress),
                        // From its beginning: there is no REST.
                        Representation::Ascii => send_ascii(&file, data, progress),
                    }
                })
            }
        }
    }

    pub(super) fn store(&mut self, root: &Root, name: &Name, is_append: bool) -> io::Result<Next> {
        let offset = std::mem::take(&mut self.restart);
        if is_append && offset > 0 {
            self.say(501, "APPE begins at the end: REST is for STOR")?;
            return Ok(Next::Go);
        }
        // Before the file is made.
        if self.door.is_none() {
            return self.no_data_connection();
        }
        let opened = self.path(name).and_then(|path| {
            let writing = match is_append {
                true => Writing::Append,
                false => Writing::Keep,
            };
            if offset > 0 {
                // Before a file is made that nothing can be added to.
                root.facts(&path)?;
            }
            let file = root.open_to_write(&path, writing)?;
            let len = file.metadata()?.len();
            Ok((file, len))
        });
        let (file, len) = match opened {
            Err(error) => return self.refuse(&error),
            Ok((_, len)) if offset > len => return self.restart_is_beyond(),
            Ok(opened) => opened,
        };
        let start = if is_append { len } else { offset };
        let room = self.ftp.settings.upload_bytes_max.saturating_sub(start);
        let representation = self.representation;
        self.transfer("Send the file", move |data, progress| {
            if !is_append {
                position(&file, offset).map_err(Broken::File)?;
            }
            receive_file(file, representation, room, data, progress)
        })
    }

    fn refuse(&mut self, error: &io::Error) -> io::Result<Next> {
        self.answer(&refusal(error))?;
        Ok(Next::Go)
    }

    fn restart_is_beyond(&mut self) -> io::Result<Next> {
        self.say(554, "REST is beyond the end of the file")?;
        Ok(Next::Go)
    }

    fn no_data_connection(&mut self) -> io::Result<Next> {
        self.say(425, "PASV or EPSV comes first")?;
        Ok(Next::Go)
    }

    fn transfer(
        &mut self,
        opening: &str,
        body: impl FnOnce(&Client, &Progress) -> Result<(), Broken> + Send,
    ) -> io::Result<Next> {
        self.restart = 0;
        let Some(door) = self.door.take() else {
            return self.no_data_connection();
        };
        self.say(150, opening)?;
        let (client, settings) = (self.client, &self.ftp.settings);
        let progress = Progress::default();
        let (outcome, watched) = greenroom::thread::scope(|scope| {
            let progress = &progress;
            let transfer = scope.spawn(move || {
                greenroom::timeout(settings.transfer_max, || {
                    let stream = door.enter().map_err(Broken::NoConnection)?;
                    let data = client.beside(stream.into(), settings.stall);
                    body(&data.map_err(Broken::Data)?, progress)
                })
            });
            let watched = self.watch(&transfer, progress);
            if !matches!(watched, Ok(Watched::Done)) {
                transfer.cancel();
            }
            (transfer.join(), watched)
        });
        let bytes = progress.bytes();
        let reply = match outcome {
            Ok(outcome) => closing(outcome, bytes),
            Err(payload) if payload.is::<Cancelled>() => Reply::new(426, "Aborted"),
            Err(payload) => std::panic::resume_unwind(payload),
        };
        let watched = watched?;
        if !reply.is_refusal() {
            log::info!("{}: {}: {bytes} bytes", self.peer, self.asked);
        }
        self.answer(&reply)?;
        self.has_aborted = watched == Watched::Abort;
        Ok(match watched {
            Watched::Gone => Next::Leave,
            Watched::Done | Watched::Abort => Next::Go,
        })
    }

    /// Reads on while the transfer runs.
    fn watch(
        &mut self,
        transfer: &ScopedJoinHandle<'_, Outcome>,
        progress: &Progress,
    ) -> io::Result<Watched> {
        loop {
            if self.waits("ABOR") {
                return Ok(Watched::Abort);
            }
            if self.is_at_end && !self.waits("QUIT") {
                return Ok(Watched::Gone);
            }
            self.answer_status(progress)?;
            if self.is_at_end || self.lines.waiting().len() >= LINES_WAITING_MAX {
                greenroom::select! { join(transfer) => return Ok(Watched::Done) }
            }
            greenroom::select! {
                biased;
                join(transfer) => return Ok(Watched::Done),
                readable(self.control) -> ready => { ready?; self.receive()?; }
            }
        }
    }

    fn waits(&self, wanted: &str) -> bool {
        let is_it =
            |line: &Line| matches!(line, Line::Text(text) if verb(text).as_deref() == Some(wanted));
        self.lines.waiting().any(is_it)
    }

    /// STAT is what RFC 959 lets a client ask in between.
    fn answer_status(&mut self, progress: &Progress) -> io::Result<()> {
        let is_status =
            |line: &Line| matches!(line, Line::Text(text) if text.eq_ignore_ascii_case(b"STAT"));
        while self.lines.waiting().next().is_some_and(is_status) {
            self.lines.next();
            let bytes = progress.bytes();
            self.say(213, format!("{bytes} bytes so far"))?;
        }
        Ok(())
    }

    pub(super) fn status(&self) -> Reply {
        let lines = [
            format!("You are {}", self.peer),
            format!("TYPE {:?}, STRU F, MODE S", self.representation),
            "No transfer".to_owned(),
        ];
        Reply::lines(211, "Status:", lines.map(String::into_bytes), "End")
    }
}

/// What stands before each name of a directory's, so that RETR takes it.
fn prefix(directory: &[u8]) -> Vec<u8> {
    match directory.last() {
        None | Some(b'/') => directory.to_vec(),
        Some(_) => [directory, b"/"].concat(),
    }
}

/// Where an upload begins; nothing is behind it.
fn position(mut file: &File, offset: u64) -> io::Result<()> {
    file.set_len(offset)?;
    file.seek(SeekFrom::Start(offset)).map(|_| ())
}

/// The answer at the end of a transfer.
fn closing(outcome: Outcome, bytes: u64) -> Reply {
    match outcome {
        Ok(Ok(())) => Reply::new(226, format!("Done: {bytes} bytes")),
        Ok(Err(Broken::NoConnection(error))) => {
            log::debug!("a data connection: {error}");
            Reply::new(425, "No data connection came")
        }
        Ok(Err(Broken::Data(error))) => match error.kind() {
            ErrorKind::TimedOut | ErrorKind::WouldBlock => Reply::new(426, "It stood still"),
            _ => Reply::new(426, "The data connection broke"),
        },
        Ok(Err(Broken::File(error))) => match refusal(&error) {
            reply @ Reply {
                code: 451 | 452 | 552,
                ..
            } => reply,
            _ => Reply::new(451, "The file failed"),
        },
        Ok(Err(Broken::TooLong)) => Reply::new(552, "Too long; the beginning is kept"),
        Err(_) => Reply::new(426, "It took too long"),
    }
}
