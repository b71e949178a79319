//! Host names whose servers are silent: who waits for one keeps nobody else.
//!
//! The lane of the blocking pool belongs to the process, so each test runs in a child of its own.

#[path = "support/reexec.rs"]
mod reexec;
#[path = "names/resolver.rs"]
mod resolver;
#[path = "support/watchdog.rs"]
mod watchdog;

use greenroom::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket};
use greenroom::{Cancelled, Runtime, thread, timeout};
use reexec::{role, this_test};
use resolver::{TWO, asked, held, speak, waiting};
use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use watchdog::watchdog;

/// Most lookups at a time.
const THREADS_MAX: usize = 128;
const SHORT: Duration = Duration::from_millis(5);
/// What is over within it did not wait for an answer.
const SOON: Duration = Duration::from_secs(30);

/// Runs `body` in a child, as a green thread of a runtime with one worker.
#[track_caller]
fn alone(test: &str, body: impl FnOnce() + Send) {
    let _watchdog = watchdog();
    if role().is_some() {
        let runtime = Runtime::builder().workers(1).build().unwrap();
        return runtime.run(body);
    }
    let output = this_test(test, "alone", "").output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("1 passed"), "{stdout}");
    stdout
        .lines()
        .filter(|line| line.contains("ticker"))
        .for_each(|line| println!("{line}"));
}

fn until(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        thread::sleep(Duration::from_millis(1));
        assert!(start.elapsed() < SOON, "waited in vain");
    }
}

fn os_threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// How long two hundred naps of a millisecond take.
fn ticker() -> Duration {
    let start = Instant::now();
    for _ in 0..200 {
        thread::sleep(Duration::from_millis(1));
    }
    start.elapsed()
}

/// Keeps what is logged.
struct Log(Mutex<Vec<String>>);

static LOG: Log = Log(Mutex::new(Vec::new()));

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}", record.level(), record.args());
        self.0.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}

/// How often a full lane was reported.
fn reports() -> usize {
    let said = LOG.0.lock().unwrap();
    let is_report = |line: &&String| line.contains("128") && line.contains("host names");
    said.iter().filter(is_report).count()
}

fn look_up(name: &str) -> io::Result<Vec<SocketAddr>> {
    Ok((name, 80).to_socket_addrs()?.collect())
}

#[test]
fn five_hundred_silent_names_leave_the_worker_and_a_bounded_pool() {
    alone(
        "five_hundred_silent_names_leave_the_worker_and_a_bounded_pool",
        || {
            log::set_logger(&LOG).unwrap();
            log::set_max_level(log::LevelFilter::Warn);
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let control = ticker();
            let threads_before = os_threads();
            let callers: Vec<_> = (0..500)
                .map(|number| {
                    thread::spawn(move || {
                        let name = format!("silent-{number}");
                        let outcome = match number % 5 {
                            0 => look_up(&name).map(|addrs| assert_eq!(addrs.len(), 1)),
                            1 => TcpStream::connect((name, port)).map(drop),
                            2 => TcpStream::connect(format!("{name}:{port}")).map(drop),
                            3 => UdpSocket::bind((name, 0)).map(drop),
                            _ => UdpSocket::bind("127.0.0.1:0")
                                .and_then(|socket| socket.send_to(b"x", (name.as_str(), 9)))
                                .map(|count| assert_eq!(count, 1)),
                        };
                        outcome.unwrap();
                    })
                })
                .collect();
            until(|| waiting() == THREADS_MAX);
            let with_lookups = ticker();
            let ratio = with_lookups.as_secs_f64() / control.as_secs_f64();
            println!("ticker beside 500 lookups, by a ticker alone: {ratio:.2}");
            assert!(ratio < 10.0, "{with_lookups:?} {control:?}");
            assert_eq!(asked(), THREADS_MAX);
            assert!(os_threads() <= threads_before + THREADS_MAX);
            until(|| reports() == 1);
            // What asks nobody does not queue.
            assert_eq!("10.1.2.3:4".to_socket_addrs().unwrap().count(), 1);
            assert!("no port".to_socket_addrs().is_err());
            TcpStream::connect(("127.0.0.1", port)).unwrap();
            speak();
            for caller in callers {
                caller.join().unwrap();
            }
            assert_eq!((asked(), waiting(), held(), reports()), (500, 0, 0, 1));
        },
    );
}

#[test]
fn abandoned_lookups_end_at_once_and_leave_nothing() {
    alone("abandoned_lookups_end_at_once_and_leave_nothing", || {
        let before = descriptors();
        let start = Instant::now();
        assert!(timeout(SHORT, || look_up("silent-1")).is_err());
        assert!(timeout(SHORT, || TcpStream::connect("silent-2:80")).is_err());
        assert!(timeout(SHORT, || TcpListener::bind(("silent-3", 0))).is_err());
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(timeout(SHORT, || socket.connect("silent-4:80")).is_err());
        assert!(timeout(SHORT, || socket.send_to(b"x", "silent-5:80")).is_err());
        let caller = thread::spawn(|| look_up("silent-6"));
        until(|| waiting() == 6);
        caller.cancel();
        assert!(caller.join().unwrap_err().is::<Cancelled>());
        assert!(start.elapsed() < SOON);
        assert_eq!(waiting(), 6, "the resolver was left to itself");
        // Those that only queue are never asked.
        let callers: Vec<_> = (6..2 * THREADS_MAX)
            .map(|number| thread::spawn(move || look_up(&format!("silent-{number}"))))
            .collect();
        until(|| waiting() == THREADS_MAX);
        assert!(
            timeout(SHORT, || look_up("localhost")).is_err(),
            "it queues"
        );
        for caller in &callers {
            caller.cancel();
        }
        for caller in callers {
            assert!(caller.join().unwrap_err().is::<Cancelled>());
        }
        speak();
        until(|| waiting() == 0 && held() == 0);
        assert_eq!(asked(), THREADS_MAX);
        drop(socket);
        assert_eq!(
            look_up("localhost").unwrap(),
            [SocketAddr::from(([127, 0, 0, 1], 80))]
        );
        assert_eq!(asked(), THREADS_MAX + 1);
        assert_eq!((descriptors(), held()), (before, 0));
    });
}

#[test]
fn names_mean_what_they_mean_in_std() {
    alone("names_mean_what_they_mean_in_std", || {
        let told = |result: io::Result<Vec<SocketAddr>>| match result {
            Ok(addrs) => format!("{addrs:?}"),
            Err(error) => format!("{:?} {error} {error:?}", error.kind()),
        };
        for name in [
            "missing",
            "two",
            "localhost",
            "",
            "nul\0name",
            "with spaces",
        ] {
            let ask = move || {
                let addrs = std::net::ToSocketAddrs::to_socket_addrs(&(name, 80))?;
                Ok(addrs.collect())
            };
            let expected = told(greenroom::unblock(ask));
            assert_eq!(told(look_up(name)), expected);
            let text = format!("{name}:80");
            assert_eq!(
                told(text.to_socket_addrs().map(Iterator::collect)),
                expected
            );
            let on_an_os_thread = move || look_up(name);
            assert_eq!(told(greenroom::unblock(on_an_os_thread)), expected);
        }
        // Each address is tried, in order.
        let listener = TcpListener::bind((TWO[1], 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = TcpStream::connect(("two", port)).unwrap();
        assert_eq!(
            stream.peer_addr().unwrap(),
            SocketAddr::from((TWO[1], port))
        );
        let error = TcpStream::connect(("missing", port)).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("failed to lookup address information")
        );
    });
}

#[test]
fn os_thread_looks_up_by_itself() {
    alone("os_thread_looks_up_by_itself", || {
        let caller = std::thread::spawn(|| (os_threads(), look_up("silent").unwrap().len()));
        until(|| waiting() == 1);
        let now = os_threads();
        speak();
        until(|| caller.is_finished());
        let (before, found) = caller.join().unwrap();
        assert_eq!((before, found), (now, 1));
    });
}
