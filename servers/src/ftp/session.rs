//! The control connection: lines in, answers out, in the order of the lines.
//!
//! One green thread reads it, during a transfer too (`transfer`): only ABOR, and STAT without anything
//! before it, are noticed ahead of their turn. A client is idle between its last answer and the *end* of
//! its next line, so a line that comes byte by byte wins no time; and one that has begun must be whole in
//! the time of a request.

use super::command::{self, Command, Fault};
use super::data::Representation;
use super::door::Door;
use super::guesses::Guesses;
use super::lines::{Line, Lines};
use super::listing::FactSet;
use super::login::Login;
use super::reply::{Reply, harmless};
use super::settings::Settings;
use crate::printable::is_harmless;
use crate::root::{Root, VirtualPath};
use crate::{Client, Handler, Stream};
use greenroom::net::{Shutdown, SocketAddr, TcpStream};
use greenroom::sync::Event;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A command's bytes, without its end. RFC 959 has no number; 512 is that of SMTP.
const LINE_BYTES_MAX: usize = 512;

/// For ever, as far as a deadline is concerned.
const NEVER: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// How long, and for how many bytes, a client may go on after the last answer.
const LAST_WORDS: (Duration, u64) = (Duration::from_millis(500), 64 * 1024);

/// The protocol: a [`Handler`] for a [`TcpServer`](crate::TcpServer).
///
/// # Examples
/// ```
/// use greenroom_servers::TcpServer;
/// use greenroom_servers::ftp::{Ftp, Settings, client::FtpClient};
/// use greenroom_servers::root::Root;
/// use std::time::Duration;
/// greenroom::run(|| {
///     let ftp = Ftp::new(Root::read_only(".")?, Settings::default());
///     let server = TcpServer::bind("127.0.0.1:0")?.serve_in_background(ftp)?;
///
///     let mut client = FtpClient::connect(server.local_addr())?;
///     client.login("anonymous", "me@here")?;
///     assert!(client.names("src")?.contains(&"src/lib.rs".to_owned()));
///     client.quit()?;
///     server.shutdown(Duration::from_secs(1));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ftp {
    pub(super) root: Root,
    pub(super) settings: Arc<Settings>,
    pub(super) guesses: Arc<Guesses>,
    stopping: Arc<Event>,
}

/// Tells the clients of an [`Ftp`] that the server ends.
#[derive(Clone, Debug)]
pub struct Stopper(Arc<Event>);

impl Ftp {
    /// Serves a tree. Users write where their rights and the root allow it.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::{ftp::{Ftp, Settings}, root::Root};
    /// let ftp = Ftp::new(Root::read_only(".")?, Settings::default());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn new(root: Root, settings: Settings) -> Ftp {
        Ftp {
            root,
            guesses: Arc::new(Guesses::new(&settings)),
            settings: Arc::new(settings),
            stopping: Arc::new(Event::new()),
        }
    }

    /// What ends its clients in good manners.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::{ftp::{Ftp, Settings}, root::Root};
    /// let ftp = Ftp::new(Root::read_only(".")?, Settings::default());
    /// ftp.stopper().stop();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper(Arc::clone(&self.stopping))
    }
}

impl Stopper {
    /// Clients hear 421 and are closed: idle ones now, others when their transfer is done. Call it before
    /// [`Running::shutdown`](crate::Running::shutdown), whose grace limits the others. Never parks.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::{ftp::{Ftp, Settings}, root::Root};
    /// let stopper = Ftp::new(Root::read_only(".")?, Settings::default()).stopper();
    /// stopper.stop();
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn stop(&self) {
        self.0.set();
    }
}

impl Handler for Ftp {
    fn handle(&self, client: &mut Client) -> io::Result<()> {
        let client = &*client;
        let Stream::Tcp(control) = client.stream() else {
            return Err(io::Error::new(ErrorKind::Unsupported, "FTP is for TCP"));
        };
        // Abort comes as urgent data, which would be taken out of the line otherwise.
        rustix::net::sockopt::set_socket_oobinline(control, true)?;
        let outcome = Session::new(self, client, control).and_then(|mut session| session.run());
        match outcome {
            // Not heard of as errors: everybody leaves in one of these ways.
            Err(error) if is_farewell(error.kind()) => Ok(()),
            outcome => outcome,
        }
    }
}

fn is_farewell(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::NotConnected
    )
}

/// What comes after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The next one.
    Go,
    /// The end of the connection.
    Leave,
}

/// One client.
pub(super) struct Session<'a> {
    pub(super) ftp: &'a Ftp,
    pub(super) client: &'a Client,
    pub(super) control: &'a TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) here: SocketAddr,
    pub(super) lines: Lines,
    /// Nothing more will come.
    pub(super) is_at_end: bool,
    pub(super) login: Login,
    pub(super) wrong_passwords: u32,
    faults: u32,
    pub(super) current: VirtualPath,
    pub(super) door: Option<Door>,
    pub(super) is_extended_only: bool,
    pub(super) representation: Representation,
    /// Where the next transfer begins.
    pub(super) restart: u64,
    pub(super) rename_from: Option<VirtualPath>,
    pub(super) facts: FactSet,
    /// An ABOR has ended a transfer, and is not answered yet.
    pub(super) has_aborted: bool,
    /// What is answered now, as the log shows it.
    pub(super) asked: String,
}

impl<'a> Session<'a> {
    fn new(ftp: &'a Ftp, client: &'a Client, control: &'a TcpStream) -> io::Result<Session<'a>> {
        Ok(Session {
            ftp,
            client,
            control,
            peer: control.peer_addr()?,
            here: control.local_addr()?,
            lines: Lines::new(LINE_BYTES_MAX),
            is_at_end: false,
            login: Login::Nobody,
            wrong_passwords: 0,
            faults: 0,
            current: VirtualPath::root(),
            door: None,
            is_extended_only: false,
            representation: Representation::Ascii,
            restart: 0,
            rename_from: None,
            facts: FactSet::ALL,
            has_aborted: false,
            asked: String::new(),
        })
    }

    fn run(&mut self) -> io::Result<()> {
        "connection".clone_into(&mut self.asked);
        self.say(220, "Ready")?;
        while let Some(line) = self.next_line()? {
            if self.obey(line)? == Next::Leave {
                break;
            }
        }
        self.farewell()
    }

    /// The next line; `None`: the connection is over, and that was said.
    fn next_line(&mut self) -> io::Result<Option<Line>> {
        let limits = self.client.limits();
        let after = |limit: Option<Duration>| Instant::now() + limit.unwrap_or(NEVER).min(NEVER);
        let idle_at = after(limits.idle_timeout);
        let mut line_at = None;
        loop {
            if self.ftp.stopping.is_set() {
                "shutdown".clone_into(&mut self.asked);
                self.say(421, "The server ends; good bye")?;
                return Ok(None);
            }
            if let Some(line) = self.lines.next() {
                return Ok(Some(line));
            }
            if self.is_at_end {
                return Ok(None);
            }
            if self.lines.has_begun() {
                line_at.get_or_insert_with(|| after(limits.request_timeout));
            }
            let late_at = line_at.map_or(idle_at, |at| idle_at.min(at));
            greenroom::select! {
                biased;
                wait(self.ftp.stopping) => {}
                readable(self.control) -> ready => { ready?; self.receive()?; }
                at(late_at) => {
                    "silence".clone_into(&mut self.asked);
                    self.say(421, "Idle for too long; good bye")?;
                    return Ok(None);
                }
            }
        }
    }

    /// Reads what is there.
    pub(super) fn receive(&mut self) -> io::Result<()> {
        let mut some = [0; 1024];
        let count = (&mut &*self.client).read(&mut some)?;
        self.lines.feed(&some[..count]);
        self.is_at_end = count == 0;
        Ok(())
    }

    fn obey(&mut self, line: Line) -> io::Result<Next> {
        let command = match &line {
            Line::Text(text) => {
                self.asked = shown(text);
                Command::parse(text)
            }
            Line::TooLong => {
                "a line without end".clone_into(&mut self.asked);
                let text = "Lines have 512 bytes at most";
                Err(Fault { code: 500, text })
            }
        };
        // RFC 959: RNTO must come next. REST too, but clients send PASV and others in between.
        let is_rename = matches!(command, Ok(Command::Rnto(_)));
        let rename_from = self.rename_from.take().filter(|_| is_rename);
        match command {
            Ok(command) => self.execute(command, rename_from),
            Err(fault) => self.refuse_line(fault),
        }
    }

    fn refuse_line(&mut self, fault: Fault) -> io::Result<Next> {
        self.say(fault.code, fault.text)?;
        // What is not implemented is well asked for.
        self.faults += u32::from(matches!(fault.code, 500 | 501));
        if self.faults < self.ftp.settings.faults_max {
            return Ok(Next::Go);
        }
        self.say(421, "Too many lines that are no commands; good bye")?;
        Ok(Next::Leave)
    }

    fn execute(&mut self, command: Command, rename_from: Option<VirtualPath>) -> io::Result<Next> {
        match command {
            Command::Quit => {
                self.say(221, "Good bye")?;
                return Ok(Next::Leave);
            }
            Command::User(name) => return self.user(name),
            Command::Pass(password) => return self.pass(&password),
            Command::Noop => self.say(200, "OK")?,
            Command::Help => self.answer(&Reply::lines(214, "Commands:", help(), "End"))?,
            Command::Syst => self.say(215, "UNIX Type: L8")?,
            Command::Feat => self.answer(&self.features())?,
            Command::OptsUtf8 => self.say(200, "UTF-8 it is")?,
            command => match self.login.root().cloned() {
                None => self.say(530, "Log in first: USER and PASS")?,
                Some(root) => return self.execute_inside(&root, command, rename_from),
            },
        }
        Ok(Next::Go)
    }

    fn execute_inside(
        &mut self,
        root: &Root,
        command: Command,
        rename_from: Option<VirtualPath>,
    ) -> io::Result<Next> {
        match command {
            Command::Abor => match std::mem::take(&mut self.has_aborted) {
                true => self.say(226, "Aborted")?,
                false => {
                    self.close_door();
                    self.say(225, "No transfer to abort")?;
                }
            },
            Command::Allo => self.say(202, "Not needed")?,
            Command::Mode => self.say(200, "MODE S")?,
            Command::Stru => self.say(200, "STRU F")?,
            Command::Stat => self.answer(&self.status())?,
            Command::OptsMlst(facts) => {
                self.facts = FactSet::parse(&facts);
                self.say(200, format!("MLST OPTS {}", self.facts.names()))?;
            }
            Command::TypeAscii => self.set_representation(Representation::Ascii)?,
            Command::TypeImage => self.set_representation(Representation::Image)?,
            Command::Rest(offset) => self.restart_at(offset)?,
            Command::Pasv => self.passive()?,
            Command::Epsv(family) => self.extended(family)?,
            Command::EpsvAll => {
                self.is_extended_only = true;
                self.say(200, "EPSV and nothing else")?;
            }
            Command::List(..) | Command::Nlst(..) | Command::Mlsd(..) => {
                return self.list(root, command);
            }
            Command::Retr(name) => return self.retrieve(root, &name),
            Command::Stor(name) => return self.store(root, &name, false),
            Command::Appe(name) => return self.store(root, &name, true),
            command => self.tree(root, command, rename_from)?,
        }
        Ok(Next::Go)
    }

    /// Answers in one line.
    pub(super) fn say(&mut self, code: u16, text: impl Into<Vec<u8>>) -> io::Result<()> {
        self.answer(&Reply::new(code, text))
    }

    /// Answers; a refusal is logged.
    pub(super) fn answer(&self, reply: &Reply) -> io::Result<()> {
        if reply.is_refusal() {
            let text = String::from_utf8_lossy(&reply.text);
            log::info!(
                "{}: {}: {} {}",
                self.peer,
                self.asked,
                reply.code,
                printable(&text)
            );
        }
        (&mut &*self.client).write_all(&reply.encode())
    }

    /// Closes so that the last answer arrives: what is still on its way here would have the kernel reset
    /// the connection.
    fn farewell(&mut self) -> io::Result<()> {
        let (limit, bytes_max) = LAST_WORDS;
        self.door = None;
        if self.is_at_end {
            return Ok(());
        }
        // Whether it is there to hear it, or not;
        let _ = self.client.shutdown(Shutdown::Write);
        // whether it falls silent or goes on, this connection is over.
        let _ = greenroom::timeout(limit, || {
            io::copy(&mut self.control.take(bytes_max), &mut io::sink())
        });
        Ok(())
    }

    fn features(&self) -> Reply {
        let mut features: Vec<Vec<u8>> = ["EPSV", "MDTM"].map(Into::into).to_vec();
        features.push(self.facts.offer().into_bytes());
        features.extend(["PASV", "REST STREAM", "SIZE", "TVFS", "UTF8"].map(Into::into));
        Reply::lines(211, "Features:", features, "End")
    }
}

fn help() -> Vec<Vec<u8>> {
    let verbs: Vec<&str> = command::VERBS.split_whitespace().collect();
    verbs
        .chunks(12)
        .map(|some| some.join(" ").into_bytes())
        .collect()
}

/// A line for the log: no password, no control characters, not too much of it.
fn shown(line: &[u8]) -> String {
    const BYTES_MAX: usize = 80;
    // Mistyped ones too: with a blank in front, without one behind.
    let word = line.trim_ascii_start().get(..4).unwrap_or_default();
    if word.eq_ignore_ascii_case(b"PASS") {
        return "PASS".to_owned();
    }
    let cut: Vec<u8> = line.iter().take(BYTES_MAX).copied().map(harmless).collect();
    let dots = if line.len() > BYTES_MAX { "…" } else { "" };
    format!("`{}{dots}`", printable(&String::from_utf8_lossy(&cut)))
}

/// With question marks, as in answers and lists.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if is_harmless(c) { c } else { '?' })
        .collect()
}
