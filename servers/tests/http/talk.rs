//! A client that sends bytes and takes answers apart.

use super::logs;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection, and what came of it.
pub(crate) struct Talk {
    pub(crate) stream: TcpStream,
    pub(crate) local: SocketAddr,
    received: Vec<u8>,
}

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        let found = all.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

impl Talk {
    pub(crate) fn new(address: SocketAddr) -> Talk {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let local = stream.local_addr().unwrap();
        // Of the port's client before.
        logs::about(local);
        Talk {
            local,
            stream,
            received: Vec::new(),
        }
    }

    /// Sends; a server that has closed already is its answer.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    pub(crate) fn end(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// More bytes; `false` at the end.
    fn receive(&mut self) -> bool {
        let mut piece = [0; 4_096];
        match self.stream.read(&mut piece) {
            Ok(0) => false,
            Ok(count) => {
                self.received.extend_from_slice(&piece[..count]);
                true
            }
            Err(error) if error.kind() == ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{}: {error}", self.local),
        }
    }

    /// The next answer that is final; `None` at the end. Panics if it is malformed or cut short.
    pub(crate) fn answer(&mut self, is_bare: bool) -> Option<Answer> {
        loop {
            let (length, mut answer) = self.head()?;
            self.received.drain(..length);
            if (100..200).contains(&answer.status) && answer.status != 101 {
                continue;
            }
            if !is_bare && answer.status != 204 && answer.status != 304 {
                answer.body = self.body(&answer);
            }
            return Some(answer);
        }
    }

    fn head(&mut self) -> Option<(usize, Answer)> {
        loop {
            if let Some(head) = parse_head(&self.received) {
                return Some(head);
            }
            if !self.receive() {
                assert!(self.received.is_empty(), "cut short: {:?}", self.received);
                return None;
            }
        }
    }

    fn body(&mut self, answer: &Answer) -> Vec<u8> {
        if let Some(length) = answer.header("content-length") {
            let length = length.parse().unwrap();
            return self.take(length);
        }
        if answer.header("transfer-encoding").is_none() {
            assert_eq!(answer.header("connection"), Some("close"), "no end told");
            while self.receive() {}
            return std::mem::take(&mut self.received);
        }
        let mut body = Vec::new();
        loop {
            let line = self.line();
            let size = usize::from_str_radix(&line, 16).unwrap();
            body.extend(self.take(size));
            assert_eq!(self.take(2), b"\r\n", "after a chunk");
            if size == 0 {
                return body;
            }
        }
    }

    fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.received.windows(2).position(|two| two == b"\r\n") {
                let line = self.take(end + 2);
                return String::from_utf8(line[..end].to_vec()).unwrap();
            }
            assert!(self.receive(), "cut short");
        }
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        while self.received.len() < count {
            assert!(
                self.receive(),
                "cut short by {}",
                count - self.received.len()
            );
        }
        self.received.drain(..count).collect()
    }

    /// Whether the server ends the connection now, having sent nothing more.
    pub(crate) fn is_closed(&mut self) -> bool {
        assert!(self.received.is_empty(), "more: {:?}", self.received);
        let is_closed = !self.receive();
        assert!(self.received.is_empty(), "more: {:?}", self.received);
        is_closed
    }

    /// Whether the server still answers.
    pub(crate) fn is_open(&mut self) -> bool {
        self.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        self.answer(false)
            .is_some_and(|answer| answer.body == b"root")
    }
}

fn parse_head(bytes: &[u8]) -> Option<(usize, Answer)> {
    let mut slots = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut slots);
    let parsed = response.parse(bytes);
    let parsed =
        parsed.unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(bytes)));
    let httparse::Status::Complete(length) = parsed else {
        return None;
    };
    let text = |value: &[u8]| std::str::from_utf8(value).unwrap().to_owned();
    let headers = response.headers.iter();
    let answer = Answer {
        status: response.code.unwrap(),
        headers: headers
            .map(|header| (header.name.to_owned(), text(header.value)))
            .collect(),
        body: Vec::new(),
    };
    Some((length, answer))
}
