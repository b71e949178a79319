//! One thread and many clients, with epoll in its plain form, level-triggered: what is not dealt with is
//! reported again. Each message is answered with a receipt.
//!
//! Port of: the notes, "epoll" (files 000 and 003)
//!
//! Run: `cargo run --example epoll_level -- [--host 127.0.0.1] [--port 9000] [--raw]`
//!
//! Try: `nc 127.0.0.1 9000`. `epoll_echo` is the edge-triggered one.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:9000
//! 127.0.0.1:…: connected
//! 127.0.0.1:…: "hello\n"
//! 127.0.0.1:…: closed
//! ```
//!
//! Differs: the notes ask for errors and hang-ups, which epoll reports unasked, write `WPOLLIN`, take `send` to
//! send all, and end when a client resets. One `recv` is one message here as there; see the chapter "framing".

use cli::say;
use greenroom::multiplex::{self, EPOLLIN, EPOLLOUT, EpollFlags};
use greenroom::net::{SocketAddr, TcpListener, TcpStream};
use greenroom::{raw, thread};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::process::ExitCode;
use std::time::Duration;

mod cli;

const USAGE: &str = "usage: epoll_level [--host HOST] [--port PORT] [--raw]";

const RECEIPT: &[u8] = b"Receive your message\n";

fn main() -> ExitCode {
    let options = [
        ("--host", "127.0.0.1"),
        ("--port", "9000"),
        ("--raw", cli::OFF),
    ];
    let args = cli::parse(USAGE, &options);
    cli::run("epoll_level", || {
        server(args.address(), args.is_on("--raw"))
    })
}

fn server(address: (&str, u16), is_raw: bool) -> io::Result<()> {
    let listener = TcpListener::bind(address).map_err(cli::context(format!(
        "cannot listen on {}:{}",
        address.0, address.1
    )))?;
    say!("listening on {}", listener.local_addr()?);
    // Nothing in this loop may wait but epoll.
    listener.set_nonblocking(true)?;
    let epoll = match is_raw {
        true => Calls::Raw(raw::Epoll::new()?),
        false => Calls::Parking(multiplex::Epoll::new()?),
    };
    let mut clients: BTreeMap<RawFd, Client> = BTreeMap::new();
    epoll.register(listener.as_raw_fd(), EPOLLIN)?;
    loop {
        for (fd, _event) in epoll.poll()? {
            if fd == listener.as_raw_fd() {
                if let Some(client) = accept(&listener) {
                    let fd = client.stream.as_raw_fd();
                    epoll.register(fd, EPOLLIN)?;
                    clients.insert(fd, client);
                }
                continue;
            }
            let Some(client) = clients.get_mut(&fd) else {
                continue;
            };
            // Whatever the event is, EPOLLERR and EPOLLHUP too: reading or writing says what it means.
            let ended = match client.advance() {
                // Level-triggered: as long as there is more to read it says so, however little we read.
                Ok(Some(events)) => {
                    epoll.modify(fd, events)?;
                    continue;
                }
                Ok(None) => "closed".to_owned(),
                Err(error) => error.to_string(),
            };
            say!("{}: {ended}", client.peer);
            epoll.unregister(fd)?;
            clients.remove(&fd);
        }
    }
}

/// epoll, twice. Unlike poll's, the register is the kernel's, and only what has happened is copied.
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
            say!("{peer}: connected");
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
            say!("cannot accept: {error}");
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
    /// One message and its receipt, or the rest of a receipt. Returns what to wait for next; `None`: the end.
    fn advance(&mut self) -> io::Result<Option<EpollFlags>> {
        if self.unsent.is_empty() && !self.is_at_end {
            self.receive().or_else(unless_it_would_block)?;
        }
        self.send().or_else(unless_it_would_block)?;
        // Who does not take the receipts is read from no more until it does.
        Ok(match (self.unsent.is_empty(), self.is_at_end) {
            (false, _) => Some(EPOLLOUT),
            (true, false) => Some(EPOLLIN),
            (true, true) => None,
        })
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut buffer = [0; 1024];
        let n = self.stream.read(&mut buffer)?;
        if n == 0 {
            self.is_at_end = true;
            return Ok(());
        }
        say!("{}: {:?}", self.peer, String::from_utf8_lossy(&buffer[..n]));
        self.unsent.extend_from_slice(RECEIPT);
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
