//! What every event loop of the chapter "multiplexing" must live through: clients that vanish, read slowly,
//! half-close, send much, and many of them; each loop on greenroom's calls and on the system's.

use super::child::Running;
use super::run::{Server, assert_output_on, example};
use super::watchdog::watchdog;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// For what a peer does in microseconds.
const DEADLINE: Duration = Duration::from_secs(60);

/// One of the servers, running.
pub(crate) struct Loop {
    pub(crate) name: &'static str,
    server: Server,
    log: Option<Log>,
}

/// A log file of its own, removed in the end.
struct Log(PathBuf);

impl Drop for Log {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Loop {
    pub(crate) const NAMES: [&str; 5] = [
        "select_echo",
        "poll_echo",
        "epoll_echo",
        "epoll_level",
        "selectors_echo",
    ];

    /// Each of them, in both modes, one after the other.
    pub(crate) fn all() -> impl Iterator<Item = Loop> {
        let modes = |name| [(name, &[][..]), (name, &["--raw"])];
        let all = Loop::NAMES.into_iter().flat_map(modes);
        // Its only calls are greenroom's.
        let all = all.filter(|(name, args)| *name != "selectors_echo" || args.is_empty());
        all.map(|(name, args)| Loop::start(name, args))
    }

    /// Those that echo.
    fn echoes() -> impl Iterator<Item = Loop> {
        Loop::all().filter(Loop::is_echo)
    }

    pub(crate) fn start(name: &'static str, args: &[&str]) -> Loop {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if name != "epoll_echo" {
            return Loop {
                name,
                server: Server::start(name, args),
                log: None,
            };
        }
        let file = format!(
            "greenroom-epoll-echo-{}-{}.log",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let log = Log(std::env::temp_dir().join(file));
        let args = [args, &["--log", log.0.to_str().unwrap()]].concat();
        Loop {
            name,
            server: Server::start(name, &args),
            log: Some(log),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address
    }

    pub(crate) fn is_echo(&self) -> bool {
        self.name != "epoll_level"
    }

    /// What it sends back for one message.
    pub(crate) fn answer(&self, message: &[u8]) -> Vec<u8> {
        match self.is_echo() {
            true => message.to_vec(),
            false => b"Receive your message\n".to_vec(),
        }
    }

    /// Ends it; what it printed up to the last line of the Output block is compared with that.
    pub(crate) fn assert_output(mut self) {
        let block = super::run::documented(self.name);
        let mut printed = format!("listening on {}\n", self.server.address);
        for _ in 1..block.lines().count() {
            let line = self.server.running.next_line().unwrap();
            printed.extend([line.as_str(), "\n"]);
        }
        let (name, port) = (self.name, self.server.address.port());
        self.server.running.signal("TERM");
        let mut ended = self.server.running.end();
        ended.stdout.insert_str(0, &printed);
        assert_output_on(name, &ended, port);
        if let Some(log) = self.log {
            let log = std::fs::read_to_string(&log.0).unwrap();
            assert_eq!(
                log.lines()
                    .filter(|line| line.contains(" - DEBUG - "))
                    .count(),
                4,
                "{log}"
            );
        }
    }

    /// Waits until the log holds `text`, ends it, and returns the log and what came on stderr.
    pub(crate) fn end_with_log(self, text: &str) -> (String, String) {
        let path = &self.log.as_ref().unwrap().0;
        let end = Instant::now() + DEADLINE;
        while !std::fs::read_to_string(path).unwrap().contains(text)
            || !self.server.running.stderr().contains(text)
        {
            assert!(
                Instant::now() < end,
                "no {text} in {}",
                std::fs::read_to_string(path).unwrap()
            );
            std::thread::yield_now();
        }
        let log = std::fs::read_to_string(path).unwrap();
        (log, self.server.interrupt().stderr)
    }

    /// A client with an answer unread closes: the server gets a reset.
    pub(crate) fn reset_a_client(&self) {
        let mut stream = connect(self.address());
        stream.write_all(b"x").unwrap();
        // The answer is here, and stays unread.
        assert_eq!(stream.peek(&mut [0]).unwrap(), 1);
    }

    fn assert_alive(&self) {
        let mut stream = connect(self.address());
        stream.write_all(b"are you there?").unwrap();
        let expected = self.answer(b"are you there?");
        let mut answer = vec![0; expected.len()];
        stream
            .read_exact(&mut answer)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
        assert_eq!(answer, expected, "{}", self.name);
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// Bytes in which a lost or doubled part shows, unless it is a multiple of the prime 65,521 long.
fn pattern(length: usize) -> Vec<u8> {
    let numbers = (0u32..).flat_map(u32::to_le_bytes);
    let block: Vec<u8> = numbers.take(65_521.min(length)).collect();
    let mut pattern = block.repeat(length / 65_521 + 1);
    pattern.truncate(length);
    pattern
}

#[test]
fn server_survives_clients_that_vanish() {
    let _watchdog = watchdog();
    for server in Loop::all() {
        for _ in 0..10 {
            // At once, with an answer unread, with an echo on its way.
            drop(connect(server.address()));
            server.reset_a_client();
            let mut stream = connect(server.address());
            stream.write_all(&pattern(100_000)).unwrap();
        }
        server.assert_alive();
    }
}

#[test]
fn half_close_after_data_gets_the_whole_echo() {
    let _watchdog = watchdog();
    for server in Loop::echoes() {
        for length in [0, 1, 4096, 64 * 1024, 64 * 1024 + 1] {
            let mut stream = connect(server.address());
            stream.write_all(&pattern(length)).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut echo = Vec::new();
            stream
                .read_to_end(&mut echo)
                .unwrap_or_else(|e| panic!("{}: {e}", server.name));
            assert!(
                echo == pattern(length),
                "{}: {} of {length}",
                server.name,
                echo.len()
            );
        }
    }
}

#[test]
fn messages_of_64_kib_come_back_one_after_the_other() {
    let _watchdog = watchdog();
    for server in Loop::echoes() {
        let mut stream = connect(server.address());
        for round in 0..20 {
            let mut message = pattern(64 * 1024);
            message[0] = round;
            stream.write_all(&message).unwrap();
            let mut echo = vec![0; message.len()];
            stream
                .read_exact(&mut echo)
                .unwrap_or_else(|e| panic!("{}: {e}", server.name));
            assert!(echo == message, "{}", server.name);
        }
    }
}

/// A client that sends until nothing more is taken, and reads nothing: the others are served meanwhile, and
/// when it reads at last, everything is there.
#[test]
fn slow_reader_holds_up_nobody_and_loses_nothing() {
    let _watchdog = watchdog();
    for server in Loop::echoes() {
        let mut slow = connect(server.address());
        let sent = fill(&mut slow, &server);
        slow.shutdown(Shutdown::Write).unwrap();
        server.assert_alive();
        let mut echo = Vec::new();
        slow.read_to_end(&mut echo)
            .unwrap_or_else(|error| panic!("{}: {error}", server.name));
        assert_eq!(echo.len(), sent, "{}", server.name);
        assert!(echo == pattern(sent), "{}", server.name);
    }
}

/// Sends until nothing has been taken for a while, in which the others are served: the server reads us no more.
fn fill(slow: &mut TcpStream, server: &Loop) -> usize {
    /// What the buffers of both sockets hold together is less; a server that buffers without limit takes more.
    const SENT_MAX: usize = 64 << 20;
    let data = pattern(SENT_MAX);
    // Too short on a busy machine: then there is less to lose, and the test sees less.
    slow.set_write_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let (mut sent, mut refused) = (0, 0);
    while refused < 2 {
        assert!(sent < SENT_MAX, "{}: a client has no limit", server.name);
        match slow.write(&data[sent..]) {
            Ok(n) => (sent, refused) = (sent + n, 0),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                server.assert_alive();
                refused += 1;
            }
            // The kernel says so of a wait with a time-out that it has broken off, whatever for.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => panic!("{}: {error}", server.name),
        }
    }
    sent
}

#[test]
fn slow_reader_that_vanishes_is_forgotten() {
    let _watchdog = watchdog();
    for server in Loop::echoes() {
        let mut slow = connect(server.address());
        fill(&mut slow, &server);
        drop(slow);
        server.assert_alive();
    }
}

#[test]
fn a_hundred_clients_are_served_at_once() {
    let _watchdog = watchdog();
    for server in Loop::all() {
        let mut clients: Vec<_> = (0..100).map(|_| connect(server.address())).collect();
        for round in 0..3 {
            for (at, client) in clients.iter_mut().enumerate() {
                write!(client, "{round} from {at}").unwrap();
            }
            for (at, client) in clients.iter_mut().enumerate() {
                let expected = server.answer(format!("{round} from {at}").as_bytes());
                let mut answer = vec![0; expected.len()];
                client.read_exact(&mut answer).unwrap();
                assert_eq!(answer, expected, "{}", server.name);
            }
        }
    }
}

#[test]
fn server_out_of_descriptors_serves_when_there_are_some_again() {
    let _watchdog = watchdog();
    // epoll_echo does not print it.
    for name in ["select_echo", "poll_echo", "epoll_level", "selectors_echo"] {
        let program = example(name, &[]);
        let limited = ["-c", "ulimit -n 30; exec \"$0\" --port 0"];
        let mut server = Running::start(
            Command::new("sh")
                .args(limited)
                .arg(program.get_program())
                .stdin(Stdio::null()),
        );
        let address = server.line("listening on ").parse().unwrap();
        let crowd: Vec<_> = (0..40).map(|_| connect(address)).collect();
        server.line("cannot accept: Too many open files");
        drop(crowd);
        let mut stream = connect(address);
        stream.write_all(b"hello").unwrap();
        // Of any answer.
        stream.read_exact(&mut [0; 5]).unwrap();
    }
}

/// Nothing to do, nothing done: a loop that asks for what is always ready would spin.
#[test]
fn idle_loop_uses_no_processor_time() {
    let _watchdog = watchdog();
    for server in Loop::all() {
        let mut idle = connect(server.address());
        idle.write_all(b"hello").unwrap();
        let mut answer = vec![0; server.answer(b"hello").len()];
        idle.read_exact(&mut answer).unwrap();
        let half_closed = {
            let stream = connect(server.address());
            stream.shutdown(Shutdown::Write).unwrap();
            stream
        };
        assert_eq!((&half_closed).read(&mut [0]).unwrap(), 0);
        let before = processor_time(server.server.running.child.id());
        std::thread::sleep(Duration::from_millis(300));
        let used = processor_time(server.server.running.child.id()) - before;
        // In ticks of 10 ms: a loop that spins takes thirty, or its share of a busy machine.
        assert!(used <= 2, "{}: {used} ticks", server.name);
    }
}

/// User and system time in clock ticks. Source: proc_pid_stat(5), fields 14 and 15.
fn processor_time(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit(") ").next().unwrap().split(' ');
    fields
        .skip(11)
        .take(2)
        .map(|field| field.parse::<u64>().unwrap())
        .sum()
}
