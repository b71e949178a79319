//! Who takes part, how they are built and started, and the check that all of them answer alike.
//!
//! Each server gets a port that was free a moment before, since some of them cannot say which one the
//! kernel chose. It is ready when it has answered the plaintext, twice over one connection.

use super::scratch::Scratch;
use super::{cores, nginx, plain};
use crate::child::Process;
use crate::load::cpu_at_rest;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, thread};

const START_MAX: Duration = Duration::from_secs(10);
const START_PAUSE: Duration = Duration::from_millis(10);
/// Far above what any client of a bench takes, unless a bench says another one.
const HEAD_LIMIT: Duration = Duration::from_secs(60);

pub(crate) const GREENROOM: &str = "greenroom";
pub(crate) const RAW: &str = "raw-http";
pub(crate) const NGINX: &str = "nginx";

/// A server that can be started as often as wanted.
#[derive(Clone, Debug)]
enum Kind {
    Greenroom,
    Raw,
    Nginx,
    /// A command line that lacks only the port.
    Peer(Vec<OsString>),
}

/// One who takes part.
#[derive(Clone, Debug)]
pub(crate) struct Entrant {
    pub(crate) name: &'static str,
    kind: Kind,
}

/// What all servers of a bench are started with.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) scratch: Scratch,
    /// For a request's head, where the server can limit it.
    pub(crate) head_limit: Duration,
    /// Whether the scratch directory is served.
    pub(crate) files: bool,
}

impl Ground {
    pub(crate) fn new() -> io::Result<Ground> {
        Ok(Ground {
            scratch: Scratch::new()?,
            head_limit: HEAD_LIMIT,
            files: false,
        })
    }
}

pub(crate) fn greenroom() -> Entrant {
    let (name, kind) = (GREENROOM, Kind::Greenroom);
    Entrant { name, kind }
}

pub(crate) fn raw() -> Entrant {
    let (name, kind) = (RAW, Kind::Raw);
    Entrant { name, kind }
}

/// nginx, if it is there.
pub(crate) fn nginx(mut complain: impl FnMut(String)) -> Option<Entrant> {
    let (name, kind) = (NGINX, Kind::Nginx);
    let found = nginx::is_there();
    if !found {
        complain("without nginx: it cannot be started".to_owned());
    }
    found.then_some(Entrant { name, kind })
}

/// Builds `benches/peers` and names all who can run, complaining about the others.
pub(crate) fn peers(mut complain: impl FnMut(String)) -> Vec<Entrant> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
    let target = home.join("target");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--locked", "--bin", "peers-http"]);
    cargo.arg("--target-dir").arg(&target);
    let (rust_out, go_out) = (target.join("release/peers-http"), target.join("http-go"));
    let mut go = Command::new("go");
    go.args(["build", "-o"]).arg(&go_out).arg("http.go");
    let mut built = |mut command: Command, out: PathBuf| {
        let status = command.current_dir(&home).status();
        if status.as_ref().is_ok_and(|status| status.success()) {
            return Some(out.into_os_string());
        }
        complain(format!("without {}: {status:?}", out.display()));
        None
    };
    let (rust, go) = (built(cargo, rust_out), built(go, go_out));
    let rust = |name, word: &str| {
        let argv = vec![rust.clone()?, word.into()];
        let kind = Kind::Peer(argv);
        Some(Entrant { name, kind })
    };
    let go = go.map(|program| Entrant {
        name: "go",
        // `env` becomes the program, with its process id.
        kind: Kind::Peer(vec!["env".into(), "GOMAXPROCS=1".into(), program]),
    });
    let all = [rust("may_minihttp", "may"), rust("hyper", "hyper"), go];
    let mut found: Vec<Entrant> = all.into_iter().flatten().collect();
    found.extend(nginx(complain));
    found
}

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) name: &'static str,
    pub(crate) addr: SocketAddrV4,
    process: Process,
}

impl Server {
    pub(crate) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// CPU nanoseconds so far, taken when its threads sleep.
    pub(crate) fn cpu_ns(&self) -> io::Result<u64> {
        cpu_at_rest(self.pid())
    }
}

impl Entrant {
    fn argv(&self, ground: &Ground, port: u16) -> io::Result<Vec<OsString>> {
        let own = |words: &[&str]| -> io::Result<Vec<OsString>> {
            let mut argv = vec![env::current_exe()?.into_os_string()];
            argv.extend(words.iter().map(OsString::from));
            Ok(argv)
        };
        let port_text = port.to_string();
        match &self.kind {
            Kind::Raw => own(&["raw-http-server", "--port", &port_text]),
            Kind::Greenroom => {
                let limit = ground.head_limit.as_millis().to_string();
                let words = ["http-server", "--port", &port_text];
                let mut argv = own(&[&words[..], &["--head-limit-ms", &limit]].concat())?;
                if ground.files {
                    argv.extend(["--root".into(), ground.scratch.path().into()]);
                }
                Ok(argv)
            }
            Kind::Nginx => nginx::argv(&ground.scratch, port, ground.head_limit),
            Kind::Peer(argv) => {
                let mut argv = argv.clone();
                argv.push(port_text.into());
                Ok(argv)
            }
        }
    }

    /// Starts it on the servers' core and waits until it answers.
    pub(crate) fn start(&self, ground: &Ground) -> io::Result<Server> {
        let port = free_port()?;
        let argv = self.argv(ground, port)?;
        let process = Process::start(self.name, &argv, cores()[0])?;
        let mut server = Server {
            name: self.name,
            addr: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
            process,
        };
        let deadline = Instant::now() + START_MAX;
        loop {
            match TcpStream::connect(server.addr) {
                Ok(stream) => return check(stream).map(|()| server),
                Err(error) if server.process.has_ended()? || Instant::now() >= deadline => {
                    let text = format!("{} did not start: {error}", server.name);
                    return Err(io::Error::new(error.kind(), text));
                }
                Err(_) => thread::sleep(START_PAUSE),
            }
        }
    }
}

fn free_port() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

/// Two requests sent at once get the plaintext twice.
fn check(mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(START_MAX))?;
    stream.write_all("GET / HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2).as_bytes())?;
    let mut bytes = Vec::new();
    let mut answers = 0;
    while answers < 2 {
        let mut chunk = [0; 1024];
        let got = stream.read(&mut chunk)?;
        if got == 0 {
            return Err(io::Error::other("the server closed a kept connection"));
        }
        bytes.extend_from_slice(&chunk[..got]);
        while let Some(len) = plain::check_answer(&bytes)? {
            bytes.drain(..len);
            answers += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_end_with_what_the_server_needs() {
        let ground = Ground {
            files: true,
            ..Ground::new().expect("because the directory is new")
        };
        let words = |entrant: &Entrant| -> Vec<String> {
            let argv = entrant
                .argv(&ground, 80)
                .expect("because we know ourselves");
            let words = argv.iter().skip(1);
            words
                .map(|word| word.to_string_lossy().into_owned())
                .collect()
        };
        let root = ground.scratch.path().to_string_lossy().into_owned();
        let own = "http-server --port 80 --head-limit-ms 60000 --root";
        assert_eq!(words(&greenroom()).join(" "), format!("{own} {root}"));
        assert_eq!(words(&raw()).join(" "), "raw-http-server --port 80");
        let kind = Kind::Peer(vec!["env".into(), "A=1".into(), "b".into()]);
        let peer = Entrant { name: "b", kind };
        assert_eq!(words(&peer).join(" "), "A=1 b 80");
    }
}
