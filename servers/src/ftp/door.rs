//! Where one data connection comes in: a listener that lets in the control connection's peer, once.
//!
//! A green thread accepts from the moment the port is told, so strangers cannot fill the queue before the
//! transfer is asked for; they are closed, and the right peer is served all the same. The listener is
//! closed when that one is in, when the time is over, or when the door is dropped, whatever comes first.

use greenroom::net::{SocketAddr, TcpListener, TcpStream};
use greenroom::thread::JoinHandle;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::ops::RangeInclusive;
use std::time::Duration;

/// A port that waits for its data connection.
#[derive(Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    /// `None` once it was entered.
    accepting: Option<JoinHandle<io::Result<TcpStream>>>,
}

impl Door {
    /// Listens at `here`, at another port, for `peer`, for so long.
    pub(crate) fn open(
        here: SocketAddr,
        ports: Option<&RangeInclusive<u16>>,
        peer: SocketAddr,
        wait: Duration,
    ) -> io::Result<Door> {
        let listener = listen(here, ports)?;
        let address = listener.local_addr()?;
        let accepting = greenroom::thread::Builder::new().spawn(move || {
            let first = greenroom::timeout(wait, || admit(&listener, peer));
            first.unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
        })?;
        Ok(Door {
            address,
            accepting: Some(accepting),
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The data connection. Parks.
    pub(crate) fn enter(mut self) -> io::Result<TcpStream> {
        if let Some(accepting) = &self.accepting {
            // Not yet `join`, which takes the handle: a cancel here must find it in place, and end the
            // listener by way of the destructor.
            greenroom::select! { join(accepting) => {} }
        }
        let ended = self.accepting.take().map(JoinHandle::join);
        match ended {
            Some(Ok(outcome)) => outcome,
            _ => Err(io::Error::other("the listener has ended")),
        }
    }

    /// Ends it; the port is free when this returns. Parks.
    pub(crate) fn close(mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.cancel();
            // Cancelled, as asked, or nobody wants the connection any more.
            drop(accepting.join());
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.cancel();
        }
    }
}

fn listen(mut here: SocketAddr, ports: Option<&RangeInclusive<u16>>) -> io::Result<TcpListener> {
    here.set_port(0);
    let Some(ports) = ports.filter(|ports| !ports.is_empty()) else {
        return TcpListener::bind(here);
    };
    let count = u64::from(ports.end() - ports.start()) + 1;
    // Any of them: of the next one somebody else at the peer's address could know, and come first.
    let first = RandomState::new().hash_one(ports.start()) % count;
    for step in 0..count {
        let offset = u16::try_from((first + step) % count).unwrap_or(0);
        here.set_port(ports.start() + offset);
        match TcpListener::bind(here) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            outcome => return outcome,
        }
    }
    Err(ErrorKind::AddrInUse.into())
}

/// Accepts until it is the peer.
fn admit(listener: &TcpListener, peer: SocketAddr) -> io::Result<TcpStream> {
    let mut is_first = true;
    loop {
        let (stream, who) = listener.accept()?;
        if who.ip().to_canonical() == peer.ip().to_canonical() {
            return Ok(stream);
        }
        // One line, or strangers could fill the log.
        if std::mem::take(&mut is_first) {
            log::warn!("{peer}: a data connection from {who}: closed");
        }
    }
}
