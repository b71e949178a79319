//! The files that both sides have at the same numbers, and their far ends, which only this process has.
//!
//! What happens to a file has happened when [`Slot::stir`] returns: for TCP and terminals, whose news come
//! later, it waits until the kernel says that they are there. Else one side would see more than the other.

use crate::calls::{
    eventfd, put_at, read, read_urgent, regular, send_urgent, set_nonblocking, set_option, shut,
    tcp_info, terminal, unsent, write,
};
use crate::steps::{Kind, Stir};
use greenroom::multiplex::{EPOLLET, EPOLLIN, EPOLLOUT};
use greenroom::raw;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::thread::yield_now;
use std::time::{Duration, Instant};

/// For news that are microseconds away.
const LATEST: Duration = Duration::from_secs(20);

/// Small enough that no buffer fills by writing: that is what [`Stir::Fill`] is for.
const UNREAD_MAX: usize = 48;

/// States of a TCP connection, as `TCP_INFO` tells them.
const ESTABLISHED: u8 = 1;
const FIN_WAIT1: u8 = 4;
const FIN_WAIT2: u8 = 5;
const CLOSE: u8 = 7;
const LAST_ACK: u8 = 9;
const CLOSING: u8 = 11;

pub(crate) struct Slot {
    kind: Kind,
    pub(crate) near: OwnedFd,
    far: Option<OwnedFd>,
    /// Told of the next event, of the kinds whose news come later. Registered first, so woken last.
    witness: raw::Epoll,
    /// Bytes that the far end has sent, and those of them that nobody has read.
    sent: u64,
    unread: usize,
    has_far_ended: bool,
    is_full: bool,
}

fn tcp() -> (OwnedFd, OwnedFd) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    set_option(&listener, libc::SOL_SOCKET, libc::SO_RCVBUF, &16_384_i32);
    set_option(&listener, libc::IPPROTO_TCP, libc::TCP_MAXSEG, &1024_i32);
    let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    set_option(&near, libc::SOL_SOCKET, libc::SO_SNDBUF, &16_384_i32);
    near.set_nodelay(true).unwrap();
    let far = listener.accept().unwrap().0;
    far.set_nodelay(true).unwrap();
    (near.into(), far.into())
}

fn pair(kind: Kind) -> (OwnedFd, Option<OwnedFd>) {
    fn both(near: impl Into<OwnedFd>, far: impl Into<OwnedFd>) -> (OwnedFd, Option<OwnedFd>) {
        (near.into(), Some(far.into()))
    }
    match kind {
        Kind::Tcp => {
            let (near, far) = tcp();
            both(near, far)
        }
        Kind::Unix => {
            let (near, far) = UnixStream::pair().unwrap();
            both(near, far)
        }
        Kind::Datagram => {
            let (near, far) = UnixDatagram::pair().unwrap();
            both(near, far)
        }
        Kind::PipeReader => {
            let (near, far) = std::io::pipe().unwrap();
            both(near, far)
        }
        Kind::PipeWriter => {
            let (far, near) = std::io::pipe().unwrap();
            both(near, far)
        }
        Kind::Terminal => {
            let (far, near) = terminal();
            both(near, far)
        }
        Kind::Master => {
            let (near, far) = terminal();
            both(near, far)
        }
        Kind::Event => (eventfd(), None),
        Kind::Regular => (regular(), None),
        Kind::Listener => (TcpListener::bind("127.0.0.1:0").unwrap().into(), None),
    }
}

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < LATEST, "{what} in vain");
        yield_now();
    }
}

impl Slot {
    pub(crate) fn open(number: RawFd, kind: Kind) -> Slot {
        let (near, far) = pair(kind);
        set_nonblocking(&near);
        far.iter().for_each(set_nonblocking);
        let near = put_at(number, &near);
        let witness = raw::Epoll::new().unwrap();
        if matches!(kind, Kind::Terminal | Kind::Master | Kind::Listener) {
            witness.add(number, EPOLLIN | EPOLLOUT | EPOLLET).unwrap();
        }
        Slot {
            kind,
            near,
            far,
            witness,
            sent: 0,
            unread: 0,
            has_far_ended: false,
            is_full: false,
        }
    }

    /// Closes the number but not the open file.
    pub(crate) fn without_number(mut self) -> Slot {
        self.near = self.near.try_clone().unwrap();
        self
    }

    /// Closes the number; returns the far end, to be closed when both sides have closed theirs.
    pub(crate) fn close(self) -> Option<OwnedFd> {
        self.far
    }

    pub(crate) fn stir(&mut self, stir: Stir) {
        match stir {
            Stir::Write => self.write(),
            Stir::Read => self.read(),
            Stir::Fill => self.fill(),
            Stir::Drain => self.drain(),
            Stir::ShutFar(how) => {
                let is_done = self.far.as_ref().is_some_and(|far| shut(far, how));
                self.has_far_ended |= is_done && how != libc::SHUT_RD;
            }
            Stir::ShutNear(how) if self.kind != Kind::Listener => {
                shut(&self.near, how);
            }
            Stir::CloseFar => self.has_far_ended |= self.far.take().is_some(),
            Stir::Reset if self.kind == Kind::Tcp => self.reset(),
            Stir::Urgent if self.kind == Kind::Tcp => {
                let is_sent = self.far.as_ref().is_some_and(send_urgent);
                self.sent += u64::from(is_sent);
            }
            Stir::ReadUrgent if self.kind == Kind::Tcp => read_urgent(&self.near),
            _ => {}
        }
        if self.kind == Kind::Tcp {
            until("settling", || self.is_settled());
        }
    }

    fn write(&mut self) {
        if self.kind == Kind::Event {
            let _ = write(&self.near, &1_u64.to_ne_bytes());
            return;
        }
        if self.unread > UNREAD_MAX {
            return;
        }
        while !self
            .witness
            .wait(8, Some(Duration::ZERO))
            .unwrap()
            .is_empty()
        {}
        let has_written = match (self.kind, &self.far) {
            (Kind::Listener, _) => self.connect(),
            (Kind::Tcp, Some(far)) => {
                let count = write(far, b"abc").unwrap_or(0);
                self.sent += count as u64;
                count > 0
            }
            (_, Some(far)) => write(far, b"a").is_ok_and(|count| count > 0),
            _ => false,
        };
        self.unread += usize::from(has_written) * 3;
        if has_written && matches!(self.kind, Kind::Terminal | Kind::Master | Kind::Listener) {
            let seen = self.witness.wait(8, Some(LATEST)).unwrap();
            assert!(!seen.is_empty(), "{:?} was not told", self.kind);
        }
    }

    /// A client that leaves at once: the listener has it to accept all the same.
    fn connect(&self) -> bool {
        let listener = TcpListener::from(self.near.try_clone().unwrap());
        TcpStream::connect(listener.local_addr().unwrap()).is_ok()
    }

    fn read(&mut self) {
        if self.kind == Kind::Listener {
            let listener = TcpListener::from(self.near.try_clone().unwrap());
            while listener.accept().is_ok() {}
        } else {
            while read(&self.near, &mut [0; 4096]).is_ok_and(|count| count > 0) {
                if self.kind == Kind::Regular {
                    break;
                }
            }
        }
        self.unread = 0;
    }

    fn fill(&mut self) {
        match self.kind {
            Kind::Event => {
                let _ = write(&self.near, &(u64::MAX - 1).to_ne_bytes());
            }
            Kind::Tcp => {
                // More goes in as long as the far end takes some.
                until("filling", || {
                    let result = loop {
                        match write(&self.near, &[0; 4096]) {
                            Ok(_) => self.is_full = true,
                            Err(error) => break error,
                        }
                    };
                    let is_over = result.kind() != std::io::ErrorKind::WouldBlock;
                    let (outstanding, unsent) = unsent(&self.near);
                    is_over || (outstanding == unsent && unsent > 0)
                });
            }
            Kind::Unix | Kind::Datagram | Kind::PipeWriter => {
                for size in [4096, 1] {
                    while write(&self.near, &[0; 4096][..size]).is_ok() {}
                }
            }
            _ => {}
        }
    }

    fn drain(&mut self) {
        let Some(far) = &self.far else { return };
        let take = || while read(far, &mut [0; 4096]).is_ok_and(|count| count > 0) {};
        if self.kind == Kind::Tcp {
            until("draining", || {
                take();
                unsent(&self.near).0 == 0 || tcp_info(&self.near).0 == CLOSE
            });
            self.is_full = false;
        } else if matches!(self.kind, Kind::Unix | Kind::Datagram | Kind::PipeWriter) {
            take();
        }
    }

    fn reset(&mut self) {
        let Some(far) = self.far.take() else { return };
        let linger = libc::linger {
            l_onoff: 1,
            l_linger: 0,
        };
        set_option(&far, libc::SOL_SOCKET, libc::SO_LINGER, &linger);
        self.has_far_ended = true;
    }

    /// Whether all is there that has been sent in either direction, and every answer to it.
    fn is_settled(&self) -> bool {
        let (state, received) = tcp_info(&self.near);
        if state == CLOSE {
            return true;
        }
        let (outstanding, unsent) = unsent(&self.near);
        let is_told_of_end =
            !self.has_far_ended || !matches!(state, ESTABLISHED | FIN_WAIT1 | FIN_WAIT2);
        let is_end_taken = !matches!(state, FIN_WAIT1 | LAST_ACK | CLOSING) || unsent > 0;
        let is_taken = outstanding == if self.is_full { unsent } else { 0 };
        received >= self.sent && is_told_of_end && is_end_taken && is_taken
    }
}

impl AsFd for Slot {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.near.as_fd()
    }
}

/// A pipe that is watched by everything, to end a wait that nothing else ends.
pub(crate) struct Bell {
    pub(crate) near: OwnedFd,
    far: OwnedFd,
}

impl Bell {
    pub(crate) fn at(number: RawFd) -> Bell {
        let (near, far) = std::io::pipe().unwrap();
        set_nonblocking(&near);
        let near = put_at(number, &near.into());
        Bell {
            near,
            far: far.into(),
        }
    }

    pub(crate) fn number(&self) -> RawFd {
        self.near.as_raw_fd()
    }

    pub(crate) fn ring(&self) {
        write(&self.far, b"!").unwrap();
    }

    pub(crate) fn silence(&self) {
        let _ = read(&self.near, &mut [0; 16]);
    }
}
