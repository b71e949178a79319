//! Chapter "framing": uploads. What a header may say, what may happen on the way, and what lies in the folder then.

use super::bad_uploads::{HELLO, HELLO_MD5, bad_uploads, header};
use super::child::Ended;
use super::framing::{frame, lines_until, until_logged};
use super::run::{self, Server, assert_output, assert_output_on, python};
use super::watchdog::watchdog;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder that goes away with its test; the target folder is `in` inside of it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static SERIAL: AtomicUsize = AtomicUsize::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let name = format!("greenroom-upload-{}-{serial}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(path.join("in")).unwrap();
        Folder(path)
    }

    pub(crate) fn target(&self) -> PathBuf {
        self.0.join("in")
    }

    pub(crate) fn server(&self, more: &[&str]) -> Server {
        let target = self.target();
        let args = [&["--dir", target.to_str().unwrap()], more].concat();
        Server::start("framing_json_header", &args)
    }

    /// A file to upload, outside of the target folder.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Names in the target folder.
    pub(crate) fn names(&self) -> Vec<String> {
        names(&self.target())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// What the server replies, and that it then closes.
fn reply(stream: &mut TcpStream) -> String {
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).unwrap();
    let (prefix, json) = reply.split_at(4);
    assert_eq!(
        i32::from_ne_bytes(prefix.try_into().unwrap()),
        i32::try_from(json.len()).unwrap()
    );
    String::from_utf8(json.to_owned()).unwrap()
}

pub(crate) fn send(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    reply(&mut stream)
}

fn refusal(message: &str) -> String {
    format!(r#"{{"message":"{message}","status":"error"}}"#)
}

pub(crate) fn upload(server: &Server, args: &[&str]) -> Ended {
    let port = server.port();
    run::run(
        "framing_json_header_client",
        &[&["--port", &port], args].concat(),
    )
}

#[test]
fn upload_is_stored_and_both_print_what_their_headers_say() {
    let _watchdog = watchdog();
    let folder = Folder::new();
    let server = folder.server(&[]);
    let client = upload(&server, &[&folder.file("hello.txt", HELLO)]);
    assert_eq!(client.status.code(), Some(0), "{client}");
    assert_output("framing_json_header_client", &client);
    assert_eq!(client.stderr, "", "no bar without a terminal");
    assert_eq!(fs::read(folder.target().join("hello.txt")).unwrap(), HELLO);
    let port = server.address.port();
    let ended = server.interrupt();
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    assert_output_on("framing_json_header", &ended, port);
    assert_eq!(folder.names(), ["hello.txt"]);
}

#[test]
fn upload_of_any_size_arrives_as_it_is() {
    let _watchdog = watchdog();
    let folder = Folder::new();
    let server = folder.server(&[]);
    for size in [0, 1, 65_535, 65_536, 65_537, 20_000_000] {
        let content: Vec<u8> = (0..size).map(|i: u32| (i % 251) as u8).collect();
        let ended = upload(
            &server,
            &["--name", "big", &folder.file("content", &content)],
        );
        assert_eq!(ended.status.code(), Some(0), "{ended}");
        assert!(
            fs::read(folder.target().join("big")).unwrap() == content,
            "{size}"
        );
    }
    assert_eq!(folder.names(), ["big"]);
}

#[test]
fn upload_that_breaks_a_rule_gets_a_reply_that_says_which_and_leaves_nothing() {
    let _watchdog = watchdog();
    let folder = Folder::new();
    let outside = folder.file("outside", b"untouched");
    let target = folder.target();
    symlink(&outside, target.join("link")).unwrap();
    symlink(folder.0.join("nowhere"), target.join("dangling")).unwrap();
    fs::create_dir(target.join("folder")).unwrap();
    let server = folder.server(&["--max-bytes", "1000000"]);
    let cases = bad_uploads();
    for (sent, message) in &cases {
        assert_eq!(send(&server, sent), refusal(message));
        let logged = message.replace("\\\"", "\"");
        until_logged(&server, &logged);
        assert_eq!(folder.names(), ["dangling", "folder", "link"], "{message}");
    }
    assert_eq!(fs::read(&outside).unwrap(), b"untouched");
    assert_eq!(names(&folder.0), ["in", "outside"]);
    // It lives, and a header that is exactly as long as it may be is none too long.
    let padded = format!(
        r#"{{"file_size":12,"file_name":"{}","md5":"{}"}}"#,
        "y".repeat(255),
        HELLO_MD5.to_uppercase()
    );
    let sent = [frame(format!("{padded:8192}").as_bytes()), HELLO.to_owned()].concat();
    let message = send(&server, &sent);
    assert!(message.contains("stored yyy"), "{message}");
    let ended = server.interrupt();
    let refused = cases.len();
    assert!(
        ended
            .stdout
            .ends_with(&format!("served 1 uploads, refused {refused}\n")),
        "{ended}"
    );
}

#[test]
fn upload_that_stalls_or_breaks_off_leaves_nothing() {
    let _watchdog = watchdog();
    let folder = Folder::new();
    let server = folder.server(&["--idle-seconds", "0.2"]);
    let half = [header("1000000", "x", HELLO_MD5), vec![0; 70_000]].concat();
    for sent in [&b"\x09\0"[..], b"\x09\0\0\0{", &half] {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(sent).unwrap();
        assert_eq!(reply(&mut stream), refusal("nothing moved for 0.2 s"));
    }
    // Left alone at once, without a half-close.
    drop(TcpStream::connect(server.address).unwrap());
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(&half).unwrap();
    drop(stream);
    let message = send(
        &server,
        &[header("12", "y", HELLO_MD5), HELLO.to_owned()].concat(),
    );
    assert!(message.contains(r#""status":"ok""#), "{message}");
    let ended = server.interrupt();
    assert!(
        ended.stderr.contains("after 70000 of 1000000 bytes"),
        "{ended}"
    );
    assert!(
        ended.stdout.ends_with("served 1 uploads, refused 4\n"),
        "{ended}"
    );
    assert_eq!(folder.names(), ["y"]);
}

#[test]
fn two_uploads_of_one_name_are_each_whole_and_the_last_to_end_stays() {
    let _watchdog = watchdog();
    let folder = Folder::new();
    let mut server = folder.server(&[]);
    let early = [header("12", "same", HELLO_MD5), HELLO.to_owned()].concat();
    let (first, rest) = early.split_at(early.len() - 5);
    let mut one = TcpStream::connect(server.address).unwrap();
    one.write_all(first).unwrap();
    let empty_md5 = "d41d8cd98f00b204e9800998ecf8427e";
    assert!(send(&server, &header("0", "same", empty_md5)).contains("stored same, 0 bytes"));
    assert_eq!(fs::read(folder.target().join("same")).unwrap(), b"");
    one.write_all(rest).unwrap();
    assert!(reply_of_open(&mut one).contains("stored same, 12 bytes"));
    assert_eq!(fs::read(folder.target().join("same")).unwrap(), HELLO);
    assert_eq!(folder.names(), ["same"]);
    lines_until(&mut server.running, HELLO_MD5);
}

/// The server waits for our end before it closes.
fn reply_of_open(stream: &mut TcpStream) -> String {
    stream.shutdown(Shutdown::Write).unwrap();
    reply(stream)
}

#[test]
fn signal_lets_open_uploads_finish_for_the_grace_and_no_longer() {
    let _watchdog = watchdog();
    for (signal, grace, is_stored) in [("TERM", "60", true), ("INT", "0", false)] {
        let folder = Folder::new();
        let server = folder.server(&["--grace-seconds", grace]);
        let sent = [header("12", "x", HELLO_MD5), HELLO.to_owned()].concat();
        let (first, rest) = sent.split_at(sent.len() - 5);
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(first).unwrap();
        // Its temporary file is there: the upload is under way.
        while folder.names().is_empty() {
            std::thread::yield_now();
        }
        server.running.signal(signal);
        if is_stored {
            // Nobody new gets in, once the signal has arrived.
            while TcpStream::connect(server.address).is_ok() {
                std::thread::yield_now();
            }
            stream.write_all(rest).unwrap();
            assert!(reply_of_open(&mut stream).contains("stored x, 12 bytes"));
        }
        let ended = server.running.end();
        assert_eq!(ended.status.code(), Some(0), "{ended}");
        assert_eq!(
            folder.names(),
            if is_stored { vec!["x"] } else { vec![] },
            "{ended}"
        );
    }
}

#[test]
fn client_hears_a_refusal_in_the_middle_of_a_big_file() {
    let _watchdog = watchdog();
    let folder = Folder::new();
    let server = folder.server(&["--max-bytes", "1000"]);
    let big = folder.file("big", &vec![7; 40_000_000]);
    let ended = upload(&server, &[&big]);
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    let said = format!(
        "framing_json_header_client: {big}: refused: file_size is 40000000, allowed are 1000\n"
    );
    assert_eq!(ended.stderr, said);
}

#[test]
fn client_says_what_is_wrong_with_its_files_and_its_server() {
    let _watchdog = watchdog();
    let folder = Folder::new();
    let name = "framing_json_header_client";
    for (args, complaint) in [
        (&[][..], "no file to upload"),
        (
            &["--name", "x", "a", "b"],
            "--name: one name for more than one file",
        ),
        (
            &["--idle-seconds", "0", "a"],
            "--idle-seconds 0: nobody is that fast",
        ),
        (
            &["--idle-seconds", "-1", "a"],
            "--idle-seconds -1: cannot convert",
        ),
    ] {
        let ended = run::run(name, args);
        assert_eq!(ended.status.code(), Some(2), "{ended}");
        assert!(ended.stderr.starts_with(complaint), "{ended}");
    }
    let server = folder.server(&[]);
    for (file, complaint) in [
        (folder.0.join("missing"), "No such file or directory"),
        (folder.target(), "not a regular file"),
    ] {
        let ended = upload(&server, &[file.to_str().unwrap()]);
        assert_eq!(ended.status.code(), Some(1), "{ended}");
        assert!(ended.stderr.contains(complaint), "{ended}");
    }
    let file = folder.file("hello.txt", HELLO);
    let ended = upload(&server, &["--name", "../x", &file]);
    assert!(
        ended
            .stderr
            .ends_with("refused: file_name begins with a dot\n"),
        "{ended}"
    );
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let ended = run::run(
        "framing_json_header",
        &["--port", &port, "--dir", folder.0.to_str().unwrap()],
    );
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    assert!(
        ended
            .stderr
            .contains(&format!("cannot listen on 127.0.0.1:{port}: ")),
        "{ended}"
    );
    // A server that never answers.
    let ended = run::run(name, &["--port", &port, "--idle-seconds", "0.1", &file]);
    assert!(
        ended.stderr.ends_with("nothing moved for 0.1 s\n"),
        "{ended}"
    );
    drop(taken);
    let ended = run::run(name, &["--port", &port, &file]);
    assert!(
        ended
            .stderr
            .contains(&format!("cannot connect to 127.0.0.1:{port}: ")),
        "{ended}"
    );
}

#[test]
fn big_upload_costs_no_more_memory_than_a_small_one() {
    let _watchdog = watchdog();
    let folder = Folder::new();
    let server = folder.server(&[]);
    let big = folder.file("big", &vec![7; 64_000_000]);
    let ended = upload(&server, &[&big]);
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    let status = format!("/proc/{}/status", server.running.child.id());
    let status = fs::read_to_string(status).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let peak_kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak_kib < 50_000, "{peak_kib} KiB");
}

/// The notes' sketch, with loops.
const PYTHON_UPLOAD: &str = r#"
import hashlib, json, socket, struct, sys
for size in (0, 1, 1000000):
    content = bytes(i % 251 for i in range(size))
    header = {"file_size": size, "file_name": "größe %d.bin" % size, "md5": hashlib.md5(content).hexdigest()}
    head_bytes = bytes(json.dumps(header), encoding="utf-8")
    conn = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    conn.send(struct.pack("i", len(head_bytes)))
    conn.send(head_bytes)
    conn.sendall(content)
    length = struct.unpack("i", conn.recv(4, socket.MSG_WAITALL))[0]
    reply = json.loads(conn.recv(length, socket.MSG_WAITALL).decode("utf-8"))
    assert reply["status"] == "ok", reply
    conn.close()
print("done")
"#;

#[test]
fn pythons_upload_is_stored() {
    let _watchdog = watchdog();
    let folder = Folder::new();
    let server = folder.server(&[]);
    let Some(ended) = python(PYTHON_UPLOAD, &[&server.port()]) else {
        return;
    };
    assert_eq!(ended.stdout, "done\n", "{ended}");
    assert_eq!(
        folder.names(),
        ["größe 0.bin", "größe 1.bin", "größe 1000000.bin"]
    );
    let stored = fs::read(folder.target().join("größe 1000000.bin")).unwrap();
    assert!(
        stored
            .iter()
            .enumerate()
            .all(|(i, byte)| i % 251 == usize::from(*byte))
    );
}
