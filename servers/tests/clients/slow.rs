//! Crowds of slow clients beside honest ones: closed at their limit, and nobody else suffers.
//!
//! How long the honest ones wait is not looked at here: that is a benchmark. The clients are green threads.

use crate::ground::{Folder, Served, Totals};
use crate::watchdog::watchdog;
use greenroom::Runtime;
use greenroom::net::TcpStream;
use greenroom::thread::{self, JoinHandle};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const HONEST: u64 = 500;
const TRICKLING: u64 = 100;
const SIPPING: usize = 50;

/// Of what is slow.
const LIMIT: Duration = Duration::from_secs(4);
/// Of what is not slow in this way.
const AMPLE: Duration = Duration::from_secs(12);
/// What a busy machine may add to a limit.
const SLACK: Duration = Duration::from_secs(5);

const LARGE_BYTES: u64 = 32 << 20;

#[track_caller]
fn assert_at_limit(took: Duration) {
    let range = LIMIT / 2..=LIMIT + SLACK;
    assert!(range.contains(&took), "closed after {took:?}");
}

/// What an honest client has seen.
struct Seen {
    answers: u64,
    /// How often it had to connect again.
    again: u64,
}

/// Asks on one connection, again and again, until it is `over`.
///
/// Subtle: on a busy machine the client may itself be silent for the idle time-out, and the server close the connection
/// between two requests; then, and only then, the client connects again, as browsers do. A request that was sent in
/// time is answered, even by a server that stood still meanwhile.
fn be_honest(address: SocketAddr, number: u64, idle: Duration, over: &AtomicBool) -> Seen {
    let connect = || TcpStream::connect(address).unwrap();
    let mut stream = connect();
    let name = number % 10;
    let request = format!("GET /{name}.txt HTTP/1.1\r\nHost: x\r\n\r\n");
    let body = body(name);
    let (mut answers, mut again) = (0, 0);
    let mut asked = Instant::now();
    loop {
        let start = Instant::now();
        if let Err(error) = ask(&mut stream, &request, &body) {
            let silence = start.duration_since(asked);
            assert!(silence >= idle, "closed after {silence:?}: {error}");
            (stream, again) = (connect(), again + 1);
            asked = Instant::now();
            continue;
        }
        asked = start;
        answers += 1;
        if over.load(Ordering::Relaxed) {
            return Seen { answers, again };
        }
        thread::sleep(Duration::from_millis(100 + number % 100));
    }
}

/// One request, and the right answer. An error: there is no byte of one.
fn ask(stream: &mut TcpStream, request: &str, body: &str) -> io::Result<()> {
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    while !answer.ends_with(body.as_bytes()) {
        let mut some = [0; 4096];
        match stream.read(&mut some) {
            Ok(count @ 1..) => answer.extend(&some[..count]),
            Err(error) if answer.is_empty() => return Err(error),
            Ok(_) if answer.is_empty() => return Err(ErrorKind::UnexpectedEof.into()),
            end => panic!("{end:?} after {}", answer.escape_ascii()),
        }
    }
    let is_good = answer.starts_with(b"HTTP/1.1 200 OK\r\n");
    assert!(is_good, "{}", answer.escape_ascii());
    Ok(())
}

/// What is at `/0.txt` to `/9.txt`: each answer can be told from the others.
fn body(name: u64) -> String {
    format!("<this is number {name}>").repeat(50)
}

fn site() -> Folder {
    let folder = Folder::new();
    for name in 0..10 {
        folder.file(&format!("{name}.txt"), body(name));
    }
    folder
}

/// The honest clients, until they are told.
struct Crowd {
    over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Seen>>,
}

impl Crowd {
    fn start(address: SocketAddr, idle: Duration) -> Crowd {
        let over = Arc::new(AtomicBool::new(false));
        let start = |number| {
            let over = Arc::clone(&over);
            thread::spawn(move || be_honest(address, number, idle, &over))
        };
        let clients = (0..HONEST).map(start).collect();
        Crowd { over, clients }
    }

    /// How often they had to connect again.
    fn end(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        let seen = self
            .clients
            .into_iter()
            .map(|client| client.join().unwrap());
        let (mut answers, mut again) = (0, 0);
        for seen in seen {
            answers += seen.answers;
            again += seen.again;
        }
        // One in 150 ms each, if the machine has nothing else to do; here, two seconds are enough.
        assert!(answers > HONEST * LIMIT.as_secs() / 2, "{answers} answers");
        again
    }
}

/// Sends a byte of a head from time to time, and reads the answer; how long that took.
fn trickle(address: SocketAddr, number: u64) -> (Duration, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let pause = Duration::from_millis(50 + number % 51);
    stream.set_read_timeout(Some(pause)).unwrap();
    let head = b"GET / HTTP/1.1\r\nHost: x\r\nX: ".iter().copied();
    let start = Instant::now();
    let mut answer = [0; 1024];
    for byte in head.chain(std::iter::repeat(b'x')) {
        // Refused only when the server has gone, with its answer before that.
        let _ = stream.write(&[byte]);
        match stream.read(&mut answer) {
            Ok(count) => {
                let text = String::from_utf8_lossy(&answer[..count]);
                return (start.elapsed(), text.into_owned());
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
        }
        assert!(start.elapsed() < LIMIT + SLACK, "served for ever");
    }
    unreachable!("because there are always more bytes");
}

#[test]
fn heads_that_trickle_get_408_at_their_limit() {
    let _watchdog = watchdog();
    let folder = site();
    let server = Served::http(
        &folder,
        &["--request-timeout", "4s", "--idle-timeout", "12s"],
    );
    let address = server.address();
    let again = Runtime::builder().workers(1).build().unwrap().run(|| {
        let crowd = Crowd::start(address, AMPLE);
        let start = |number| thread::spawn(move || trickle(address, number));
        let trickling: Vec<_> = (0..TRICKLING).map(start).collect();
        for client in trickling {
            let (took, answer) = client.join().unwrap();
            assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
            assert_at_limit(took);
        }
        crowd.end()
    });
    let (totals, ended) = server.end();
    assert_served(&totals, TRICKLING, again);
    assert_eq!(totals.errors, 0, "{totals:?}");
    let refused = ended.stderr.matches(": 408 head too slow\n").count();
    assert_eq!(refused as u64, TRICKLING, "{ended}");
}

fn assert_served(totals: &Totals, slow: u64, again: u64) {
    let found = (totals.served, totals.rejected, totals.timeouts);
    let wanted = (HONEST + slow + again, 0, slow + again);
    assert_eq!(found, wanted, "{totals:?}");
}

/// Asks for a large file, and takes a byte of it each second until it is `over`; then all that is still
/// there. Returns how much that was.
fn sip(mut stream: TcpStream, over: &AtomicBool) -> u64 {
    let mut count = 0;
    while !over.load(Ordering::Relaxed) {
        match stream.read(&mut [0]) {
            Ok(read) => count += read as u64,
            // A reset may take the rest with it.
            Err(_) => return count,
        }
        thread::sleep(Duration::from_secs(1));
    }
    let mut buffer = vec![0; 64 << 10];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        count += read as u64;
    }
    count
}

#[test]
fn answers_that_are_sipped_end_at_their_limit() {
    let _watchdog = watchdog();
    let folder = site();
    let large = std::fs::File::create(folder.path("large.bin")).unwrap();
    large.set_len(LARGE_BYTES).unwrap();
    let server = Served::http(
        &folder,
        &["--idle-timeout", "4s", "--request-timeout", "12s"],
    );
    let address = server.address();
    let (send, begun) = channel();
    let over = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&over);
    let clients = std::thread::spawn(move || {
        Runtime::builder().workers(1).build().unwrap().run(|| {
            let crowd = Crowd::start(address, LIMIT);
            let start = |_| {
                let mut stream = TcpStream::connect(address).unwrap();
                let request = b"GET /large.bin HTTP/1.1\r\nHost: x\r\n\r\n";
                stream.write_all(request).unwrap();
                send.send((stream.local_addr().unwrap(), Instant::now()))
                    .unwrap();
                let over = Arc::clone(&is_over);
                thread::spawn(move || sip(stream, &over))
            };
            let sipping: Vec<_> = (0..SIPPING).map(start).collect();
            for client in sipping {
                let count = client.join().unwrap();
                assert!(count < LARGE_BYTES, "all of it");
            }
            crowd.end()
        })
    });
    let mut waiting: Vec<_> = begun.iter().take(SIPPING).collect();
    // Its log says when: a client that does not read cannot see the end.
    while !waiting.is_empty() {
        let log = server.log();
        waiting.retain(|(client, start)| {
            let line = format!(": {client}: the peer was idle for too long\n");
            let is_closed = log.contains(&line);
            match is_closed {
                true => assert_at_limit(start.elapsed()),
                false => assert!(
                    start.elapsed() < LIMIT + SLACK,
                    "{client} is served for ever"
                ),
            }
            !is_closed
        });
        std::thread::sleep(Duration::from_millis(5));
    }
    over.store(true, Ordering::Relaxed);
    let again = clients.join().unwrap();
    assert_served(&server.end().0, SIPPING as u64, again);
}
