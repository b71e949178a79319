//! The floor: an epoll loop by hand with httparse. Called by `bench raw-http-server`.
//!
//! One thread, every socket registered once for both directions (edge-triggered) and never re-armed;
//! all requests of one read are answered by one write. A read that leaves room in the buffer is taken
//! as "nothing more for now"; a hang-up once seen is kept, since data and end can come in one edge.
//! No timers and no limits: that is what makes it a floor.

use super::plain::{Answer, answer_all};
use crate::sys::epoll::{Epoll, Event};
use crate::sys::{process, socket};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// Sixteen requests of wrk are 700 bytes.
const BUFFER_BYTES: usize = 16 * 1024;
const LISTENER: usize = usize::MAX;

/// One connection; its index in the table is its descriptor's number.
#[derive(Debug, Default)]
struct Conn {
    fd: Option<OwnedFd>,
    hung_up: bool,
    /// A request's beginning.
    unread: Vec<u8>,
    /// What the socket did not take yet; nothing is read before it is sent.
    unsent: Vec<u8>,
}

/// What all connections use in turn.
struct Desk {
    answer: Answer,
    input: Box<[u8]>,
    out: Vec<u8>,
}

/// Whether a connection goes on after an event.
enum After {
    Waits,
    Ends,
}

/// Serves on 127.0.0.1 until a signal.
pub(crate) fn serve(port: u16) -> io::Result<()> {
    process::raise_nofile()?;
    let (listener, _) = socket::listen(port, false)?;
    let mut epoll = Epoll::new()?;
    epoll.add_listener(listener.as_raw_fd(), LISTENER)?;
    let mut conns: Vec<Conn> = Vec::new();
    let mut desk = Desk {
        answer: Answer::new(),
        input: vec![0; BUFFER_BYTES].into_boxed_slice(),
        out: Vec::with_capacity(BUFFER_BYTES),
    };
    loop {
        let ready = epoll.wait(None)?;
        desk.answer.refresh();
        for index in 0..ready {
            let event = epoll.event(index);
            if event.token == LISTENER {
                accept_all(&listener, &epoll, &mut conns)?;
                continue;
            }
            let conn = &mut conns[event.token];
            conn.hung_up |= event.is_hung_up();
            if !matches!(conn.drive(event, &mut desk), Ok(After::Waits)) {
                *conn = Conn::default();
            }
        }
    }
}

fn accept_all(listener: &OwnedFd, epoll: &Epoll, conns: &mut Vec<Conn>) -> io::Result<()> {
    loop {
        let fd = match socket::accept(listener.as_raw_fd()) {
            Ok(fd) => fd,
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock => return Ok(()),
                io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => continue,
                _ => return Err(error),
            },
        };
        socket::set_nodelay(fd.as_raw_fd())?;
        let index = usize::try_from(fd.as_raw_fd()).expect("because descriptors are >= 0");
        if conns.len() <= index {
            conns.resize_with(index + 1, Conn::default);
        }
        epoll.add(fd.as_raw_fd(), index)?;
        conns[index].fd = Some(fd);
    }
}

impl Conn {
    fn drive(&mut self, event: Event, desk: &mut Desk) -> io::Result<After> {
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
            let got = match socket::recv(fd, &mut desk.input) {
                Ok(0) => return Ok(After::Ends),
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(After::Waits),
                Err(error) => return Err(error),
            };
            self.answer(got, desk)?;
            let sent = send_some(fd, &desk.out)?;
            if sent < desk.out.len() {
                self.unsent.extend_from_slice(&desk.out[sent..]);
                return Ok(After::Waits);
            }
            if got < desk.input.len() && !self.hung_up {
                return Ok(After::Waits);
            }
        }
    }

    /// Parses what was read, after what was left over before, and fills `desk.out`.
    fn answer(&mut self, got: usize, desk: &mut Desk) -> io::Result<()> {
        let read = &desk.input[..got];
        desk.out.clear();
        if self.unread.is_empty() {
            let used = answer_all(read, &desk.answer, &mut desk.out)?;
            self.unread.extend_from_slice(&read[used..]);
            return Ok(());
        }
        self.unread.extend_from_slice(read);
        let used = answer_all(&self.unread, &desk.answer, &mut desk.out)?;
        self.unread.drain(..used);
        Ok(())
    }
}

fn send_some(fd: i32, bytes: &[u8]) -> io::Result<usize> {
    if bytes.is_empty() {
        return Ok(0);
    }
    match socket::send(fd, bytes) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        result => result,
    }
}
