//! Allocations per echoed message: must be none once every connection is warm.
//!
//! The bench's global allocator counts while it is told to, on every thread of the process. The echo
//! runs in this process, by `serve` on a one-worker runtime, with the client on an OS thread that
//! allocates nothing itself; so what is counted is the server's.
#![expect(unsafe_code, reason = "a global allocator is unsafe to write")]

use super::Lab;
use crate::compare::Verdict;
use crate::report::Report;
use greenroom::net::{Server, TcpListener, TcpStream, serve};
use serde_json::json;
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const CONNECTIONS: usize = 64;
const WARM_ROUNDS: usize = 50;
const ROUNDS: usize = 500;
const MESSAGE_BYTES: usize = 64;
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// The system's allocator with a counter. Off it costs one load per call.
#[derive(Debug)]
pub(crate) struct Counting {
    is_on: AtomicBool,
    calls: AtomicU64,
    bytes: AtomicU64,
}

impl Counting {
    pub(crate) const fn new() -> Counting {
        Counting {
            is_on: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// Relaxed throughout: the client's sockets order what it sends and the counts it reads.
    fn note(&self, bytes: usize) {
        if self.is_on.load(Ordering::Relaxed) {
            self.calls.fetch_add(1, Ordering::Relaxed);
            self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    /// Calls and bytes asked for while `work` ran.
    fn count<T>(&self, work: impl FnOnce() -> T) -> (T, u64, u64) {
        let before = (
            self.calls.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed),
        );
        self.is_on.store(true, Ordering::Relaxed);
        let value = work();
        self.is_on.store(false, Ordering::Relaxed);
        let calls = self.calls.load(Ordering::Relaxed) - before.0;
        let bytes = self.bytes.load(Ordering::Relaxed) - before.1;
        (value, calls, bytes)
    }
}

// SAFETY: every call is passed on to the system's allocator unchanged; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.note(layout.size());
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.note(layout.size());
        // SAFETY: the caller's contract.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.note(size);
        // SAFETY: the caller's contract.
        unsafe { System.realloc(place, layout, size) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static HEAP: Counting = Counting::new();

/// Measures and judges: any allocation is a missed gate.
pub(crate) fn run(lab: &Lab, report: &mut Report) -> io::Result<()> {
    // The counter must be able to see one.
    let (boxed, seen, _) = HEAP.count(|| std::hint::black_box(Box::new(1)));
    drop(boxed);
    if seen == 0 {
        return Err(io::Error::other("the counting allocator is not in use"));
    }
    let server = lab.one.run(start)?;
    let outcome = measure(&server, lab.share(ROUNDS));
    let stats = lab.one.run(|| server.finish(Duration::from_secs(5)));
    let (messages, calls, bytes) = outcome?;
    let each = calls as f64 / messages as f64;
    report.row(
        "allocations per echoed message (serve, one worker, 64 connections)",
        &[
            "messages",
            "allocations",
            "bytes",
            "each",
            "gate",
            "verdict",
        ],
        vec![
            messages.to_string(),
            calls.to_string(),
            bytes.to_string(),
            format!("{each:.4}"),
            "0".to_owned(),
            if calls == 0 { "gate" } else { "MISSED" }.to_owned(),
        ],
    );
    report.record(json!({
        "name": "allocs", "messages": messages, "allocations": calls, "bytes": bytes,
        "connections": stats.accepted,
    }));
    let verdict = if calls == 0 {
        Verdict::Gate
    } else {
        Verdict::Missed
    };
    report.judge("allocs", verdict);
    Ok(())
}

fn start() -> io::Result<Server> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    serve(listener, |stream, _peer| {
        // A reset ends this connection; the client notices what it misses.
        drop(echo(&stream));
    })
}

/// As in the shipped example.
fn echo(mut stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n])?,
        }
    }
}

/// Messages, allocations and bytes of the counted rounds.
fn measure(server: &Server, rounds: usize) -> io::Result<(usize, u64, u64)> {
    let mut streams = Vec::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        let stream = std::net::TcpStream::connect(server.local_addr())?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        streams.push(stream);
    }
    let mut play = |rounds: usize| {
        let mut answer = [0; MESSAGE_BYTES];
        for round in 0..rounds {
            let message = [u8::try_from(round % 256).unwrap_or(0); MESSAGE_BYTES];
            for stream in &mut streams {
                stream.write_all(&message)?;
            }
            for stream in &mut streams {
                stream.read_exact(&mut answer)?;
                if answer != message {
                    return Err(io::Error::from(io::ErrorKind::InvalidData));
                }
            }
        }
        Ok(())
    };
    play(WARM_ROUNDS)?;
    let (played, calls, bytes) = HEAP.count(|| play(rounds));
    played?;
    Ok((rounds * CONNECTIONS, calls, bytes))
}
