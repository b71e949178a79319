//! From the first line to the last: places, signals, the grace, the totals.

use crate::child::{Ended, Running};
use crate::program::{Served, command};
use crate::watchdog::watchdog;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;

const MODES: [&str; 5] = ["green", "inline", "thread", "process", "pool=2"];

#[test]
fn every_mode_serves_and_ends_with_totals() {
    let _watchdog = watchdog();
    for program in ["echo", "upper"] {
        for mode in MODES {
            let server = Served::start(&[program, "--concurrency", mode, "--workers", "2"]);
            for _ in 0..3 {
                let mut stream = TcpStream::connect(server.address).unwrap();
                stream.write_all(b"HELLO\n").unwrap();
                stream.shutdown(Shutdown::Write).unwrap();
                assert_eq!(
                    std::io::read_to_string(stream).unwrap(),
                    "HELLO\n",
                    "{mode}"
                );
            }
            let ended = server.end("TERM");
            assert_eq!(ended.status.code(), Some(0), "{mode}: {ended}");
            let totals = "served 3 clients, rejected 0, cut off 0; 18 bytes in, 18 bytes out; 0 errors, 0 timeouts, 0 panics\n";
            assert_eq!(ended.stdout, totals, "{mode}: {ended}");
        }
    }
}

#[test]
fn several_places_are_one_server_and_a_socket_file_goes() {
    let _watchdog = watchdog();
    let path = std::env::temp_dir().join(format!("greenroom-serve-{}.sock", std::process::id()));
    let unix = format!("unix:{}", path.display());
    let mut running = Running::start(&mut command(&[
        "chat",
        "--listen",
        "127.0.0.1:0",
        "--listen",
        &unix,
    ]));
    let address: std::net::SocketAddr = running.line("listening on ").parse().unwrap();
    assert_eq!(running.line("listening on "), unix);
    let mut ada = TcpStream::connect(address).unwrap();
    let mut bob = UnixStream::connect(&path).unwrap();
    let mut hears = BufReader::new(ada.try_clone().unwrap())
        .lines()
        .map(Result::unwrap);
    ada.write_all(b"ada\n").unwrap();
    assert!(hears.any(|line| line == "* ada joins lobby"));
    bob.write_all(b"bob\nhello\n").unwrap();
    assert!(hears.any(|line| line == "bob: hello"));
    running.signal("INT");
    assert_eq!(hears.next().unwrap(), "* the server shuts down: goodbye");
    drop((ada, bob, hears));
    let ended = running.end();
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    assert!(
        ended
            .stdout
            .starts_with("served 2 clients, rejected 0, cut off 0; "),
        "{ended}"
    );
    assert!(
        ended
            .stdout
            .ends_with("\nlines 1, slow readers dropped 0\n"),
        "{ended}"
    );
    assert!(!path.exists());
}

/// A client in the middle of something: its first byte has come back.
fn busy(server: &Served) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(b"x").unwrap();
    stream.read_exact(&mut [0]).unwrap();
    stream
}

#[test]
fn client_may_finish_within_the_grace_and_is_cut_off_after() {
    let _watchdog = watchdog();
    for mode in MODES {
        let server = Served::start(&["echo", "--grace", "60s", "--concurrency", mode]);
        let mut client = busy(&server);
        server.running.signal("TERM");
        server.until_logged("the signal", |line| line.contains("Terminate: ending"));
        client.write_all(b"last words").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        assert_eq!(
            std::io::read_to_string(client).unwrap(),
            "last words",
            "{mode}"
        );
        let ended = server.running.end();
        assert!(
            ended.stdout.contains("cut off 0; 11 bytes in"),
            "{mode}: {ended}"
        );

        let server = Served::start(&["echo", "--grace", "0", "--concurrency", mode]);
        let client = busy(&server);
        let ended = server.end("TERM");
        assert_eq!(ended.status.code(), Some(0), "{mode}: {ended}");
        assert!(ended.stdout.contains("cut off 1; "), "{mode}: {ended}");
        drop(client);
    }
}

#[test]
fn second_signal_ends_at_once() {
    let _watchdog = watchdog();
    for (first, second) in [("INT", "INT"), ("TERM", "INT")] {
        let server = Served::start(&["echo", "--grace", "1h"]);
        let client = busy(&server);
        server.running.signal(first);
        server.until_logged("the signal", |line| {
            line.contains("once more to end at once")
        });
        let ended = end_at_once(server, second);
        assert_eq!(ended.status.code(), Some(1), "{ended}");
        assert!(ended.stderr.contains("ended at once"), "{ended}");
        drop(client);
    }
}

/// The same signal, too soon after the first one, is taken for that.
fn end_at_once(mut server: Served, signal: &str) -> Ended {
    while server.running.child.try_wait().unwrap().is_none() {
        server.running.signal(signal);
    }
    server.running.end()
}

#[test]
fn signal_that_comes_twice_at_once_is_one() {
    let _watchdog = watchdog();
    // As `timeout` does. A busy machine may take too long in between: not every time.
    let is_one = || {
        let server = Served::start(&["echo", "--grace", "60s"]);
        let mut client = busy(&server);
        server.running.signal("TERM");
        server.until_logged("the signal", |line| line.contains("Terminate: ending"));
        server.running.signal("TERM");
        let is_heard = client.write_all(b"y").is_ok() && client.read_exact(&mut [0]).is_ok();
        drop(client);
        is_heard && server.running.end().status.code() == Some(0)
    };
    assert!((0..20).any(|_| is_one()));
}

#[test]
fn hangup_changes_nothing() {
    let _watchdog = watchdog();
    let server = Served::start(&["echo"]);
    server.running.signal("HUP");
    server.until_logged("the hangup", |line| {
        line.contains("there is nothing to reload")
    });
    drop(busy(&server));
    assert_eq!(server.end("TERM").status.code(), Some(0));
}

#[test]
fn clients_beyond_the_limit_are_told_and_counted() {
    let _watchdog = watchdog();
    let server = Served::start(&["chat", "--max-clients", "1"]);
    let mut first = BufReader::new(TcpStream::connect(server.address).unwrap());
    let mut line = String::new();
    first.read_line(&mut line).unwrap();
    assert_eq!(line, "* welcome: what is your name?\n");
    let second = TcpStream::connect(server.address).unwrap();
    let told = std::io::read_to_string(second).unwrap();
    assert_eq!(told, "! too many people are here: come back later\n");
    let ended = server.end("TERM");
    assert!(
        ended.stdout.starts_with("served 1 clients, rejected 1, "),
        "{ended}"
    );
}

#[test]
fn commands_die_with_their_server() {
    let _watchdog = watchdog();
    for (base, mode) in (1_000_000..)
        .step_by(10_000_000)
        .zip(["green", "inline", "pool=2"])
    {
        dies_with_its_server(
            base,
            &["--grace", "100ms", "--concurrency", mode],
            |server| {
                let ended = server.end("TERM");
                assert_eq!(ended.status.code(), Some(0), "{mode}: {ended}");
                assert!(ended.stdout.contains("cut off 1; "), "{mode}: {ended}");
            },
        );
    }
    let threads = ["--grace", "100ms", "--concurrency", "thread"];
    dies_with_its_server(500_000_000, &threads, |server| {
        assert_eq!(server.end("TERM").status.code(), Some(0));
    });
}

#[test]
fn commands_die_with_a_server_that_is_ended_at_once() {
    let _watchdog = watchdog();
    dies_with_its_server(600_000_000, &["--grace", "1h"], |server| {
        server.running.signal("TERM");
        server.until_logged("the signal", |line| line.contains("Terminate: ending"));
        let ended = end_at_once(server, "INT");
        assert_eq!(ended.status.code(), Some(1), "{ended}");
    });
}

/// A command that sleeps `base` seconds and some, so that it can be found.
fn dies_with_its_server(base: u32, options: &[&str], end: impl Fn(Served)) {
    let seconds = format!("{}", base + std::process::id());
    let server = Served::start(
        &[
            &["remote-command", "--allow", "sleep", "--limit-time", "1h"],
            options,
        ]
        .concat(),
    );
    let mut stream = TcpStream::connect(server.address).unwrap();
    let command = format!("sleep {seconds}");
    stream
        .write_all(&i32::try_from(command.len()).unwrap().to_ne_bytes())
        .unwrap();
    stream.write_all(command.as_bytes()).unwrap();
    let is_running = || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let line = format!("sleep\0{seconds}\0");
        processes.into_iter().any(|process| {
            std::fs::read_to_string(process.path().join("cmdline")).is_ok_and(|found| found == line)
        })
    };
    while !is_running() {
        std::thread::yield_now();
    }
    end(server);
    // Killed; who reaps it is this process's init.
    let start = std::time::Instant::now();
    while is_running() {
        assert!(
            start.elapsed() < crate::program::DEADLINE,
            "it has outlived its server"
        );
        std::thread::yield_now();
    }
}
