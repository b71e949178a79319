//! The first UDP client: sends each line of its input as a datagram, and waits for the answer, not for ever.
//!
//! Port of: the notes, "UDP sockets", UDP_client (file 002, section 1.4)
//!
//! Run: `cargo run --example udp_upper_client -- [--host 127.0.0.1] [--port 9000] [--timeout 1]`
//!
//! Try: start `udp_upper` in another terminal, then `echo hello world | cargo run --example udp_upper_client`;
//! or type lines, and end with `quit` or Ctrl-D. Stop the server in between.
//!
//! Output:
//! ```text
//! HELLO WORLD (127.0.0.1:9000)
//! ```
//!
//! Differs: the notes wait for ever for a datagram that was lost, have no way out of their loop, and close
//! a socket of another name.

use greenroom::io::stdin;
use greenroom::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use greenroom::println;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

mod cli;

const USAGE: &str = "usage: udp_upper_client [--host HOST] [--port PORT] [--timeout SECONDS]";

fn main() -> ExitCode {
    let options = [
        ("--host", "127.0.0.1"),
        ("--port", "9000"),
        ("--timeout", "1"),
    ];
    let args = cli::parse(USAGE, &options);
    let timeout = Duration::try_from_secs_f64(args.get("--timeout"))
        .ok()
        .filter(|timeout| !timeout.is_zero())
        .unwrap_or_else(|| args.refuse("--timeout: not a time"));
    cli::run("udp_upper_client", || client(args.address(), timeout))
}

fn client(address: (&str, u16), timeout: Duration) -> io::Result<()> {
    let socket = connect(address).map_err(cli::context(format!(
        "cannot reach {}:{}",
        address.0, address.1
    )))?;
    socket.set_read_timeout(Some(timeout))?;
    let mut buffer = vec![0; 65_535];
    for line in stdin().lines() {
        let line = line?;
        match line.as_str() {
            "quit" => break,
            // An empty datagram is possible, and useless.
            "" => continue,
            text => socket.send(text.as_bytes())?,
        };
        let n = socket
            .recv(&mut buffer)
            .map_err(|error| match error.kind() {
                io::ErrorKind::WouldBlock => io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("no answer within {timeout:?}"),
                ),
                kind => io::Error::new(
                    kind,
                    format!("no answer from {}:{}: {error}", address.0, address.1),
                ),
            })?;
        println!(
            "{} ({})",
            String::from_utf8_lossy(&buffer[..n]),
            socket.peer_addr()?
        );
    }
    Ok(())
}

fn connect(address: (&str, u16)) -> io::Result<UdpSocket> {
    let mut found = address.to_socket_addrs()?;
    let peer = found.next().ok_or(io::ErrorKind::NotFound)?;
    // A socket is of IPv4 or of IPv6, as its peer is.
    let any = match peer {
        SocketAddr::V4(_) => "0.0.0.0",
        SocketAddr::V6(_) => "::",
    };
    // Port 0: the system chooses one. The server learns it from the datagram.
    let socket = UdpSocket::bind((any, 0))?;
    // Sends nothing. It fixes the peer: others are not heard, and a refusal (nobody has that port) is reported.
    socket.connect(peer)?;
    Ok(socket)
}
