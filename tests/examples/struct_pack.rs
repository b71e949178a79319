//! Chapter "framing": records of fixed size, against Python's own `struct`.

use super::child::Running;
use super::run::{self, Server, assert_output, python};
use super::watchdog::watchdog;
use std::io::Write;
use std::net::{TcpListener, TcpStream};

#[test]
fn record_is_packed_as_the_header_says() {
    let _watchdog = watchdog();
    let ended = run::run("struct_pack", &[]);
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    assert_output("struct_pack", &ended);
    for (args, complaint) in [
        (
            &["--number", "2147483648"][..],
            "--number 2147483648: not a value in range",
        ),
        (&["--height", "tall"], "--height tall: not a value in range"),
        (&["both"], "one of `receive` and `send`, or neither"),
    ] {
        let ended = run::run("struct_pack", args);
        assert_eq!(ended.status.code(), Some(2), "{ended}");
        assert!(ended.stderr.starts_with(complaint), "{ended}");
    }
}

/// Packs in a byte at a time, or unpacks.
const PYTHON_RECORD: &str = r#"
import socket, struct, sys
st = struct.Struct('i5sf')
assert st.size == 16
if sys.argv[1] == "send":
    client = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in st.pack(int(sys.argv[3]), sys.argv[4].encode(), float(sys.argv[5])):
        client.send(bytes([byte]))
else:
    server = socket.create_server(("127.0.0.1", 0))
    print("listening on 127.0.0.1:%d" % server.getsockname()[1], flush=True)
    client, _ = server.accept()
    print(st.unpack(client.recv(16, socket.MSG_WAITALL)))
"#;

const RECORDS: [([&str; 3], &str); 4] = [
    (["1", "zhang", "1.75"], "(1, b'zhang', 1.75)"),
    (
        ["-2147483648", "a", "-0.5"],
        r"(-2147483648, b'a\x00\x00\x00\x00', -0.5)",
    ),
    (
        ["2147483647", "longer", "inf"],
        "(2147483647, b'longe', inf)",
    ),
    (["0", "ä\t", "0.125"], r"(0, b'\xc3\xa4\t\x00\x00', 0.125)"),
];

#[test]
fn record_of_pythons_struct_is_received() {
    let _watchdog = watchdog();
    for ([number, name, height], shown) in RECORDS {
        let receiver = Server::start("struct_pack", &["receive"]);
        let Some(_) = python(
            PYTHON_RECORD,
            &["send", &receiver.port(), number, name, height],
        ) else {
            return;
        };
        let ended = receiver.running.end();
        assert_eq!(ended.status.code(), Some(0), "{ended}");
        assert_eq!(ended.stdout, format!("received {shown}\n"));
    }
}

#[test]
fn record_is_what_pythons_struct_unpacks() {
    let _watchdog = watchdog();
    for ([number, name, height], shown) in RECORDS {
        if python("", &[]).is_none() {
            return;
        }
        let mut command = std::process::Command::new("python3");
        let mut receiver = Running::start(command.args(["-c", PYTHON_RECORD, "receive"]));
        let port = receiver.line("listening on 127.0.0.1:");
        let args = [
            "send", "--port", &port, "--number", number, "--name", name, "--height", height,
        ];
        let ended = run::run("struct_pack", &args);
        assert_eq!(ended.status.code(), Some(0), "{ended}");
        assert_eq!(receiver.end().stdout, format!("{shown}\n"));
    }
}

#[test]
fn record_that_is_cut_short_is_an_error() {
    let _watchdog = watchdog();
    let receiver = Server::start("struct_pack", &["receive"]);
    let mut stream = TcpStream::connect(receiver.address).unwrap();
    stream.write_all(&[0; 15]).unwrap();
    drop(stream);
    let ended = receiver.running.end();
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    assert!(
        ended
            .stderr
            .contains("the sender left in the middle of a record"),
        "{ended}"
    );
    // Nobody there, nobody else's port.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = run::run("struct_pack", &["receive", "--port", &port]);
    assert!(
        ended
            .stderr
            .contains(&format!("cannot listen on 127.0.0.1:{port}")),
        "{ended}"
    );
    drop(taken);
    let ended = run::run("struct_pack", &["send", "--port", &port]);
    assert!(
        ended
            .stderr
            .contains(&format!("cannot connect to 127.0.0.1:{port}")),
        "{ended}"
    );
}
