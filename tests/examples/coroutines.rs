//! The chapter "coroutines": generators, greenlets, gevent, and the small scheduler between them.

use crate::child::Running;
use crate::run::{Server, assert_output, assert_output_on, example, python, run, run_with_input};
use crate::watchdog::watchdog;

#[test]
fn generator_feeds_its_consumers_in_turn() {
    let _watchdog = watchdog();
    assert_output("generator", &run("generator", &[]));
    let none = run("generator", &["--buns", "0"]);
    assert!(!none.stdout.contains("eats"), "{none}");
}

#[test]
fn greenlets_dance_as_in_the_notes() {
    let _watchdog = watchdog();
    assert_output("greenlet", &run("greenlet", &[]));
}

#[test]
fn gevent_joinall_overlaps_its_sleeps() {
    let _watchdog = watchdog();
    assert_output("gevent_joinall", &run("gevent_joinall", &[]));
}

#[test]
fn gevent_fetch_downloads_everything_twice() {
    let _watchdog = watchdog();
    let ended = run("gevent_fetch", &["--downloads", "3"]);
    assert_output("gevent_fetch", &ended);
    let bytes = ended.stdout.matches("30000 bytes from").count();
    assert_eq!(bytes, 6, "{ended}");
    let many = run("gevent_fetch", &["--downloads", "200", "--delay-ms", "1"]);
    assert!(many.stdout.contains("(200 downloads)"), "{many}");
    assert_eq!(many.status.code(), Some(0), "{many}");
}

/// Not a clock but an order: when the first of the slow answers comes, all have asked.
#[test]
fn gevent_fetch_asks_everybody_before_anybody_answers() {
    let _watchdog = watchdog();
    let args = ["--downloads", "3", "--delay-ms", "1500"];
    let ended = run("gevent_fetch", &args);
    let (_, at_once) = ended.stdout.split_once("one after the other").unwrap();
    let asked = at_once.find("bytes from").unwrap();
    assert_eq!(at_once[..asked].matches("GET ").count(), 3, "{ended}");
}

#[test]
fn tiny_scheduler_runs_a_server_and_its_clients() {
    let _watchdog = watchdog();
    let mut running = Running::start(&mut example("tiny_scheduler", &["--port", "0"]));
    let address = running.line("listening on ");
    let mut ended = running.end();
    ended
        .stdout
        .insert_str(0, &format!("listening on {address}\n"));
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    assert_output_on("tiny_scheduler", &ended, port);
    let crowd = run("tiny_scheduler", &["--port", "0", "--clients", "100"]);
    assert_eq!(
        crowd.stdout.matches("got \"again\"").count(),
        100,
        "{crowd}"
    );
}

const PYTHON_CLIENT: &str = r#"
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=60) as s:
    for size in (1, 1024, 100000):
        data = bytes(i % 251 for i in range(size))
        sent, got = 0, b""
        while len(got) < size:
            sent += s.send(data[sent:sent + 4096])
            got += s.recv(65536)
        assert got == data, size
print("done")
"#;

#[test]
fn tiny_scheduler_and_gevent_echo_serve_pythons_client() {
    let _watchdog = watchdog();
    for (name, args) in [
        ("tiny_scheduler", ["--serve"].as_slice()),
        ("gevent_echo", &[]),
    ] {
        let server = Server::start(name, args);
        if let Some(ended) = python(PYTHON_CLIENT, &[&server.port()]) {
            assert_eq!(ended.stdout, "done\n", "{ended}");
        }
    }
}

#[test]
fn gevent_echo_and_its_client_print_what_they_say() {
    let _watchdog = watchdog();
    let server = Server::start("gevent_echo", &[]);
    let client = run_with_input(
        "gevent_echo_client",
        &["--port", &server.port()],
        b"hello\nhello\nquit\nnever sent\n",
    );
    assert_output("gevent_echo_client", &client);
    server.assert_output();
}

#[test]
fn bad_arguments_and_taken_ports_are_said_clearly() {
    let _watchdog = watchdog();
    for name in ["generator", "gevent_fetch", "tiny_scheduler"] {
        let ended = run(name, &["--nonsense"]);
        assert_eq!(ended.status.code(), Some(2), "{ended}");
        assert!(
            ended.stderr.contains("--nonsense: unknown option"),
            "{ended}"
        );
        assert!(ended.stderr.contains("usage: "), "{ended}");
    }
    let many = run("tiny_scheduler", &["--port", "0", "--clients", "129"]);
    assert_eq!(many.status.code(), Some(2), "{many}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = run("tiny_scheduler", &["--port", &port]);
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    assert!(ended.stderr.contains("ddress already in use"), "{ended}");
}
