//! Other people's clients: nc, and CPython's socket module.

use crate::installed::is_installed;
use crate::program::Served;
use crate::watchdog::watchdog;
use std::io::Write;
use std::process::{Command, Stdio};

/// What a program prints, given this input; `None` if it is not installed.
fn output(program: &str, args: &[&str], input: &[u8]) -> Option<String> {
    if !is_installed(program) {
        return None;
    }
    let mut command = Command::new(program);
    command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program}: {}", output.status);
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn nc_talks_to_echo_upper_and_chat() {
    let _watchdog = watchdog();
    for (program, input, wanted) in [
        ("echo", "hello\n", "hello\n"),
        ("upper", "hello\n", "HELLO\n"),
        (
            "chat",
            "ada\nhello\n",
            "* welcome: what is your name?\n* ada joins lobby\nada: hello\n",
        ),
    ] {
        let server = Served::start(&[program]);
        let port = server.address.port().to_string();
        if let Some(heard) = output("nc", &["-N", "127.0.0.1", &port], input.as_bytes()) {
            assert_eq!(heard, wanted, "{program}");
        }
    }
}

/// Two people and a book of addresses.
const UDP: &str = r#"
import socket, sys
server = ("127.0.0.1", int(sys.argv[1]))
ada, bob = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
def ask(who, text):
    who.settimeout(60)
    who.sendto(text.encode(), server)
    return who.recv(2048).decode()
print(ask(ada, "register ada"), ask(bob, "register bob"), ask(ada, "to bob grüß dich"))
print(bob.recv(2048).decode())
print(ask(bob, "list"))
"#;

/// Frames by `struct`, one of them in pieces.
const FRAMES: &str = r#"
import json, socket, struct, sys, time
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as s:
    def exactly(n):
        data = b""
        while len(data) < n:
            more = s.recv(n - len(data))
            if not more: raise EOFError
            data += more
        return data
    def frame():
        return exactly(struct.unpack("i", exactly(4))[0])
    for command in b"echo one", b"rm two", b"echo three":
        for byte in struct.pack("i", len(command)) + command:
            s.send(bytes([byte]))
        head = json.loads(frame())
        print(head.get("error") or (head["exit_code"], frame(), frame()))
"#;

/// Three people in a room; one of them vanishes.
const ROOM: &str = r#"
import socket, struct, sys
def join(name):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    f = s.makefile("rw", encoding="utf-8", newline="\n")
    print(name, file=f, flush=True)
    while f.readline() != f"* {name} joins lobby\n": pass
    return s, f
(a, ada), (b, bob), (c, cyd) = map(join, ("ada", "bob", "cyd"))
b.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
bob.close(); b.close()
print("grüß euch", file=cyd, flush=True)
while (line := ada.readline()) != "cyd: grüß euch\n": print(line, end="")
print(line, end="")
"#;

#[test]
fn python_talks_to_all_of_them() {
    let _watchdog = watchdog();
    for (args, script, wanted) in [
        (
            &["chat", "--udp"][..],
            UDP,
            "ok ok ok\nfrom ada: grüß dich\nok 2: ada bob\n",
        ),
        (
            &["remote-command", "--allow", "echo"],
            FRAMES,
            "(0, b'one\\n', b'')\nrm is not allowed; allowed: echo\n(0, b'three\\n', b'')\n",
        ),
        (
            &["chat"],
            ROOM,
            "* bob joins lobby\n* cyd joins lobby\n…cyd: grüß euch\n",
        ),
    ] {
        let server = Served::start(args);
        let port = server.address.port().to_string();
        if let Some(printed) = output("python3", &["-X", "utf8", "-c", script, &port], b"") {
            // `bob leaves` may come before or after what `cyd` says.
            assert!(
                crate::table::is_like(printed.as_bytes(), &wanted.replace('\\', r"\\")),
                "{printed}"
            );
        }
    }
}

#[test]
fn curl_gets_files_by_http_and_ftp() {
    let _watchdog = watchdog();
    let folder = std::env::temp_dir().join(format!("greenroom-serve-root-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("index.html"), "<h1>hello</h1>\n").unwrap();
    let root = folder.to_str().unwrap();
    for (program, path) in [("http", ""), ("http", "index.html"), ("ftp", "index.html")] {
        let server = Served::start(&[program, "--root", root, "--grace", "0"]);
        let url = format!("{program}://{}/{path}", server.address);
        if let Some(page) = output("curl", &["-sS", "--max-time", "60", &url], b"") {
            assert_eq!(page, "<h1>hello</h1>\n", "{url}");
        }
        let ended = server.end("TERM");
        assert_eq!(ended.status.code(), Some(0), "{url}: {ended}");
        assert!(ended.stdout.contains(" 0 panics"), "{url}: {ended}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
