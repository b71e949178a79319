//! Sends back what comes with ASCII letters in upper case: Python's `bytes.upper`, the socket chapter's server.
//!
//! Other letters stay: their upper case can have another length, and a piece of a stream may end in the middle
//! of one.

use super::echo::each_piece;
use super::may_answer;
use crate::{Client, Handler};
use serde::{Deserialize, Serialize};
use std::io;
use std::net::SocketAddr;

/// The upper-case service.
///
/// # Examples
/// ```
/// use greenroom_servers::{TcpServer, services::upper::Upper};
/// let server = TcpServer::bind("127.0.0.1:0").unwrap().serve_in_background(Upper).unwrap();
/// # server.shutdown(std::time::Duration::ZERO);
/// ```
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Upper;

impl Handler for Upper {
    fn handle(&self, client: &mut Client) -> io::Result<()> {
        each_piece(client, <[u8]>::make_ascii_uppercase)
    }
}

/// What goes back for a datagram, or nothing if the two would go on for ever. Never parks.
///
/// # Examples
/// ```
/// use greenroom_servers::services::upper::datagram;
/// let (peer, own) = ("127.0.0.1:40000".parse()?, "127.0.0.1:2007".parse()?);
/// assert_eq!(datagram("aé".as_bytes(), peer, own), Some("Aé".as_bytes().to_vec()));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
pub fn datagram(datagram: &[u8], peer: SocketAddr, own: SocketAddr) -> Option<Vec<u8>> {
    may_answer(peer, own).then(|| datagram.to_ascii_uppercase())
}
