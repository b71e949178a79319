//! The chat of the chapter "socket" as its users see it. Its enemies are in `socket_chat_hostile`.

use super::chat_program::{Peer, Program, assert_fails, client, server};
use super::run::{assert_output_on, example, python, run, run_with_input};
use super::watchdog::watchdog;
use std::net::UdpSocket;
use std::time::Duration;

#[test]
fn chat_of_two_and_the_server_prints_what_the_headers_say() {
    let _watchdog = watchdog();
    let (mut server, address) = server(&[]);
    let mut alice = client("alice", address);
    let mut bob = client("bob", address);
    server.shows("bob joins");
    alice.types("good morning");
    server.shows("alice: good morning");
    server.types("@alice welcome");
    alice.shows("server: welcome");
    bob.types("@alice hello alice");
    alice.shows("bob: hello alice");
    alice.types("@bob");
    alice.types("hello bob");
    bob.shows("alice: hello bob");
    bob.types("quit");
    server.shows("bob leaves");
    assert!(bob.end().status.success());
    // The end of her input.
    let alice = alice.end();
    assert!(alice.status.success() && alice.stderr.is_empty(), "{alice}");
    assert_output_on("udp_chat_client", &alice, address.port());
    server.shows("alice leaves");
    server.types("quit");
    let server = server.end();
    assert!(
        server.status.success() && server.stderr.is_empty(),
        "{server}"
    );
    assert_output_on("udp_chat", &server, address.port());
}

#[test]
fn chat_of_many_delivers_to_each() {
    let _watchdog = watchdog();
    let (_server, address) = server(&[]);
    let peers: Vec<Peer> = (0..100).map(|_| Peer::of(address)).collect();
    for (number, peer) in peers.iter().enumerate() {
        assert_eq!(peer.asks(format!("hello\tn{number}")), "ok");
    }
    // All at once, each to the next.
    for (number, peer) in peers.iter().enumerate() {
        let next = (number + 1) % peers.len();
        peer.sends(format!("say\tn{number}\tn{next}\tyou are {next}"));
    }
    for (number, peer) in peers.iter().enumerate() {
        let before = (number + peers.len() - 1) % peers.len();
        let mut heard = [peer.hears(), peer.hears()];
        heard.sort();
        assert_eq!(
            heard,
            [
                format!("from\tn{before}\tyou are {number}"),
                "ok".to_owned()
            ]
        );
    }
}

#[test]
fn chat_talks_to_python() {
    let _watchdog = watchdog();
    let (mut server, address) = server(&[]);
    let mut alice = client("alice", address);
    let script = "
import socket, sys
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(60)
server = ('127.0.0.1', int(sys.argv[1]))
for line in ('say\\t狗哥\\talice\\t你好', 'say\\t狗哥\\tcarol\\t你好', 'bye\\t狗哥'):
    client.sendto(line.encode(), server)
    print(client.recvfrom(1024)[0].decode())
";
    let Some(python) = python(script, &[&address.port().to_string()]) else {
        return;
    };
    let expected = "ok\nerror\tnobody here is called \"carol\"\nok\n";
    assert_eq!(python.stdout, expected, "{python}");
    alice.shows("狗哥: 你好");
    server.shows("狗哥 leaves");
}

#[test]
fn client_shows_nothing_raw_even_of_a_bad_server() {
    let _watchdog = watchdog();
    let bad = UdpSocket::bind("127.0.0.1:0").unwrap();
    bad.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let port = bad.local_addr().unwrap().port().to_string();
    let args = ["--name", "alice", "--port", &port, "--timeout", "60"];
    let mut alice = Program::start(&mut example("udp_chat_client", &args));
    let (n, peer) = bad.recv_from(&mut [0; 99]).unwrap();
    assert_eq!(n, "hello\talice".len());
    for datagram in [
        &b"from\t\x1b[31mbob\t\x1b]0;title\x07\xff"[..],
        b"\x1b[2J\xff",
        &[b'x'; 9_000],
        b"ok",
    ] {
        bad.send_to(datagram, peer).unwrap();
    }
    alice.shows("as alice");
    alice.types("hi");
    bad.recv_from(&mut [0; 99]).unwrap();
    bad.send_to(b"error\t\x1b[31m", peer).unwrap();
    let ended = alice.end();
    assert!(ended.status.success(), "{ended}");
    assert!(
        ended.stdout.contains(r"\u{1b}[31mbob: \u{1b}]0;title\u{7}"),
        "{ended}"
    );
    assert!(ended.stderr.contains(r"error: \u{1b}[31m"), "{ended}");
    let is_raw = |c: char| c.is_control() && c != '\n';
    assert!(
        !ended.stdout.contains(is_raw) && !ended.stderr.contains(is_raw),
        "{ended}"
    );
}

#[test]
fn what_is_typed_badly_is_an_error_line_and_the_chat_goes_on() {
    let _watchdog = watchdog();
    let (mut server, address) = server(&[]);
    let mut alice = client("alice", address);
    alice.types_bytes(
        &[
            &b"\n   \n"[..],
            &[b'x'; 5_000],
            b"\n\xff\xfe\n",
            &[b'y'; 900],
            b"\n",
        ]
        .concat(),
    );
    alice.types("@nobody hello");
    alice.types("@two\twords hello");
    alice.types("@server \x1b[2J");
    alice.types("made it");
    server.shows("alice: made it");
    server.types("to whom");
    server.types("@nobody hello");
    server.types("@alice \x07");
    server.types("@alice made it too");
    alice.shows("server: made it too");
    let alice = alice.end();
    let complaints = [
        "error: too long: a line has at most 1024 bytes\n",
        "error: not UTF-8\n",
        "error: too long: a message has at most 800 bytes\n",
        "error: nobody here is called \"nobody\"\n",
        "error: not understood",
        "error: control characters in the message\n",
    ];
    let mut rest = alice.stderr.as_str();
    for complaint in complaints {
        let at = rest
            .find(complaint)
            .unwrap_or_else(|| panic!("{complaint}: {alice}"));
        rest = &rest[at + complaint.len()..];
    }
    let server = server.end();
    for complaint in [
        "to whom?",
        "nobody here is called \"nobody\"",
        "control characters",
    ] {
        assert!(
            server.stderr.contains(&format!("error: {complaint}")),
            "{complaint}: {server}"
        );
    }
}

#[test]
fn both_end_cleanly_by_a_signal() {
    let _watchdog = watchdog();
    let (mut server, address) = server(&[]);
    let alice = client("alice", address);
    alice.running.signal("INT");
    server.shows("alice leaves");
    assert!(alice.end().status.success());
    let bob = client("bob", address);
    bob.running.signal("TERM");
    server.shows("bob leaves");
    server.running.signal("INT");
    server.shows("the chat is over");
    assert!(server.end().status.success());
}

#[test]
fn client_ends_when_it_is_refused_or_nobody_is_there() {
    let _watchdog = watchdog();
    let (server, address) = server(&[]);
    let port = address.port().to_string();
    let alice = client("alice", address);
    let second = run(
        "udp_chat_client",
        &["--name", "alice", "--port", &port, "--timeout", "60"],
    );
    assert_fails(&second, 1, "udp_chat_client: alice: this name is taken");
    server.end();
    drop(alice);

    // A socket that hears another peer only: its port is nobody else's, and refuses.
    let deaf = UdpSocket::bind("127.0.0.1:0").unwrap();
    deaf.connect("127.0.0.1:1").unwrap();
    let port = deaf.local_addr().unwrap().port().to_string();
    let args = ["--name", "alice", "--port", &port, "--timeout", "60"];
    assert_fails(
        &run_with_input("udp_chat_client", &args, b"hi\n"),
        1,
        "no server there",
    );
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let args = ["--name", "alice", "--port", &port, "--timeout", "0.1"];
    assert_fails(
        &run("udp_chat_client", &args),
        1,
        "no answer from the server",
    );
}

#[test]
fn bad_arguments_of_the_chat_are_refused() {
    let _watchdog = watchdog();
    let long = format!("{}=127.0.0.1:1", "x".repeat(25));
    for book in [
        "alice",
        "alice=nowhere",
        "=127.0.0.1:1",
        "server=127.0.0.1:1",
        &long,
    ] {
        assert_fails(&run("udp_chat", &["--book", book]), 2, "usage: udp_chat ");
    }
    let twice = "a=127.0.0.1:1,a=127.0.0.1:2";
    assert_fails(
        &run("udp_chat", &["--book", twice]),
        2,
        "a: this name is taken",
    );
    let two = "a=127.0.0.1:1,b=127.0.0.1:2";
    assert_fails(
        &run("udp_chat", &["--book", two, "--names", "1"]),
        2,
        "book is full",
    );
    assert_fails(
        &run("udp_chat", &["--names", "-1"]),
        2,
        "not a value in range",
    );
    assert_fails(&run("udp_chat_client", &[]), 2, "bad name");
    assert_fails(
        &run("udp_chat_client", &["--name", "a", "--to", "\x1b"]),
        2,
        "bad name",
    );
    assert_fails(
        &run("udp_chat_client", &["--name", "a", "--timeout", "-1"]),
        2,
        "not a time",
    );
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port().to_string();
    let ended = run("udp_chat", &["--port", &port]);
    assert_fails(
        &ended,
        1,
        &format!("udp_chat: cannot listen on 127.0.0.1:{port}: Address"),
    );
}

/// Runs a command on a terminal of its own, for at most a minute; prints what that saw, escaped.
const ON_A_TERMINAL: &str = "
import os, pty, socket, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b''
def shows(text):
    global seen
    while text not in seen:
        seen += os.read(terminal, 4096)
shows(b'\\n')
port = int(seen.split(b':')[1])
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(60)
client.sendto(b'say\\talice\\tserver\\tgood morning', ('127.0.0.1', port))
client.recvfrom(1024)
shows(b'good morning')
os.write(terminal, b'quit\\n')
shows(b'the chat is over')
os.waitpid(pid, 0)
print(ascii(seen.decode()))
";

#[test]
fn chat_has_colours_on_a_terminal_unless_they_are_refused() {
    let _watchdog = watchdog();
    let command = example("udp_chat", &[]);
    let program = command.get_program().to_str().unwrap();
    let wanted = ["/usr/bin/env", "-u", "NO_COLOR", program, "--port", "0"];
    let Some(coloured) = python(ON_A_TERMINAL, &wanted) else {
        return;
    };
    let painted = r"alice: \x1b[1;44mgood morning\x1b[0m";
    assert!(coloured.stdout.contains(painted), "{coloured}");
    let refused = ["/usr/bin/env", "NO_COLOR=1", program, "--port", "0"];
    let plain = python(ON_A_TERMINAL, &refused).unwrap();
    assert!(plain.stdout.contains("alice: good morning"), "{plain}");
}
