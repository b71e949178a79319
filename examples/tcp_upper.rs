//! The first TCP server: bind, accept, then receive and send until the client ends. One client at a time.
//!
//! Port of: the notes, "TCP sockets", TCP_server (file 002, section 1.3)
//!
//! Run: `cargo run --example tcp_upper -- [--host 127.0.0.1] [--port 9999]`
//!
//! Try: `cargo run --example tcp_upper_client`, or `nc 127.0.0.1 9999`. A second client waits, connected, until
//! the first has gone; `gevent_echo` serves all of them at once.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:9999
//! 127.0.0.1:…: connected
//! 127.0.0.1:…: "hello world\n"
//! 127.0.0.1:…: closed
//! ```
//!
//! Differs: the notes receive once, answer once and end; one `recv` is not one message, so this one goes on
//! until the client's end of stream, and then takes the next client.

use cli::say;
use greenroom::net::{SocketAddr, TcpListener, TcpStream};
use greenroom::thread;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

mod cli;

const USAGE: &str = "usage: tcp_upper [--host HOST] [--port PORT]";

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--host", "127.0.0.1"), ("--port", "9999")]);
    cli::run("tcp_upper", || server(args.address()))
}

fn server(address: (&str, u16)) -> io::Result<()> {
    // Creates the socket, binds it and listens, with SO_REUSEADDR set.
    let listener = TcpListener::bind(address).map_err(cli::context(format!(
        "cannot listen on {}:{}",
        address.0, address.1
    )))?;
    say!("listening on {}", listener.local_addr()?);
    loop {
        // Returns a new socket for the conversation; the listener goes on listening.
        let (stream, peer) = match listener.accept() {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, say. The client waits in the queue; so do we, a little.
                say!("cannot accept: {error}");
                thread::sleep(Duration::from_millis(100));
                continue;
            }
        };
        say!("{peer}: connected");
        match upper(stream, peer) {
            Ok(()) => say!("{peer}: closed"),
            Err(error) => say!("{peer}: {error}"),
        }
    }
}

/// Sends back what comes, in upper case. The stream is closed when it is dropped, at the end.
fn upper(mut stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            return Ok(());
        }
        let data = &mut buffer[..n];
        // `{:?}` because a peer's bytes may hold what commands a terminal.
        say!("{peer}: {:?}", String::from_utf8_lossy(data));
        data.make_ascii_uppercase();
        // `write` may send a part and says how much; `write_all` is Python's `sendall`.
        stream.write_all(data)?;
    }
}
