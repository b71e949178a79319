//! `echo` and `upper` with nc and CPython's sockets: TCP, UDP and Unix.

use crate::ground::{Folder, Served, output};
use crate::watchdog::watchdog;

#[test]
fn nc_talks_tcp_udp_and_unix() {
    let _watchdog = watchdog();
    let folder = Folder::new();
    for (program, wanted) in [("echo", "Hello\n"), ("upper", "HELLO\n")] {
        let tcp = Served::start(&[program]);
        let udp = Served::start(&[program, "--udp"]);
        let path = folder.path(program);
        let unix = Served::unix(path.as_ref(), &[program]);
        let (tcp_port, udp_port) = (tcp.port(), udp.port());
        for args in [
            &["-N", "127.0.0.1", &tcp_port][..],
            // It goes when it has an answer.
            &["-u", "-W", "1", "127.0.0.1", &udp_port],
            &["-N", "-U", &path],
        ] {
            if let Some(heard) = output("nc", args, b"Hello\n") {
                assert_eq!(heard, wanted, "{program} {args:?}");
            }
        }
        for server in [tcp, udp, unix] {
            server.end().0.assert_smooth();
        }
    }
}

/// All that a connection can do with either family: much at once, half-closed, many at a time; and the
/// clients of socketserver's documentation.
const SCRIPT: &str = r#"
import socket, sys, threading
tcp, udp, unix, is_upper = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4] == "upper"
wanted = (lambda data: data.upper()) if is_upper else (lambda data: data)
def connect_tcp():
    return socket.create_connection(("127.0.0.1", tcp), timeout=60)
def connect_unix():
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(60)
    sock.connect(unix)
    return sock
def all_of(sock):
    return b"".join(iter(lambda: sock.recv(65536), b""))
for connect in connect_tcp, connect_unix:
    # Lines, some of them in pieces, and the rest after the end of what is sent.
    with connect() as sock, sock.makefile("rwb") as lines:
        for line in b"one\n", b"Two and a half\n", b"x" * 1000 + b"\n":
            lines.write(line[:2])
            lines.flush()
            lines.write(line[2:])
            lines.flush()
            assert lines.readline() == wanted(line), line
    data = b"".join(b"Line %d of many\n" % n for n in range(50000))
    with connect() as sock:
        def send():
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=send)
        sender.start()
        assert all_of(sock) == wanted(data)
        sender.join()
    socks = [connect() for _ in range(50)]
    for number, sock in enumerate(socks):
        sock.sendall(b"Client %d\n" % number)
    for number, sock in reversed(list(enumerate(socks))):
        sock.shutdown(socket.SHUT_WR)
        assert all_of(sock) == wanted(b"Client %d\n" % number)
        sock.close()
    # Nothing but the end.
    with connect() as sock:
        sock.shutdown(socket.SHUT_WR)
        assert all_of(sock) == b""

# As in the documentation of socketserver: TCP, by file and by socket, and UDP.
with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
    sock.connect(("127.0.0.1", tcp))
    sock.sendall(bytes("hello World" + "\n", "utf-8"))
    assert str(sock.recv(1024), "utf-8") == str(wanted(b"hello World\n"), "utf-8")
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.settimeout(60)
for data in b"hello World\n", b"", b"x" * 1400:
    sock.sendto(data, ("127.0.0.1", udp))
    assert sock.recvfrom(65536) == (wanted(data), ("127.0.0.1", udp)), data
sock.connect(("127.0.0.1", udp))
for number in range(100):
    sock.send(b"Number %d" % number)
    assert sock.recv(2048) == wanted(b"Number %d" % number)
print("done")
"#;

#[test]
fn python_talks_tcp_udp_and_unix() {
    let _watchdog = watchdog();
    let folder = Folder::new();
    for program in ["echo", "upper"] {
        let tcp = Served::start(&[program, "--workers", "2"]);
        let udp = Served::start(&[program, "--udp"]);
        let path = folder.path(program);
        let unix = Served::unix(path.as_ref(), &[program]);
        let args = ["-c", SCRIPT, &tcp.port(), &udp.port(), &path, program];
        if let Some(printed) = output("python3", &args, b"") {
            assert_eq!(printed, "done\n", "{program}");
        }
        for server in [tcp, udp, unix] {
            server.end().0.assert_smooth();
        }
    }
}
