//! The two examples, as a reader runs them.

use super::child::{Ended, Running};
use super::ground::{TempDir, pattern, plant};
use super::installed::is_installed;
use super::watchdog::watchdog;
use super::{CLIENT_PROGRAM, SERVER_PROGRAM};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const SERVER: &str = include_str!("../../examples/ftp_server.rs");
const CLIENT: &str = include_str!("../../examples/ftp_client.rs");

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

/// The lines of the header's output.
fn said(source: &str) -> Vec<&str> {
    let lines = source
        .lines()
        .skip_while(|line| *line != "//! ```text")
        .skip(1);
    let lines = lines.take_while(|line| *line != "//! ```");
    lines.map(|line| line.trim_start_matches("//! ")).collect()
}

/// `…` stands for anything.
#[track_caller]
fn assert_is(line: &str, pattern: &str) {
    let mut parts = pattern.split('…');
    let mut rest = line.strip_prefix(parts.next().unwrap_or_default());
    for part in parts {
        rest = rest.and_then(|rest| rest.find(part).map(|at| &rest[at + part.len()..]));
    }
    assert!(rest.is_some(), "{line}, not {pattern}");
}

fn start(root: &Path, args: &[&str]) -> (Running, String) {
    let root = root.to_str().unwrap();
    let mut command = example(SERVER_PROGRAM, &["--port", "0", "--root", root]);
    let mut running = Running::start(command.args(args));
    let address = running.line("listening on 127.0.0.1:");
    (running, address)
}

fn client(port: &str, dir: &Path, args: &[&str]) -> Ended {
    let mut command = example(CLIENT_PROGRAM, &["--port", port]);
    Running::start(command.args(args).current_dir(dir)).end()
}

/// A users' file of one, who may write: its hash is made as a reader would.
fn users(dir: &Path, name: &str, home: &str) -> String {
    let mut command = example(SERVER_PROGRAM, &["--hash-password"]);
    let mut running = Running::start(command.stdin(Stdio::piped()));
    let mut input = running.child.stdin.take().unwrap();
    input.write_all(b"pw\n").unwrap();
    drop(input);
    let hash = running.end().stdout;
    let users = dir.join("users");
    std::fs::write(&users, format!("{name}:{}:rw:{home}\n", hash.trim())).unwrap();
    users.to_str().unwrap().to_owned()
}

#[test]
fn server_and_client_print_what_their_headers_say() {
    let _watchdog = watchdog();
    let dir = TempDir::new();
    let root = plant(&dir.0);
    let (running, port) = start(&root, &[]);
    let [list, got] = said(CLIENT)[..] else {
        panic!("{:?}", said(CLIENT))
    };
    let mut shell = example(CLIENT_PROGRAM, &["--port", &port]);
    let shell = shell.stdin(Stdio::piped()).current_dir(&dir.0);
    let mut shell = Running::start(shell);
    let mut input = shell.child.stdin.take().unwrap();
    input
        .write_all(b"list\nget nowhere x\nput root/a.txt\nnonsense\n\nresume nowhere y\nget ..\n")
        .unwrap();
    // A complaint each: after those of this machine, too, the next command is obeyed.
    input
        .write_all(b"get a.txt root\nput root\nget a.txt\nquit\n")
        .unwrap();
    let ended = shell.end();
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    assert_is(ended.stdout.lines().next().unwrap(), list);
    assert_is(ended.stdout.lines().last().unwrap(), got);
    assert_eq!(ended.stderr.lines().count(), 7, "{ended}");
    assert!(!dir.0.join("y").exists());
    assert_eq!(std::fs::read(dir.0.join("a.txt")).unwrap(), b"hello\n");
    running.signal("INT");
    let ended = running.end();
    assert_eq!(ended.status.code(), Some(0), "{ended}");
    assert_is(ended.stdout.lines().next().unwrap(), said(SERVER)[1]);
}

#[test]
fn client_gets_resumes_and_puts_by_its_arguments() {
    let _watchdog = watchdog();
    let dir = TempDir::new();
    let root = plant(&dir.0);
    let users = users(&dir.0, "eve", "/dir");
    let (running, port) = start(&root, &["--users", &users, "--no-anonymous"]);
    let login = ["--user", "eve", "--password", "pw"];
    let run = |args: &[&str]| client(&port, &dir.0, &[&login[..], args].concat());

    std::fs::write(dir.0.join("up"), pattern(1 << 20)).unwrap();
    assert_eq!(
        run(&["put", "up", "sub/up.bin"]).stdout,
        "sub/up.bin: 1048576 bytes\n"
    );
    std::fs::write(dir.0.join("up.bin"), &pattern(1 << 20)[..1000]).unwrap();
    assert_eq!(
        run(&["resume", "sub/up.bin"]).stdout,
        "up.bin: 1047576 bytes more\n"
    );
    assert!(std::fs::read(dir.0.join("up.bin")).unwrap() == pattern(1 << 20));
    let list = run(&["list"]).stdout;
    assert!(list.lines().next().unwrap().ends_with(" b c.txt"), "{list}");
    for (args, code, complaint) in [
        (&["get", "nowhere"][..], 1, "550"),
        (&["get", ".."], 1, "no name"),
        (&["put", "nowhere"], 1, "nowhere"),
        (&["fetch"], 2, "usage: ftp_client"),
    ] {
        let ended = run(args);
        assert_eq!(ended.status.code(), Some(code), "{ended}");
        assert!(ended.stderr.contains(complaint), "{ended}");
    }
    let ended = client(&port, &dir.0, &["list"]);
    assert!(ended.stderr.contains("530"), "{ended}");
    running.signal("TERM");
    assert_eq!(running.end().status.code(), Some(0));
    let ended = client(&port, &dir.0, &["list"]);
    assert_eq!(ended.status.code(), Some(1), "{ended}");
    assert!(ended.stderr.contains(&port), "{ended}");
}

#[test]
fn client_whose_output_nobody_reads_ends_well() {
    let _watchdog = watchdog();
    let dir = TempDir::new();
    let root = plant(&dir.0);
    let (_running, port) = start(&root, &[]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = example(CLIENT_PROGRAM, &["--port", &port, "list"]);
    let ended = command.stdout(writer).output().unwrap();
    assert!(
        ended.status.success() && ended.stderr.is_empty(),
        "{ended:?}"
    );
}

#[test]
fn bad_arguments_are_named() {
    let _watchdog = watchdog();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    for (args, code, complaint) in [
        (&["--passive-ports", "9-8"][..], 2, "--passive-ports 9-8"),
        (&["--passive-ports", "x"], 2, "usage: ftp_server"),
        (&["--max-clients", "many"], 2, "--max-clients many"),
        (&["--root", "/no/such"], 1, "/no/such"),
        (&["--users", "/no/such"], 1, "/no/such"),
        (&["--port", &port], 1, "in use"),
    ] {
        let ended = Running::start(&mut example(SERVER_PROGRAM, args)).end();
        assert_eq!(ended.status.code(), Some(code), "{ended}");
        assert!(ended.stderr.contains(complaint), "{ended}");
    }
}

#[test]
fn curl_killed_in_the_middle_of_an_upload_can_resume_it() {
    let _watchdog = watchdog();
    if !is_installed("curl") {
        return;
    }
    let dir = TempDir::new();
    let root = plant(&dir.0);
    let users = users(&dir.0, "ada", "/");
    let (running, port) = start(&root, &["--users", &users]);
    let (source, whole) = (dir.0.join("source"), pattern(4 << 20));
    std::fs::write(&source, &whole).unwrap();
    let url = format!("ftp://127.0.0.1:{port}/cut.bin");
    let curl = |more: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args([
            "-sS",
            "--noproxy",
            "*",
            "-u",
            "ada:pw",
            "-T",
            source.to_str().unwrap(),
            &url,
        ]);
        curl.args(more).stdin(Stdio::null());
        Running::start(&mut curl)
    };
    // So slow that it is still at it when something has arrived.
    let slow = curl(&["--limit-rate", "200k"]);
    let target = root.join("cut.bin");
    while target.metadata().map_or(0, |facts| facts.len()) == 0 {
        std::thread::yield_now();
    }
    slow.signal("KILL");
    drop(slow);
    assert!(target.metadata().unwrap().len() < whole.len() as u64);
    let ended = curl(&["-C", "-"]).end();
    assert!(ended.status.success(), "{ended}");
    assert!(std::fs::read(&target).unwrap() == whole);
    drop(running);
}

#[test]
fn upload_beyond_the_systems_limit_is_cut_and_the_server_goes_on() {
    let _watchdog = watchdog();
    let dir = TempDir::new();
    let root = plant(&dir.0);
    let users = users(&dir.0, "ada", "/");
    let server = example(SERVER_PROGRAM, &[]);
    let mut limited = Command::new("sh");
    // Half-kilobytes, or kilobytes: that is the shell's choice.
    let script = "ulimit -f 1000; exec \"$0\" \"$@\"";
    let limited = limited.args(["-c", script]).arg(server.get_program());
    let limited = limited.args(["--port", "0", "--users", &users, "--root"]);
    let mut running = Running::start(limited.arg(&root).stdin(Stdio::null()));
    let port = running.line("listening on 127.0.0.1:");
    std::fs::write(dir.0.join("source"), pattern(2 << 20)).unwrap();
    for _ in 0..2 {
        let args = ["--user", "ada", "--password", "pw", "put", "source", "cut"];
        let ended = client(&port, &dir.0, &args);
        assert!(ended.stderr.contains("552 Too long"), "{ended}");
        let kept = root.join("cut").metadata().unwrap().len();
        assert!([500 << 10, 1000 << 10].contains(&kept), "{kept}");
    }
    running.signal("TERM");
    assert_eq!(running.end().status.code(), Some(0));
}
