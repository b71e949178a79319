//! A tree of files, a server of it, and a client that says exactly what it is told to say.

use crate::logs;
use greenroom_servers::http::{Files, Http, Router};
use greenroom_servers::root::Root;
use greenroom_servers::{Limits, Running, TcpServer};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A directory that is removed in the end.
pub(crate) struct Tree(pub(crate) PathBuf);

impl Tree {
    pub(crate) fn new() -> Tree {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("greenroom-files-{}-{count}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(path.join("root")).unwrap();
        Tree(path)
    }

    /// What is served.
    pub(crate) fn root(&self) -> PathBuf {
        self.0.join("root")
    }

    /// Writes a file that is served.
    pub(crate) fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, contents).unwrap();
        path
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// So many bytes that say where they are.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    let period: Vec<u8> = (0..251).collect();
    period.into_iter().cycle().take(length).collect()
}

pub(crate) struct Server(Option<Running>);

impl Server {
    pub(crate) fn start(tree: &Tree) -> Server {
        Server::with(tree, |files| files, Limits::default())
    }

    pub(crate) fn with(tree: &Tree, set: impl FnOnce(Files) -> Files, limits: Limits) -> Server {
        let files = set(Files::new(Root::read_only(tree.root()).unwrap()));
        let http = Http::new(Router::new().files("/*path", files));
        let server = TcpServer::bind("127.0.0.1:0").unwrap().limits(limits);
        Server(Some(server.serve_in_background(http).unwrap()))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.as_ref().unwrap().local_addr()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    pub(crate) fn timeouts(&self) -> u64 {
        self.0.as_ref().unwrap().totals().timeouts
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream
    }

    /// Asks once, and closes.
    pub(crate) fn ask(&self, method: &str, target: &str, fields: &str) -> Answer {
        let mut stream = self.connect();
        write!(
            stream,
            "{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        )
        .unwrap();
        write!(stream, "{fields}\r\n").unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        Answer::of(&bytes)
    }

    /// The answer, and what was logged about it.
    pub(crate) fn get_logged(&self, target: &str) -> (Answer, Vec<String>) {
        logs::keep();
        let mut stream = self.connect();
        let local = stream.local_addr().unwrap();
        logs::about(local);
        write!(
            stream,
            "GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        (Answer::of(&bytes), logs::about(local))
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.ask("GET", target, "")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = self.0.take() {
            running.shutdown(Duration::ZERO);
        }
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn of(bytes: &[u8]) -> Answer {
        let end = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8(bytes[..end + 2].to_vec()).unwrap();
        Answer {
            status: head[9..12].parse().unwrap(),
            head,
            body: bytes[end + 4..].to_vec(),
        }
    }

    /// A header field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (own, value) = line.split_once(": ")?;
            own.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Reads a head, and leaves the body in the reader.
pub(crate) fn read_head(reader: &mut BufReader<TcpStream>) -> Answer {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert_ne!(reader.read_until(b'\n', &mut head).unwrap(), 0, "no head");
    }
    Answer::of(&head)
}
