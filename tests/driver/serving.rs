//! `serve`: panics, descriptors that run out, an end without grace.

use crate::child::Running;
use crate::reexec::{role, this_test};
use crate::watchdog::watchdog;
use greenroom::Runtime;
use greenroom::net::{Server, TcpListener, TcpStream, serve};
use std::io::{BufRead, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const GRACE: Duration = Duration::from_secs(30);

fn runtime(workers: usize) -> Runtime {
    Runtime::builder().workers(workers).build().unwrap()
}

fn echo(mut stream: TcpStream, _peer: SocketAddr) {
    let mut some = [0; 64];
    while let Ok(n @ 1..) = stream.read(&mut some) {
        if some[..n].contains(&b'!') {
            panic!("asked for by the test");
        }
        stream.write_all(&some[..n]).unwrap();
    }
}

fn server() -> Server {
    serve(TcpListener::bind("127.0.0.1:0").unwrap(), echo).unwrap()
}

/// One byte there and back.
fn ask(mut client: &std::net::TcpStream, byte: u8) -> std::io::Result<()> {
    client.write_all(&[byte])?;
    let mut answer = [0];
    client.read_exact(&mut answer)?;
    assert_eq!(answer[0], byte);
    Ok(())
}

#[test]
fn panic_in_a_connection_handler_ends_only_that_connection() {
    let _watchdog = watchdog();
    for workers in [1, 3] {
        let rt = runtime(workers);
        let server = rt.run(server);
        let connect = || std::net::TcpStream::connect(server.local_addr()).unwrap();
        let clients: Vec<_> = (0..20).map(|_| connect()).collect();
        clients.iter().for_each(|client| ask(client, b'a').unwrap());
        for client in clients.iter().step_by(2) {
            assert!(ask(client, b'!').is_err(), "its handler is gone");
        }
        for client in clients.iter().skip(1).step_by(2) {
            ask(client, b'b').unwrap();
        }
        ask(&connect(), b'c').unwrap();
        drop(clients);
        let stats = rt.run(|| server.finish(GRACE));
        assert_eq!(
            (stats.accepted, stats.panicked, stats.open, stats.cut_off),
            (21, 10, 0, 0)
        );
    }
}

#[test]
fn finish_without_grace_ends_while_connections_are_still_starting() {
    let _watchdog = watchdog();
    for round in 0..60 {
        let rt = runtime(1 + round % 2);
        let server = rt.run(server);
        let address = server.local_addr();
        let clients: Vec<_> = (0..30)
            .map(|_| std::net::TcpStream::connect(address).unwrap())
            .collect();
        let stats = rt.run(|| server.finish(Duration::ZERO));
        assert_eq!(stats.open, 0);
        assert!(stats.cut_off <= stats.accepted);
        drop(clients);
        assert!(rt.shutdown(GRACE).abandoned.is_empty());
    }
}

#[test]
fn finish_frees_the_port_and_waits_for_open_connections() {
    let _watchdog = watchdog();
    let rt = runtime(2);
    let server = rt.run(server);
    let address = server.local_addr();
    let client = std::net::TcpStream::connect(address).unwrap();
    ask(&client, b'a').unwrap();
    let ended = Arc::new(AtomicBool::new(false));
    let ends = Arc::clone(&ended);
    let finishing = rt.spawn(move || {
        let stats = server.finish(GRACE);
        ends.store(true, Ordering::SeqCst);
        stats
    });
    // Until nobody listens: connecting is refused. A connection in the backlog is reset.
    while std::net::TcpStream::connect(address).is_ok() {
        std::thread::yield_now();
    }
    ask(&client, b'b').unwrap();
    assert!(!ended.load(Ordering::SeqCst));
    drop(client);
    let stats = finishing.join().unwrap();
    assert_eq!((stats.open, stats.cut_off), (0, 0));
    std::net::TcpListener::bind(address).unwrap();
}

#[test]
fn serve_on_an_ending_runtime_forgets_its_connections() {
    let _watchdog = watchdog();
    for _ in 0..20 {
        let rt = runtime(2);
        let server = rt.run(server);
        let address = server.local_addr();
        let clients: Vec<_> = (0..20)
            .map(|_| std::net::TcpStream::connect(address).unwrap())
            .collect();
        assert!(rt.shutdown(GRACE).abandoned.is_empty());
        assert_eq!(server.stats().open, 0);
        // On another runtime: everything has ended, so it does not wait.
        greenroom::run(|| server.finish(GRACE));
        drop(clients);
    }
}

#[test]
fn emfile_back_off_pauses_logs_once_and_recovers() {
    /// More than the child's 40 descriptors allow, and so few that all fit once the first are gone.
    const CLIENTS: usize = 40;
    let _watchdog = watchdog();
    if let Some(workers) = role() {
        return serve_with_few_descriptors(workers.parse().unwrap());
    }
    let test = "serving::emfile_back_off_pauses_logs_once_and_recovers";
    for workers in ["1", "3"] {
        let mut command = this_test(test, workers, "ulimit -n 40; export RUST_LOG=warn;");
        let mut child = Running::start(&mut command);
        let address: SocketAddr = child.line("address ").parse().unwrap();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| std::net::TcpStream::connect(address).unwrap())
            .collect();
        let mut counted = |name: &str, at_least: usize| loop {
            let stdin = child.child.stdin.as_mut().unwrap();
            stdin.write_all(b"stats\n").unwrap();
            let line = child.line("stats ");
            let (accepted, refused) = line.split_once(' ').unwrap();
            let [accepted, refused]: [usize; 2] = [accepted, refused].map(|n| n.parse().unwrap());
            let value = if name == "refused" { refused } else { accepted };
            if value >= at_least {
                return (accepted, refused, child.stderr());
            }
        };
        // Long enough for a second line, and for what was written to be read.
        let (.., refused, mut log) = counted("refused", 6);
        while !log.contains("pausing until") {
            log = counted("refused", refused).2;
        }
        let (accepted, refused, log) = counted("refused", refused + 4);
        assert!(accepted < CLIENTS, "the limit is not low enough");
        // 10 + 20 + 40 + ... ms for each acceptor: pauses, not a busy loop.
        assert!(refused < 1000, "{refused} refusals");
        assert_eq!(log.matches("pausing until").count(), 1, "{log}");
        let (gone, waiting) = clients.split_at(accepted);
        let gone: Vec<_> = gone.iter().map(|client| ask(client, b'x')).collect();
        assert!(gone.iter().all(Result::is_ok), "accepted ones are served");
        let waiting: Vec<_> = waiting.iter().map(|c| c.try_clone().unwrap()).collect();
        drop(clients);
        waiting.iter().for_each(|client| ask(client, b'y').unwrap());
        let (accepted, ..) = counted("accepted", CLIENTS);
        assert_eq!(accepted, CLIENTS);
        drop(waiting);
        let ended = child.end();
        assert!(ended.status.success(), "{ended}");
    }
}

/// The child: serves, and answers `stats` on standard input.
fn serve_with_few_descriptors(workers: usize) {
    env_logger::init();
    let rt = runtime(workers);
    let server = rt.run(server);
    println!("address {}", server.local_addr());
    for line in std::io::stdin().lock().lines() {
        assert_eq!(line.unwrap(), "stats");
        let stats = server.stats();
        println!("stats {} {}", stats.accepted, stats.refused);
    }
    rt.run(|| server.finish(GRACE));
}

#[test]
fn names_with_host_lookups_do_not_block_a_worker() {
    let _watchdog = watchdog();
    let rt = runtime(1);
    let server = rt.run(server);
    let port = server.local_addr().port();
    let ticks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&ticks);
    let ticker = rt.spawn(move || {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            greenroom::thread::yield_now();
        }
    });
    let look_up = || {
        let before = ticks.load(Ordering::Relaxed);
        drop(TcpStream::connect(("localhost", port)));
        ticks.load(Ordering::Relaxed) - before
    };
    // One alone may be over before its caller parks.
    let during: usize = (0..50).map(|_| rt.run(look_up)).sum();
    assert!(during > 0, "the worker stood still during the lookups");
    let is_pool = |path: std::path::PathBuf| {
        let name = std::fs::read_to_string(path.join("comm")).unwrap_or_default();
        name.starts_with("greenroom-unblo")
    };
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    assert!(threads.flatten().any(|thread| is_pool(thread.path())));
    ticker.cancel();
    rt.run(|| server.finish(GRACE));
}
