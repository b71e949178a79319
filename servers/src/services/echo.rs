//! Sends back what comes: RFC 862.
//!
//! One buffer per client, given back in one write; a client that does not read stops being read, until the
//! server's idle timeout ends it.

use super::may_answer;
use crate::{Client, Handler};
use serde::{Deserialize, Serialize};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

/// A read of so much at most; it lives as long as its client.
const PIECE_BYTES: usize = 16 << 10;

/// The echo service.
///
/// # Examples
/// ```
/// use greenroom_servers::{TcpServer, services::echo::Echo};
/// use std::io::{Read, Write};
/// use std::time::Duration;
/// # greenroom::run(|| {
/// let server = TcpServer::bind("127.0.0.1:0")?.serve_in_background(Echo)?;
/// let mut stream = greenroom::net::TcpStream::connect(server.local_addr())?;
/// stream.write_all(b"hello")?;
/// stream.shutdown(std::net::Shutdown::Write)?;
/// let mut text = String::new();
/// stream.read_to_string(&mut text)?;
/// assert_eq!(text, "hello");
/// server.shutdown(Duration::from_secs(1));
/// # Ok::<(), std::io::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Echo;

impl Handler for Echo {
    fn handle(&self, client: &mut Client) -> io::Result<()> {
        each_piece(client, |_| {})
    }
}

/// What goes back for a datagram: itself, or nothing if the two would go on for ever. Never parks.
///
/// # Examples
/// ```
/// use greenroom_servers::services::echo::datagram;
/// let own = "127.0.0.1:2007".parse()?;
/// assert_eq!(datagram(b"hello", "127.0.0.1:40000".parse()?, own), Some(b"hello".to_vec()));
/// assert_eq!(datagram(b"hello", "127.0.0.1:7".parse()?, own), None);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn datagram(datagram: &[u8], peer: SocketAddr, own: SocketAddr) -> Option<Vec<u8>> {
    may_answer(peer, own).then(|| datagram.to_vec())
}

/// Gives every piece that comes back, changed in place, until the client has sent all.
pub(super) fn each_piece(client: &mut Client, change: impl Fn(&mut [u8])) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match client.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(came) => {
                change(&mut piece[..came]);
                client.write_all(&piece[..came])?;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
