//! Chapter "framing": lengths as text and lengths in four bytes; with peers that lie.
//!
//! Programs of the chapter that store files, run commands and send records are in `framing_upload`, `remote_command` and `struct_pack`.

use super::child::{Ended, Running};
use super::run::{self, Server, assert_output, assert_output_on, python, run_with_input};
use super::watchdog::watchdog;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

const INPUT: &[u8] = b"count 3\n\ncount 100000\nhello\nquit\nnot sent\n";

const LIMIT: &str = "allowed are 0 to 1024";

/// Lines up to the one that ends in `end`, with it.
pub(crate) fn lines_until(running: &mut Running, end: &str) -> String {
    let mut lines = String::new();
    while let Some(line) = running.next_line() {
        lines.extend([line.as_str(), "\n"]);
        if line.ends_with(end) {
            return lines;
        }
    }
    panic!(
        "no line that ends in `{end}` in\n{lines}{}",
        running.stderr()
    );
}

/// Returns when the server has logged it: what comes on its standard error is read by a thread of its own.
pub(crate) fn until_logged(server: &Server, text: &str) {
    while !server.running.stderr().contains(text) {
        std::thread::yield_now();
    }
}

/// What a server answers to `bytes` and a half-close, until it closes.
pub(crate) fn exchange(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

/// Runs a client with one command against a server that reads something and then says `reply`.
fn against(client: &str, reply: &[u8]) -> Ended {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let reply = reply.to_owned();
    let liar = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert_ne!(stream.read(&mut [0; 1024]).unwrap(), 0);
        stream.write_all(&reply).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        // Until the client leaves: a close with bytes unread would reset the connection.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let ended = run_with_input(client, &["--port", &port], b"count 3\ncount 4\n");
    liar.join().unwrap();
    ended
}

pub(crate) fn frame(message: &[u8]) -> Vec<u8> {
    let length = i32::try_from(message.len()).unwrap();
    [&length.to_ne_bytes(), message].concat()
}

#[test]
fn client_and_server_print_what_their_headers_say() {
    let _watchdog = watchdog();
    for (server_name, client_name) in [
        ("framing_text_length", "framing_text_length_client"),
        ("framing_length_prefix", "framing_length_prefix_client"),
    ] {
        let mut server = Server::start(server_name, &[]);
        let port = server.port();
        let client = run_with_input(client_name, &["--port", &port], INPUT);
        assert_eq!(client.status.code(), Some(0), "{client}");
        assert_output(client_name, &client);
        let lines = lines_until(&mut server.running, "the client has left");
        let mut ended = server.interrupt();
        ended.stdout.push_str(&lines);
        assert_eq!(ended.status.code(), Some(0), "{ended}");
        assert_output_on(server_name, &ended, port.parse().unwrap());
    }
}

#[test]
fn client_at_the_end_of_its_input_ends_cleanly() {
    let _watchdog = watchdog();
    for (server, client) in [
        ("framing_text_length", "framing_text_length_client"),
        ("framing_length_prefix", "framing_length_prefix_client"),
    ] {
        let server = Server::start(server, &[]);
        for (input, said) in [
            (&b""[..], ""),
            (b"count 1", "2 bytes:\n1\n"),
            (b"count 0\n", "0 bytes:\n"),
        ] {
            let ended = run_with_input(client, &["--port", &server.port()], input);
            assert_eq!(ended.status.code(), Some(0), "{ended}");
            assert_eq!(ended.stdout, said, "{ended}");
        }
    }
}

#[test]
fn text_length_that_lies_is_an_error_of_the_client() {
    let _watchdog = watchdog();
    for (reply, error) in [
        (&b"10\nabcde"[..], "the server left after 5 of 10 bytes"),
        // The rest of the first answer stands where the next length should.
        (b"3\n1\n2\n3\n", "`` is no length"),
        (b"-1\n", "`-1` is no length"),
        (b"many\n", "`many` is no length"),
        (b"\n", "`` is no length"),
        (b"12", "`12` is no length"),
        (
            b"4294967296\n",
            "an answer of 4294967296 bytes is more than 67108864",
        ),
        (
            &[b'9'; 100],
            "`99999999999999999999999999999999` is no length",
        ),
        (b"", "the server has left"),
    ] {
        let ended = against("framing_text_length_client", reply);
        assert_eq!(ended.status.code(), Some(1), "{ended}");
        assert_eq!(
            ended.stderr,
            format!("framing_text_length_client: {error}\n")
        );
    }
}

#[test]
fn length_prefix_that_lies_is_an_error_of_the_client() {
    let _watchdog = watchdog();
    let allowed = "allowed are 0 to 67108864";
    for (reply, error) in [
        (
            &b"\x0a\0\0\0abcde"[..],
            "the server left after 5 of 10 bytes".to_owned(),
        ),
        (
            b"\x01\0\0\0abcde",
            format!("an answer of 1701077858 bytes, {allowed}"),
        ),
        (
            b"\xff\xff\xff\xff",
            format!("an answer of 4294967295 bytes, {allowed}"),
        ),
        (
            b"\xff\xff\xff\x7f",
            format!("an answer of 2147483647 bytes, {allowed}"),
        ),
        (
            b"\x01\0",
            "the server has left: failed to fill whole buffer".to_owned(),
        ),
        (
            b"",
            "the server has left: failed to fill whole buffer".to_owned(),
        ),
    ] {
        let ended = against("framing_length_prefix_client", reply);
        assert_eq!(ended.status.code(), Some(1), "{ended}");
        assert_eq!(
            ended.stderr,
            format!("framing_length_prefix_client: {error}\n")
        );
    }
}

#[test]
fn command_that_breaks_the_rules_of_text_length_ends_its_connection_only() {
    let _watchdog = watchdog();
    let mut server = Server::start("framing_text_length", &[]);
    for (sent, answer, error) in [
        (
            &b"count 1\nreadycount 2\nready"[..],
            &b"2\n1\n4\n1\n2\n"[..],
            "the client has left",
        ),
        (b"count 1\nsteady", b"2\n", "`stead` instead of `ready`"),
        (b"count 1\nrea", b"2\n", "failed to fill whole buffer"),
        (b"count 1", b"", "a command that does not end"),
        (&[b'x'; 1024], b"", "a command that does not end"),
        (b"\xff\n", b"", "a command that is no text"),
        (
            b"count -1\nready",
            b"26\nunknown command: count -1\n",
            "the client has left",
        ),
        (
            b"count 1000001\nready",
            b"31\nunknown command: count 1000001\n",
            "the client has left",
        ),
    ] {
        let got = exchange(&server, sent);
        assert_eq!(
            got.escape_ascii().to_string(),
            answer.escape_ascii().to_string()
        );
        lines_until(&mut server.running, error);
    }
}

#[test]
fn command_that_breaks_the_rules_of_the_prefix_gets_an_answer_that_says_so() {
    let _watchdog = watchdog();
    let mut server = Server::start("framing_length_prefix", &[]);
    for (sent, answers, error) in [
        // Stuck together, and told apart all the same.
        (
            &[frame(b"count 1"), frame(b"count 2")].concat()[..],
            &["1\n", "1\n2\n"][..],
            None,
        ),
        (
            b"\xff\xff\xff\xff",
            &[],
            Some(format!("a command of 4294967295 bytes, {LIMIT}")),
        ),
        (
            b"\xff\xff\xff\x7fx",
            &[],
            Some(format!("a command of 2147483647 bytes, {LIMIT}")),
        ),
        (
            b"\x01\x04\0\0",
            &[],
            Some(format!("a command of 1025 bytes, {LIMIT}")),
        ),
        (
            b"\x02\0\0\0count 3",
            &["unknown command: co\n"],
            Some(format!("a command of 544501365 bytes, {LIMIT}")),
        ),
        (
            b"\x09\0\0\0count",
            &[],
            Some("the stream ends in a command of 9 bytes".to_owned()),
        ),
        (
            b"\x09\0",
            &[],
            Some("the stream ends in a prefix".to_owned()),
        ),
        (b"\0\0\0\0", &["unknown command: \n"], None),
    ] {
        let mut expected: Vec<u8> = answers
            .iter()
            .flat_map(|text| frame(text.as_bytes()))
            .collect();
        if let Some(error) = &error {
            expected.extend(frame(format!("error: {error}\n").as_bytes()));
        }
        let got = exchange(&server, sent);
        assert_eq!(
            got.escape_ascii().to_string(),
            expected.escape_ascii().to_string()
        );
        lines_until(
            &mut server.running,
            error.as_deref().unwrap_or("the client has left"),
        );
    }
}

#[test]
fn peer_that_vanishes_leaves_the_server_to_others() {
    let _watchdog = watchdog();
    for (name, hello, answer) in [
        (
            "framing_text_length",
            &b"count 1\nready"[..],
            &b"2\n1\n"[..],
        ),
        (
            "framing_length_prefix",
            b"\x07\0\0\0count 1",
            b"\x02\0\0\x001\n",
        ),
    ] {
        let server = Server::start(name, &[]);
        for _ in 0..20 {
            let mut stream = TcpStream::connect(server.address).unwrap();
            stream.write_all(b"\x0d\0\0\0count 1000000\n").unwrap();
            // Most of the answer is unread: that is a reset.
            let _ = stream.read(&mut [0; 1]);
            drop(stream);
        }
        assert_eq!(exchange(&server, hello), answer);
    }
}

/// The notes' client loops.
const PYTHON_CLIENT: &str = r#"
import socket, struct, sys
kind, port = sys.argv[1], int(sys.argv[2])
client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
client.connect(("127.0.0.1", port))
for count in (1, 100, 100000, 0):
    command = b"count %d" % count
    if kind == "framing_text_length":
        client.send(command + b"\n")
        length = int(client.recv(1024).decode("utf-8"))
        client.send(b"ready")
    else:
        client.send(struct.pack("i", len(command)) + command)
        length = struct.unpack("i", client.recv(4))[0]
    received = b""
    while len(received) < length:
        received += client.recv(min(1024, length - len(received)))
    assert received == b"".join(b"%d\n" % i for i in range(1, count + 1)), count
print("done")
client.close()
"#;

#[test]
fn pythons_client_gets_its_answers() {
    let _watchdog = watchdog();
    for name in ["framing_text_length", "framing_length_prefix"] {
        let server = Server::start(name, &[]);
        if let Some(ended) = python(PYTHON_CLIENT, &[name, &server.port()]) {
            assert_eq!(ended.stdout, "done\n", "{ended}");
        }
    }
}

#[test]
fn bad_arguments_and_ports_in_use_are_said() {
    let _watchdog = watchdog();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let port = address.port().to_string();
    for name in ["framing_text_length", "framing_length_prefix"] {
        for name in [name.to_owned(), format!("{name}_client")] {
            let ended = run::run(&name, &["--port", "65536"]);
            assert_eq!(ended.status.code(), Some(2), "{ended}");
            assert!(
                ended.stderr.contains("--port 65536: not a value in range"),
                "{ended}"
            );
            assert!(ended.stderr.contains(&format!("usage: {name} ")), "{ended}");
        }
        let ended = run::run(name, &["--port", &port]);
        assert_eq!(ended.status.code(), Some(1), "{ended}");
        assert!(
            ended
                .stderr
                .starts_with(&format!("{name}: cannot listen on {address}: ")),
            "{ended}"
        );
    }
    drop(taken);
    for name in ["framing_text_length_client", "framing_length_prefix_client"] {
        let ended = run::run(name, &["--port", &port]);
        assert_eq!(ended.status.code(), Some(1), "{ended}");
        assert!(
            ended
                .stderr
                .starts_with(&format!("{name}: cannot connect to {address}: ")),
            "{ended}"
        );
    }
}
