//! Chapter "framing": peers that do not read, and that write for the terminal; output that nobody reads.

use super::bad_uploads::{HELLO, HELLO_MD5, header};
use super::framing::{frame, until_logged};
use super::framing_upload::{Folder, send, upload};
use super::remote_command::{ask, is_running, next_frame, unique_seconds};
use super::run::{self, Server, example, python};
use super::watchdog::watchdog;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const COMMANDS: &str = "remote_command";

/// More than the buffers of a connection take.
const MUCH: &[u8] = b"head -c 30000000 /dev/zero";

#[test]
fn peers_that_do_not_read_are_cut_off_and_others_served() {
    let _watchdog = watchdog();
    let limits = ["--max-running", "2", "--answer-seconds", "0.5"];
    let more = ["--allow-any", "--max-output", "30000000"];
    let patience = ["--wait-seconds", "60", "--limit-seconds", "60"];
    let server = Server::start(COMMANDS, &[&limits[..], &more, &patience].concat());
    let mut peers: Vec<TcpStream> = (0..5)
        .map(|_| {
            let mut peer = TcpStream::connect(server.address).unwrap();
            peer.write_all(&frame(MUCH)).unwrap();
            peer
        })
        .collect();
    let mut slow = peers.pop().unwrap();
    // One reads a byte now and then, so that something always moves.
    let slow = std::thread::spawn(move || {
        while let Ok(1) = slow.read(&mut [0]) {
            std::thread::sleep(Duration::from_millis(1));
            if slow.take_error().unwrap().is_some() {
                break;
            }
        }
    });
    let cut_off = || server.running.stderr().matches("is cut off").count();
    while cut_off() < 5 {
        std::thread::yield_now();
    }
    assert_eq!(ask(&server, "echo on").stdout, "on\n");
    drop(server);
    drop(peers);
    drop(slow);
}

#[test]
fn command_that_finds_no_place_in_time_is_told_busy() {
    let _watchdog = watchdog();
    let seconds = unique_seconds(4);
    let limits = ["--max-running", "1", "--wait-seconds", "0.1"];
    let more = ["--allow-any", "--limit-seconds", "3000000"];
    let server = Server::start(
        COMMANDS,
        &[&limits[..], &more, &["--grace-seconds", "0"]].concat(),
    );
    let mut first = TcpStream::connect(server.address).unwrap();
    first
        .write_all(&frame(format!("sleep {seconds}").as_bytes()))
        .unwrap();
    while !is_running(&["sleep", &seconds]) {
        std::thread::yield_now();
    }
    let mut second = TcpStream::connect(server.address).unwrap();
    for _ in 0..2 {
        // The connection stays: it may ask again.
        second.write_all(&frame(b"echo on")).unwrap();
        let busy = r#"{"error":"busy: too many commands are running"}"#;
        assert_eq!(next_frame(&mut second), busy);
    }
    let ended = server.interrupt();
    assert!(ended.stdout.contains("refused 2"), "{ended}");
    while is_running(&["sleep", &seconds]) {
        std::thread::yield_now();
    }
}

#[track_caller]
fn assert_harmless(text: &str) {
    let is_bad = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}' || c == '\u{61c}';
    assert!(!text.contains(is_bad), "{text:?}");
}

#[test]
fn escapes_of_a_peer_reach_neither_log_nor_terminal() {
    let _watchdog = watchdog();
    let server = Server::start(COMMANDS, &[]);
    for command in [
        "rm\u{1b}[31m -rf /",
        "\u{202e}ohce",
        "\u{61c}ls",
        "echo \u{1b}[31m",
        "ls \u{202e}",
    ] {
        let ended = ask(&server, command);
        // What a command itself writes is passed on as it is.
        let said = ended
            .stderr
            .lines()
            .filter(|line| line.starts_with("refused"));
        said.for_each(assert_harmless);
    }
    until_logged(&server, r"rm\u{1b}[31m is not allowed");
    until_logged(&server, r"`ls \u{202e}`: exit status 2");
    assert_harmless(&server.running.stderr());

    let folder = Folder::new();
    let server = folder.server(&[]);
    let reply = send(&server, &frame(br#"{"\u001b[31mEVIL\n\u202e\u061c": 1}"#));
    assert_harmless(&reply);
    until_logged(&server, r"unknown field `\u{1b}[31mEVIL\n\u{202e}\u{61c}`");
    assert_harmless(&server.running.stderr());
}

#[test]
fn escapes_of_a_server_do_not_reach_the_clients_terminal() {
    let _watchdog = watchdog();
    let folder = Folder::new();
    let file = folder.file("hello.txt", HELLO);
    for (client, operand, reply) in [
        (
            "framing_json_header_client",
            file.as_str(),
            r#"{"status": "ok", "message": "\u001b[31mEVIL"}"#,
        ),
        (
            "framing_json_header_client",
            file.as_str(),
            r#"{"status": "error", "message": "\u001b[31mEVIL"}"#,
        ),
        (
            "remote_command_client",
            "echo",
            r#"{"error": "\u001b[31mEVIL"}"#,
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let liar = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(&frame(reply.as_bytes())).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let _ = stream.read_to_end(&mut Vec::new());
        });
        let ended = run::run(client, &["--port", &port, operand]);
        liar.join().unwrap();
        let said = [ended.stdout, ended.stderr].concat();
        assert!(said.contains(r"\u{1b}[31mEVIL"), "{said:?}");
        assert_harmless(&said);
    }
}

/// A server whose output nobody reads after its first line, as in `server | head -1`.
struct Unread {
    child: Child,
    port: u16,
}

impl Unread {
    fn start(name: &str, args: &[&str]) -> Unread {
        let mut command = example(name, args);
        let mut child = command
            .args(["--port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let port = line.trim_end().rsplit(':').next().unwrap().parse().unwrap();
        Unread { child, port }
    }

    fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(bytes).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn server_whose_output_nobody_reads_serves_on() {
    let _watchdog = watchdog();
    for (name, request, answer) in [
        ("tcp_upper", b"hello".to_vec(), "HELLO"),
        ("framing_length_prefix", frame(b"count 1"), "1\n"),
        ("framing_text_length", b"count 1\nready".to_vec(), "2\n1\n"),
        ("poll_echo", b"hello".to_vec(), "hello"),
        ("select_echo", b"hello".to_vec(), ""),
        ("selectors_echo", b"hello".to_vec(), "hello"),
        ("epoll_level", b"hello".to_vec(), ""),
    ] {
        let server = Unread::start(name, &[]);
        for _ in 0..3 {
            let got = server.exchange(&request);
            assert!(got.ends_with(answer), "{name}: {got:?}");
        }
    }
    let server = Unread::start("udp_upper", &[]);
    let client = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..3 {
        client
            .send_to(b"hello", ("127.0.0.1", server.port))
            .unwrap();
        let mut answer = [0; 9];
        let n = client.recv(&mut answer).unwrap();
        assert_eq!(&answer[..n], b"HELLO");
    }
}

#[test]
fn upload_is_answered_and_the_end_clean_when_nobody_reads_the_output() {
    let _watchdog = watchdog();
    let folder = Folder::new();
    let target = folder.target();
    let mut server = Unread::start("framing_json_header", &["--dir", target.to_str().unwrap()]);
    for name in ["a", "b"] {
        let sent = [header("12", name, HELLO_MD5), HELLO.to_owned()].concat();
        let reply = server.exchange(&sent);
        assert!(reply.contains(&format!("stored {name}, 12")), "{reply}");
    }
    assert_eq!(folder.names(), ["a", "b"]);
    let kill = format!("kill -TERM {}", server.child.id());
    let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
    assert!(status.success(), "{kill}");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn upload_beside_stale_files_of_the_same_process_number_is_stored() {
    let _watchdog = watchdog();
    let folder = Folder::new();
    let server = folder.server(&[]);
    for serial in 0..3 {
        let name = format!(".upload-{}-{serial}", server.running.child.id());
        std::fs::write(folder.target().join(name), "stale").unwrap();
    }
    let ended = upload(&server, &[&folder.file("hello.txt", HELLO)]);
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    assert!(folder.names().contains(&"hello.txt".to_owned()));
}

/// Runs a program with a terminal for its standard error, and prints whether a bar came there.
const PYTHON_TERMINAL: &str = r#"
import os, pty, subprocess, sys
ours, theirs = pty.openpty()
child = subprocess.Popen(sys.argv[1:], stderr=theirs, stdout=subprocess.DEVNULL)
os.close(theirs)
seen = b""
try:
    while some := os.read(ours, 4096):
        seen += some
except OSError:
    pass
print(child.wait(), [b"md5 " in seen, b"send " in seen])
"#;

#[test]
fn client_on_a_terminal_shows_a_bar_for_the_sum_and_for_the_sending() {
    let _watchdog = watchdog();
    let folder = Folder::new();
    let server = folder.server(&[]);
    let file = folder.file("big", &vec![7; 20_000_000]);
    let client = example("framing_json_header_client", &[]);
    let client = client.get_program().to_str().unwrap();
    let args = [client, "--port", &server.port(), &file];
    let Some(ended) = python(PYTHON_TERMINAL, &args) else {
        return;
    };
    assert_eq!(ended.stdout, "0 [True, True]\n", "{ended}");
}
