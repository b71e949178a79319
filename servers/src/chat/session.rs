//! One client of the TCP chat: a green thread that reads, and one that writes.
//!
//! The reader obeys lines and never waits for anybody's writing; the writer empties the client's outbox, many
//! lines in one write. Either may end first: a closed outbox ends the reader, a failed write closes the outbox,
//! and the reader's end, however it comes about (a panic and a cancel too), frees the name and ends the writer.

use super::command::{Command, HELP, parse};
use super::hall::{ChatLimits, ChatTotals, Hall};
use super::outbox::{LINE_COST_BYTES, Outbox};
use super::pace::Pace;
use super::rules;
use crate::ear::Ear;
use crate::linger::close_gently;
use crate::{Client, Handler, Line, LineReader};
use greenroom::net::Shutdown;
use greenroom::{select, thread};
use rustix::net::sockopt::set_socket_send_buffer_size;
use std::io::{self, ErrorKind, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Lines of an answer to `/who` or `/rooms`.
const LIST_MAX: usize = 100;

/// The room server: a handler whose clients talk to each other. Clones are the same chat.
///
/// # Examples
/// ```
/// use greenroom_servers::{TcpServer, chat::{Chat, ChatLimits}};
/// use std::io::{Read, Write};
/// use std::time::Duration;
/// # greenroom::run(|| {
/// let chat = Chat::new(ChatLimits::default());
/// let server = TcpServer::bind("127.0.0.1:0")?.serve_in_background(chat.clone())?;
/// let mut ada = greenroom::net::TcpStream::connect(server.local_addr())?;
/// ada.write_all(b"ada\nhello\n/quit\n")?;
/// let mut heard = String::new();
/// ada.read_to_string(&mut heard)?;
/// assert!(heard.ends_with("* ada joins lobby\nada: hello\n* goodbye\n"));
/// chat.close();
/// server.shutdown(Duration::from_secs(1));
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Chat {
    hall: Arc<Hall>,
    limits: ChatLimits,
}

impl Chat {
    /// A chat with nobody in it.
    pub fn new(limits: ChatLimits) -> Chat {
        Chat {
            hall: Arc::default(),
            limits,
        }
    }

    /// Tells everybody in every room. Line ends and the like are escaped. Never parks.
    pub fn announce(&self, text: &str) {
        let text = crate::printable::printable(text);
        self.hall.announce(&format!("* {text}"));
    }

    /// Tells everybody that it is over, and lets them go: before the server's own shutdown. Never parks.
    pub fn close(&self) {
        self.hall.close();
    }

    /// What it has seen. Never parks.
    pub fn totals(&self) -> ChatTotals {
        self.hall.totals()
    }
}

impl Handler for Chat {
    fn handle(&self, client: &mut Client) -> io::Result<()> {
        let client = &*client;
        set_socket_send_buffer_size(client, self.limits.kernel_bytes_max)?;
        let outbox = Arc::new(Outbox::new(self.limits.outbox_bytes_max));
        thread::scope(|s| {
            let mut session = Session {
                hall: &self.hall,
                limits: self.limits,
                client,
                outbox: &outbox,
                id: self.hall.arrive(&outbox),
                has_name: false,
                refused: 0,
            };
            let writer = s.spawn(|| write_lines(client, &outbox));
            let outcome = session.talk();
            session.outbox.close(None);
            // Most are through at once. Who does not read is given up.
            select! {
                join(writer) => close_gently(client),
                after(self.limits.farewell) => {}
            }
            outcome
        })
    }
}

/// Empties the outbox until it is closed or the client is gone.
fn write_lines(mut client: &Client, outbox: &Outbox) {
    let mut batch = Vec::new();
    while outbox.take(&mut batch) {
        if let Err(error) = client.write_all(&batch) {
            log::debug!("{}: {error}", client.peer());
            return outbox.abandon();
        }
        batch.clear();
        // A burst is over: its memory is the server's again.
        batch.shrink_to(4096);
    }
}

/// A client on its way through the chat. Dropped, it is gone from it.
struct Session<'a> {
    hall: &'a Hall,
    limits: ChatLimits,
    client: &'a Client,
    outbox: &'a Arc<Outbox>,
    /// Its number in the hall.
    id: u64,
    has_name: bool,
    /// In a row.
    refused: u32,
}

/// Whether the client goes on.
enum Next {
    GoOn,
    Leave,
}

impl Session<'_> {
    /// Obeys lines until the client leaves or is made to.
    fn talk(&mut self) -> io::Result<()> {
        self.reply("* welcome: what is your name?");
        let ear = Ear::new(self.client, self.outbox.closed());
        let mut pace = Pace::new(self.limits.bytes_per_second);
        let mut lines = LineReader::new(ear, self.limits.line_bytes_max);
        loop {
            let line = match lines.next_line() {
                Ok(line) => line,
                Err(error) if error.kind() == ErrorKind::TimedOut => {
                    let what = match lines.get_ref().is_late() {
                        true => "your line took too long",
                        false => "you were silent for too long",
                    };
                    self.last_words(&format!("! {what}: goodbye"));
                    return Err(error);
                }
                Err(error) => return Err(error),
            };
            let max = self.limits.line_bytes_max;
            let (bytes, outcome) = match line {
                None => return Ok(()),
                Some(Line::Text(line) | Line::Cut(line)) => (line.len(), self.obey(line)),
                Some(Line::TooLong) => {
                    let why = format!("too long: a line has at most {max} bytes");
                    (max, Err(why))
                }
            };
            match outcome {
                Ok(Next::GoOn) => self.refused = 0,
                Ok(Next::Leave) => return Ok(()),
                Err(why) => {
                    if let Next::Leave = self.refuse(&why) {
                        return Ok(());
                    }
                }
            }
            let pause = pace.spend(bytes + LINE_COST_BYTES, Instant::now());
            if pause > Duration::ZERO {
                // Whether it was closed meanwhile, the next read tells.
                let _ = self.outbox.closed().wait_timeout(pause);
            } else {
                // Many lines of one read: others get their turn between them.
                thread::yield_now();
            }
            let has_begun = !lines.buffered().is_empty();
            lines.get_mut().next_request(has_begun);
        }
    }

    fn obey(&mut self, line: &[u8]) -> Result<Next, String> {
        if !self.has_name {
            return self.introduce(line);
        }
        let id = self.id;
        let Some(command) = parse(line)? else {
            return Ok(Next::GoOn);
        };
        match command {
            Command::Say(text) => self.hall.say(id, text)?,
            Command::Tell { to, text } => self.hall.tell(id, to, text)?,
            Command::Nick(name) => {
                self.hall.rename(id, name)?;
                log::info!("{}: is now {name}", self.client.peer());
            }
            Command::Join(room) => self.hall.join(id, room)?,
            Command::Rooms => {
                let (count, rooms) = self.hall.rooms(LIST_MAX);
                self.list(&rooms, count, |(room, members)| {
                    format!("* {room}: {members}")
                });
            }
            Command::Who => {
                let (room, count, names) = self.hall.who(id, LIST_MAX)?;
                self.reply(&format!("* in {room}: {count} people"));
                self.list(&names, count, |name| format!("* - {name}"));
            }
            Command::Help => HELP
                .iter()
                .for_each(|line| self.reply(&format!("* {line}"))),
            Command::Quit => {
                self.last_words("* goodbye");
                return Ok(Next::Leave);
            }
        }
        Ok(Next::GoOn)
    }

    /// The first line is a name, by itself or as `/nick NAME`.
    fn introduce(&mut self, line: &[u8]) -> Result<Next, String> {
        let line = rules::text(line)?.trim();
        if line == "/quit" {
            self.last_words("* goodbye");
            return Ok(Next::Leave);
        }
        let name = line.strip_prefix("/nick ").map_or(line, str::trim);
        let name = rules::name(name)?;
        self.hall.enter(self.id, name)?;
        self.has_name = true;
        log::info!("{}: {name} joins", self.client.peer());
        Ok(Next::GoOn)
    }

    /// Says why a line was refused; too many of them are an end.
    fn refuse(&mut self, why: &str) -> Next {
        self.refused += 1;
        log::info!("{}: refused: {why}", self.client.peer());
        if self.refused > self.limits.refused_max {
            self.last_words("! too many refused lines: goodbye");
            return Next::Leave;
        }
        self.reply(&format!("! {why}"));
        Next::GoOn
    }

    fn reply(&self, line: &str) {
        match self.has_name {
            // In the hall's order, and with its rules for slow readers.
            true => self.hall.answer(self.id, line),
            false => drop(self.outbox.push(&format!("{line}\n").into())),
        }
    }

    /// The first of `count`: all names of a full house would not fit into an outbox, and cost whoever asks his place.
    fn list<T>(&self, some: &[T], count: usize, show: impl Fn(&T) -> String) {
        for one in some {
            self.reply(&show(one));
        }
        let more = count.saturating_sub(some.len());
        if more > 0 {
            self.reply(&format!("* … and {more} more"));
        }
    }

    /// Out of the hall first, so that nothing comes after these words.
    fn last_words(&mut self, line: &str) {
        let line = format!("{line}\n").into();
        self.outbox.close(Some(&line));
        self.leave();
    }

    fn leave(&mut self) {
        self.hall.leave(self.id);
        if std::mem::take(&mut self.has_name) {
            log::info!("{}: leaves", self.client.peer());
        }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.leave();
        self.outbox.abandon();
        // The writer may be in the middle of a write that nobody reads.
        let _ = self.client.shutdown(Shutdown::Both);
    }
}
