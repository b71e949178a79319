//! The chapter "socket": each server with its client, with Python's, with a peer that vanishes.
//!
//! The chat has a file of its own, `socket_chat`, and so has what goes wrong, `socket_trouble`.

use super::chat_program::assert_fails;
use super::child::{Ended, Running};
use super::run::{Server, assert_output, assert_output_on, example, python, run, run_with_input};
use super::watchdog::watchdog;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Everything that the server prints up to the line that ends with `last`, then ends it.
fn finish_after(mut server: Server, last: &str) -> Ended {
    let mut printed = format!("listening on {}\n", server.address);
    collect(&mut server.running, last, &mut printed);
    server.running.signal("TERM");
    let mut ended = server.running.end();
    ended.stdout.insert_str(0, &printed);
    ended
}

pub(crate) fn collect(running: &mut Running, last: &str, printed: &mut String) {
    loop {
        let line = running.next_line();
        let line = line.unwrap_or_else(|| panic!("no `…{last}` in\n{printed}{}", running.stderr()));
        printed.extend([line.as_str(), "\n"]);
        if line.ends_with(last) {
            return;
        }
    }
}

/// A directory of the test's own, removed with everything in it.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new(test: &str) -> Directory {
        let path = std::env::temp_dir().join(format!("greenroom-{test}-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Directory(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Closes with data unread, so that the server gets a reset and no end of stream.
fn vanish(server: &Server) {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(b"hello\n").unwrap();
    // An answer has come, and is left unread.
    stream.peek(&mut [0]).unwrap();
}

const PYTHON_TCP: &str = "
import socket, sys
client = socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=60)
client.sendall(b'hello world\\n')
answer = b''
while not answer.endswith(b'\\n'):
    answer += client.recv(1024)
print(answer.decode().strip())
client.close()
";

#[test]
fn tcp_upper_and_its_client_print_what_their_headers_say() {
    let _watchdog = watchdog();
    let server = Server::start("tcp_upper", &[]);
    let port = server.port();
    let args = ["--port", port.as_str()];
    let client = run_with_input("tcp_upper_client", &args, b"hello world\nquit\nunsent\n");
    assert!(client.status.success(), "{client}");
    assert_output("tcp_upper_client", &client);
    let port = server.address.port();
    assert_output_on("tcp_upper", &finish_after(server, ": closed"), port);
}

#[test]
fn tcp_upper_answers_python() {
    let _watchdog = watchdog();
    let server = Server::start("tcp_upper", &[]);
    let Some(client) = python(PYTHON_TCP, &[&server.port()]) else {
        return;
    };
    assert_eq!(client.stdout, "HELLO WORLD\n", "{client}");
    let port = server.address.port();
    assert_output_on("tcp_upper", &finish_after(server, ": closed"), port);
}

#[test]
fn tcp_upper_outlives_a_client_that_vanishes() {
    let _watchdog = watchdog();
    let server = Server::start("tcp_upper", &[]);
    vanish(&server);
    let mut next = TcpStream::connect(server.address).unwrap();
    next.write_all(b"\x1b[31mnext").unwrap();
    next.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    next.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "\x1b[31MNEXT");
    let ended = finish_after(server, ": closed");
    assert!(ended.stdout.contains("reset by peer"), "{ended}");
    assert!(ended.stdout.contains(r#""\u{1b}[31mnext""#), "{ended}");
}

#[test]
fn tcp_upper_client_says_when_the_server_goes() {
    let _watchdog = watchdog();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let leaves = std::thread::spawn(move || drop(listener.accept().unwrap()));
    let client = run_with_input("tcp_upper_client", &["--port", &port], b"hello\n");
    leaves.join().unwrap();
    assert_fails(&client, 1, "tcp_upper_client: ");
    let client = run_with_input("tcp_upper_client", &["--port", "1"], b"hello\n");
    assert_fails(&client, 1, "cannot connect to 127.0.0.1:1: ");
}

#[test]
fn udp_upper_and_its_client_print_what_their_headers_say() {
    let _watchdog = watchdog();
    let server = Server::start("udp_upper", &[]);
    let port = server.port();
    let args = ["--port", port.as_str(), "--timeout", "60"];
    let client = run_with_input("udp_upper_client", &args, b"\nhello world\nquit\nunsent\n");
    assert!(client.status.success(), "{client}");
    assert_output_on("udp_upper_client", &client, server.address.port());
    server.assert_output();
}

#[test]
fn udp_upper_answers_python_in_datagrams_of_any_length() {
    let _watchdog = watchdog();
    let server = Server::start("udp_upper", &[]);
    let script = "
import socket, sys
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(60)
for length in (0, 1, 1025, 65507):
    client.sendto(b'x' * length, ('127.0.0.1', int(sys.argv[1])))
    print(client.recvfrom(65535)[0] == b'X' * length)
";
    let Some(client) = python(script, &[&server.port()]) else {
        return;
    };
    assert_eq!(client.stdout, "True\n".repeat(4), "{client}");
    let ended = server.interrupt();
    assert_eq!(ended.stdout.lines().count(), 5, "{ended}");
}

#[test]
fn udp_upper_client_waits_neither_for_nobody_nor_for_ever() {
    let _watchdog = watchdog();
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let args = ["--port", port.as_str(), "--timeout", "0.2"];
    let client = run_with_input("udp_upper_client", &args, b"hello\n");
    assert_fails(&client, 1, "no answer within 200ms");
    // It hears another peer only now: its port is still nobody else's, and refuses.
    silent.connect("127.0.0.1:1").unwrap();
    let args = ["--port", port.as_str(), "--timeout", "60"];
    let client = run_with_input("udp_upper_client", &args, b"hello\n");
    assert_fails(&client, 1, "refused");
}

pub(crate) struct UnixServer {
    running: Running,
    printed: String,
}

impl UnixServer {
    pub(crate) fn start(path: &Path) -> UnixServer {
        let mut running = Running::start(&mut example("unix_socket", &["--path", text(path)]));
        let mut printed = String::new();
        collect(&mut running, text(path), &mut printed);
        UnixServer { running, printed }
    }

    /// Ends it by a signal after it has printed a line that ends with `last`.
    fn finish_after(mut self, last: &str) -> Ended {
        collect(&mut self.running, last, &mut self.printed);
        self.interrupt()
    }

    pub(crate) fn interrupt(self) -> Ended {
        self.running.signal("TERM");
        let mut ended = self.running.end();
        ended.stdout.insert_str(0, &self.printed);
        ended
    }
}

#[test]
fn unix_socket_and_its_client_print_what_their_headers_say() {
    let _watchdog = watchdog();
    let directory = Directory::new("unix-both");
    let path = directory.path("sock");
    let server = UnixServer::start(&path);
    let args = ["--path", text(&path)];
    let client = run_with_input("unix_socket_client", &args, b"hello\n\nunsent\n");
    assert_output("unix_socket_client", &client);
    let mut ended = server.finish_after(": closed");
    assert!(ended.status.success(), "{ended}");
    ended.stdout = ended.stdout.replace(text(&path), "./sock");
    assert_output("unix_socket", &ended);
    assert!(!path.exists());
    let client = run("unix_socket_client", &args);
    assert_fails(&client, 1, "cannot connect to ");
}

#[test]
fn unix_socket_hears_python() {
    let _watchdog = watchdog();
    let directory = Directory::new("unix-python");
    let path = directory.path("sock");
    let server = UnixServer::start(&path);
    let script = "
import socket, sys
client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
client.connect(sys.argv[1])
client.send(b'hello\\n')
client.close()
";
    if python(script, &[text(&path)]).is_none() {
        return;
    }
    let mut ended = server.finish_after(": closed");
    ended.stdout = ended.stdout.replace(text(&path), "./sock");
    assert_output("unix_socket", &ended);
}

#[test]
fn unix_socket_takes_over_the_file_of_a_dead_server_only() {
    let _watchdog = watchdog();
    let directory = Directory::new("unix-stale");
    let path = directory.path("sock");
    let args = ["--path", text(&path)];

    let crashed = UnixServer::start(&path);
    crashed.running.signal("KILL");
    crashed.running.end();
    assert!(path.exists());

    let second = UnixServer::start(&path);
    assert_fails(&run("unix_socket", &args), 1, "a running server has it");
    let ended = second.interrupt();
    assert!(ended.stderr.contains("nobody listens"), "{ended}");
    assert!(!path.exists());

    std::fs::write(&path, "precious").unwrap();
    assert_fails(&run("unix_socket", &args), 1, "no socket");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    let nowhere = directory.path("none/sock");
    assert_fails(
        &run("unix_socket", &["--path", text(&nowhere)]),
        1,
        "cannot listen on",
    );
}

/// The log's lines once there are some.
fn logged(server: &mut Server, log: &Path) -> String {
    loop {
        let text = std::fs::read_to_string(log).unwrap();
        if text.ends_with('\n') {
            return text;
        }
        // It prints a line before each look.
        server.running.next_line().unwrap();
    }
}

/// Both of them answer with the time of day, and keep a log.
fn time_server(name: &'static str, option: &str, complaint: &str) {
    let directory = Directory::new(name);
    let log = directory.path("log.txt");
    let start = || Server::start(name, &[option, "0.05", "--log", text(&log)]);

    // Before any client: it waits, and logs that.
    let mut idle = start();
    let lines = logged(&mut idle, &log);
    assert!(
        lines.lines().all(|line| line.contains(complaint)),
        "{lines}"
    );
    drop(idle);

    // Long enough for a client on a slow machine not to be dropped.
    let patience = if option == "--timeout" { "60" } else { "0.05" };
    let mut server = Server::start(name, &[option, patience, "--log", text(&log)]);
    vanish(&server);
    let mut printed = String::new();
    collect(&mut server.running, "(os error 104)", &mut printed);
    let script = PYTHON_TCP.replace("hello world", "hello");
    if let Some(client) = python(&script, &[&server.port()]) {
        assert!(client.stdout.ends_with(" UTC\n"), "{client}");
        finish_after(server, ": closed");
    }
    assert!(
        std::fs::read_to_string(&log).unwrap().starts_with(&lines),
        "it was not appended to"
    );

    let mut server = Server::start(name, &[option, patience, "--log", text(&log)]);
    let mut printed = format!("listening on {}\n", server.address);
    let mut client = TcpStream::connect(server.address).unwrap();
    client.write_all(b"hello\n").unwrap();
    client.read_exact(&mut [0; 13]).unwrap();
    drop(client);
    let port = server.address.port();
    collect(&mut server.running, ": closed", &mut printed);
    // The loop goes on.
    let mut ended = finish_after(server, "waiting for a client");
    let own_first_line = ended.stdout.find('\n').unwrap() + 1;
    ended.stdout.replace_range(..own_first_line, &printed);
    assert_output_on(name, &ended, port);

    let nowhere = directory.path("none/log.txt");
    let ended = run(name, &["--port", "0", "--log", text(&nowhere)]);
    assert_fails(&ended, 1, "cannot write");
}

#[test]
fn socket_timeout_logs_each_expiry_and_answers_in_between() {
    let _watchdog = watchdog();
    time_server("socket_timeout", "--timeout", "no client within 50ms");
}

#[test]
fn socket_timeout_drops_a_silent_client() {
    let _watchdog = watchdog();
    let directory = Directory::new("silent");
    let log = directory.path("log.txt");
    let server = Server::start("socket_timeout", &["--timeout", "0.1", "--log", text(&log)]);
    let mut client = TcpStream::connect(server.address).unwrap();
    assert_eq!(client.read(&mut [0; 8]).unwrap(), 0);
    finish_after(server, ": silent for 100ms, dropped");
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains(": silent for 100ms\n"), "{logged}");
}

#[test]
fn socket_nonblocking_logs_each_look_and_answers_in_between() {
    let _watchdog = watchdog();
    time_server(
        "socket_nonblocking",
        "--interval",
        "temporarily unavailable",
    );
}

#[test]
fn socket_options_prints_what_its_header_says() {
    let _watchdog = watchdog();
    let ended = run("socket_options", &[]);
    assert!(ended.status.success(), "{ended}");
    assert_output("socket_options", &ended);
}

#[test]
fn bad_arguments_are_refused_with_the_usage() {
    let _watchdog = watchdog();
    let directory = Directory::new("arguments");
    for (name, args) in [
        ("tcp_upper", ["--port", "65536"]),
        ("tcp_upper_client", ["--prot", "1"]),
        ("udp_upper", ["--port", "-1"]),
        ("udp_upper_client", ["--timeout", "0"]),
        ("unix_socket", ["--port", "1"]),
        ("unix_socket_client", ["--port", "1"]),
        ("socket_timeout", ["--timeout", "0"]),
        ("socket_nonblocking", ["--interval", "-1"]),
        ("socket_options", ["--port", "1"]),
    ] {
        let mut command: Command = example(name, &args);
        command.current_dir(&directory.0);
        assert_fails(
            &Running::start(&mut command).end(),
            2,
            &format!("usage: {name}"),
        );
    }
}

#[test]
fn an_address_in_use_is_one_line_on_stderr() {
    let _watchdog = watchdog();
    let directory = Directory::new("in-use");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let stream = listener.local_addr().unwrap().port().to_string();
    let datagram = socket.local_addr().unwrap().port().to_string();
    for (name, port) in [
        ("tcp_upper", &stream),
        ("udp_upper", &datagram),
        ("socket_timeout", &stream),
        ("socket_nonblocking", &stream),
    ] {
        let mut command = example(name, &["--port", port]);
        let ended = Running::start(command.current_dir(&directory.0)).end();
        assert_fails(
            &ended,
            1,
            &format!("{name}: cannot listen on 127.0.0.1:{port}: Address"),
        );
        assert_eq!(ended.stderr.lines().count(), 1, "{ended}");
    }
}
