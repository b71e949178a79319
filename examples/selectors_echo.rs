//! One thread and many clients, with selectors: each descriptor is registered with the function to call when it
//! is ready.
//!
//! Port of: the notes, "The selectors module" (file 002, section 6)
//!
//! Run: `cargo run --example selectors_echo -- [--host 127.0.0.1] [--port 10000]`
//!
//! Try: `cargo run --example poll_echo_client -- --port 10000`.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:10000
//! 127.0.0.1:…: accepted
//! 127.0.0.1:…: echoing "hello\n"
//! 127.0.0.1:…: closing
//! ```
//!
//! Differs: the notes' listing ends before the loop that calls the functions, and hopes that `send` will not
//! block; here what is not sent waits for `EVENT_WRITE`, with another function.

use cli::say;
use greenroom::net::{SocketAddr, TcpListener, TcpStream};
use greenroom::selectors::{DefaultSelector, EVENT_READ, EVENT_WRITE};
use greenroom::thread;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::process::ExitCode;
use std::time::Duration;

mod cli;

const USAGE: &str = "usage: selectors_echo [--host HOST] [--port PORT]";

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--host", "127.0.0.1"), ("--port", "10000")]);
    cli::run("selectors_echo", || server(args.address()))
}

fn server(address: (&str, u16)) -> io::Result<()> {
    let listener = TcpListener::bind(address).map_err(cli::context(format!(
        "cannot listen on {}:{}",
        address.0, address.1
    )))?;
    say!("listening on {}", listener.local_addr()?);
    listener.set_nonblocking(true)?;
    let selector = DefaultSelector::new()?;
    selector.register(&listener, EVENT_READ, accept as Callback)?;
    let mut server = Server {
        selector,
        listener,
        clients: BTreeMap::new(),
    };
    loop {
        // The whole loop: who is ready, and what was registered for that.
        for (key, _events) in server.selector.select(None)? {
            let callback = key.data;
            if let Err(error) = callback(&mut server, key.fd) {
                server.close(key.fd, &error.to_string())?;
            }
        }
    }
}

/// Called with the descriptor that is ready. It must not wait: everybody would.
type Callback = fn(&mut Server, RawFd) -> io::Result<()>;

/// What Python's functions find among the globals.
struct Server {
    selector: DefaultSelector<Callback>,
    listener: TcpListener,
    clients: BTreeMap<RawFd, Client>,
}

struct Client {
    stream: TcpStream,
    peer: SocketAddr,
    unsent: Vec<u8>,
}

fn accept(server: &mut Server, _fd: RawFd) -> io::Result<()> {
    let (stream, peer) = match server.listener.accept() {
        Ok(accepted) => accepted,
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
        Err(error) => {
            say!("cannot accept: {error}");
            // Out of descriptors, say: the listener would be ready again at once.
            thread::sleep(Duration::from_millis(100));
            return Ok(());
        }
    };
    say!("{peer}: accepted");
    stream.set_nonblocking(true)?;
    server.selector.register(&stream, EVENT_READ, read)?;
    server.clients.insert(
        stream.as_raw_fd(),
        Client {
            stream,
            peer,
            unsent: Vec::new(),
        },
    );
    Ok(())
}

fn read(server: &mut Server, fd: RawFd) -> io::Result<()> {
    let Some(client) = server.clients.get_mut(&fd) else {
        return Ok(());
    };
    let mut buffer = [0; 16 * 1024];
    let n = match client.stream.read(&mut buffer) {
        Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
        n => n?,
    };
    if n == 0 {
        return server.close(fd, "closing");
    }
    match n {
        1..80 => say!(
            "{}: echoing {:?}",
            client.peer,
            String::from_utf8_lossy(&buffer[..n])
        ),
        _ => say!("{}: echoing {n} bytes", client.peer),
    }
    client.unsent.extend_from_slice(&buffer[..n]);
    write(server, fd)
}

/// Sends what is there. While something is left, this function is registered in place of `read`: a client that
/// does not take its echo is not read from.
fn write(server: &mut Server, fd: RawFd) -> io::Result<()> {
    let Some(client) = server.clients.get_mut(&fd) else {
        return Ok(());
    };
    while !client.unsent.is_empty() {
        match client.stream.write(&client.unsent) {
            Ok(n) => drop(client.unsent.drain(..n)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                server.selector.modify(&fd, EVENT_WRITE, write)?;
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
    server.selector.modify(&fd, EVENT_READ, read)?;
    Ok(())
}

impl Server {
    fn close(&mut self, fd: RawFd, why: &str) -> io::Result<()> {
        if let Some(client) = self.clients.remove(&fd) {
            say!("{}: {why}", client.peer);
            // Before the stream is dropped: the number belongs to the next client then.
            self.selector.unregister(&fd)?;
        }
        Ok(())
    }
}
