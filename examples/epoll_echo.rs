//! One thread and many clients, with edge-triggered epoll: an event is told once, so each client is read until
//! there is no more, and what could not be sent is remembered. Logs everything to a file, errors to stderr too.
//!
//! Port of: the notes, "select.epoll" (file 002, section 6)
//!
//! Run: `cargo run --example epoll_echo -- [--host 127.0.0.1] [--port 2003] [--log network-server.log] [--raw]`
//!
//! Try: `tail -f network-server.log`; `cargo run --example poll_echo_client -- --port 2003`.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:2003
//! ```
//!
//! The log:
//! ```text
//! … - epoll_echo - DEBUG - 127.0.0.1:…: accepted, descriptor …
//! … - epoll_echo - DEBUG - 127.0.0.1:…: received 6 bytes
//! … - epoll_echo - DEBUG - 127.0.0.1:…: closed
//! ```
//!
//! Differs: the notes spin when a client half-closes after its data and lose what a slow reader does not take
//! at once, and go on with a socket that they could not make.

use greenroom::multiplex::{self, EPOLLET, EPOLLIN, EPOLLOUT, EpollFlags};
use greenroom::net::{SocketAddr, TcpListener, TcpStream};
use greenroom::{println, raw, thread};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

mod cli;

const USAGE: &str = "usage: epoll_echo [--host HOST] [--port PORT] [--log FILE] [--raw]";

fn main() -> ExitCode {
    let options = [
        ("--host", "127.0.0.1"),
        ("--port", "2003"),
        ("--log", "network-server.log"),
        ("--raw", cli::OFF),
    ];
    let args = cli::parse(USAGE, &options);
    // Not cli::run, which starts another logger.
    let outcome = start_log(args.text("--log"))
        .and_then(|()| greenroom::run(|| server(args.address(), args.is_on("--raw"))));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("epoll_echo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn server(address: (&str, u16), is_raw: bool) -> io::Result<()> {
    let listener = TcpListener::bind(address).map_err(cli::context(format!(
        "cannot listen on {}:{}",
        address.0, address.1
    )))?;
    println!("listening on {}", listener.local_addr()?);
    listener.set_nonblocking(true)?;
    let epoll = match is_raw {
        true => Calls::Raw(raw::Epoll::new()?),
        false => Calls::Parking(multiplex::Epoll::new()?),
    };
    let mut clients: BTreeMap<RawFd, Client> = BTreeMap::new();
    // Level-triggered: one client is accepted at a time, and the others are reported again.
    epoll.register(listener.as_raw_fd(), EPOLLIN)?;
    loop {
        for (fd, _event) in epoll.poll()? {
            if fd == listener.as_raw_fd() {
                if let Some(client) = accept(&listener) {
                    let fd = client.stream.as_raw_fd();
                    epoll.register(fd, EPOLLIN | EPOLLET)?;
                    clients.insert(fd, client);
                }
                continue;
            }
            let Some(client) = clients.get_mut(&fd) else {
                continue;
            };
            match client.advance() {
                // Subtle: to modify is to look anew. What is ready now is an edge, so a client that was left
                // at its limit, with more to read, is told again.
                Ok(Some(events)) => {
                    epoll.modify(fd, events | EPOLLET)?;
                    continue;
                }
                Ok(None) => log::debug!("{}: closed", client.peer),
                Err(error) => log::error!("{}: {error}", client.peer),
            }
            epoll.unregister(fd)?;
            clients.remove(&fd);
        }
    }
}

/// epoll, twice.
enum Calls {
    /// Parks the green thread.
    Parking(multiplex::Epoll),
    /// `--raw`: the system calls. The last one blocks the OS thread with all its green threads.
    Raw(raw::Epoll),
}

impl Calls {
    fn register(&self, fd: RawFd, events: EpollFlags) -> io::Result<()> {
        match self {
            Calls::Parking(epoll) => epoll.register(&fd, events),
            Calls::Raw(epoll) => epoll.add(fd, events),
        }
    }

    fn modify(&self, fd: RawFd, events: EpollFlags) -> io::Result<()> {
        match self {
            Calls::Parking(epoll) => epoll.modify(&fd, events),
            Calls::Raw(epoll) => epoll.modify(fd, events),
        }
    }

    fn unregister(&self, fd: RawFd) -> io::Result<()> {
        match self {
            Calls::Parking(epoll) => epoll.unregister(&fd),
            Calls::Raw(epoll) => epoll.delete(fd),
        }
    }

    fn poll(&self) -> io::Result<Vec<(RawFd, EpollFlags)>> {
        match self {
            Calls::Parking(epoll) => epoll.poll(None, None),
            Calls::Raw(epoll) => epoll.wait(1024, None),
        }
    }
}

fn accept(listener: &TcpListener) -> Option<Client> {
    match listener.accept() {
        Ok((stream, peer)) => {
            log::debug!("{peer}: accepted, descriptor {}", stream.as_raw_fd());
            stream.set_nonblocking(true).ok()?;
            Some(Client {
                stream,
                peer,
                unsent: Vec::new(),
                is_at_end: false,
            })
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(error) => {
            log::error!("cannot accept: {error}");
            // Out of descriptors, say: epoll would report the listener again at once.
            thread::sleep(Duration::from_millis(100));
            None
        }
    }
}

struct Client {
    stream: TcpStream,
    peer: SocketAddr,
    unsent: Vec<u8>,
    is_at_end: bool,
}

impl Client {
    /// What is remembered of a client at most, and how long others wait for it.
    const UNSENT_MAX: usize = 64 * 1024;

    /// Goes on with the echo until the socket has nothing more or takes nothing more. Returns what to wait for
    /// next; `None`: it is complete.
    fn advance(&mut self) -> io::Result<Option<EpollFlags>> {
        if self.unsent.is_empty() && !self.is_at_end {
            self.receive().or_else(unless_it_would_block)?;
            log::debug!("{}: received {} bytes", self.peer, self.unsent.len());
        }
        self.send().or_else(unless_it_would_block)?;
        Ok(match (self.unsent.is_empty(), self.is_at_end) {
            (false, _) => Some(EPOLLOUT),
            (true, false) => Some(EPOLLIN),
            (true, true) => None,
        })
    }

    /// Until it would block, which is the one sign that the next edge will come.
    fn receive(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4096];
        while self.unsent.len() < Client::UNSENT_MAX && !self.is_at_end {
            let n = self.stream.read(&mut buffer)?;
            self.is_at_end = n == 0;
            self.unsent.extend_from_slice(&buffer[..n]);
        }
        Ok(())
    }

    fn send(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            let n = self.stream.write(&self.unsent)?;
            self.unsent.drain(..n);
        }
        Ok(())
    }
}

fn unless_it_would_block(error: io::Error) -> io::Result<()> {
    match error.kind() {
        ErrorKind::WouldBlock => Ok(()),
        _ => Err(error),
    }
}

/// Python's FileHandler with level DEBUG and StreamHandler with level ERROR, of this program's lines.
///
/// std's file: greenroom's would park, and a worker may log as well, which cannot.
struct TwoHandlers(File);

fn start_log(path: &str) -> io::Result<()> {
    let file = File::options().create(true).append(true).open(path);
    let file = file.map_err(cli::context(format!("cannot write {path}")))?;
    log::set_max_level(log::LevelFilter::Debug);
    log::set_boxed_logger(Box::new(TwoHandlers(file))).map_err(io::Error::other)
}

impl log::Log for TwoHandlers {
    fn enabled(&self, about: &log::Metadata) -> bool {
        about.target() == "epoll_echo" || about.level() == log::Level::Error
    }

    fn log(&self, record: &log::Record) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let (seconds, millis) = (now.as_secs() % 86400, now.subsec_millis());
        let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let (name, level, text) = (record.target(), record.level(), record.args());
        let line = format!("{h:02}:{m:02}:{s:02},{millis:03} - {name} - {level} - {text}\n");
        // One write per line; whoever cannot log has nowhere to say so.
        let _ = (&self.0).write_all(line.as_bytes());
        if level == log::Level::Error {
            let _ = io::stderr().write_all(line.as_bytes());
        }
    }

    fn flush(&self) {}
}
