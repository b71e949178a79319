//! The chapter "multiplexing": what each program prints, its clients, Python's, and bad arguments.
//!
//! What an event loop must live through, clients that vanish, read slowly, or send much, is in
//! `multiplexing_peers`.

use super::child::{Ended, Running};
use super::multiplexing_peers::{Loop, connect};
use super::run::{
    Server, assert_output, assert_output_on, documented, python, run, run_with_input,
};
use super::watchdog::watchdog;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::process::{Command, Stdio};

#[test]
fn select_files_prints_what_is_ready() {
    let _watchdog = watchdog();
    for raw in [&[][..], &["--raw"]] {
        let ended = run("select_files", &[raw, &["--port", "0"]].concat());
        let port = ended
            .stdout
            .lines()
            .next()
            .unwrap()
            .rsplit(':')
            .next()
            .unwrap();
        assert_output_on("select_files", &ended, port.parse().unwrap());
        assert!(ended.status.success(), "{ended}");
    }
}

#[test]
fn servers_print_a_dialogue_with_a_client() {
    let _watchdog = watchdog();
    for server in Loop::all() {
        let mut stream = connect(server.address());
        stream.write_all(b"hello\n").unwrap();
        let mut answer = vec![0; server.answer(b"hello\n").len()];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(answer, server.answer(b"hello\n"), "{}", server.name);
        // Only the server's end of stream says that it has seen ours.
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "{}", server.name);
        server.assert_output();
    }
}

#[test]
fn epoll_echo_logs_errors_to_both_and_the_rest_to_the_file() {
    let _watchdog = watchdog();
    let server = Loop::start("epoll_echo", &[]);
    let mut stream = connect(server.address());
    stream.write_all(b"hello\n").unwrap();
    stream.read_exact(&mut [0; 6]).unwrap();
    drop(stream);
    server.reset_a_client();
    let (log, stderr) = server.end_with_log("Connection reset by peer");
    for (lines, count) in [(log.as_str(), 1), (&stderr, 1)] {
        let errors: Vec<_> = lines
            .lines()
            .filter(|line| line.contains(" - ERROR - "))
            .collect();
        assert_eq!(errors.len(), count, "{lines}");
    }
    for text in [": accepted, descriptor ", ": received 6 bytes", ": closed"] {
        assert!(log.contains(" - epoll_echo - DEBUG - 127.0.0.1:"), "{log}");
        assert!(log.contains(text), "{log}");
        assert!(!stderr.contains(text), "{stderr}");
    }
}

#[test]
fn select_client_talks_to_select_echo() {
    let _watchdog = watchdog();
    for args in [&[][..], &["--raw"]] {
        let server = Server::start("select_echo", args);
        let ended = run("select_client", &["--port", &server.port()]);
        assert!(ended.status.success(), "{ended}");
        assert_output_on("select_client", &ended, server.address.port());
    }
}

#[test]
fn select_client_talks_to_a_select_server_in_python() {
    let _watchdog = watchdog();
    let Some(mut server) = python_server(PYTHON_SELECT_SERVER) else {
        return;
    };
    let port = server.line("listening on 127.0.0.1:");
    let ended = run("select_client", &["--port", &port]);
    assert!(ended.status.success(), "{ended}");
    assert_output_on("select_client", &ended, port.parse().unwrap());
    let ended = server.end();
    assert!(ended.status.success(), "{ended}");
}

#[test]
fn select_client_says_that_the_server_has_closed() {
    let _watchdog = watchdog();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let closer = std::thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = listener.accept().unwrap();
            // Read first: data that is not read would make it a reset.
            stream.read_exact(&mut [0; 21]).unwrap();
        }
    });
    let ended = run("select_client", &["--port", &port]);
    closer.join().unwrap();
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    assert!(
        ended
            .stderr
            .contains("select_client: the server closed the connection"),
        "{ended}"
    );
}

#[test]
fn poll_echo_client_ends_at_quit_and_at_the_end_of_input() {
    let _watchdog = watchdog();
    let server = Server::start("poll_echo", &[]);
    for input in ["hello\n", "hello\nquit\nnever sent\n", "hello"] {
        let ended = run_with_input(
            "poll_echo_client",
            &["--port", &server.port()],
            input.as_bytes(),
        );
        assert!(ended.status.success(), "{input:?}: {ended}");
        assert_output("poll_echo_client", &ended);
    }
}

#[test]
fn poll_echo_client_talks_to_a_selectors_server_in_python() {
    let _watchdog = watchdog();
    let Some(mut server) = python_server(PYTHON_SELECTORS_SERVER) else {
        return;
    };
    let port = server.line("listening on 127.0.0.1:");
    let ended = run_with_input("poll_echo_client", &["--port", &port], b"hello\nquit\n");
    assert!(ended.status.success(), "{ended}");
    assert_output("poll_echo_client", &ended);
    let ended = server.end();
    assert!(ended.status.success(), "{ended}");
}

#[test]
fn poll_echo_client_says_that_the_server_has_closed() {
    let _watchdog = watchdog();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let closer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        // Read first: data that is not read would make it a reset.
        stream.read_exact(&mut [0; 6]).unwrap();
    });
    let ended = run_with_input("poll_echo_client", &["--port", &port], b"hello\nagain\n");
    closer.join().unwrap();
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    let complaint = "poll_echo_client: the server closed the connection";
    assert!(ended.stderr.contains(complaint), "{ended}");
}

#[test]
fn poll_echo_client_says_that_nobody_listens() {
    let _watchdog = watchdog();
    // The port of a connection of ours: nobody listens there, and nobody else can.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ours = connect(listener.local_addr().unwrap());
    let port = ours.local_addr().unwrap().port();
    for name in ["poll_echo_client", "select_client"] {
        let ended = run(name, &["--port", &port.to_string()]);
        assert_eq!(ended.status.code(), Some(1), "{ended}");
        let complaint = format!("{name}: cannot connect to 127.0.0.1:{port}: Connection refused");
        assert!(ended.stderr.contains(&complaint), "{ended}");
    }
}

#[test]
fn pythons_select_client_talks_to_every_server() {
    let _watchdog = watchdog();
    for server in Loop::all() {
        let is_echo = if server.is_echo() { "echo" } else { "receipts" };
        let port = server.address().port().to_string();
        let Some(ended) = python(PYTHON_SELECT_CLIENT, &[&port, is_echo]) else {
            return;
        };
        assert!(ended.status.success(), "{}: {ended}", server.name);
        assert_eq!(ended.stdout, "all as sent\n", "{}: {ended}", server.name);
    }
}

#[test]
fn io_models_do_the_same_and_blocking_takes_longest() {
    let _watchdog = watchdog();
    // On a busy machine any of them may take long, but not each time.
    let is_told_apart = (0..10).any(|_| {
        let ended = run("io_models", &[]);
        assert!(ended.status.success(), "{ended}");
        assert_output("io_models", &ended);
        let millis = |name: &str| -> u64 {
            let line = ended.stdout.lines().find(|line| line.starts_with(name));
            let (time, _) = line.unwrap()[13..].split_once(" ms").unwrap();
            time.trim().parse().unwrap()
        };
        // Eight clients, and each thinks twice for 20 ms while the server is its own; the others think at the same time.
        assert!(millis("blocking") >= 320, "{ended}");
        assert!(millis("green threads") >= 60, "{ended}");
        let others = ["multiplexed", "threads", "processes", "green threads"];
        others
            .iter()
            .all(|name| millis("blocking") > 2 * millis(name))
    });
    assert!(is_told_apart);
}

#[test]
fn io_models_takes_other_numbers_and_refuses_none() {
    let _watchdog = watchdog();
    let ended = run(
        "io_models",
        &["--clients", "2", "--rounds", "1", "--think", "0"],
    );
    assert!(ended.status.success(), "{ended}");
    let first = "2 clients, 1 messages each, 0 ms of thought before each";
    assert_eq!(ended.stdout.lines().next(), Some(first), "{ended}");
    assert_eq!(
        ended.stdout.lines().count(),
        documented("io_models").lines().count(),
        "{ended}"
    );
}

#[test]
fn bad_arguments_are_refused() {
    let _watchdog = watchdog();
    let names = [
        "select_files",
        "select_echo",
        "select_client",
        "poll_echo",
        "poll_echo_client",
        "epoll_echo",
        "epoll_level",
        "selectors_echo",
        "io_models",
    ];
    for name in names {
        assert_refused(
            &run(name, &["--colour", "red"]),
            name,
            "--colour: unknown option",
        );
        if name != "io_models" {
            assert_refused(
                &run(name, &["--port", "70000"]),
                name,
                "--port 70000: not a value in range",
            );
        }
    }
    assert_refused(
        &run("io_models", &["--clients", "x"]),
        "io_models",
        "--clients x: not a value",
    );
    for clients in ["0", "129"] {
        let ended = run("io_models", &["--clients", clients]);
        assert_refused(&ended, "io_models", ": not 1 to 128");
    }
    let ended = run("select_files", &["--timeout", "-1"]);
    assert_refused(&ended, "select_files", "--timeout: not a time");
}

#[track_caller]
fn assert_refused(ended: &Ended, name: &str, complaint: &str) {
    assert_eq!(ended.status.code(), Some(2), "{name}: {ended}");
    assert!(ended.stderr.contains(complaint), "{name}: {ended}");
    assert!(
        ended.stderr.contains(&format!("usage: {name} ")),
        "{name}: {ended}"
    );
    assert_eq!(ended.stdout, "", "{name}: {ended}");
}

#[test]
fn address_in_use_is_one_line() {
    let _watchdog = watchdog();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut names = Loop::NAMES.to_vec();
    names.push("select_files");
    for name in names {
        let mut args = vec!["--port", &port];
        if name == "epoll_echo" {
            args.extend(["--log", "/dev/null"]);
        }
        let ended = run(name, &args);
        assert_eq!(ended.status.code(), Some(1), "{name}: {ended}");
        let complaint =
            format!("{name}: cannot listen on 127.0.0.1:{port}: Address already in use");
        assert!(ended.stderr.starts_with(&complaint), "{name}: {ended}");
        assert_eq!(ended.stderr.lines().count(), 1, "{name}: {ended}");
    }
}

#[test]
fn epoll_echo_without_its_log_does_not_start() {
    let _watchdog = watchdog();
    let ended = run(
        "epoll_echo",
        &["--port", "0", "--log", "/nowhere/at/all.log"],
    );
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    assert!(
        ended
            .stderr
            .starts_with("epoll_echo: cannot write /nowhere/at/all.log: "),
        "{ended}"
    );
}

/// `None`, and a line that says so: there is no Python.
fn python_server(script: &str) -> Option<Running> {
    python("", &[])?;
    let mut command = Command::new("python3");
    command.args(["-u", "-c", script]).stdin(Stdio::null());
    Some(Running::start(&mut command))
}

/// Echoes for two clients with select, and ends.
const PYTHON_SELECT_SERVER: &str = r#"
import select, socket
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
print("listening on 127.0.0.1:%d" % server.getsockname()[1])
inputs, queues, ended = [server], {}, 0
while ended < 2:
    outputs = [s for s in queues if queues[s]]
    readable, writable, _ = select.select(inputs, outputs, [])
    for s in readable:
        if s is server:
            connection, _ = s.accept()
            inputs.append(connection)
            queues[connection] = b""
            continue
        data = s.recv(1024)
        queues[s] += data
        if not data:
            inputs.remove(s)
            del queues[s]
            s.close()
            ended += 1
    for s in writable:
        if s in queues:
            queues[s] = queues[s][s.send(queues[s]):]
"#;

/// Echoes with callbacks until a client has gone.
const PYTHON_SELECTORS_SERVER: &str = r#"
import selectors, socket
selector, is_over = selectors.DefaultSelector(), False
def accept(listener):
    connection, _ = listener.accept()
    connection.setblocking(False)
    selector.register(connection, selectors.EVENT_READ, read)
def read(connection):
    global is_over
    data = connection.recv(1000)
    if data:
        connection.send(data)
    else:
        selector.unregister(connection)
        connection.close()
        is_over = True
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
selector.register(server, selectors.EVENT_READ, accept)
print("listening on 127.0.0.1:%d" % server.getsockname()[1])
while not is_over:
    for key, _ in selector.select():
        key.data(key.fileobj)
"#;

/// Two connections that are written and read when select says so, 300,000 bytes over each.
const PYTHON_SELECT_CLIENT: &str = r#"
import select, socket, sys
port, is_echo = int(sys.argv[1]), sys.argv[2] == "echo"
socks = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
message = bytes(range(256)) * 1200 if is_echo else b"This is the message."
left = {s: message for s in socks}
heard = {s: b"" for s in socks}
for s in socks:
    s.setblocking(False)
reading, writing = set(socks), set(socks)
while reading:
    readable, writable, _ = select.select(list(reading), list(writing), [], 60)
    assert readable or writable, "nothing for a minute"
    for s in writable:
        left[s] = left[s][s.send(left[s]):]
        if not left[s]:
            writing.remove(s)
            s.shutdown(socket.SHUT_WR)
    for s in readable:
        data = s.recv(65536)
        heard[s] += data
        if not data:
            reading.remove(s)
            s.close()
expected = message if is_echo else b"Receive your message\n"
assert all(text == expected for text in heard.values()), [len(text) for text in heard.values()]
print("all as sent")
"#;
