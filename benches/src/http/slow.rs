//! The clients that trickle, a process of its own (`bench slow-clients`): a header that never ends.
//!
//! Each sends a request's head by one byte every 100 to 500 ms and notes how long the server puts up
//! with it; once closed, it connects again, so the attack goes on. The first connections are made, and
//! come to their limit, all at once, which is the worst for the server. It says `ready` when all are
//! connected, answers `report` with what happened since the last one, and ends at the end of stdin.

use crate::load::tally::{Clock, Tally};
use crate::load::tape::Random;
use crate::sys::epoll::Epoll;
use crate::sys::{process, socket};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
const FILLER: &[u8] = b"a";
const TICK: Duration = Duration::from_millis(1);
const GAP_MIN_NS: u64 = 100_000_000;
const GAP_SPREAD_NS: u64 = 400_000_000;
/// Between attempts to connect, and from there to the first byte.
const SOON_NS: u64 = 5_000_000;
const PER_SOURCE: usize = 4096;
const STDIN: usize = usize::MAX;

/// Options of the process.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SlowArgs {
    #[arg(long)]
    server: SocketAddrV4,
    #[arg(long)]
    connections: usize,
}

#[derive(Debug, Default)]
struct Client {
    fd: Option<OwnedFd>,
    born_ns: u64,
    sent: usize,
}

/// What happened since the last report.
struct Account {
    /// How long closed connections had lived.
    lives: Tally,
    opened: u64,
    refused: u64,
    bytes: u64,
    /// Those that were told 408 before.
    told: u64,
}

struct Slow {
    args: SlowArgs,
    clock: Clock,
    epoll: Epoll,
    clients: Vec<Client>,
    /// When each is to send its next byte, or to connect again.
    due: BinaryHeap<Reverse<(u64, usize)>>,
    random: Random,
    account: Account,
}

/// Connects, then trickles until the end of stdin.
pub(crate) fn serve_commands(args: &SlowArgs) -> io::Result<()> {
    process::raise_nofile()?;
    let mut slow = Slow::new(args)?;
    slow.epoll.add(io::stdin().as_raw_fd(), STDIN)?;
    say("ready")?;
    loop {
        slow.trickle();
        let ready = slow.epoll.wait(Some(TICK))?;
        for index in 0..ready {
            let event = slow.epoll.event(index);
            if event.token == STDIN {
                // One command at a time: who sends it waits for the answer.
                if io::stdin().read(&mut [0; 64])? == 0 {
                    return Ok(());
                }
                let report = slow.report();
                say(&report.to_string())?;
            } else if event.is_readable() {
                slow.listen(event.token);
            }
        }
    }
}

fn say(line: &str) -> io::Result<()> {
    println!("{line}");
    io::stdout().flush()
}

impl Account {
    fn new() -> Account {
        Account {
            lives: Tally::new(),
            opened: 0,
            refused: 0,
            bytes: 0,
            told: 0,
        }
    }
}

impl Slow {
    fn new(args: &SlowArgs) -> io::Result<Slow> {
        let mut slow = Slow {
            args: args.clone(),
            clock: Clock::new(),
            epoll: Epoll::new()?,
            clients: Vec::new(),
            due: BinaryHeap::new(),
            random: Random::new(0x736c_6f77),
            account: Account::new(),
        };
        slow.clients.resize_with(args.connections, Client::default);
        for index in 0..args.connections {
            slow.open(index)?;
            slow.due.push(Reverse((0, index)));
        }
        Ok(slow)
    }

    fn open(&mut self, index: usize) -> io::Result<()> {
        let last = u8::try_from(100 + index / PER_SOURCE).map_err(io::Error::other)?;
        let source = Ipv4Addr::new(127, 0, 0, last);
        let fd = socket::connect_later(source, self.args.server)?;
        self.epoll.add(fd.as_raw_fd(), index)?;
        let born_ns = self.clock.now_ns();
        self.clients[index] = Client {
            fd: Some(fd),
            born_ns,
            sent: 0,
        };
        self.account.opened += 1;
        Ok(())
    }

    /// Sends every byte that is due.
    fn trickle(&mut self) {
        let now_ns = self.clock.now_ns();
        while let Some(&Reverse((due_ns, index))) = self.due.peek() {
            if due_ns > now_ns {
                return;
            }
            self.due.pop();
            let pause_ns = self.step(index);
            self.due.push(Reverse((now_ns + pause_ns, index)));
        }
    }

    /// The next byte of a connection, or the connection anew; returns the pause after it.
    fn step(&mut self, index: usize) -> u64 {
        let client = &mut self.clients[index];
        let Some(fd) = client.fd.as_ref() else {
            if self.open(index).is_err() {
                self.account.refused += 1;
            }
            return SOON_NS;
        };
        let byte = HEAD.get(client.sent..=client.sent).unwrap_or(FILLER);
        match socket::send(fd.as_raw_fd(), byte) {
            Ok(sent) => {
                client.sent += sent;
                self.account.bytes += sent as u64;
            }
            // Not connected yet, or no room.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return SOON_NS,
            Err(_) => self.end(index),
        }
        GAP_MIN_NS + self.random.next() % GAP_SPREAD_NS
    }

    /// Reads what the server says: an answer, which is a goodbye, or the end.
    fn listen(&mut self, index: usize) {
        let mut buffer = [0; 1024];
        while let Some(fd) = self.clients[index].fd.as_ref() {
            match socket::recv(fd.as_raw_fd(), &mut buffer) {
                Ok(got) if got > 0 => {
                    let is_408 = buffer[..got].starts_with(b"HTTP/1.1 408");
                    self.account.told += u64::from(is_408);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                _ => return self.end(index),
            }
        }
    }

    /// Its place in the queue stays: it connects again when its next byte would be due.
    fn end(&mut self, index: usize) {
        let client = std::mem::take(&mut self.clients[index]);
        let life_ns = self.clock.now_ns().saturating_sub(client.born_ns);
        self.account.lives.record(life_ns);
        self.account.lives.messages += 1;
    }

    fn report(&mut self) -> Value {
        let account = std::mem::replace(&mut self.account, Account::new());
        let now_ns = self.clock.now_ns();
        let ages = self.clients.iter().filter(|client| client.fd.is_some());
        let ages: Vec<u64> = ages.map(|client| now_ns - client.born_ns).collect();
        let ms = |ns: u64| ns as f64 / 1e6;
        let life = |quantile| ms(account.lives.latency_ns.value_at_quantile(quantile));
        json!({
            "opened": account.opened,
            "refused": account.refused,
            "bytes": account.bytes,
            "closed": account.lives.messages,
            "told_408": account.told,
            "life_min_ms": life(0.0),
            "life_p50_ms": life(0.5),
            "life_max_ms": life(1.0),
            "open": ages.len(),
            "oldest_ms": ages.iter().max().map_or(0.0, |&age| ms(age)),
        })
    }
}
