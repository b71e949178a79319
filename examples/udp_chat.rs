//! A chat over UDP: the server keeps the address book, passes on what clients say to each other, and talks itself.
//!
//! Port of: the notes, "QQ chat", UDP_server (file 002, section 1.4)
//!
//! Run: `cargo run --example udp_chat -- [--host 127.0.0.1] [--port 8081] [--book NAME=ADDRESS:PORT,…] [--names 100] [--idle 600]`
//!
//! Try: `cargo run --example udp_chat_client -- --name alice` in one terminal, `--name bob` in another. Type `hello`
//! there, and `@alice welcome` here; end with `quit`, Ctrl-D or Ctrl-C. `RUST_LOG=warn` shows what was refused.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:8081
//! [127.0.0.1:…] alice joins
//! [127.0.0.1:…] bob joins
//! [127.0.0.1:…] alice: good morning
//! [127.0.0.1:…] bob leaves
//! [127.0.0.1:…] alice leaves
//! the chat is over
//! ```
//!
//! Differs: the notes' server answers one message after the other, and waits for its keyboard in between; all
//! names of their address book are the server itself; what comes is printed raw. Addresses of datagrams can be
//! forged: names are no proof of who speaks.

use chat::{OPERATOR, Request};
use greenroom::net::{SocketAddr, UdpSocket};
use greenroom::signal::{Signal, Signals};
use greenroom::sync::Mutex;
use greenroom::{eprintln, println, select, thread};
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

mod chat;
mod cli;

const USAGE: &str = "usage: udp_chat [--host HOST] [--port PORT] [--book NAME=ADDRESS:PORT,...] \
                     [--names MAX] [--idle SECONDS]";

fn main() -> ExitCode {
    let options = [
        ("--host", "127.0.0.1"),
        ("--port", "8081"),
        ("--book", ""),
        ("--names", "100"),
        ("--idle", "600"),
    ];
    let args = cli::parse(USAGE, &options);
    let idle = Duration::from_secs(args.get("--idle"));
    let mut book = Book {
        names: HashMap::new(),
        names_max: args.get("--names"),
        idle,
    };
    for entry in args
        .text("--book")
        .split(',')
        .filter(|entry| !entry.is_empty())
    {
        if let Err(why) = book.write(entry) {
            args.refuse(format!("--book {entry}: {why}"));
        }
    }
    cli::run("udp_chat", || server(args.address(), book))
}

/// Three green threads: one hears clients, one the keyboard, one signals. Whoever ends first ends the chat.
fn server(address: (&str, u16), book: Book) -> io::Result<()> {
    let signals = Signals::new(&[Signal::Interrupt, Signal::Terminate])?;
    let socket = UdpSocket::bind(address).map_err(cli::context(format!(
        "cannot listen on {}:{}",
        address.0, address.1
    )))?;
    println!("listening on {}", socket.local_addr()?);
    let is_coloured = chat::is_coloured();
    let chat = Arc::new(Chat {
        socket,
        book: Mutex::new(book),
        is_coloured,
    });
    let writer = Arc::clone(&chat);
    let hearing = thread::spawn(move || chat.hear());
    let typing = thread::spawn(move || writer.type_lines());
    let signalled = thread::spawn(move || signals.wait().map(drop));
    let ended = select! {
        join(hearing) => hearing.join(),
        join(typing) => typing.join(),
        join(signalled) => signalled.join(),
    };
    ended.unwrap_or_else(|panic| resume_unwind(panic))?;
    println!("the chat is over");
    Ok(())
}

struct Chat {
    socket: UdpSocket,
    book: Mutex<Book>,
    is_coloured: bool,
}

impl Chat {
    /// Answers clients. No datagram ends it, and none costs memory that stays.
    fn hear(&self) -> io::Result<()> {
        // One byte more than is allowed tells what is too long.
        let mut buffer = [0; chat::DATAGRAM_BYTES_MAX + 1];
        loop {
            let (n, peer) = match self.socket.recv_from(&mut buffer) {
                Ok(received) => received,
                Err(error) if is_about_a_peer(&error) => {
                    log::warn!("{error}");
                    continue;
                }
                Err(error) => return Err(error),
            };
            let datagram = &buffer[..n];
            if chat::is_answer(datagram) {
                log::warn!("{peer}: ignored: it is for clients");
                continue;
            }
            let answer = match chat::parse(datagram).and_then(|request| self.obey(request, peer)) {
                Ok(()) => "ok".to_owned(),
                Err(why) => {
                    log::warn!("{peer}: refused: {why}");
                    format!("error\t{why}")
                }
            };
            if let Err(error) = self.socket.send_to(answer.as_bytes(), peer) {
                log::warn!("{peer}: {error}");
            }
        }
    }

    fn obey(&self, request: Request<'_>, peer: SocketAddr) -> Result<(), String> {
        match request {
            Request::Hello { me } => self.learn(me, peer),
            Request::Bye { me } => {
                self.book
                    .lock()
                    .expect("because no holder panics")
                    .forget(me, peer)?;
                println!("[{peer}] {me} leaves");
                Ok(())
            }
            Request::Say { me, to, text } => {
                self.learn(me, peer)?;
                if to == OPERATOR {
                    println!("[{peer}] {me}: {}", chat::paint(text, self.is_coloured));
                    return Ok(());
                }
                self.deliver(me, to, text)
            }
        }
    }

    fn learn(&self, me: &str, peer: SocketAddr) -> Result<(), String> {
        let is_new = self
            .book
            .lock()
            .expect("because no holder panics")
            .learn(me, peer)?;
        if is_new {
            println!("[{peer}] {me} joins");
        }
        Ok(())
    }

    fn deliver(&self, me: &str, to: &str, text: &str) -> Result<(), String> {
        let address = self
            .book
            .lock()
            .expect("because no holder panics")
            .find(to)?;
        let datagram = format!("from\t{me}\t{text}");
        let sent = self.socket.send_to(datagram.as_bytes(), address);
        sent.map(drop).map_err(|error| format!("{to}: {error}"))
    }

    /// Says what is typed here, to the end of the input.
    fn type_lines(&self) -> io::Result<()> {
        let mut partner = String::new();
        while let Some(line) = chat::read_line()? {
            let Some(text) = chat::addressed(&line, &mut partner) else {
                continue;
            };
            if partner.is_empty() {
                eprintln!("error: to whom? @NAME TEXT");
                continue;
            }
            let said = chat::text(text).and_then(|text| self.deliver(OPERATOR, &partner, text));
            if let Err(why) = said {
                eprintln!("error: {why}");
            }
        }
        Ok(())
    }
}

/// What the network says of a datagram that was sent earlier: it concerns its receiver only.
fn is_about_a_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
    )
}

/// Names and their addresses, from the options and learnt from clients.
struct Book {
    names: HashMap<String, Entry>,
    names_max: usize,
    /// A learnt name that was silent for so long may be taken by another.
    idle: Duration,
}

struct Entry {
    address: SocketAddr,
    /// `None`: from the options, never forgotten.
    heard: Option<Instant>,
}

impl Book {
    /// Takes a `NAME=ADDRESS:PORT` of the options.
    fn write(&mut self, entry: &str) -> Result<(), String> {
        let (name, address) = entry.split_once('=').ok_or("no NAME=ADDRESS:PORT")?;
        let address = address
            .parse()
            .map_err(|_| format!("{address}: no ADDRESS:PORT"))?;
        if name == OPERATOR {
            return Err(taken(name));
        }
        let heard = None;
        self.add(chat::name(name)?, Entry { address, heard })
    }

    /// `true`: it is new. An address has one name: who takes another gives the old one back.
    fn learn(&mut self, name: &str, address: SocketAddr) -> Result<bool, String> {
        let now = Instant::now();
        if let Some(entry) = self.names.get_mut(name)
            && entry.address == address
        {
            entry.heard = entry.heard.map(|_| now);
            return Ok(false);
        }
        let idle = self.idle;
        let is_free = |entry: &Entry| {
            entry
                .heard
                .is_some_and(|heard| entry.address == address || now - heard >= idle)
        };
        // Before anything is given back: who is refused keeps the name that he has.
        if name == OPERATOR || self.names.get(name).is_some_and(|entry| !is_free(entry)) {
            return Err(taken(name));
        }
        self.names.retain(|_, entry| !is_free(entry));
        self.add(
            name,
            Entry {
                address,
                heard: Some(now),
            },
        )?;
        Ok(true)
    }

    fn add(&mut self, name: &str, entry: Entry) -> Result<(), String> {
        if self.names.contains_key(name) {
            return Err(taken(name));
        }
        if self.names.len() >= self.names_max {
            return Err(format!(
                "the address book is full: {} names",
                self.names_max
            ));
        }
        self.names.insert(name.to_owned(), entry);
        Ok(())
    }

    fn find(&self, name: &str) -> Result<SocketAddr, String> {
        let entry = self.names.get(name);
        Ok(entry
            .ok_or_else(|| format!("nobody here is called {name:?}"))?
            .address)
    }

    /// Only who has the name can give it back.
    fn forget(&mut self, name: &str, address: SocketAddr) -> Result<(), String> {
        match self.names.get(name) {
            Some(entry) if entry.address == address => {}
            _ => return Err(format!("{name}: not your name")),
        }
        self.names
            .retain(|known, entry| known != name || entry.heard.is_none());
        Ok(())
    }
}

fn taken(name: &str) -> String {
    format!("{name}: this name is taken")
}
