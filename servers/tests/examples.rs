//! The examples as strangers meet them: run as programs, by other people's clients, with bad arguments.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "../../tests/support/child.rs"]
mod child;
#[path = "../../tests/support/installed.rs"]
mod installed;
#[path = "../../tests/support/kill.rs"]
mod kill;
#[path = "examples/processes.rs"]
mod processes;
#[path = "../../tests/examples/run.rs"]
mod run;
#[path = "../../tests/support/talk.rs"]
mod talk;
#[path = "../../tests/support/watchdog.rs"]
mod watchdog;

use child::{Ended, Running};
use installed::is_installed;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use watchdog::watchdog;

/// The two servers that prove themselves.
const ECHOES: [&str; 2] = ["https_echo", "websocket_echo"];

/// Connections at once, two descriptors each. Debug builds are slow at cryptography.
const CLIENTS: &str = if cfg!(debug_assertions) {
    "200"
} else {
    "1000"
};

/// The example's command; `cargo test` builds examples beside the tests.
fn example(name: &str, args: &[&str]) -> Command {
    let exe = std::env::current_exe().unwrap();
    let built = exe.parent().and_then(|deps| deps.parent()).unwrap();
    let path = built.join("examples").join(name);
    assert!(path.exists(), "cargo build --example {name} first");
    let mut command = Command::new(path);
    command
        .args(args)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

fn run(name: &str, args: &[&str]) -> Ended {
    Running::start(&mut example(name, args)).end()
}

/// A server that listens on a port of the system's choice.
fn start(name: &str, args: &[&str]) -> (Running, SocketAddr) {
    let mut running = Running::start(example(name, &["--port", "0"]).args(args));
    let address = running.line("listening on ").parse().unwrap();
    (running, address)
}

#[test]
fn crowd_of_clients_gets_every_echo() {
    let _watchdog = watchdog();
    for name in ECHOES {
        for workers in ["1", "2"] {
            let ended = run(
                name,
                &[
                    "--port",
                    "0",
                    "--workers",
                    workers,
                    "--client",
                    CLIENTS,
                    "--rounds",
                    "4",
                ],
            );
            assert_eq!(ended.status.code(), Some(0), "{ended}");
            let echoes = CLIENTS.parse::<usize>().unwrap() * 4;
            for line in [
                format!("{CLIENTS} connections are open\n"),
                format!("{CLIENTS} clients got {echoes} echoes, "),
                format!("served {CLIENTS} connections, {echoes} echoes\n"),
            ] {
                assert!(ended.stdout.contains(&line), "{ended}");
            }
            assert_eq!(ended.stderr, "", "{name}");
        }
    }
}

#[test]
fn crowd_beyond_the_descriptors_is_a_failure_that_says_so() {
    let _watchdog = watchdog();
    for name in ECHOES {
        let mut shell = Command::new("sh");
        let program = example(name, &[]);
        shell.args(["-c", r#"ulimit -n 100; exec "$0" "$@""#]);
        shell.arg(program.get_program());
        shell.args(["--port", "0", "--client", "100", "--rounds", "1"]);
        let ended = Running::start(shell.stdin(Stdio::null())).end();
        assert_eq!(ended.status.code(), Some(1), "{ended}");
        assert!(ended.stderr.contains("oo many open files"), "{ended}");
    }
}

#[test]
fn server_ends_by_a_signal_or_when_its_time_is_over() {
    let _watchdog = watchdog();
    for name in ECHOES {
        for signal in ["INT", "TERM"] {
            let (running, _) = start(name, &[]);
            running.signal(signal);
            let ended = running.end();
            assert_eq!(ended.status.code(), Some(0), "{ended}");
            assert_eq!(ended.stdout, "served 0 connections, 0 echoes\n", "{ended}");
        }
        let (running, _) = start(name, &["--serve-seconds", "0"]);
        let ended = running.end();
        assert_eq!(ended.status.code(), Some(0), "{ended}");
    }
}

#[test]
fn signal_in_the_middle_of_a_proof_is_a_failure_and_no_hang() {
    let _watchdog = watchdog();
    for name in ECHOES {
        let (mut running, _) = start(name, &["--client", "20", "--rounds", "1000000000"]);
        running.line("20 connections are open");
        running.signal("INT");
        let ended = running.end();
        assert_eq!(ended.status.code(), Some(1), "{ended}");
        assert!(ended.stderr.contains("before its clients"), "{ended}");
    }
}

#[test]
fn client_that_stays_is_cut_off_after_the_grace() {
    let _watchdog = watchdog();
    for name in ECHOES {
        let (running, address) = start(name, &["--grace", "0"]);
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"G").unwrap();
        running.signal("TERM");
        let ended = running.end();
        assert_eq!(ended.status.code(), Some(0), "{ended}");
        // Accepted or still queued: either way it is let go.
        drop(client.read_to_end(&mut Vec::new()));
    }
}

#[test]
fn bad_arguments_print_the_usage() {
    let _watchdog = watchdog();
    for name in ECHOES {
        for (args, complaint) in [
            (&["--port"][..], "--port: a value is missing"),
            (&["--client", "many"], "--client many"),
            (&["--prot", "1"], "--prot: unknown option"),
        ] {
            let ended = run(name, args);
            assert_eq!(ended.status.code(), Some(2), "{ended}");
            assert!(ended.stderr.contains(complaint), "{ended}");
            assert!(ended.stderr.contains(&format!("usage: {name}")), "{ended}");
        }
    }
    let ended = run("gzip_pipe", &["many"]);
    assert_eq!(ended.status.code(), Some(1), "{ended}");
}

#[test]
fn port_in_use_is_an_error_that_says_which_and_why() {
    let _watchdog = watchdog();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for name in ECHOES {
        let ended = run(name, &["--port", &address.port().to_string()]);
        assert_eq!(ended.status.code(), Some(1), "{ended}");
        assert!(ended.stderr.contains(&address.to_string()), "{ended}");
        assert!(ended.stderr.contains("in use"), "{ended}");
    }
}

/// What Python's own TLS and HTTP make of the server.
const PYTHON_CLIENT: &str = r#"
import http.client, ssl, sys
context = ssl._create_unverified_context()
host, port = sys.argv[1], int(sys.argv[2])
connection = http.client.HTTPSConnection(host, port, context=context, timeout=60)
def ask(method, body=None, headers={}):
    connection.request(method, "/x", body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()
for size in (0, 1, 16384, 1 << 20):
    body = bytes(i * 7 % 251 for i in range(size))
    assert ask("POST", body) == (200, body), size
assert ask("GET") == (200, b"")
assert ask("HEAD") == (200, b"")
for headers, status in (
    ({"Content-Length": "1048577"}, 413),
    ({"Content-Length": "-1"}, 400),
    ({"Content-Length": "9" * 30}, 400),
    ({"Transfer-Encoding": "chunked"}, 501),
    ({"X": "y" * 20000}, 431),
    ({f"X{i}": "y" for i in range(100)}, 431),
    ({"Bad Name": "y"}, 400),
):
    got = ask("GET", None, headers)
    assert got[0] == status, (headers, got)
    connection.close()
assert ask("POST", b"again") == (200, b"again")
assert ask("POST", b"last", {"Connection": "close"}) == (200, b"last")
print("done")
"#;

#[test]
fn pythons_https_client_gets_its_echoes_and_its_refusals() {
    let _watchdog = watchdog();
    if !is_installed("python3") {
        return;
    }
    let (running, address) = start("https_echo", &[]);
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let mut python = Command::new("python3");
    python.args(["-c", PYTHON_CLIENT, &host, &port]);
    let python = Running::start(python.stdin(Stdio::null())).end();
    assert_eq!(python.stdout, "done\n", "{python}");
    running.signal("TERM");
    let ended = running.end();
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    assert_eq!(ended.stdout, "served 8 connections, 8 echoes\n", "{ended}");
}

#[test]
fn curl_gets_its_body_back() {
    let _watchdog = watchdog();
    if !is_installed("curl") {
        return;
    }
    let (running, address) = start("https_echo", &[]);
    let mut curl = Command::new("curl");
    curl.args(["-sk", "--noproxy", "*", "--max-time", "60"]);
    // The header makes it wait for "100 Continue", as it would for a long body.
    curl.args(["-H", "Expect: 100-continue", "--data", "hello"]);
    curl.arg(format!("https://{address}/"));
    let curl = Running::start(curl.stdin(Stdio::null())).end();
    assert_eq!(curl.stdout, "hello\n", "{curl}");
    running.signal("TERM");
    let ended = running.end();
    assert_eq!(ended.stdout, "served 1 connections, 1 echoes\n", "{ended}");
}

#[test]
fn websocket_client_of_std_sockets_gets_its_message_back() {
    let _watchdog = watchdog();
    let (running, address) = start("websocket_echo", &[]);
    let stream = TcpStream::connect(address).unwrap();
    let (mut socket, _) = tungstenite::client("ws://localhost/", stream).unwrap();
    let message = tungstenite::Message::text("grüße");
    socket.send(message.clone()).unwrap();
    assert_eq!(socket.read().unwrap(), message);
    // One byte more than is allowed.
    let long = tungstenite::Message::binary(vec![0; (1 << 20) + 1]);
    drop(socket.send(long));
    assert!(socket.read().is_err());
    running.signal("TERM");
    let ended = running.end();
    assert_eq!(ended.stdout, "served 1 connections, 1 echoes\n", "{ended}");
}

#[test]
fn short_examples_print_what_their_headers_say() {
    let _watchdog = watchdog();
    for (name, source) in [
        ("gzip_pipe", include_str!("../examples/gzip_pipe.rs")),
        ("http_parse", include_str!("../examples/http_parse.rs")),
        (
            "socket2_options",
            include_str!("../examples/socket2_options.rs"),
        ),
    ] {
        let said: String = source
            .lines()
            .skip_while(|line| *line != "//! ```text")
            .skip(1)
            .take_while(|line| *line != "//! ```")
            .map(|line| format!("{}\n", line.trim_start_matches("//! ")))
            .collect();
        let ended = run(name, &[]);
        assert_eq!(ended.status.code(), Some(0), "{ended}");
        assert_eq!(ended.stdout, said, "{name}");
    }
}
