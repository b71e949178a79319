//! The framework with a process per client. No harness of its own: processes need a `main` without threads.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../../tests/support/watchdog.rs"]
mod watchdog;

use greenroom::net::{Shutdown, TcpStream};
use greenroom::os::unix::net::UnixStream;
use greenroom::thread;
use greenroom_servers::{
    Client, Concurrency, Handler, Limits, PerProcess, TcpServer, UnixServer, multiprocessing,
};
use libtest_mimic::{Arguments, Failed, Trial};
use serde::{Deserialize, Serialize};
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use watchdog::watchdog;

const FOREVER: Duration = Duration::from_secs(3600);

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let tests = [
        ("echoes_are_counted_and_processes_reaped", echoes as fn()),
        ("unix_clients_have_processes_too", unix_clients),
        ("bad_ends_end_one_client_and_are_counted", bad_ends),
        ("killed_process_is_an_error_of_its_client", killed),
        ("process_that_stays_is_cancelled_and_finishes", cut_off),
        ("process_that_computes_on_is_killed", computes_on),
        ("processes_hear_that_the_server_stops", hear_of_stop),
        (
            "signals_for_all_processes_leave_clients_their_grace",
            signals,
        ),
        ("limits_hold_in_processes", limits),
        ("pool_bounds_the_processes", pool),
        ("descriptors_do_not_leak", descriptors),
    ];
    let trials = tests.map(|(name, test)| {
        Trial::test(name, move || {
            let _watchdog = watchdog();
            test();
            Ok::<(), Failed>(())
        })
    });
    // libtest's threads wait in ways that greenroom does not know.
    let run = || greenroom::unblock(move || libtest_mimic::run(&arguments, trials.into()));
    match multiprocessing::run(run) {
        Ok(conclusion) => conclusion.exit_code(),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Does what it is told by a byte; says its number first.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Obey {
    greeting: String,
}

fn obey() -> PerProcess<Obey> {
    PerProcess(Obey {
        greeting: "hello".to_owned(),
    })
}

impl Handler for Obey {
    fn handle(&self, client: &mut Client) -> io::Result<()> {
        let greeting = format!("{} {}\n", self.greeting, std::process::id());
        client.write_all(greeting.as_bytes())?;
        let mut order = [0];
        while client.read(&mut order)? > 0 {
            match order[0] {
                b'p' => panic!("told to panic"),
                b'e' => return Err(io::Error::other("told to fail")),
                b'3' => std::process::exit(3),
                b's' => thread::sleep(FOREVER),
                b'w' => {
                    while !client.is_stopping() {
                        thread::sleep(Duration::from_millis(1));
                    }
                    client.write_all(b"!")?;
                }
                b'i' => {
                    client.write_all(b"i")?;
                    assert_eq!(client.read_idle(&mut order)?, 0);
                    return Ok(());
                }
                b'c' => loop {
                    std::hint::spin_loop();
                },
                other => client.write_all(&[other])?,
            }
        }
        Ok(())
    }

    fn finish(&self, client: &mut Client) {
        let _ = client.write_all(b".");
    }
}

fn tcp() -> TcpServer {
    TcpServer::bind("127.0.0.1:0").unwrap().limits(generous())
}

fn generous() -> Limits {
    Limits {
        idle_timeout: None,
        request_timeout: None,
        ..Limits::default()
    }
}

/// The number of the process behind a connection.
fn pid(stream: &mut impl Read) -> u32 {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    let line = String::from_utf8(line).unwrap();
    line.trim().strip_prefix("hello ").unwrap().parse().unwrap()
}

fn rest(stream: &mut impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    all
}

fn is_there(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

fn echoes() {
    let server = tcp().serve_in_background(obey()).unwrap();
    let address = server.local_addr();
    let clients: Vec<_> = (0..20)
        .map(|_| {
            thread::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                let pid = pid(&mut stream);
                stream.write_all(b"xyz").unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
                assert_eq!(rest(&mut stream), b"xyz.");
                pid
            })
        })
        .collect();
    let mut pids: Vec<u32> = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .collect();
    let totals = server.shutdown(FOREVER);
    assert_eq!((totals.accepted, totals.open), (20, 0));
    assert_eq!((totals.errors, totals.panics, totals.cut_off), (0, 0, 0));
    let greetings: usize = pids.iter().map(|pid| format!("hello {pid}\n").len()).sum();
    assert_eq!(
        (totals.bytes_in, totals.bytes_out),
        (60, 80 + greetings as u64)
    );
    // Reaped: a zombie would still be there.
    assert!(!pids.iter().any(|&pid| is_there(pid)));
    pids.sort_unstable();
    pids.dedup();
    assert!(pids.len() > 1 && !pids.contains(&std::process::id()));
}

fn unix_clients() {
    let server = UnixServer::bind("").unwrap().limits(generous());
    let server = server.serve_in_background(obey()).unwrap();
    let mut stream = UnixStream::connect_addr(&server.local_addr()).unwrap();
    assert_ne!(pid(&mut stream), std::process::id());
    stream.write_all(b"x").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut stream), b"x.");
    assert_eq!(server.shutdown(FOREVER).bytes_in, 1);
}

fn bad_ends() {
    let server = tcp().serve_in_background(obey()).unwrap();
    for (order, answer) in [(b"p", &b"."[..]), (b"e", b"."), (b"3", b"")] {
        let mut stream = TcpStream::connect(server.local_addr()).unwrap();
        pid(&mut stream);
        stream.write_all(order).unwrap();
        assert_eq!(rest(&mut stream), answer);
    }
    let totals = server.shutdown(FOREVER);
    assert_eq!((totals.panics, totals.errors, totals.open), (1, 2, 0));
    assert_eq!(
        totals.bytes_in, 2,
        "of the one that left by itself nothing is known"
    );
}

fn killed() {
    let server = tcp().serve_in_background(obey()).unwrap();
    let mut other = TcpStream::connect(server.local_addr()).unwrap();
    pid(&mut other);
    let mut stream = TcpStream::connect(server.local_addr()).unwrap();
    let victim = rustix::process::Pid::from_raw(pid(&mut stream).cast_signed()).unwrap();
    rustix::process::kill_process(victim, rustix::process::Signal::KILL).unwrap();
    assert_eq!(rest(&mut stream), b"");
    other.write_all(b"x").unwrap();
    other.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut other), b"x.");
    let totals = server.shutdown(FOREVER);
    assert_eq!((totals.accepted, totals.errors, totals.open), (2, 1, 0));
}

fn cut_off() {
    let server = tcp().serve_in_background(obey()).unwrap();
    let mut streams = [b"x", b"s"].map(|order| {
        let mut stream = TcpStream::connect(server.local_addr()).unwrap();
        let pid = pid(&mut stream);
        stream.write_all(order).unwrap();
        (stream, pid)
    });
    streams[0].0.read_exact(&mut [0]).unwrap();
    let begun = Instant::now();
    let totals = server.shutdown(Duration::ZERO);
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert_eq!((totals.cut_off, totals.errors, totals.open), (2, 0, 0));
    for (stream, pid) in &mut streams {
        assert_eq!(rest(stream), b".", "finish has run");
        assert!(!is_there(*pid));
    }
    assert!(totals.bytes_in >= 1, "they have reported: {totals:?}");
}

fn computes_on() {
    let server = tcp().serve_in_background(obey()).unwrap();
    let mut stream = TcpStream::connect(server.local_addr()).unwrap();
    let pid = pid(&mut stream);
    stream.write_all(b"c").unwrap();
    let totals = server.shutdown(Duration::from_millis(100));
    assert_eq!((totals.cut_off, totals.open), (1, 0));
    assert!(!is_there(pid));
}

fn hear_of_stop() {
    let server = tcp().serve_in_background(obey()).unwrap();
    let [mut idle, mut waiting] = [b"i", b"w"].map(|order| {
        let mut stream = TcpStream::connect(server.local_addr()).unwrap();
        pid(&mut stream);
        stream.write_all(order).unwrap();
        stream
    });
    idle.read_exact(&mut [0]).unwrap();
    let ending = thread::spawn(move || server.shutdown(FOREVER));
    assert_eq!(rest(&mut idle), b".");
    waiting.read_exact(&mut [0]).unwrap();
    waiting.write_all(b"x").unwrap();
    waiting.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest(&mut waiting), b"x.");
    let totals = ending.join().unwrap();
    assert_eq!((totals.accepted, totals.cut_off, totals.errors), (2, 0, 0));
}

/// As Ctrl-C does, and a supervisor that stops a service.
fn signals() {
    use rustix::process::{Pid, Signal, kill_process};
    let server = tcp().serve_in_background(obey()).unwrap();
    let mut stream = TcpStream::connect(server.local_addr()).unwrap();
    let pid = Pid::from_raw(pid(&mut stream).cast_signed()).unwrap();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        kill_process(pid, signal).unwrap();
        stream.write_all(b"x").unwrap();
        stream.read_exact(&mut [0]).unwrap();
    }
    drop(stream);
    let totals = server.shutdown(FOREVER);
    assert_eq!((totals.cut_off, totals.errors, totals.open), (0, 0, 0));
}

fn limits() {
    let limits = Limits {
        clients_max: 1,
        idle_timeout: Some(Duration::from_millis(300)),
        ..Limits::default()
    };
    let server = tcp().limits(limits).serve_in_background(obey()).unwrap();
    let mut stream = TcpStream::connect(server.local_addr()).unwrap();
    pid(&mut stream);
    let mut beyond = TcpStream::connect(server.local_addr()).unwrap();
    assert_eq!(rest(&mut beyond), b"");
    assert_eq!(rest(&mut stream), b".");
    let totals = server.shutdown(FOREVER);
    assert_eq!((totals.timeouts, totals.errors), (1, 1));
    assert_eq!((totals.accepted, totals.rejected), (1, 1));
}

fn pool() {
    let server = tcp().concurrency(Concurrency::Pool(2));
    let server = server.serve_in_background(obey()).unwrap();
    let mut streams: Vec<_> = (0..6)
        .map(|_| TcpStream::connect(server.local_addr()).unwrap())
        .collect();
    for stream in &mut streams {
        pid(stream);
        assert!(server.totals().open <= 2);
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(rest(stream), b".");
    }
    assert_eq!(server.shutdown(FOREVER).accepted, 6);
}

/// Of sockets that are connections of this test's port; other tests run beside it.
fn descriptors() {
    let server = tcp().serve_in_background(obey()).unwrap();
    for _ in 0..10 {
        let mut stream = TcpStream::connect(server.local_addr()).unwrap();
        let pid = pid(&mut stream);
        // What a process has of its parent's: standard streams, its own connection, its own control; each
        // worker's epoll and bell.
        let fds = std::fs::read_dir(format!("/proc/{pid}/fd"))
            .unwrap()
            .count();
        assert!(fds < 20, "{fds}");
        stream.shutdown(Shutdown::Write).unwrap();
        // The end of file comes although the server and other processes were started meanwhile.
        assert_eq!(rest(&mut stream), b".");
    }
    server.shutdown(FOREVER);
}
