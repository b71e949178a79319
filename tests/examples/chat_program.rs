//! The chat's two programs with a keyboard, and a client without manners.

use super::child::{Ended, Running};
use super::run::example;
use std::io::Write;
use std::net::{SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A running program of the chat, with a keyboard.
pub(crate) struct Program {
    pub(crate) running: Running,
    pub(crate) printed: String,
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Program {
        let command = command.stdin(Stdio::piped()).env("RUST_LOG", "warn");
        Program {
            running: Running::start(command),
            printed: String::new(),
        }
    }

    pub(crate) fn types(&mut self, line: &str) {
        self.types_bytes(format!("{line}\n").as_bytes());
    }

    pub(crate) fn types_bytes(&mut self, bytes: &[u8]) {
        self.running
            .child
            .stdin
            .as_mut()
            .unwrap()
            .write_all(bytes)
            .unwrap();
    }

    /// Waits for the line that contains `text`.
    #[track_caller]
    pub(crate) fn shows(&mut self, text: &str) {
        loop {
            let line = self.running.next_line();
            let line = line.unwrap_or_else(|| panic!("no {text} in\n{}", self.printed));
            self.printed.extend([line.as_str(), "\n"]);
            if line.contains(text) {
                return;
            }
        }
    }

    /// Everything that it printed; its keyboard is closed.
    pub(crate) fn end(self) -> Ended {
        let mut ended = self.running.end();
        ended.stdout.insert_str(0, &self.printed);
        ended
    }
}

pub(crate) fn server(args: &[&str]) -> (Program, SocketAddr) {
    let mut server = Program::start(example("udp_chat", args).args(["--port", "0"]));
    let line = server
        .running
        .next_line()
        .unwrap_or_else(|| panic!("{}", server.running.stderr()));
    server.printed = format!("{line}\n");
    let address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
    (server, address)
}

pub(crate) fn client(name: &str, server: SocketAddr) -> Program {
    let port = server.port().to_string();
    // Longer than any machine is busy.
    let args = ["--name", name, "--port", &port, "--timeout", "60"];
    let mut client = Program::start(&mut example("udp_chat_client", &args));
    client.shows(&format!("connected to {server} as {name}"));
    client
}

/// A client without manners.
pub(crate) struct Peer(pub(crate) UdpSocket);

impl Peer {
    pub(crate) fn of(server: SocketAddr) -> Peer {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(server).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        Peer(socket)
    }

    pub(crate) fn hears(&self) -> String {
        let mut buffer = [0; 2048];
        let n = self.0.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..n].to_vec()).unwrap()
    }

    pub(crate) fn asks(&self, datagram: impl AsRef<[u8]>) -> String {
        self.sends(datagram);
        self.hears()
    }

    pub(crate) fn sends(&self, datagram: impl AsRef<[u8]>) {
        self.0.send(datagram.as_ref()).unwrap();
    }
}

#[track_caller]
pub(crate) fn assert_fails(ended: &Ended, code: i32, complaint: &str) {
    assert_eq!(ended.status.code(), Some(code), "{ended}");
    assert!(ended.stderr.contains(complaint), "{complaint}: {ended}");
    assert!(ended.stdout.is_empty(), "{ended}");
}
