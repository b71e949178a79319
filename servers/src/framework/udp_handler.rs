//! A datagram, and what a server does for each.

use super::counters::Counters;
use greenroom::net::{SocketAddr, UdpSocket};
use std::io;
use std::sync::Arc;

/// A datagram, its sender, and a way to answer.
#[derive(Debug)]
pub struct Datagram {
    pub(crate) bytes: Vec<u8>,
    pub(crate) peer: SocketAddr,
    pub(crate) socket: Arc<UdpSocket>,
    pub(crate) counters: Arc<Counters>,
}

impl Datagram {
    /// What it says.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Who sent it, or says so: addresses of datagrams can be forged.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Answers the sender. Parks while the socket's buffer is full.
    ///
    /// # Errors
    /// What `sendto(2)` reports, for one when the answer is longer than a datagram may be.
    pub fn reply(&self, bytes: &[u8]) -> io::Result<()> {
        self.send_to(bytes, self.peer)
    }

    /// Sends to anybody from the server's address. Parks while the socket's buffer is full.
    ///
    /// # Errors
    /// As [`reply`](Datagram::reply).
    pub fn send_to(&self, bytes: &[u8], address: SocketAddr) -> io::Result<()> {
        let count = self.socket.send_to(bytes, address)?;
        Counters::add(&self.counters.bytes_out, count as u64);
        Ok(())
    }

    /// The server's socket: what is sent there is not counted.
    pub fn socket(&self) -> &UdpSocket {
        &self.socket
    }
}

/// What is done about each datagram: socketserver's `DatagramRequestHandler`. One value serves all, at the
/// same time. Any `Fn(&Datagram) -> io::Result<()>` is one.
pub trait DatagramHandler: Send + Sync + 'static {
    /// Before `handle`. After an error neither `handle` nor `finish` is called.
    ///
    /// # Errors
    /// Whatever ends the work on this datagram.
    fn setup(&self, datagram: &Datagram) -> io::Result<()> {
        let _ = datagram;
        Ok(())
    }

    /// Does it.
    ///
    /// # Errors
    /// Counted and logged.
    fn handle(&self, datagram: &Datagram) -> io::Result<()>;

    /// After `handle`, however that ended.
    fn finish(&self, datagram: &Datagram) {
        let _ = datagram;
    }
}

impl<F> DatagramHandler for F
where
    F: Fn(&Datagram) -> io::Result<()> + Send + Sync + 'static,
{
    fn handle(&self, datagram: &Datagram) -> io::Result<()> {
        self(datagram)
    }
}
