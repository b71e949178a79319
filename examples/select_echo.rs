//! One thread and many clients, with select: a queue of messages for each client, sent when select says that
//! the client can take them.
//!
//! Port of: the notes, "select.select" (file 002, section 6)
//!
//! Run: `cargo run --example select_echo -- [--host 127.0.0.1] [--port 8002] [--raw]`
//!
//! Try: `cargo run --example select_client`; `nc 127.0.0.1 8002` in several terminals. Compare with
//! `gevent_echo`: there the queue, the lists and the loop are a green thread's stack.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:8002
//! 127.0.0.1:…: connected
//! 127.0.0.1:…: received "hello\n"
//! 127.0.0.1:…: sending "hello\n"
//! 127.0.0.1:…: closed
//! ```
//!
//! Differs: the notes drop what `send` did not take and what is queued when a client half-closes, name the
//! wrong client when one goes, and let a queue grow for ever; a client that resets ends their server.

use cli::say;
use greenroom::multiplex::select;
use greenroom::net::{SocketAddr, TcpListener, TcpStream};
use greenroom::{raw, thread};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::process::ExitCode;
use std::time::Duration;

mod cli;

const USAGE: &str = "usage: select_echo [--host HOST] [--port PORT] [--raw]";

fn main() -> ExitCode {
    let options = [
        ("--host", "127.0.0.1"),
        ("--port", "8002"),
        ("--raw", cli::OFF),
    ];
    let args = cli::parse(USAGE, &options);
    cli::run("select_echo", || {
        server(args.address(), args.is_on("--raw"))
    })
}

fn server(address: (&str, u16), is_raw: bool) -> io::Result<()> {
    let listener = TcpListener::bind(address).map_err(cli::context(format!(
        "cannot listen on {}:{}",
        address.0, address.1
    )))?;
    say!("listening on {}", listener.local_addr()?);
    // Nothing in this loop may wait but select: a client that was ready may have gone since.
    listener.set_nonblocking(true)?;
    let mut clients: BTreeMap<RawFd, Client> = BTreeMap::new();
    loop {
        let mut inputs = vec![listener.as_raw_fd()];
        inputs.extend(
            clients
                .iter()
                .filter(|(_, c)| c.wants_input())
                .map(|(fd, _)| *fd),
        );
        let outputs: Vec<RawFd> = clients
            .iter()
            .filter(|(_, c)| c.wants_output())
            .map(|(fd, _)| *fd)
            .collect();
        let (readable, writable, exceptional) = wait(&inputs, &outputs, is_raw)?;

        for fd in readable {
            if fd == listener.as_raw_fd() {
                accept(&listener, &mut clients, is_raw);
            } else {
                attend(&mut clients, fd, Client::receive);
            }
        }
        for fd in writable {
            attend(&mut clients, fd, Client::send);
        }
        for fd in exceptional {
            attend(&mut clients, fd, |_| {
                Err(io::Error::other("urgent data, not understood"))
            });
        }
    }
}

type Ready = (Vec<RawFd>, Vec<RawFd>, Vec<RawFd>);

/// The one call that waits. `--raw` makes the system call, which blocks the OS thread and with it every green thread of
/// the worker; the other one parks this green thread, and has no limit of 1,024.
fn wait(inputs: &[RawFd], outputs: &[RawFd], is_raw: bool) -> io::Result<Ready> {
    if is_raw {
        return raw::select(inputs, outputs, inputs, None);
    }
    let (r, w, x) = select(inputs, outputs, inputs, None)?;
    let numbers = |list: Vec<&RawFd>| list.into_iter().copied().collect();
    Ok((numbers(r), numbers(w), numbers(x)))
}

fn accept(listener: &TcpListener, clients: &mut BTreeMap<RawFd, Client>, is_raw: bool) {
    match listener
        .accept()
        .and_then(|(stream, peer)| Client::new(stream, peer))
    {
        Ok(client) if is_raw && client.stream.as_raw_fd() >= 1024 => {
            say!("{}: refused, select cannot ask for it", client.peer);
        }
        Ok(client) => {
            say!("{}: connected", client.peer);
            clients.insert(client.stream.as_raw_fd(), client);
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
        Err(error) => {
            say!("cannot accept: {error}");
            // Out of descriptors, say: select would report the listener again at once.
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Does what `step` does for a client, and forgets the client when it is done with.
fn attend(
    clients: &mut BTreeMap<RawFd, Client>,
    fd: RawFd,
    step: impl FnOnce(&mut Client) -> io::Result<()>,
) {
    // It may be in two of the lists, and have gone with the first.
    let Some(client) = clients.get_mut(&fd) else {
        return;
    };
    match step(client) {
        Ok(()) if client.is_at_end && client.messages.is_empty() => {
            say!("{}: closed", client.peer);
        }
        Err(error) if error.kind() != ErrorKind::WouldBlock => say!("{}: {error}", client.peer),
        _ => return,
    }
    // Dropped, and so closed.
    clients.remove(&fd);
}

struct Client {
    stream: TcpStream,
    peer: SocketAddr,
    messages: VecDeque<Vec<u8>>,
    is_at_end: bool,
}

impl Client {
    /// In a queue. A client that sends and never receives is read from no more.
    const MESSAGES_MAX: usize = 16;

    fn new(stream: TcpStream, peer: SocketAddr) -> io::Result<Client> {
        stream.set_nonblocking(true)?;
        Ok(Client {
            stream,
            peer,
            messages: VecDeque::new(),
            is_at_end: false,
        })
    }

    fn wants_input(&self) -> bool {
        !self.is_at_end && self.messages.len() < Client::MESSAGES_MAX
    }

    fn wants_output(&self) -> bool {
        !self.messages.is_empty()
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        let n = self.stream.read(&mut buffer)?;
        if n == 0 {
            // It sends no more, and may still wait for what is queued.
            self.is_at_end = true;
            return Ok(());
        }
        say!("{}: received {}", self.peer, shown(&buffer[..n]));
        self.messages.push_back(buffer[..n].to_vec());
        Ok(())
    }

    fn send(&mut self) -> io::Result<()> {
        let Some(message) = self.messages.front_mut() else {
            return Ok(());
        };
        say!("{}: sending {}", self.peer, shown(message));
        // It may take a part. The rest stays in front.
        let n = self.stream.write(message)?;
        message.drain(..n);
        if message.is_empty() {
            self.messages.pop_front();
        }
        Ok(())
    }
}

/// `{:?}` because a peer's bytes may hold what commands a terminal.
fn shown(message: &[u8]) -> String {
    match message.len() {
        0..80 => format!("{:?}", String::from_utf8_lossy(message)),
        n => format!("{n} bytes"),
    }
}
