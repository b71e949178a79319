//! The chapter "socketserver", and the servers of the chapter "processes": a thread or a process for each client.

use super::chat_program::assert_fails;
use super::run::{Server, assert_output, assert_output_on, python, run, run_with_input};
use super::socket::collect;
use super::watchdog::watchdog;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;

const SERVERS: [&str; 6] = [
    "socketserver_threading_tcp",
    "socketserver_forking_tcp",
    "socketserver_threading_udp",
    "fork_server",
    "process_server",
    "thread_server",
];

/// Those that answer in capitals, over TCP.
const UPPER: [&str; 2] = ["socketserver_threading_tcp", "socketserver_forking_tcp"];

/// Those that answer whatever it is, and with what.
const POLITE: [(&str, &str, &str); 3] = [
    ("fork_server", "ok", "with code 0"),
    ("process_server", "hello", "with code 0"),
    ("thread_server", "hello", ": closed"),
];

const PYTHON_UPPER: &str = "
import socket, sys
client = socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=60)
client.sendall(b'hello world\\n')
answer = b''
while not answer.endswith(b'\\n'):
    answer += client.recv(1024)
print(answer.decode().strip())
client.close()
";

const PYTHON_POLITE: &str = "
import socket, sys
client = socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=60)
client.sendall(b'hello\\n')
client.shutdown(socket.SHUT_WR)
answer = b''
while chunk := client.recv(1024):
    answer += chunk
print(answer.decode())
";

const PYTHON_UDP: &str = "
import socket, sys
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(60)
client.sendto(b'hello world\\n', ('127.0.0.1', int(sys.argv[1])))
print(client.recvfrom(1024)[0].decode().strip())
";

/// Reads what the server prints up to the line that ends with `last`, ends it, compares.
fn assert_printed(mut server: Server, name: &str, last: &str) {
    let port = server.address.port();
    let mut printed = format!("listening on {}\n", server.address);
    collect(&mut server.running, last, &mut printed);
    server.running.signal("TERM");
    let mut ended = server.running.end();
    ended.stdout.insert_str(0, &printed);
    assert_output_on(name, &ended, port);
}

#[test]
fn socketserver_tcp_and_a_client_print_what_their_headers_say() {
    let _watchdog = watchdog();
    for name in UPPER {
        let server = Server::start(name, &[]);
        let port = server.port();
        let args = ["--port", port.as_str()];
        let client = run_with_input("tcp_upper_client", &args, b"hello world\nquit\n");
        assert_output("tcp_upper_client", &client);
        assert_printed(server, name, ": closed");

        let server = Server::start(name, &[]);
        let Some(client) = python(PYTHON_UPPER, &[&server.port()]) else {
            continue;
        };
        assert_eq!(client.stdout, "HELLO WORLD\n", "{client}");
        assert_printed(server, name, ": closed");
    }
}

#[test]
fn socketserver_tcp_serves_several_at_a_time_outlives_who_vanishes_and_cuts_off_who_stays() {
    let _watchdog = watchdog();
    for (name, args) in [
        (UPPER[0], &[][..]),
        (UPPER[0], &["--os-threads"]),
        (UPPER[1], &[]),
    ] {
        let server = Server::start(name, args);
        let mut clients = [1, 2, 3].map(|_| TcpStream::connect(server.address).unwrap());
        for client in clients.iter_mut().rev() {
            client.write_all(b"hello\n").unwrap();
            // It has come, and the first one leaves it unread: that is a reset.
            client.peek(&mut [0]).unwrap();
        }
        let [first, mut second, mut third] = clients;
        drop(first);
        second.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        second.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "HELLO\n");
        let ended = server.interrupt();
        third.read_to_string(&mut answer).unwrap();
        assert!(ended.status.success(), "{ended}");
        assert_eq!(ended.stdout.matches(": closed").count(), 3, "{ended}");
        assert!(ended.stdout.contains("served 3 clients, "), "{ended}");
    }
}

#[test]
fn socketserver_udp_and_its_clients_print_what_its_header_says() {
    let _watchdog = watchdog();
    let name = "socketserver_threading_udp";
    let server = Server::start(name, &[]);
    let port = server.port();
    let client = run_with_input("udp_upper_client", &["--port", &port], b"hello world\n");
    assert!(client.stdout.starts_with("HELLO WORLD ("), "{client}");
    server.assert_output();

    let server = Server::start(name, &[]);
    let port = server.port();
    if let Some(client) = python(PYTHON_UDP, &[&port]) {
        assert_eq!(client.stdout, "HELLO WORLD\n", "{client}");
    }
    let ended = server.interrupt();
    assert!(ended.stdout.contains("datagrams, dropped 0"), "{ended}");
}

#[test]
fn servers_of_the_chapter_processes_print_what_their_headers_say() {
    let _watchdog = watchdog();
    for (name, answer, last) in POLITE {
        let server = Server::start(name, &[]);
        let mut client = TcpStream::connect(server.address).unwrap();
        client.write_all(b"hello\n").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).unwrap();
        assert_eq!(text, answer, "{name}");
        assert_end(server, name, last);

        let server = Server::start(name, &[]);
        let Some(client) = python(PYTHON_POLITE, &[&server.port()]) else {
            continue;
        };
        assert_eq!(client.stdout, format!("{answer}\n"), "{client}");
        assert_end(server, name, last);
    }
}

/// As [`assert_printed`], for servers that a signal simply ends.
fn assert_end(mut server: Server, name: &str, last: &str) {
    let port = server.address.port();
    let mut printed = format!("listening on {}\n", server.address);
    collect(&mut server.running, last, &mut printed);
    server.running.signal("KILL");
    let mut ended = server.running.end();
    ended.stdout.insert_str(0, &printed);
    assert_output_on(name, &ended, port);
}

#[test]
fn processes_of_clients_are_reaped_and_die_with_their_server() {
    let _watchdog = watchdog();
    for name in ["fork_server", "process_server"] {
        let mut server = Server::start(name, &[]);
        let mut stays = TcpStream::connect(server.address).unwrap();
        let leaves = TcpStream::connect(server.address).unwrap();
        let (mut printed, mut pids) = (String::new(), Vec::new());
        for mut client in [&stays, &leaves] {
            client.write_all(b"who").unwrap();
            collect(&mut server.running, r#": "who""#, &mut printed);
            let line = printed.lines().last().unwrap();
            let pid = line
                .trim_start_matches("process ")
                .split(':')
                .next()
                .unwrap();
            pids.push(pid.to_owned());
        }
        let is_there = |pid: &String| Path::new("/proc").join(pid).exists();
        assert!(pids.iter().all(is_there), "{name}");
        // Unread answers: a reset, which is an error of that process only.
        drop(leaves);
        collect(&mut server.running, "with code 0", &mut printed);
        // Not even a zombie.
        assert!(!is_there(&pids[1]), "{name}");
        server.running.signal("KILL");
        let _ = server.running.end();
        // The connection ends when the last process that has it does.
        stays.read_to_end(&mut Vec::new()).unwrap();
        assert!(!is_there(&pids[0]) || is_zombie(&pids[0]), "{name}");
    }
}

/// Between its end and its reaping by whoever adopted it.
fn is_zombie(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    status.map_or(true, |status| status.contains(") Z "))
}

#[test]
fn servers_complain_of_bad_arguments_and_of_a_port_in_use() {
    let _watchdog = watchdog();
    for name in SERVERS {
        let usage = format!("usage: {name} ");
        assert_fails(&run(name, &["--port", "many"]), 2, &usage);
        let taken = Server::start(name, &[]);
        let ended = run(name, &["--port", &taken.port()]);
        let complaint = format!("{name}: cannot listen on 127.0.0.1:{}: ", taken.port());
        assert_fails(&ended, 1, &complaint);
    }
}
