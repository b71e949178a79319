//! The floor: the least an echo server can do with sockets and epoll, written by hand.
//!
//! One thread, one epoll, every socket registered once for both directions (edge-triggered) and
//! never re-armed; no timers, no scheduler, one shared buffer. A read that leaves room in the
//! buffer is taken as "nothing more for now", which saves the `recv` that would only say EAGAIN.
//! Subtle: the last data and the end of stream can come in one edge, so a hang-up once seen is
//! kept and from then on every read goes on to the end.
//! Two threads are two such servers on one port by SO_REUSEPORT. Called by `bench floor-server`.

use crate::sys::epoll::{Epoll, Event};
use crate::sys::{process, socket};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};

/// Holds 16 KiB messages four deep; L1-resident for small ones because only their bytes are touched.
const BUFFER_BYTES: usize = 64 * 1024;
const LISTENER: usize = usize::MAX;

/// One connection; its index in the table is its descriptor's number.
#[derive(Debug, Default)]
struct Conn {
    fd: Option<OwnedFd>,
    hung_up: bool,
    /// What the socket did not take yet; nothing is read before it is sent.
    unsent: Vec<u8>,
}

struct Server {
    epoll: Epoll,
    listener: OwnedFd,
    conns: Vec<Conn>,
    buffer: Box<[u8]>,
}

/// Whether a connection goes on after an event.
enum After {
    Waits,
    Ends,
}

/// Serves on `threads` threads, prints `listening on 127.0.0.1:PORT`, ends by a signal only.
pub(crate) fn serve(port: u16, threads: usize) -> io::Result<()> {
    process::raise_nofile()?;
    let shared = threads > 1;
    let (first, port) = socket::listen(port, shared)?;
    let mut listeners = vec![first];
    for _ in 1..threads {
        listeners.push(socket::listen(port, shared)?.0);
    }
    println!("listening on 127.0.0.1:{port}");
    io::stdout().flush()?;
    std::thread::scope(|scope| {
        let servers: Vec<_> = listeners
            .into_iter()
            .map(|listener| scope.spawn(move || Server::new(listener)?.run()))
            .collect();
        servers.into_iter().try_for_each(|server| {
            server
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("a server thread panicked")))
        })
    })
}

impl Server {
    fn new(listener: OwnedFd) -> io::Result<Server> {
        let epoll = Epoll::new()?;
        epoll.add_listener(listener.as_raw_fd(), LISTENER)?;
        let buffer = vec![0; BUFFER_BYTES].into_boxed_slice();
        Ok(Server {
            epoll,
            listener,
            conns: Vec::new(),
            buffer,
        })
    }

    fn run(&mut self) -> io::Result<()> {
        loop {
            let ready = self.epoll.wait(None)?;
            for index in 0..ready {
                let event = self.epoll.event(index);
                if event.token == LISTENER {
                    self.accept_all()?;
                } else {
                    self.drive(event);
                }
            }
        }
    }

    fn accept_all(&mut self) -> io::Result<()> {
        loop {
            let fd = match socket::accept(self.listener.as_raw_fd()) {
                Ok(fd) => fd,
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(()),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => continue,
                    _ => return Err(error),
                },
            };
            socket::set_nodelay(fd.as_raw_fd())?;
            let index = usize::try_from(fd.as_raw_fd()).expect("because descriptors are >= 0");
            if self.conns.len() <= index {
                self.conns.resize_with(index + 1, Conn::default);
            }
            self.epoll.add(fd.as_raw_fd(), index)?;
            self.conns[index].fd = Some(fd);
        }
    }

    /// No event of this batch can follow for a connection closed here: a registration appears
    /// once per batch, and a descriptor number used again is a new registration.
    fn drive(&mut self, event: Event) {
        let conn = &mut self.conns[event.token];
        conn.hung_up |= event.is_hung_up();
        if matches!(conn.echo(event, &mut self.buffer), Ok(After::Waits)) {
            return;
        }
        *conn = Conn::default();
    }
}

impl Conn {
    fn echo(&mut self, event: Event, buffer: &mut [u8]) -> io::Result<After> {
        let Some(fd) = self.fd.as_ref().map(AsRawFd::as_raw_fd) else {
            return Ok(After::Waits);
        };
        let held_back = !self.unsent.is_empty();
        if held_back {
            let sent = send_some(fd, &self.unsent)?;
            self.unsent.drain(..sent);
            if !self.unsent.is_empty() {
                return Ok(After::Waits);
            }
        }
        // Reads were skipped while bytes were held back, so their edge may be long gone.
        if !held_back && !event.is_readable() {
            return Ok(After::Waits);
        }
        loop {
            let got = match socket::recv(fd, buffer) {
                Ok(0) => return Ok(After::Ends),
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(After::Waits),
                Err(error) => return Err(error),
            };
            let sent = send_some(fd, &buffer[..got])?;
            if sent < got {
                self.unsent.extend_from_slice(&buffer[sent..got]);
                return Ok(After::Waits);
            }
            if got < buffer.len() && !self.hung_up {
                return Ok(After::Waits);
            }
        }
    }
}

fn send_some(fd: i32, bytes: &[u8]) -> io::Result<usize> {
    match socket::send(fd, bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        result => result,
    }
}
