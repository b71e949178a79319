//! One thread and many clients, with poll: descriptors are registered once, and a map finds the client of a
//! number.
//!
//! Port of: the notes, "select.poll" (file 002, section 6) and "poll" (files 000, 001, 003)
//!
//! Run: `cargo run --example poll_echo -- [--host 127.0.0.1] [--port 8002] [--raw]`
//!
//! Try: `cargo run --example poll_echo_client`. Compare with `gevent_echo`, which does the same.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:8002
//! 127.0.0.1:…: connected
//! 127.0.0.1:…: "hello\n"
//! 127.0.0.1:…: closed
//! ```
//!
//! Differs: the notes ask for every event, writable at all times included, so that their loop never rests;
//! they take `send` to send all; and a client that resets ends their server.

use cli::say;
use greenroom::multiplex::{POLLIN, POLLOUT, Poll, PollFlags};
use greenroom::net::{SocketAddr, TcpListener, TcpStream};
use greenroom::raw::{self, PollFd};
use greenroom::thread;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::process::ExitCode;
use std::time::Duration;

mod cli;

const USAGE: &str = "usage: poll_echo [--host HOST] [--port PORT] [--raw]";

fn main() -> ExitCode {
    let options = [
        ("--host", "127.0.0.1"),
        ("--port", "8002"),
        ("--raw", cli::OFF),
    ];
    let args = cli::parse(USAGE, &options);
    cli::run("poll_echo", || server(args.address(), args.is_on("--raw")))
}

fn server(address: (&str, u16), is_raw: bool) -> io::Result<()> {
    let listener = TcpListener::bind(address).map_err(cli::context(format!(
        "cannot listen on {}:{}",
        address.0, address.1
    )))?;
    say!("listening on {}", listener.local_addr()?);
    // Nothing in this loop may wait but poll.
    listener.set_nonblocking(true)?;
    let mut poll = match is_raw {
        true => Calls::Raw(BTreeMap::new()),
        false => Calls::Parking(Poll::new()),
    };
    let mut clients: BTreeMap<RawFd, Client> = BTreeMap::new();
    poll.register(listener.as_raw_fd(), POLLIN);
    loop {
        for (fd, _event) in poll.poll()? {
            if fd == listener.as_raw_fd() {
                if let Some(client) = accept(&listener) {
                    poll.register(fd_of(&client), POLLIN);
                    clients.insert(fd_of(&client), client);
                }
                continue;
            }
            let Some(client) = clients.get_mut(&fd) else {
                continue;
            };
            // Whatever the event is, POLLERR and POLLHUP too: reading or writing says what it means.
            let ended = match client.advance() {
                Ok(Some(events)) => {
                    poll.register(fd, events);
                    continue;
                }
                Ok(None) => "closed".to_owned(),
                Err(error) => error.to_string(),
            };
            say!("{}: {ended}", client.peer);
            // Before it is closed: the number belongs to the next client then.
            poll.unregister(fd);
            clients.remove(&fd);
        }
    }
}

/// poll, twice: a register of descriptors, and a wait for events of any of them.
enum Calls {
    /// Parks the green thread.
    Parking(Poll),
    /// `--raw`: the system call, which blocks the OS thread with all its green threads. It remembers
    /// nothing: the whole list goes to the kernel each time.
    Raw(BTreeMap<RawFd, PollFlags>),
}

impl Calls {
    /// Again for the same number: replaces.
    fn register(&mut self, fd: RawFd, events: PollFlags) {
        match self {
            Calls::Parking(poll) => poll.register(&fd, events),
            Calls::Raw(list) => drop(list.insert(fd, events)),
        }
    }

    fn unregister(&mut self, fd: RawFd) {
        match self {
            Calls::Parking(poll) => poll.unregister(&fd).expect("because it is registered"),
            Calls::Raw(list) => drop(list.remove(&fd)),
        }
    }

    fn poll(&self) -> io::Result<Vec<(RawFd, PollFlags)>> {
        match self {
            Calls::Parking(poll) => poll.poll(None),
            Calls::Raw(list) => {
                let mut rows: Vec<PollFd> = list
                    .iter()
                    .map(|(fd, events)| PollFd::new(*fd, *events))
                    .collect();
                raw::poll(&mut rows, None)?;
                rows.retain(|row| !row.revents().is_empty());
                Ok(rows.iter().map(|row| (row.fd(), row.revents())).collect())
            }
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
            // Out of descriptors, say: poll would report the listener again at once.
            thread::sleep(Duration::from_millis(100));
            None
        }
    }
}

/// What a green thread would keep on its stack.
struct Client {
    stream: TcpStream,
    peer: SocketAddr,
    unsent: Vec<u8>,
    is_at_end: bool,
}

fn fd_of(client: &Client) -> RawFd {
    client.stream.as_raw_fd()
}

impl Client {
    /// Goes on with the echo as far as it goes without waiting. Returns what to wait for next; `None`: it is
    /// complete.
    fn advance(&mut self) -> io::Result<Option<PollFlags>> {
        if self.unsent.is_empty() && !self.is_at_end {
            self.receive().or_else(unless_it_would_block)?;
        }
        self.send().or_else(unless_it_would_block)?;
        // Who does not take the answer is read from no more until it does: the memory of a client has a limit.
        Ok(match (self.unsent.is_empty(), self.is_at_end) {
            (false, _) => Some(POLLOUT),
            (true, false) => Some(POLLIN),
            (true, true) => None,
        })
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        let n = self.stream.read(&mut buffer)?;
        self.is_at_end = n == 0;
        if (1..80).contains(&n) {
            say!("{}: {:?}", self.peer, String::from_utf8_lossy(&buffer[..n]));
        }
        self.unsent.extend_from_slice(&buffer[..n]);
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
