//! Thousands of connections against the shipped echo server: what idle ones weigh, whether all of
//! ten thousand get their bytes back.
//!
//! The server is a child with descriptors of its own; the clients' ends are plain blocking sockets of
//! this process, from several loopback addresses because one has too few ports.

use super::memory::{Memory, Owners};
use super::{Size, judge};
use crate::child::Process;
use crate::echo::subject::Subject;
use crate::report::Report;
use crate::sys::{process, socket};
use serde_json::json;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::time::{Duration, Instant};

const IDLE: usize = 15_000;
const MANY: usize = 10_000;
/// KiB of PSS and page tables per idle connection.
const GATE_KIB: f64 = 5.6;
const MESSAGE_BYTES: usize = 64;
/// Rounds of messages on each of many connections; the sizes are spread up to the maximum.
const ROUNDS: usize = 8;
const MANY_BYTES_MAX: usize = 2048;
/// Below the number of ephemeral ports.
const PER_SOURCE: usize = 4096;
/// Descriptors this process needs besides its connections.
const SPARE_FDS: u64 = 100;
const ANSWER_MAX: Duration = Duration::from_secs(20);
const START_MAX: Duration = Duration::from_secs(20);
/// How often the memory is read until two readings agree.
const SETTLE: Duration = Duration::from_millis(200);

/// Starts the example, on one worker, in a shell whose soft limit of descriptors is the usual one.
fn start_server() -> io::Result<(Process, SocketAddrV4)> {
    let argv = Subject::build("gevent_echo")?.argv(1)?;
    let shell = ["sh", "-c", "ulimit -Sn 1024; exec \"$0\" \"$@\""].map(OsString::from);
    let argv: Vec<OsString> = shell.into_iter().chain(argv).collect();
    let mut server = Process::start("gevent_echo", &argv, None)?;
    loop {
        let line = server.line(START_MAX)?;
        let Some((_, place)) = line.split_once("listening on ") else {
            continue;
        };
        let addr = place.trim().parse().map_err(io::Error::other)?;
        return Ok((server, addr));
    }
}

fn connect_all(count: usize, server: SocketAddrV4) -> io::Result<Vec<TcpStream>> {
    let limit = process::raise_nofile()?;
    if limit < count as u64 + SPARE_FDS {
        let text = format!("{count} connections need more than {limit} descriptors");
        return Err(io::Error::other(text));
    }
    let mut streams = Vec::with_capacity(count);
    for number in 0..count {
        let last = u8::try_from(2 + number / PER_SOURCE).map_err(io::Error::other)?;
        let stream = TcpStream::from(socket::connect(Ipv4Addr::new(127, 0, 0, last), server)?);
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        streams.push(stream);
    }
    Ok(streams)
}

fn echo_once(stream: &mut TcpStream, number: usize) -> io::Result<()> {
    let message = [u8::try_from(number % 251).unwrap_or(0); MESSAGE_BYTES];
    stream.write_all(&message)?;
    let mut answer = [0; MESSAGE_BYTES];
    stream.read_exact(&mut answer)?;
    if answer != message {
        return Err(io::Error::other("an echoed byte differs"));
    }
    Ok(())
}

/// The server's memory once it stays the same.
fn weigh(pid: u32) -> io::Result<(Memory, Owners)> {
    let mut last = Memory::of(pid)?;
    for _ in 0..20 {
        std::thread::sleep(SETTLE);
        let now = Memory::of(pid)?;
        let is_settled = (now.pss - last.pss).abs() < 1.0;
        last = now;
        if is_settled {
            break;
        }
    }
    Ok((last, Owners::of(pid)?))
}

/// What idle connections have added to the server.
struct Weight {
    grown: Memory,
    owned: Owners,
    maps: f64,
}

/// Connects, echoes one message on each, and weighs the server before and after.
fn weigh_idle(count: usize) -> io::Result<Weight> {
    let (server, addr) = start_server()?;
    let (before, owned_before) = weigh(server.pid())?;
    let mut streams = connect_all(count, addr)?;
    for (number, stream) in streams.iter_mut().enumerate() {
        echo_once(stream, number)?;
    }
    let (after, owned_after) = weigh(server.pid())?;
    // They are still served.
    for (number, stream) in streams.iter_mut().enumerate().step_by(100) {
        echo_once(stream, number)?;
    }
    Ok(Weight {
        grown: after.since(before),
        owned: owned_after.since(owned_before),
        maps: after.maps,
    })
}

/// Idle connections, each of which has echoed one message.
pub(super) fn idle(_: &Size, report: &mut Report) -> io::Result<()> {
    let Weight { grown, owned, maps } = weigh_idle(IDLE)?;
    let each = |kib: f64| kib / IDLE as f64;
    let total = each(grown.pss + grown.page_tables);
    let verdict = judge(report, "idle", total, GATE_KIB);
    let headers = [
        "scenario",
        "connections",
        "PSS+PT",
        "gate",
        "stacks",
        "heap",
        "files",
        "page tables",
        "maps",
        "verdict",
    ];
    let cells = vec![
        "idle".to_owned(),
        IDLE.to_string(),
        format!("{total:.3}"),
        format!("{GATE_KIB}"),
        format!("{:.3}", each(owned.stacks)),
        format!("{:.3}", each(owned.heap)),
        format!("{:.3}", each(owned.files)),
        format!("{:.3}", each(grown.page_tables)),
        format!("{maps:.0}"),
        verdict,
    ];
    let title = "idle connections of gevent_echo (KiB each, over the baseline)";
    report.row(title, &headers, cells);
    report.note(format!(
        "idle, bytes per connection: {:.0} of stack (a page is 4096: record, frames, the 1 KiB buffer), \
         {:.0} of heap (task with its closure, source, settings, the server's list), {:.0} of page \
         tables; the kernel's sockets are not in it. Rivals: Go 4316, coroutine floor 5226, may 9082",
        each(owned.stacks) * 1024.0,
        each(owned.heap) * 1024.0,
        each(grown.page_tables) * 1024.0,
    ));
    report.record(json!({
        "name": "idle", "connections": IDLE, "kib_each": total, "pss_kib": grown.pss,
        "pte_kib": grown.page_tables, "rss_kib": grown.rss, "maps": maps,
        "stacks_kib": owned.stacks, "heap_kib": owned.heap, "files_kib": owned.files,
    }));
    Ok(())
}

/// A connection's endless stream of bytes, the same on both ends.
#[derive(Clone, Debug)]
struct Stream(u64);

impl Stream {
    fn new(number: usize) -> Stream {
        // Never 0, which xorshift could not leave.
        Stream((number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// The next message: a length of its own, then its bytes.
    fn message(&mut self, into: &mut Vec<u8>) {
        let len = usize::try_from(self.next() % MANY_BYTES_MAX as u64).unwrap_or(0) + 1;
        into.clear();
        while into.len() < len {
            into.extend_from_slice(&self.next().to_le_bytes());
        }
        into.truncate(len);
    }
}

/// FNV-1a: depends on the order of bytes.
fn checksum(mut sum: u64, bytes: &[u8]) -> u64 {
    for &byte in bytes {
        sum = (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3);
    }
    sum
}

struct Client {
    stream: TcpStream,
    sends: Stream,
    sent: u64,
    received: u64,
    bytes: u64,
    /// Length of the message under way.
    under_way: usize,
}

impl Client {
    fn new(number: usize, stream: TcpStream) -> Client {
        Client {
            stream,
            sends: Stream::new(number),
            sent: 0,
            received: 0,
            bytes: 0,
            under_way: 0,
        }
    }

    fn send(&mut self, message: &mut Vec<u8>) -> io::Result<()> {
        self.sends.message(message);
        self.stream.write_all(message)?;
        self.sent = checksum(self.sent, message);
        self.under_way = message.len();
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        let answer = &mut buffer[..self.under_way];
        self.stream.read_exact(answer)?;
        self.received = checksum(self.received, answer);
        self.bytes += answer.len() as u64;
        Ok(())
    }
}

/// How ten thousand connections went.
struct Outcome {
    bytes: u64,
    wrong: usize,
    connect_s: f64,
    total_s: f64,
}

/// All connections at once, several messages each, all under way together.
fn talk(count: usize, addr: SocketAddrV4) -> io::Result<Outcome> {
    let begun = Instant::now();
    let streams = connect_all(count, addr)?;
    let connect_s = begun.elapsed().as_secs_f64();
    let mut clients: Vec<Client> = streams
        .into_iter()
        .enumerate()
        .map(|(number, stream)| Client::new(number, stream))
        .collect();
    let mut buffer = vec![0; MANY_BYTES_MAX];
    let mut message = Vec::with_capacity(MANY_BYTES_MAX + size_of::<u64>());
    for _ in 0..ROUNDS {
        for client in &mut clients {
            client.send(&mut message)?;
        }
        for client in &mut clients {
            client.receive(&mut buffer)?;
        }
    }
    let is_wrong = |client: &&Client| client.sent != client.received;
    Ok(Outcome {
        bytes: clients.iter().map(|client| client.bytes).sum(),
        wrong: clients.iter().filter(is_wrong).count(),
        connect_s,
        total_s: begun.elapsed().as_secs_f64(),
    })
}

/// Ten thousand connections, compared by checksums over each stream.
pub(super) fn many(_: &Size, report: &mut Report) -> io::Result<()> {
    let (mut server, addr) = start_server()?;
    let outcome = talk(MANY, addr)?;
    let status = server.interrupt()?;
    let served = served(&mut server);
    let verdict = judge(report, "many", outcome.wrong as f64, 0.0);
    let headers = [
        "scenario",
        "clients",
        "messages",
        "bytes",
        "wrong",
        "gate",
        "connect s",
        "total s",
        "verdict",
    ];
    let cells = vec![
        "many".to_owned(),
        MANY.to_string(),
        (MANY * ROUNDS).to_string(),
        outcome.bytes.to_string(),
        outcome.wrong.to_string(),
        "0".to_owned(),
        format!("{:.2}", outcome.connect_s),
        format!("{:.2}", outcome.total_s),
        verdict,
    ];
    let title = "concurrent connections, soft limit 1,024 descriptors, checksums in order";
    report.row(title, &headers, cells);
    report.note(format!(
        "many: the server said `{served}` and ended with {status}"
    ));
    report.record(json!({
        "name": "many", "connections": MANY, "messages": MANY * ROUNDS, "bytes": outcome.bytes,
        "wrong": outcome.wrong, "connect_s": outcome.connect_s, "total_s": outcome.total_s,
        "served": served, "clean_exit": status.success(),
    }));
    let expected = format!("served {MANY} clients, {} bytes", outcome.bytes);
    if served != expected || !status.success() {
        return Err(io::Error::other(format!("not `{expected}`, exit 0")));
    }
    Ok(())
}

/// What the server says at its end.
fn served(server: &mut Process) -> String {
    let line = server.line(Duration::from_secs(1));
    line.unwrap_or_else(|error| error.to_string())
}
