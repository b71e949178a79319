//! Chapter "framing": commands for clients. What may run, how its end is told, and what stops it.

use super::child::Ended;
use super::framing::{exchange, frame, lines_until, until_logged};
use super::run::{self, Server, assert_output, assert_output_on, python, run_with_input};
use super::watchdog::watchdog;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

const SERVER: &str = "remote_command";
const CLIENT: &str = "remote_command_client";

/// Runs one command through the client.
pub(crate) fn ask(server: &Server, command: &str) -> Ended {
    run::run(CLIENT, &["--port", &server.port(), command])
}

pub(crate) fn next_frame(stream: &mut TcpStream) -> String {
    let mut prefix = [0; 4];
    stream.read_exact(&mut prefix).unwrap();
    let mut payload = vec![0; usize::try_from(i32::from_ne_bytes(prefix)).unwrap()];
    stream.read_exact(&mut payload).unwrap();
    String::from_utf8(payload).unwrap()
}

/// Whether a process with these words in its command line is left.
pub(crate) fn is_running(words: &[&str]) -> bool {
    let line: String = words.iter().map(|word| format!("{word}\0")).collect();
    std::fs::read_dir("/proc").unwrap().any(|entry| {
        let path = entry.unwrap().path().join("cmdline");
        std::fs::read_to_string(path).is_ok_and(|found| found == line)
    })
}

/// A time for `sleep` that no other test uses; of processes, that is their name.
pub(crate) fn unique_seconds(n: u32) -> String {
    format!("{}.{}", 1_000_000 + std::process::id(), n)
}

#[test]
fn commands_run_and_both_print_what_their_headers_say() {
    let _watchdog = watchdog();
    let server = Server::start(SERVER, &[]);
    let input =
        b"echo hello\nls /nowhere-at-all\n\nrm -rf /nowhere-at-all\necho hello   again\nquit\n";
    let client = run_with_input(CLIENT, &["--port", &server.port()], input);
    assert_eq!(client.status.code(), Some(0), "{client}");
    assert_output(CLIENT, &client);
    let lines: Vec<&str> = client.stderr.lines().collect();
    assert!(lines[0].contains("/nowhere-at-all"), "{client}");
    let refusal = "refused: rm is not allowed; allowed: echo, ls, pwd, uname, uptime, whoami";
    assert_eq!(lines[1..], ["exit status 2", refusal], "{client}");
    until_logged(&server, "has left");
    let port = server.address.port();
    until_logged(&server, "`rm -rf /nowhere-at-all`: rm is not allowed");
    let ended = server.interrupt();
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    assert_output_on(SERVER, &ended, port);
}

#[test]
fn shell_means_nothing_without_allow_any() {
    let _watchdog = watchdog();
    let server = Server::start(SERVER, &["--allow", "echo, true"]);
    let ended = ask(&server, "echo $HOME `id` ; id > /tmp/x | cat && * 'a b'");
    assert_eq!(
        ended.stdout, "$HOME `id` ; id > /tmp/x | cat && * 'a b'\n",
        "{ended}"
    );
    for (command, complaint) in [
        (
            "/bin/echo x",
            "/bin/echo is not allowed; allowed: echo, true",
        ),
        ("./echo x", "./echo is not allowed; allowed: echo, true"),
        ("echo;id", "echo;id is not allowed; allowed: echo, true"),
        ("sh -c id", "sh is not allowed; allowed: echo, true"),
        ("ls", "ls is not allowed; allowed: echo, true"),
        ("   ", "an empty command"),
    ] {
        let ended = ask(&server, command);
        assert_eq!(ended.status.code(), Some(126), "{ended}");
        assert_eq!(ended.stderr, format!("refused: {complaint}\n"));
    }
    let server = Server::start(SERVER, &["--allow", "greenroom-no-such-program"]);
    let ended = ask(&server, "greenroom-no-such-program");
    assert_eq!(
        ended.stderr, "refused: No such file or directory (os error 2)\n",
        "{ended}"
    );
}

#[test]
fn allow_any_gives_lines_to_a_shell_with_status_errors_and_no_input() {
    let _watchdog = watchdog();
    let server = Server::start(SERVER, &["--allow-any"]);
    for (command, stdout, stderr, code) in [
        (
            "echo one; echo two >&2; exit 3",
            "one\n",
            "two\nexit status 3\n",
            3,
        ),
        ("kill -TERM $$", "", "signal 15\n", 143),
        ("cat; echo end", "end\n", "", 0),
        ("exec >&- 2>&-; exit 4", "", "exit status 4\n", 4),
    ] {
        let ended = ask(&server, command);
        assert_eq!(ended.status.code(), Some(code), "{ended}");
        assert_eq!(
            (ended.stdout.as_str(), ended.stderr.as_str()),
            (stdout, stderr)
        );
    }
}

#[test]
fn allow_any_listens_on_loopback_only() {
    let _watchdog = watchdog();
    for host in ["0.0.0.0", "::", "192.0.2.1", "::ffff:192.0.2.1"] {
        let ended = run::run(SERVER, &["--allow-any", "--host", host, "--port", "0"]);
        assert_eq!(ended.status.code(), Some(1), "{ended}");
        let why = "with --allow-any on a loopback address only";
        let said = format!("remote_command: cannot listen on {host}:0: {why}\n");
        assert_eq!(ended.stderr, said);
    }
    for host in ["127.0.0.1", "127.0.0.2", "localhost"] {
        let server = Server::start(SERVER, &["--allow-any", "--host", host]);
        assert!(server.address.ip().is_loopback());
    }
}

#[test]
fn command_beyond_its_time_is_killed_with_its_group() {
    let _watchdog = watchdog();
    let server = Server::start(SERVER, &["--allow-any", "--limit-seconds", "0.3"]);
    let [one, two, three] = [0, 1, 2].map(unique_seconds);
    for (command, seconds) in [
        (format!("echo before; sleep {one}; echo after"), &one),
        // The shell is gone, its child holds the pipes.
        (format!("echo before; sleep {two} & exit 0"), &two),
        // The pipes are closed, the command goes on.
        (
            format!("echo before; exec >&- 2>&-; sleep {three}; true"),
            &three,
        ),
    ] {
        let ended = ask(&server, &command);
        assert_eq!(ended.status.code(), Some(137), "{ended}");
        let said = (ended.stdout.as_str(), ended.stderr.as_str());
        assert_eq!(said, ("before\n", "killed: its time was up\n"));
        while is_running(&["sleep", seconds]) {
            std::thread::yield_now();
        }
    }
    until_logged(&server, "killed: its time was up");
}

#[test]
fn command_that_writes_without_end_is_cut_off_and_killed() {
    let _watchdog = watchdog();
    let server = Server::start(SERVER, &["--allow-any", "--max-output", "100000"]);
    for command in ["yes", "yes >&2", "yes & yes >&2"] {
        let ended = ask(&server, command);
        assert!(
            ended.stderr.ends_with("killed: its output was up\n"),
            "{command}"
        );
        let written = ended.stdout.len() + ended.stderr.len() - "killed: its output was up\n".len();
        // A lone `y` may be the last that fits.
        assert!(
            (99_999..=100_001).contains(&written),
            "{command}: {written}"
        );
    }
    let ended = ask(&server, "head -c 100000 /dev/zero | tr '\\0' x");
    assert_eq!(
        (ended.stdout.trim_end().len(), ended.stderr.as_str()),
        (100_000, "")
    );
    let ended = ask(&server, "head -c 100001 /dev/zero | tr '\\0' x");
    assert_eq!(ended.stdout.trim_end().len(), 100_000);
    assert_eq!(ended.stderr, "killed: its output was up\n");
}

#[test]
fn request_that_breaks_a_rule_gets_an_answer_that_says_which() {
    let _watchdog = watchdog();
    let server = Server::start(SERVER, &["--idle-seconds", "60"]);
    let allowed = "allowed are 0 to 4096";
    for (sent, error) in [
        (
            b"\xff\xff\xff\xff".to_vec(),
            format!("a command of 4294967295 bytes, {allowed}"),
        ),
        (
            b"\xff\xff\xff\x7f".to_vec(),
            format!("a command of 2147483647 bytes, {allowed}"),
        ),
        (
            b"\x01\x10\0\0".to_vec(),
            format!("a command of 4097 bytes, {allowed}"),
        ),
        (
            b"echo hello\n".to_vec(),
            format!("a command of 1869112165 bytes, {allowed}"),
        ),
        (
            b"\x09\0\0\0echo".to_vec(),
            "the stream ends in a command of 9 bytes".to_owned(),
        ),
        (b"\x09\0".to_vec(), "the stream ends in a prefix".to_owned()),
        (frame(b"echo \xff"), "a command that is no text".to_owned()),
        (frame(b"echo a\0b"), "a command with a NUL".to_owned()),
        (frame(b""), "an empty command".to_owned()),
    ] {
        let expected = frame(format!(r#"{{"error":"{error}"}}"#).as_bytes());
        let got = exchange(&server, &sent);
        assert_eq!(
            got.escape_ascii().to_string(),
            expected.escape_ascii().to_string()
        );
        until_logged(&server, &error);
    }
    // Two that came stuck together.
    let got = exchange(&server, &[frame(b"echo 1"), frame(b"echo 2")].concat());
    let got = got.escape_ascii().to_string();
    assert!(
        got.contains(r"\x02\x00\x00\x001\n") && got.contains(r"\x02\x00\x00\x002\n"),
        "{got}"
    );
}

#[test]
fn client_that_stalls_is_sent_away() {
    let _watchdog = watchdog();
    let server = Server::start(SERVER, &["--idle-seconds", "0.2"]);
    for sent in [&b""[..], b"\x09\0", b"\x09\0\0\0echo"] {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(sent).unwrap();
        assert_eq!(
            next_frame(&mut stream),
            r#"{"error":"nothing moved for 0.2 s"}"#
        );
        assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    }
    assert_eq!(ask(&server, "echo on").stdout, "on\n");
}

#[test]
fn many_clients_run_their_commands_at_once() {
    let _watchdog = watchdog();
    let server = Server::start(SERVER, &["--allow-any", "--max-running", "8"]);
    let mut streams: Vec<TcpStream> = (0..50)
        .map(|_| TcpStream::connect(server.address).unwrap())
        .collect();
    for (i, stream) in streams.iter_mut().enumerate() {
        stream
            .write_all(&frame(format!("sleep 0.01; echo {i}").as_bytes()))
            .unwrap();
    }
    for (i, stream) in streams.iter_mut().enumerate() {
        let head = next_frame(stream);
        assert!(head.contains(r#""exit_code":0"#), "{head}");
        assert_eq!(next_frame(stream), format!("{i}\n"));
        assert_eq!(next_frame(stream), "");
    }
    // Idle clients do not keep a server from its end.
    let ended = server.interrupt();
    let said = "served 50 clients, 50 commands, refused 0\n";
    assert!(ended.stdout.ends_with(said), "{ended}");
    drop(streams);
}

#[test]
fn signal_lets_running_commands_finish_for_the_grace_and_kills_them_then() {
    let _watchdog = watchdog();
    let seconds = unique_seconds(3);
    let gate = std::env::temp_dir().join(format!("greenroom-gate-{}", std::process::id()));
    let gate = gate.to_str().unwrap();
    for (signal, grace) in [("TERM", "60"), ("INT", "0")] {
        let is_finishing = grace != "0";
        let _ = std::fs::remove_file(gate);
        let args = [
            "--allow-any",
            "--grace-seconds",
            grace,
            "--limit-seconds",
            "3000000",
        ];
        let server = Server::start(SERVER, &args);
        let mut stream = TcpStream::connect(server.address).unwrap();
        let command = format!(
            "sleep {seconds} & while [ ! -e {gate} ]; do sleep 0.01; done; kill $!; echo done"
        );
        stream.write_all(&frame(command.as_bytes())).unwrap();
        while !is_running(&["sleep", &seconds]) {
            std::thread::yield_now();
        }
        server.running.signal(signal);
        if is_finishing {
            while TcpStream::connect(server.address).is_ok() {
                std::thread::yield_now();
            }
            std::fs::write(gate, "").unwrap();
            assert!(next_frame(&mut stream).contains(r#""exit_code":0"#));
            assert_eq!(next_frame(&mut stream), "done\n");
        }
        let ended = server.running.end();
        assert_eq!(ended.status.code(), Some(0), "{ended}");
        let cut_off = ended.stderr.contains("1 commands were still running");
        assert_eq!(cut_off, !is_finishing, "{ended}");
        while is_running(&["sleep", &seconds]) {
            std::thread::yield_now();
        }
    }
    let _ = std::fs::remove_file(gate);
}

#[test]
fn client_that_vanishes_leaves_the_server_to_others() {
    let _watchdog = watchdog();
    let server = Server::start(SERVER, &["--allow-any"]);
    for _ in 0..10 {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream
            .write_all(&frame(b"head -c 1000000 /dev/zero"))
            .unwrap();
    }
    assert_eq!(ask(&server, "echo on").stdout, "on\n");
}

#[test]
fn bad_arguments_and_a_bad_server_are_said() {
    let _watchdog = watchdog();
    for (args, complaint) in [
        (
            &["--max-output", "2147483648"][..],
            "--max-output: does not fit the prefix",
        ),
        (
            &["--idle-seconds", "0"],
            "--idle-seconds 0: nobody is that fast",
        ),
        (
            &["--limit-seconds", "soon"],
            "--limit-seconds soon: not a value in range",
        ),
        (&["--allow-any=yes"], "--allow-any: takes no value"),
        (
            &["--allow-any", "--allow", "echo"],
            "--allow-any: takes no --allow beside it",
        ),
        (
            &["--max-running", "0"],
            "--max-running 0: not a value in range",
        ),
        (
            &["--answer-seconds", "0"],
            "--answer-seconds 0: nobody is that fast",
        ),
    ] {
        let ended = run::run(SERVER, args);
        assert_eq!(ended.status.code(), Some(2), "{ended}");
        assert!(ended.stderr.starts_with(complaint), "{ended}");
    }
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = run::run(SERVER, &["--port", &port]);
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    assert!(
        ended
            .stderr
            .contains(&format!("cannot listen on 127.0.0.1:{port}: ")),
        "{ended}"
    );
    let ended = run::run(CLIENT, &["--port", &port, "--idle-seconds", "0.1", "echo"]);
    assert_eq!(
        ended.stderr,
        "remote_command_client: nothing moved for 0.1 s\n"
    );
    drop(taken);
    let ended = run::run(CLIENT, &["--port", &port, "echo"]);
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    assert!(
        ended
            .stderr
            .contains(&format!("cannot connect to 127.0.0.1:{port}: ")),
        "{ended}"
    );
}

/// As the notes' third client, with loops that count right.
const PYTHON_CLIENT: &str = r#"
import json, socket, struct, sys
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def frame():
    size = struct.unpack("i", client.recv(4, socket.MSG_WAITALL))[0]
    data = b""
    while len(data) < size:
        data += client.recv(min(1024, size - len(data)))
    return data
def ask(command):
    client.sendall(struct.pack("i", len(command)) + command)
    head = json.loads(frame().decode("utf-8"))
    return (head, None, None) if "error" in head else (head, frame(), frame())
head, out, err = ask(b"printf 'a\\377'; printf error >&2; exit 7")
assert (out, err) == (b"a\xff", b"error"), (out, err)
assert head == {"exit_code": 7, "signal": None, "stdout_size": 2, "stderr_size": 5, "killed_for": None}, head
head, out, err = ask(b"head -c 300000 /dev/zero")
assert (len(out), err) == (300000, b"")
assert ask(b" ")[0] == {"error": "an empty command"}
print("done")
"#;

#[test]
fn pythons_client_gets_bytes_status_and_errors() {
    let _watchdog = watchdog();
    let mut server = Server::start(SERVER, &["--allow-any"]);
    if let Some(ended) = python(PYTHON_CLIENT, &[&server.port()]) {
        assert_eq!(ended.stdout, "done\n", "{ended}");
        server.running.signal("TERM");
        lines_until(
            &mut server.running,
            "served 1 clients, 2 commands, refused 1",
        );
    }
}
