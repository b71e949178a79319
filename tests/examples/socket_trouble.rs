//! The chapter "socket" in trouble: peers that never read, long lines, no descriptors left, the other family of
//! addresses, a file that somebody removed.

use super::chat_program::{Program, assert_fails, server};
use super::child::Running;
use super::run::{Server, example, python, run_with_input};
use super::socket::{Directory, UnixServer, collect, text};
use super::watchdog::watchdog;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::process::Command;

#[test]
fn socket_timeout_drops_a_client_that_never_reads() {
    let _watchdog = watchdog();
    let directory = Directory::new("never-reads");
    let log = directory.path("log.txt");
    let args = ["--timeout", "2", "--log", text(&log)];
    let mut server = Server::start("socket_timeout", &args);
    // Small segments: the answers that nobody takes soon fill both buffers. Not a small buffer: out of memory the
    // client's kernel closes the window over what is on its way, drops acknowledgements with it, and sends no more.
    let script = "
import socket, sys
client = socket.socket()
client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 128 << 10)
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 500)
client.connect(('127.0.0.1', int(sys.argv[1])))
try:
    while True:
        client.sendall(b'x' * 1000)
except OSError:
    print('dropped')
";
    let Some(client) = python(script, &[&server.port()]) else {
        return;
    };
    assert_eq!(client.stdout, "dropped\n", "{client}");
    let last = ": reading nothing for 2s, dropped";
    collect(&mut server.running, last, &mut String::new());
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains(": reading nothing for 2s\n"), "{logged}");

    let mut next = TcpStream::connect(server.address).unwrap();
    next.write_all(b"hello\n").unwrap();
    next.read_exact(&mut [0; 13]).unwrap();
}

#[test]
fn tcp_upper_client_keeps_blanks_and_refuses_a_line_that_would_stop_both_sides() {
    let _watchdog = watchdog();
    let server = Server::start("tcp_upper", &[]);
    let port = server.port();
    let args = ["--port", port.as_str()];
    let client = run_with_input("tcp_upper_client", &args, b" a \t\n\nb\r\nc  ");
    assert!(client.status.success(), "{client}");
    // The lines of standard output come without their ends, whatever those are.
    assert_eq!(client.stdout, " A \t\n\nB\nC  \n", "{client}");

    let longest = [&[b'x'; 16 * 1024 - 2][..], b"\n"].concat();
    let client = run_with_input("tcp_upper_client", &args, &longest);
    assert!(client.status.success(), "{client}");
    assert_eq!(client.stdout.len(), longest.len());
    let client = run_with_input("tcp_upper_client", &args, &vec![b'x'; 16 << 20]);
    assert_fails(
        &client,
        1,
        "tcp_upper_client: a line has less than 16384 bytes",
    );
}

/// Sets how many descriptors a running process may have. `false`, and a line that says so: there is no tool.
fn set_descriptors_max(running: &Running, count: &str) -> bool {
    let mut tool = Command::new("prlimit");
    tool.arg(format!("--pid={}", running.child.id()));
    match tool.arg(format!("--nofile={count}:")).status() {
        Ok(status) => assert!(status.success(), "{tool:?}"),
        Err(error) => {
            eprintln!("prlimit: {error}: its part is left out");
            return false;
        }
    }
    true
}

#[test]
fn servers_outlive_a_lack_of_descriptors() {
    let _watchdog = watchdog();
    let directory = Directory::new("descriptors");
    let log = directory.path("log.txt");
    for (name, args) in [
        ("tcp_upper", &[][..]),
        (
            "socket_timeout",
            &["--timeout", "0.2", "--log", text(&log)][..],
        ),
        (
            "socket_nonblocking",
            &["--interval", "0.02", "--log", text(&log)],
        ),
    ] {
        let mut server = Server::start(name, args);
        if !set_descriptors_max(&server.running, "3") {
            return;
        }
        let mut client = TcpStream::connect(server.address).unwrap();
        // Before it is accepted: it is silent for no time at all.
        client.write_all(b"hello\n").unwrap();
        let complaint = "cannot accept: Too many open files (os error 24)";
        collect(&mut server.running, complaint, &mut String::new());
        assert!(set_descriptors_max(&server.running, "100"));
        assert!(client.read(&mut [0; 6]).unwrap() > 0, "{name}");
    }
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("cannot accept: Too many"), "{logged}");
}

/// `false`, and a line that says so: there is no IPv6 here.
fn has_ipv6() -> bool {
    match UdpSocket::bind("[::1]:0") {
        Ok(_) => true,
        Err(error) => {
            eprintln!("::1: {error}: its part is left out");
            false
        }
    }
}

#[test]
fn udp_clients_talk_to_servers_of_the_other_family() {
    let _watchdog = watchdog();
    if !has_ipv6() {
        return;
    }
    let upper = Server::start("udp_upper", &["--host", "::1"]);
    let port = upper.port();
    let args = ["--host", "::1", "--port", &port, "--timeout", "60"];
    let client = run_with_input("udp_upper_client", &args, b"hello \n");
    assert_eq!(
        client.stdout,
        format!("HELLO  ([::1]:{port})\n"),
        "{client}"
    );

    let (mut chat, address) = server(&["--host", "::1"]);
    let port = address.port().to_string();
    let args = ["--name", "alice", "--host", "::1", "--port", &port];
    let command = &mut example("udp_chat_client", &args);
    let mut alice = Program::start(command.args(["--timeout", "60"]));
    alice.shows(&format!("connected to [::1]:{port} as alice"));
    alice.types("good morning");
    chat.shows("alice: good morning");
    let alice = alice.end();
    assert!(alice.status.success(), "{alice}");
}

#[test]
fn udp_clients_say_that_a_host_is_unknown() {
    let _watchdog = watchdog();
    for (name, option) in [
        ("udp_upper_client", "--timeout"),
        ("udp_chat_client", "--name"),
    ] {
        // A name has no blank: this asks no server of names.
        let args = ["--host", "no such host", option, "1"];
        let ended = run_with_input(name, &args, b"");
        assert_fails(&ended, 1, "cannot reach no such host:");
    }
}

#[test]
fn unix_socket_ends_well_without_its_file() {
    let _watchdog = watchdog();
    let directory = Directory::new("unix-removed");
    let path = directory.path("sock");
    let server = UnixServer::start(&path);
    std::fs::remove_file(&path).unwrap();
    let ended = server.interrupt();
    assert!(ended.status.success(), "{ended}");
    assert!(ended.stderr.contains("somebody has removed it"), "{ended}");
    assert!(!ended.stdout.contains("\nremoved"), "{ended}");
}
