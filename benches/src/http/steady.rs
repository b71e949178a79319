//! The clients that behave, a process of its own (`bench http-clients`): kept connections, a fixed rate.
//!
//! Starts are drawn beforehand (Poisson, a fixed seed) and spread over the connections in turn. A
//! connection has one request under way; what is due meanwhile waits, and its latency counts from when
//! it was due: a server that stalls is charged for all that it kept waiting. How late the process itself
//! was is told apart, as `late`. It says `ready`, obeys `run WARM_MS MS` with one line of JSON each, and
//! ends at the end of stdin.

use super::plain;
use crate::load::open::gap_ns;
use crate::load::tally::{Clock, Tally};
use crate::load::tape::Random;
use crate::sys::epoll::Epoll;
use crate::sys::{process, socket};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{self, BufRead, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::time::Duration;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
const STATUS: &[u8] = b"HTTP/1.1 200";
const PER_SOURCE: usize = 4096;
const ANSWER_BYTES_MAX: usize = 4096;
/// Late starts sent before the answers are looked at again.
const BURST_MAX: usize = 64;
/// How long answers may take after the last start.
const DRAIN_NS: u64 = 20_000_000_000;
/// A new connection may wait for the server to accept all others first.
const FIRST_MAX: Duration = Duration::from_secs(20);

/// Options of the process.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ClientsArgs {
    #[arg(long)]
    server: SocketAddrV4,
    #[arg(long)]
    connections: usize,
    /// Requests per second, of all together.
    #[arg(long)]
    rate: f64,
}

#[derive(Debug)]
struct Client {
    /// None once the server has closed it.
    fd: Option<OwnedFd>,
    /// When the request under way was due, then those that wait behind it.
    due_ns: VecDeque<u64>,
    /// Bytes of the answer under way.
    got: usize,
}

struct Clients {
    all: Vec<Client>,
    epoll: Epoll,
    buffer: Box<[u8]>,
    answer_len: usize,
    rate: f64,
    random: Random,
    turn: usize,
}

/// What one run counts.
struct Count {
    answers: Tally,
    /// How long after its due time a request was sent that did not wait for its connection.
    late: Tally,
    under_way: u64,
    /// Requests that the server left without an answer.
    lost: u64,
}

/// Connects, then obeys stdin until its end.
pub(crate) fn serve_commands(args: &ClientsArgs) -> io::Result<()> {
    process::raise_nofile()?;
    let mut clients = Clients::connect(args)?;
    say("ready")?;
    let clock = Clock::new();
    for line in io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let millis = |word: &str| word.parse::<u64>().map_err(io::Error::other);
        let answer = match words[..] {
            ["run", warm, measured] => clients.obey(&clock, millis(warm)?, millis(measured)?),
            _ => Err(io::Error::other(format!("unknown command `{line}`"))),
        };
        let answer = answer.unwrap_or_else(|error| json!({ "error": error.to_string() }));
        say(&answer.to_string())?;
    }
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    println!("{line}");
    io::stdout().flush()
}

impl Clients {
    /// Opens all connections, each checked with one request.
    fn connect(args: &ClientsArgs) -> io::Result<Clients> {
        let epoll = Epoll::new()?;
        let mut all = Vec::with_capacity(args.connections);
        for number in 0..args.connections {
            let last = u8::try_from(2 + number / PER_SOURCE).map_err(io::Error::other)?;
            let fd = socket::connect(Ipv4Addr::new(127, 0, 0, last), args.server)?;
            socket::send(fd.as_raw_fd(), REQUEST)?;
            all.push(fd);
        }
        let mut answer_len = 0;
        for fd in &all {
            let len = first_answer(fd)?;
            if answer_len != 0 && len != answer_len {
                return Err(io::Error::other("answers differ in length"));
            }
            answer_len = len;
        }
        let mut clients = Vec::with_capacity(all.len());
        for (token, fd) in all.into_iter().enumerate() {
            epoll.add(fd.as_raw_fd(), token)?;
            clients.push(Client {
                fd: Some(fd),
                due_ns: VecDeque::new(),
                got: 0,
            });
        }
        Ok(Clients {
            all: clients,
            epoll,
            buffer: vec![0; ANSWER_BYTES_MAX].into_boxed_slice(),
            answer_len,
            rate: args.rate,
            random: Random::new(0x6c6f_7269),
            turn: 0,
        })
    }

    /// A run that counts nothing, then one that counts.
    fn obey(&mut self, clock: &Clock, warm_ms: u64, measured_ms: u64) -> io::Result<Value> {
        if warm_ms > 0 {
            self.run(clock, warm_ms)?;
        }
        let begun_ns = clock.now_ns();
        let count = self.run(clock, measured_ms)?;
        let wall_s = (clock.now_ns() - begun_ns) as f64 / 1e9;
        let us = |tally: &Tally, quantile: f64| {
            tally.latency_ns.value_at_quantile(quantile) as f64 / 1e3
        };
        Ok(json!({
            "requests": count.answers.messages,
            "per_second": count.answers.messages as f64 / wall_s,
            "lost": count.lost,
            "closed": self.all.iter().filter(|client| client.fd.is_none()).count(),
            "p50_us": us(&count.answers, 0.5),
            "p99_us": us(&count.answers, 0.99),
            "p999_us": us(&count.answers, 0.999),
            "max_us": us(&count.answers, 1.0),
            "late_p50_us": us(&count.late, 0.5),
            "late_p99_us": us(&count.late, 0.99),
        }))
    }

    fn run(&mut self, clock: &Clock, millis: u64) -> io::Result<Count> {
        let mut count = Count {
            answers: Tally::new(),
            late: Tally::new(),
            under_way: 0,
            lost: 0,
        };
        let mut due_ns = clock.now_ns();
        let until_ns = due_ns + millis * 1_000_000;
        loop {
            for _ in 0..BURST_MAX {
                let now_ns = clock.now_ns();
                if due_ns >= until_ns || due_ns > now_ns {
                    break;
                }
                self.start(due_ns, now_ns, &mut count);
                due_ns += gap_ns(&mut self.random, self.rate);
            }
            let ready = self.epoll.wait(Some(Duration::ZERO))?;
            for event in 0..ready {
                let event = self.epoll.event(event);
                if event.is_readable() {
                    self.receive(event.token, clock, &mut count);
                }
            }
            if due_ns >= until_ns && count.under_way == 0 {
                return Ok(count);
            }
            if clock.now_ns() > until_ns.saturating_add(DRAIN_NS) {
                let text = format!("{} answers are missing", count.under_way);
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
        }
    }

    fn start(&mut self, due_ns: u64, now_ns: u64, count: &mut Count) {
        let index = self.turn % self.all.len();
        let client = &mut self.all[index];
        self.turn += 1;
        count.under_way += 1;
        client.due_ns.push_back(due_ns);
        if client.due_ns.len() == 1 || client.fd.is_none() {
            count.late.record(now_ns - due_ns);
            client.send(count);
        }
    }

    fn receive(&mut self, index: usize, clock: &Clock, count: &mut Count) {
        let client = &mut self.all[index];
        let Some(fd) = client.raw_fd() else { return };
        loop {
            let got = match socket::recv(fd, &mut self.buffer) {
                Ok(got) if got > 0 => got,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                _ => return client.close(count),
            };
            let head = &self.buffer[..got];
            let is_other = client.got == 0 && got >= STATUS.len() && !head.starts_with(STATUS);
            client.got += got;
            if is_other || client.got > self.answer_len || client.due_ns.is_empty() {
                return client.close(count);
            }
            if client.got == self.answer_len {
                client.got = 0;
                let due_ns = client.due_ns.pop_front().unwrap_or(0);
                count.answers.record(clock.now_ns().saturating_sub(due_ns));
                count.answers.messages += 1;
                count.under_way -= 1;
                if !client.due_ns.is_empty() {
                    client.send(count);
                }
            }
            if got < self.buffer.len() {
                return;
            }
        }
    }
}

impl Client {
    fn raw_fd(&self) -> Option<RawFd> {
        self.fd.as_ref().map(AsRawFd::as_raw_fd)
    }

    /// The socket has room, for it has been answered everything before.
    fn send(&mut self, count: &mut Count) {
        let sent = self.raw_fd().map(|fd| socket::send(fd, REQUEST));
        if !matches!(sent, Some(Ok(len)) if len == REQUEST.len()) {
            self.close(count);
        }
    }

    fn close(&mut self, count: &mut Count) {
        self.fd = None;
        let left = self.due_ns.len() as u64;
        self.due_ns.clear();
        count.under_way -= left;
        count.lost += left;
    }
}

/// Waits for the first answer and returns its length.
fn first_answer(fd: &OwnedFd) -> io::Result<usize> {
    let mut buffer = [0; ANSWER_BYTES_MAX];
    let mut filled = 0;
    loop {
        process::wait_readable(fd, FIRST_MAX)?;
        match socket::recv(fd.as_raw_fd(), &mut buffer[filled..])? {
            0 => return Err(io::Error::other("the server closed a new connection")),
            got => filled += got,
        }
        if let Some(len) = plain::check_answer(&buffer[..filled])? {
            return Ok(len);
        }
    }
}
