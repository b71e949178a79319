//! Closed loop: every connection keeps `depth` messages under way until the time is up.
//!
//! A run begins and ends at rest: what was sent has come back when it returns, so the server's CPU
//! time between two runs belongs to exactly the messages counted. A [`Shard`] is one thread's
//! share of the connections with an epoll of its own.

use super::conn::Conn;
use super::tally::{Clock, Tally};
use super::tape::{Tape, WINDOW_MAX};
use crate::sys::epoll::Epoll;
use crate::sys::socket;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

/// The most messages under way per connection.
pub(crate) const DEPTH_MAX: usize = 4;
/// How long replies may take after the last request: far above any queue these loads build.
pub(crate) const DRAIN_NS: u64 = 10_000_000_000;
/// Connections per source address: well below the ephemeral port range.
const CONNS_PER_SOURCE: usize = 4096;
/// How often a loop without events looks at the clock.
const TICK: Duration = Duration::from_millis(50);

/// Send times of the messages under way on one connection, by message number.
type SentAt = [u64; DEPTH_MAX];

/// One thread's connections.
#[derive(Debug)]
pub(crate) struct Shard {
    pub(crate) epoll: Epoll,
    pub(crate) conns: Vec<Conn>,
    sent_at: Vec<SentAt>,
    /// The connections a run uses; the others stay idle.
    pub(crate) active: Vec<usize>,
    pub(crate) buffer: Box<[u8]>,
    pub(crate) tape: Tape,
    pub(crate) size: u64,
    depth: u64,
}

impl Shard {
    /// Opens connections number `range` to `server`.
    pub(crate) fn connect(
        server: SocketAddrV4,
        range: std::ops::Range<usize>,
        size: u64,
        depth: u64,
    ) -> io::Result<Shard> {
        let epoll = Epoll::new()?;
        let mut conns = Vec::with_capacity(range.len());
        for index in range {
            let source = u8::try_from(2 + index / CONNS_PER_SOURCE).map_err(io::Error::other)?;
            let fd = socket::connect(Ipv4Addr::new(127, 0, 0, source), server)?;
            let conn = Conn::new(fd, index);
            epoll.add(conn.raw_fd(), conns.len())?;
            conns.push(conn);
        }
        let active = (0..conns.len()).collect();
        let sent_at = vec![[0; DEPTH_MAX]; conns.len()];
        let buffer = vec![0; WINDOW_MAX].into_boxed_slice();
        Ok(Shard {
            epoll,
            conns,
            sent_at,
            active,
            buffer,
            tape: Tape::new(),
            size,
            depth,
        })
    }

    /// Keeps the active connections busy until `until_ns`, then waits for the last reply.
    pub(crate) fn run(&mut self, clock: &Clock, until_ns: u64) -> io::Result<Tally> {
        let mut tally = Tally::new();
        let mut under_way = 0;
        for position in 0..self.active.len() {
            let index = self.active[position];
            self.request(index, self.depth, clock.now_ns())?;
            under_way += self.depth;
        }
        while under_way > 0 {
            let ready = self.epoll.wait(Some(TICK))?;
            if ready == 0 && clock.now_ns() > until_ns.saturating_add(DRAIN_NS) {
                let text = format!("{under_way} replies are missing");
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
            for event in 0..ready {
                let event = self.epoll.event(event);
                if event.is_readable() {
                    let (done, now_ns) = self.replies(event.token, clock, &mut tally)?;
                    under_way -= done;
                    if done > 0 && now_ns < until_ns {
                        under_way += done;
                        self.request(event.token, done, now_ns)?;
                        continue;
                    }
                }
                if event.is_writable() {
                    self.conns[event.token].flush(&self.tape)?;
                }
            }
        }
        Ok(tally)
    }

    #[inline]
    fn request(&mut self, index: usize, messages: u64, now_ns: u64) -> io::Result<()> {
        let conn = &mut self.conns[index];
        for _ in 0..messages {
            self.sent_at[index][slot_of(conn.target / self.size)] = now_ns;
            conn.target += self.size;
        }
        conn.flush(&self.tape)
    }

    /// Takes what came back; returns the messages completed and when.
    #[inline]
    fn replies(
        &mut self,
        index: usize,
        clock: &Clock,
        tally: &mut Tally,
    ) -> io::Result<(u64, u64)> {
        let conn = &mut self.conns[index];
        tally.bytes += conn.receive(&mut self.buffer, &self.tape)?;
        let first = conn.messages;
        let done = conn.take_complete(self.size);
        let now_ns = clock.now_ns();
        for number in first..first + done {
            tally.record(now_ns.saturating_sub(self.sent_at[index][slot_of(number)]));
        }
        tally.messages += done;
        Ok((done, now_ns))
    }
}

fn slot_of(message: u64) -> usize {
    usize::try_from(message).unwrap_or(0) % DEPTH_MAX
}
