//! The first UDP server: one socket, no connections, any number of clients.
//!
//! Port of: the notes, "UDP sockets", UDP_server (file 002, section 1.4)
//!
//! Run: `cargo run --example udp_upper -- [--host 127.0.0.1] [--port 9000]`
//!
//! Try: `cargo run --example udp_upper_client` in two terminals, or `nc -u 127.0.0.1 9000`; end with Ctrl-C.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:9000
//! 127.0.0.1:…: "hello world"
//! ```
//!
//! Differs: the notes receive 1024 bytes, and what is longer in a datagram is lost without a word. This
//! buffer takes the longest there is.

use cli::say;
use greenroom::net::UdpSocket;
use std::io;
use std::process::ExitCode;

mod cli;

const USAGE: &str = "usage: udp_upper [--host HOST] [--port PORT]";

/// The length field of UDP has 16 bits.
const DATAGRAM_BYTES_MAX: usize = 65_535;

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--host", "127.0.0.1"), ("--port", "9000")]);
    cli::run("udp_upper", || server(args.address()))
}

fn server(address: (&str, u16)) -> io::Result<()> {
    let socket = UdpSocket::bind(address).map_err(cli::context(format!(
        "cannot listen on {}:{}",
        address.0, address.1
    )))?;
    say!("listening on {}", socket.local_addr()?);
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        // One call, one whole datagram, and who sent it: the answer's address.
        let (n, peer) = socket.recv_from(&mut buffer)?;
        let data = &mut buffer[..n];
        say!("{peer}: {:?}", String::from_utf8_lossy(data));
        data.make_ascii_uppercase();
        if let Err(error) = socket.send_to(data, peer) {
            // One client's bad luck is not the end of the server.
            say!("{peer}: {error}");
        }
    }
}
