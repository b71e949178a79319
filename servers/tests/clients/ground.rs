//! The server as a child process, a folder to serve, and what a server says of itself at its end.

use crate::child::{Ended, Running};
use crate::installed::is_installed;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// For whatever must come at last.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// What is at `/small.txt`.
pub(crate) const SMALL: &str = "fifteen bytes.\n";

/// A folder that is gone with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("greenroom-clients-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// With `small.txt` in it.
    pub(crate) fn site() -> Folder {
        let folder = Folder::new();
        folder.file("small.txt", SMALL);
        folder
    }

    pub(crate) fn file(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.0.join(name), contents).unwrap();
    }

    /// The path of a name in it.
    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server that listens.
pub(crate) struct Served {
    running: Running,
    /// As the server says it: `127.0.0.1:PORT` or `unix:/PATH`.
    pub(crate) place: String,
}

impl Served {
    /// On a port of the system's choice.
    pub(crate) fn start(args: &[&str]) -> Served {
        Served::with("", "127.0.0.1:0", args)
    }

    pub(crate) fn http(folder: &Folder, args: &[&str]) -> Served {
        let root = folder.0.to_str().unwrap();
        Served::start(&[&["http", "--root", root], args].concat())
    }

    pub(crate) fn unix(path: &Path, args: &[&str]) -> Served {
        Served::with("", &format!("unix:{}", path.display()), args)
    }

    /// After the shell words `before` (`ulimit -n 64;`).
    pub(crate) fn with(before: &str, listen: &str, args: &[&str]) -> Served {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!(r#"{before} exec "$0" "$@""#)])
            .arg(env!("CARGO_BIN_EXE_greenroom-serve"))
            .args(args)
            .args(["--listen", listen])
            .env_remove("RUST_LOG")
            .stdin(Stdio::null());
        let mut running = Running::start(&mut command);
        let place = running.line("listening on ");
        Served { running, place }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.place.parse().unwrap()
    }

    pub(crate) fn port(&self) -> String {
        self.address().port().to_string()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.place)
    }

    /// What is logged so far, in whole lines: the last one may still be on its way.
    pub(crate) fn log(&self) -> String {
        let mut log = self.running.stderr();
        log.truncate(log.rfind('\n').map_or(0, |at| at + 1));
        log
    }

    #[track_caller]
    pub(crate) fn until_logged(&self, what: &str) {
        let start = Instant::now();
        while !self.log().contains(what) {
            let log = self.log();
            assert!(start.elapsed() < DEADLINE, "not logged: {what}\n{log}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        self.running.signal(name);
    }

    /// Ends it as a user would; it must have had no trouble of its own.
    #[track_caller]
    pub(crate) fn end(self) -> (Totals, Ended) {
        self.running.signal("TERM");
        let ended = self.running.end();
        assert_eq!(ended.status.code(), Some(0), "{ended}");
        let totals = Totals::of(&ended.stdout);
        assert_eq!((totals.panics, totals.cut_off), (0, 0), "{ended}");
        (totals, ended)
    }
}

/// The last line of a server.
#[derive(Debug)]
pub(crate) struct Totals {
    pub(crate) served: u64,
    pub(crate) rejected: u64,
    pub(crate) cut_off: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) errors: u64,
    pub(crate) timeouts: u64,
    pub(crate) panics: u64,
}

impl Totals {
    #[track_caller]
    fn of(line: &str) -> Totals {
        let numbers: Vec<u64> = line
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|number| number.parse().ok())
            .collect();
        let [
            served,
            rejected,
            cut_off,
            bytes_in,
            bytes_out,
            errors,
            timeouts,
            panics,
        ] = numbers[..]
        else {
            panic!("not a line of totals: {line}");
        };
        Totals {
            served,
            rejected,
            cut_off,
            bytes_in,
            bytes_out,
            errors,
            timeouts,
            panics,
        }
    }

    /// Nobody was sent away, late, or in trouble.
    #[track_caller]
    pub(crate) fn assert_smooth(&self) {
        let trouble = (self.rejected, self.errors, self.timeouts);
        assert_eq!(trouble, (0, 0, 0), "{self:?}");
    }
}

/// Runs a program to its end; `None`: it is not installed.
pub(crate) fn run(program: &str, args: &[&str], input: &[u8]) -> Option<Ended> {
    if !is_installed(program) {
        return None;
    }
    let mut running = Running::start(Command::new(program).args(args).stdin(Stdio::piped()));
    // Short enough for the pipe.
    running
        .child
        .stdin
        .take()
        .unwrap()
        .write_all(input)
        .unwrap();
    Some(running.end())
}

/// As `run`, of a program that must succeed; what it printed.
#[track_caller]
pub(crate) fn output(program: &str, args: &[&str], input: &[u8]) -> Option<String> {
    let ended = run(program, args, input)?;
    assert!(ended.status.success(), "{program} {args:?}: {ended}");
    Some(ended.stdout)
}

/// The whole answer to a request that asks for the end of the connection.
pub(crate) fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
