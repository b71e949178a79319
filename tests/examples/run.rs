//! Running an example, and comparing what it prints with the Output block of its header.
//!
//! In a block, `…` stands for any text within a line, a line of `…` alone for any lines, and the port is the
//! documented one: what a program printed of the port it really had is put back before the comparison.
#![allow(dead_code, reason = "every chapter uses its own part")]

use super::child::{Ended, Running};
use super::installed::is_installed;
use super::watchdog::BUILDS;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, OnceLock};
use std::time::SystemTime;

/// Where examples lie, and the packages that they belong to.
const PLACES: [(&str, &str); 2] = [
    ("examples", "greenroom"),
    ("servers/examples", "greenroom-servers"),
];

/// Of the workspace; members' tests are built in folders of their own.
fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package
        .ancestors()
        .find(|path| path.join("runtime").exists());
    root.unwrap()
}

fn source(name: &str) -> (PathBuf, &'static str) {
    let places =
        PLACES.map(|(place, package)| (root().join(place).join(format!("{name}.rs")), package));
    let found = places.into_iter().find(|(path, _)| path.exists());
    found.unwrap_or_else(|| panic!("there is no example {name}"))
}

/// When the newest file of what a package's examples are built from was written.
fn newest_of_library(package: &str) -> SystemTime {
    static NEWEST: OnceLock<SystemTime> = OnceLock::new();
    static NEWEST_OF_SERVERS: OnceLock<SystemTime> = OnceLock::new();
    let newest = *NEWEST.get_or_init(|| newest_in(&["runtime", "examples/cli"]));
    if package == "greenroom" {
        return newest;
    }
    newest.max(*NEWEST_OF_SERVERS.get_or_init(|| newest_in(&["servers/src"])))
}

fn newest_in(places: &[&str]) -> SystemTime {
    let mut newest = SystemTime::UNIX_EPOCH;
    let mut waiting: Vec<PathBuf> = places.iter().map(|place| root().join(place)).collect();
    while let Some(path) = waiting.pop() {
        match std::fs::read_dir(&path) {
            Ok(entries) => waiting.extend(entries.map(|entry| entry.unwrap().path())),
            Err(_) => newest = newest.max(written(&path).unwrap()),
        }
    }
    newest
}

fn written(path: &Path) -> std::io::Result<SystemTime> {
    path.metadata()?.modified()
}

/// The built program. `cargo test` of everything has built it beside the tests; `cargo test` of this target
/// alone builds none, and would test what an earlier one left: so it is built here if its source is newer, or
/// the library's.
fn program(name: &str) -> PathBuf {
    static BUILDING: Mutex<()> = Mutex::new(());
    let exe = std::env::current_exe().unwrap();
    let built = exe.parent().and_then(Path::parent).unwrap();
    let path = built.join("examples").join(name);
    let _one_at_a_time = BUILDING.lock().unwrap();
    let (source, package) = source(name);
    let needed = written(&source).unwrap().max(newest_of_library(package));
    if written(&path).is_ok_and(|built| built >= needed) {
        return path;
    }
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(root())
        .args(["build", "--quiet", "-p", package, "--examples"]);
    cargo.arg("--target-dir").arg(built.parent().unwrap());
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    BUILDS.fetch_add(1, Ordering::Relaxed);
    let status = cargo.status();
    BUILDS.fetch_add(1, Ordering::Relaxed);
    assert!(status.unwrap().success(), "{cargo:?}");
    path
}

/// The example's command, without input.
pub(crate) fn example(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program(name));
    command
        .args(args)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn run(name: &str, args: &[&str]) -> Ended {
    Running::start(&mut example(name, args)).end()
}

/// Runs it to its end with something to read.
pub(crate) fn run_with_input(name: &str, args: &[&str], input: &[u8]) -> Ended {
    let mut running = Running::start(example(name, args).stdin(Stdio::piped()));
    let mut stdin = running.child.stdin.take().unwrap();
    // It may end before it has read everything.
    let _ = stdin.write_all(input);
    drop(stdin);
    running.end()
}

/// A server that listens on a port of the system's choice.
pub(crate) struct Server {
    name: &'static str,
    pub(crate) running: Running,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts it with `--port 0` and waits for its line `listening on …`.
    pub(crate) fn start(name: &'static str, args: &[&str]) -> Server {
        let mut running = Running::start(example(name, args).args(["--port", "0"]));
        let address = running.line("listening on ");
        let address = address
            .parse()
            .unwrap_or_else(|error| panic!("{address}: {error}"));
        Server {
            name,
            running,
            address,
        }
    }

    pub(crate) fn port(&self) -> String {
        self.address.port().to_string()
    }

    /// Ends it, and returns everything that it printed. Not by Ctrl-C's signal, which children of a shell's
    /// background jobs ignore unless they listen for it.
    pub(crate) fn interrupt(self) -> Ended {
        self.running.signal("TERM");
        let mut ended = self.running.end();
        ended
            .stdout
            .insert_str(0, &format!("listening on {}\n", self.address));
        ended
    }

    /// As [`Server::interrupt`]; compares with the Output block.
    pub(crate) fn assert_output(self) -> Ended {
        let (name, port) = (self.name, self.address.port());
        let ended = self.interrupt();
        assert_output_on(name, &ended, port);
        ended
    }
}

/// The Output block of an example's header.
pub(crate) fn documented(name: &str) -> String {
    let (path, _) = source(name);
    let text = std::fs::read_to_string(&path).unwrap();
    let header = text.lines().map_while(|line| line.strip_prefix("//!"));
    let block = header.skip_while(|line| !line.trim().starts_with("Output:"));
    let block = block
        .skip_while(|line| !line.trim().starts_with("```"))
        .skip(1);
    let block = block.take_while(|line| line.trim() != "```");
    let block: Vec<&str> = block
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .collect();
    assert!(!block.is_empty(), "{}: no Output block", path.display());
    block.join("\n")
}

/// Compares standard output with the Output block.
#[track_caller]
pub(crate) fn assert_output(name: &str, ended: &Ended) {
    let block = documented(name);
    assert!(
        matches(&block, ended.stdout.trim_end()),
        "{name}: expected\n{block}\ngot\n{ended}"
    );
}

/// As [`assert_output`], for a program that had `port` instead of the one in its block.
#[track_caller]
pub(crate) fn assert_output_on(name: &str, ended: &Ended, port: u16) {
    let block = documented(name);
    let documented = block.split("127.0.0.1:").nth(1).unwrap_or("");
    let documented: String = documented
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    let printed = ended.stdout.replace(
        &format!("127.0.0.1:{port}"),
        &format!("127.0.0.1:{documented}"),
    );
    assert!(
        matches(&block, printed.trim_end()),
        "{name}: expected\n{block}\ngot\n{ended}"
    );
}

/// Compares the lines in any order: of those who ran at the same time.
#[track_caller]
pub(crate) fn assert_output_unordered(name: &str, ended: &Ended) {
    let block = documented(name);
    let mut left: Vec<&str> = ended.stdout.lines().collect();
    // Lines without a wildcard first: one with it would take theirs.
    let (exact, open): (Vec<&str>, Vec<&str>) = block.lines().partition(|line| !line.contains('…'));
    for line in exact.into_iter().chain(open) {
        let at = left.iter().position(|printed| matches_line(line, printed));
        let at = at.unwrap_or_else(|| panic!("{name}: no line\n{line}\nin\n{ended}"));
        left.remove(at);
    }
    assert!(left.is_empty(), "{name}: unexpected {left:?} in\n{ended}");
}

fn matches(block: &str, printed: &str) -> bool {
    let block: Vec<&str> = block.lines().collect();
    let printed: Vec<&str> = printed.lines().collect();
    matches_lines(&block, &printed)
}

fn matches_lines(block: &[&str], printed: &[&str]) -> bool {
    match block.split_first() {
        None => printed.is_empty(),
        Some((&"…", rest)) => {
            (0..=printed.len()).any(|skip| matches_lines(rest, &printed[skip..]))
        }
        Some((line, rest)) => {
            printed
                .first()
                .is_some_and(|first| matches_line(line, first))
                && matches_lines(rest, &printed[1..])
        }
    }
}

fn matches_line(pattern: &str, line: &str) -> bool {
    let Some((before, after)) = pattern.split_once('…') else {
        return pattern == line;
    };
    let Some(mut rest) = line.strip_prefix(before) else {
        return false;
    };
    loop {
        if matches_line(after, rest) {
            return true;
        }
        let mut chars = rest.chars();
        if chars.next().is_none() {
            return false;
        }
        rest = chars.as_str();
    }
}

/// Runs a Python program with arguments. `None`, and a line that says so: there is no Python.
pub(crate) fn python(script: &str, args: &[&str]) -> Option<Ended> {
    let mut command = Command::new("python3");
    command
        .arg("-c")
        .arg(script)
        .args(args)
        .stdin(Stdio::null());
    if !is_installed("python3") {
        return None;
    }
    Some(Running::start(&mut command).end())
}

#[test]
fn pattern_matches_what_it_says() {
    let block = "a\n…\nb … c";
    for (printed, is_match) in [
        ("a\nb 1 c", true),
        ("a\nx\ny\nb  c", true),
        ("a\nb 1 d", false),
        ("a", false),
        ("x\na\nb 1 c", false),
    ] {
        assert_eq!(matches(block, printed), is_match, "{printed:?}");
    }
}
