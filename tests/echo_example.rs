//! `gevent_echo` as strangers meet it: other people's clients, thousands of ours, bad arguments.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/child.rs"]
mod child;
#[path = "support/echo.rs"]
mod echo;
#[path = "support/kill.rs"]
mod kill;
#[path = "support/talk.rs"]
mod talk;
#[path = "support/watchdog.rs"]
mod watchdog;

use child::{Ended, Running};
use echo::{GeventEcho, gevent_echo};
use greenroom::net::{Shutdown, TcpStream};
use greenroom::thread;
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use watchdog::watchdog;

/// Clients at once. Client and server are two processes; each raises its soft limit by itself.
const CLIENTS: usize = if cfg!(debug_assertions) {
    1_000
} else {
    10_000
};

/// Sends SIGTERM and waits for the end.
fn terminate(server: GeventEcho) -> Ended {
    server.running.signal("TERM");
    server.running.end()
}

fn assert_served(ended: &Ended, counts: &str) {
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    assert_eq!(ended.stdout, format!("served {counts}\n"), "{ended}");
}

/// Whether the tool is there; says so if not.
fn is_installed(tool: &str, version: &str) -> bool {
    let found = Command::new(tool)
        .arg(version)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if let Err(error) = &found {
        eprintln!("skipped: {tool}: {error}");
    }
    found.is_ok()
}

#[test]
fn pythons_socket_module_gets_its_bytes_back() {
    const CLIENT: &str = r#"
import socket, sys
host, port = sys.argv[1], int(sys.argv[2])
for size in (1, 64, 1023, 1024, 1025, 300000):
    data = bytes(i * 7 % 251 for i in range(size))
    with socket.create_connection((host, port), timeout=60) as s:
        s.setblocking(True)
        got = b""
        sent = 0
        while sent < size:
            sent += s.send(data[sent:sent + 8192])
            got += s.recv(65536)
        s.shutdown(socket.SHUT_WR)
        while chunk := s.recv(65536):
            got += chunk
        assert got == data, (size, len(got))
print("done")
"#;
    let _watchdog = watchdog();
    if !is_installed("python3", "--version") {
        return;
    }
    let server = GeventEcho::start(&[], &[]);
    let (host, port) = (server.address.ip().to_string(), server.address.port());
    let mut python = Command::new("python3");
    python.args(["-c", CLIENT, &host, &port.to_string()]);
    let python = Running::start(python.stdin(Stdio::null())).end();
    assert_eq!(python.stdout, "done\n", "{python}");
    assert_served(&terminate(server), "6 clients, 303137 bytes");
}

#[test]
fn nc_gets_its_line_back() {
    let _watchdog = watchdog();
    if !is_installed("nc", "-h") {
        return;
    }
    let server = GeventEcho::start(&[], &[]);
    let (host, port) = (server.address.ip(), server.address.port());
    // -N: half-close at the end of input; netcats that do not know it do so anyway.
    let script = format!("printf 'hello\\n' | (nc -N {host} {port} || nc -q 5 {host} {port})");
    let mut shell = Command::new("sh");
    let nc = Running::start(shell.args(["-c", &script]).stdin(Stdio::null())).end();
    assert_eq!(nc.stdout, "hello\n", "{nc}");
    let ended = terminate(server);
    assert!(ended.stdout.ends_with(" clients, 6 bytes\n"), "{ended}");
}

/// FNV-1a.
fn checksum(sum: u64, bytes: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(sum, step)
}

/// Bytes that differ by client and by place.
struct Stream(u64);

impl Stream {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = (self.0 >> 56) as u8;
        }
    }
}

/// Sends messages of odd lengths, reads them back, half-closes, reads the end. Returns the bytes.
fn visit(client: u32, mut stream: TcpStream) -> u64 {
    const SEED: u64 = 0xcbf2_9ce4_8422_2325;
    let (mut sent, mut received, mut total) = (SEED, SEED, 0);
    let mut source = Stream(u64::from(client));
    let mut some = [0; 700];
    for round in 0..6 {
        let length = 1 + (client as usize * 31 + round * 211) % some.len();
        source.fill(&mut some[..length]);
        sent = checksum(sent, &some[..length]);
        stream.write_all(&some[..length]).unwrap();
        stream.read_exact(&mut some[..length]).unwrap();
        received = checksum(received, &some[..length]);
        total += length as u64;
        thread::yield_now();
    }
    // What is under way when the peer is told the end comes back all the same.
    source.fill(&mut some);
    sent = checksum(sent, &some);
    stream.write_all(&some).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    received = checksum(received, &rest);
    assert_eq!(
        (received, rest.len()),
        (sent, some.len()),
        "client {client}"
    );
    total + rest.len() as u64
}

/// All connections are open before the first visit.
fn crowd(address: SocketAddr, clients: usize) -> u64 {
    /// Connections between two looks whether the server keeps up: a backlog that overflows would cost
    /// a second each time.
    const STRIDE: usize = 500;
    let mut streams = Vec::with_capacity(clients);
    let mut bytes = 0;
    for client in 1..=clients {
        let mut stream = TcpStream::connect(address).unwrap();
        if client % STRIDE == 0 {
            stream.write_all(b"?").unwrap();
            stream.read_exact(&mut [0]).unwrap();
            bytes += 1;
        }
        streams.push(stream);
    }
    let visits: Vec<_> = streams
        .into_iter()
        .zip(0..)
        .map(|(stream, client)| thread::spawn(move || visit(client, stream)))
        .collect();
    let visited: u64 = visits.into_iter().map(|visit| visit.join().unwrap()).sum();
    bytes + visited
}

#[test]
fn thousands_of_clients_get_every_byte_back_in_order() {
    let _watchdog = watchdog();
    for workers in ["1", "2"] {
        let server = GeventEcho::start(&["--workers", workers], &[]);
        let address = server.address;
        let bytes = greenroom::run(|| crowd(address, CLIENTS));
        let counts = format!("{CLIENTS} clients, {bytes} bytes");
        assert_served(&terminate(server), &counts);
    }
}

#[test]
fn half_close_is_answered_by_the_rest_and_the_end() {
    let _watchdog = watchdog();
    let server = GeventEcho::start(&[], &[]);
    let mut client = std::net::TcpStream::connect(server.address).unwrap();
    let reader = {
        let mut client = client.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).unwrap();
            answer
        })
    };
    let mut data = vec![0; 4 << 20];
    Stream(1).fill(&mut data);
    client.write_all(&data).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert!(reader.join().unwrap() == data);
    assert_served(&terminate(server), "1 clients, 4194304 bytes");
}

#[test]
fn connection_still_open_after_the_grace_is_cut_off() {
    let _watchdog = watchdog();
    let server = GeventEcho::start(&["--grace", "0"], &[]);
    let mut client = std::net::TcpStream::connect(server.address).unwrap();
    client.write_all(b"here").unwrap();
    client.read_exact(&mut [0; 4]).unwrap();
    let ended = terminate(server);
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    assert!(
        ended.stdout.starts_with("served 1 clients, 4 bytes\n"),
        "{ended}"
    );
    assert!(
        ended.stdout.contains("1 connections were still open"),
        "{ended}"
    );
    match client.read(&mut [0; 4]) {
        Ok(0) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn port_in_use_is_an_error_that_says_which_and_why() {
    let _watchdog = watchdog();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let mut command = gevent_echo();
    command.args(["--port", &address.port().to_string()]);
    let ended = Running::start(command.stdin(Stdio::null())).end();
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    assert!(ended.stderr.contains(&address.to_string()), "{ended}");
    assert!(ended.stderr.contains("in use"), "{ended}");
    // Of a second server, too: no SO_REUSEPORT hides it.
    let server = GeventEcho::start(&[], &[]);
    let mut command = gevent_echo();
    command.args(["--port", &server.address.port().to_string()]);
    let ended = Running::start(command.stdin(Stdio::null())).end();
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    assert_served(&terminate(server), "0 clients, 0 bytes");
}

#[test]
fn bad_arguments_print_the_usage() {
    let _watchdog = watchdog();
    for (args, complaint) in [
        (&["--port"][..], "--port: a value is missing"),
        (&["--port", "70000"], "--port 70000"),
        (&["--workers", "two"], "--workers two"),
        (&["--prot", "1"], "--prot: unknown option"),
    ] {
        let ended = Running::start(gevent_echo().args(args).stdin(Stdio::null())).end();
        assert_eq!(ended.status.code(), Some(2), "{ended}");
        assert!(ended.stderr.contains(complaint), "{ended}");
        assert!(ended.stderr.contains("usage: gevent_echo"), "{ended}");
    }
    let mut command = gevent_echo();
    command.args(["--port", "0", "--workers", "0"]);
    let ended = Running::start(command.stdin(Stdio::null())).end();
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    assert!(ended.stderr.contains("0 workers"), "{ended}");
}
