//! Churn: connect, echo one message, end our direction, read to the end of stream, close; again.
//!
//! Our end closes first and keeps the TIME_WAIT state, so every connection comes from the next of
//! many loopback source addresses: the ephemeral ports of one would be used up within a second.

use super::closed::DRAIN_NS;
use super::tally::{Clock, Tally};
use super::tape::Tape;
use crate::sys::epoll::{Epoll, Event};
use crate::sys::socket;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

const TICK: Duration = Duration::from_millis(50);
/// Source addresses used in turn: 127.N.x.y.
const SOURCES: u64 = 250 * 250;

#[derive(Debug, Default)]
struct Slot {
    fd: Option<OwnedFd>,
    begun_ns: u64,
    number: u64,
    sent: bool,
    received: usize,
}

/// The slots of one client thread, each one connection at a time.
#[derive(Debug)]
pub(crate) struct Churn {
    server: SocketAddrV4,
    epoll: Epoll,
    slots: Vec<Slot>,
    tape: Tape,
    size: usize,
    buffer: Box<[u8]>,
    opened: u64,
}

impl Churn {
    pub(crate) fn new(server: SocketAddrV4, slots: usize, size: usize) -> io::Result<Churn> {
        let slots = (0..slots).map(|_| Slot::default()).collect();
        let buffer = vec![0; size + 1].into_boxed_slice();
        let epoll = Epoll::new()?;
        Ok(Churn {
            server,
            epoll,
            slots,
            tape: Tape::new(),
            size,
            buffer,
            opened: 0,
        })
    }

    /// Keeps every slot going until `until_ns`, then lets the last connections end.
    /// A tally's messages are connections, its latencies last from connect to end of stream.
    pub(crate) fn run(&mut self, clock: &Clock, until_ns: u64) -> io::Result<Tally> {
        let mut tally = Tally::new();
        let mut open = self.slots.len();
        for index in 0..open {
            self.open(index, clock.now_ns())?;
        }
        while open > 0 {
            let ready = self.epoll.wait(Some(TICK))?;
            if ready == 0 && clock.now_ns() > until_ns.saturating_add(DRAIN_NS) {
                let text = format!("{open} connections did not end");
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            for event in 0..ready {
                let event = self.epoll.event(event);
                if !self.drive(event)? {
                    continue;
                }
                let now_ns = clock.now_ns();
                let slot = &mut self.slots[event.token];
                slot.fd = None;
                tally.record(now_ns.saturating_sub(slot.begun_ns));
                tally.messages += 1;
                tally.bytes += self.size as u64;
                if now_ns < until_ns {
                    self.open(event.token, now_ns)?;
                } else {
                    open -= 1;
                }
            }
        }
        Ok(tally)
    }

    fn open(&mut self, index: usize, now_ns: u64) -> io::Result<()> {
        let fd = socket::connect_later(source_of(self.opened), self.server)?;
        self.epoll.add(fd.as_raw_fd(), index)?;
        let number = self.opened;
        self.opened += 1;
        self.slots[index] = Slot {
            fd: Some(fd),
            begun_ns: now_ns,
            number,
            sent: false,
            received: 0,
        };
        Ok(())
    }

    /// Takes one step; true once the connection has come to its end with everything echoed.
    fn drive(&mut self, event: Event) -> io::Result<bool> {
        let slot = &mut self.slots[event.token];
        let Some(fd) = slot.fd.as_ref().map(AsRawFd::as_raw_fd) else {
            return Ok(false);
        };
        if event.is_error() {
            return Err(io::Error::other("a connection was refused or reset"));
        }
        let position = Tape::start_of(usize::try_from(slot.number).unwrap_or(0));
        let expected = self.tape.window(position, self.size);
        if !slot.sent && event.is_writable() {
            if socket::send(fd, expected)? != expected.len() {
                return Err(io::Error::other(
                    "a new connection did not take one message",
                ));
            }
            socket::shutdown_write(fd)?;
            slot.sent = true;
        }
        if !event.is_readable() {
            return Ok(false);
        }
        read_to_end(fd, slot, expected, &mut self.buffer)
    }
}

fn read_to_end(fd: RawFd, slot: &mut Slot, expected: &[u8], buffer: &mut [u8]) -> io::Result<bool> {
    loop {
        match socket::recv(fd, buffer) {
            Ok(0) if slot.received == expected.len() => return Ok(true),
            Ok(0) => return Err(io::Error::other("the stream ended before the echo")),
            Ok(got) => {
                let rest = &expected[slot.received..];
                if got > rest.len() || buffer[..got] != rest[..got] {
                    return Err(io::Error::other(
                        "an echoed byte differs from what was sent",
                    ));
                }
                slot.received += got;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// The source of connection `number`: a /16 per client process, its addresses in turn.
fn source_of(number: u64) -> Ipv4Addr {
    let place = number % SOURCES;
    let octet = |value: u64| u8::try_from(value).expect("because it is below 256");
    let net = 1 + u64::from(std::process::id()) % 250;
    Ipv4Addr::new(
        127,
        octet(net),
        octet(1 + place / 250),
        octet(1 + place % 250),
    )
}
