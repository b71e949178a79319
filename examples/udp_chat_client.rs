//! The client of the chat: what is typed goes to the chosen partner, what others say is printed meanwhile.
//!
//! Port of: the notes, "QQ chat", UDP_client1 and UDP_client2 (file 002, section 1.4)
//!
//! Run: `cargo run --example udp_chat_client -- --name NAME [--to NAME] [--host 127.0.0.1] [--port 8081] [--timeout 2]`
//!
//! Try: start `udp_chat` in another terminal and a second client in a third. A line goes to the server; `@bob hello`
//! goes to bob, and so do the lines after it; end with `quit`, Ctrl-D or Ctrl-C.
//!
//! Output:
//! ```text
//! connected to 127.0.0.1:8081 as alice
//! server: welcome
//! bob: hello alice
//! ```
//!
//! Differs: the notes' clients cannot hear while they wait for the keyboard, and wait for ever for an answer that
//! was lost; choosing another partner takes a `quit` that looks like an end, and nothing ends the program.

use greenroom::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use greenroom::signal::{Signal, Signals};
use greenroom::sync::mpsc;
use greenroom::{eprintln, println, select, thread};
use std::io::{self, ErrorKind};
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

mod chat;
mod cli;

const USAGE: &str = "usage: udp_chat_client --name NAME [--to NAME] [--host HOST] [--port PORT] \
                     [--timeout SECONDS]";

fn main() -> ExitCode {
    let options = [
        ("--name", ""),
        ("--to", chat::OPERATOR),
        ("--host", "127.0.0.1"),
        ("--port", "8081"),
        ("--timeout", "2"),
    ];
    let args = cli::parse(USAGE, &options);
    for option in ["--name", "--to"] {
        if let Err(why) = chat::name(args.text(option)) {
            args.refuse(format!("{option} {:?}: {why}", args.text(option)));
        }
    }
    let timeout = Duration::try_from_secs_f64(args.get("--timeout"))
        .unwrap_or_else(|_| args.refuse("--timeout: not a time"));
    let (name, partner) = (args.text("--name").to_owned(), args.text("--to").to_owned());
    cli::run("udp_chat_client", || {
        client(args.address(), name, partner, timeout)
    })
}

/// Three green threads: one hears the server, one the keyboard, one signals. Whoever ends first ends the program.
fn client(
    address: (&str, u16),
    name: String,
    partner: String,
    timeout: Duration,
) -> io::Result<()> {
    let signals = Signals::new(&[Signal::Interrupt, Signal::Terminate])?;
    let socket = connect(address).map_err(cli::context(format!(
        "cannot reach {}:{}",
        address.0, address.1
    )))?;
    let socket = Arc::new(socket);
    let bye = format!("bye\t{name}");
    // One place: there is one question at a time.
    let (answer, answers) = mpsc::sync_channel(1);
    let talk = Talk {
        socket: Arc::clone(&socket),
        answers,
        name,
        partner,
        timeout,
    };
    let hearing = Arc::clone(&socket);
    let hears = thread::spawn(move || hear(&hearing, &answer));
    let types = thread::spawn(move || talk.type_lines());
    let signalled = thread::spawn(move || signals.wait().map(drop));
    let ended = select! {
        join(hears) => hears.join(),
        join(types) => types.join(),
        join(signalled) => signalled.join(),
    };
    ended.unwrap_or_else(|panic| resume_unwind(panic))?;
    // If it is lost, the name is free when it has been silent for long enough.
    drop(socket.send(bye.as_bytes()));
    Ok(())
}

fn connect(address: (&str, u16)) -> io::Result<UdpSocket> {
    let mut found = address.to_socket_addrs()?;
    let peer = found.next().ok_or(ErrorKind::NotFound)?;
    // A socket is of IPv4 or of IPv6, as its peer is.
    let any = match peer {
        SocketAddr::V4(_) => "0.0.0.0",
        SocketAddr::V6(_) => "::",
    };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(peer)?;
    Ok(socket)
}

/// Prints what others say; answers go to who asked.
fn hear(socket: &UdpSocket, answer: &mpsc::SyncSender<Result<(), String>>) -> io::Result<()> {
    let is_coloured = chat::is_coloured();
    let mut buffer = [0; chat::DATAGRAM_BYTES_MAX];
    loop {
        let n = match socket.recv(&mut buffer) {
            Ok(n) => n,
            Err(error) => {
                let error = match error.kind() {
                    ErrorKind::ConnectionRefused => io::Error::new(error.kind(), "no server there"),
                    _ => error,
                };
                // Whoever waits for an answer is told why there is none.
                drop(answer.try_send(Err(error.to_string())));
                return Err(error);
            }
        };
        let datagram = String::from_utf8_lossy(&buffer[..n]);
        let fields: Vec<&str> = datagram.splitn(3, '\t').collect();
        match fields[..] {
            ["from", who, text] => {
                println!(
                    "{}: {}",
                    chat::printable(who),
                    chat::paint(text, is_coloured)
                );
            }
            // It is dropped if nobody has taken the last one: nobody waits.
            ["ok"] => drop(answer.try_send(Ok(()))),
            ["error", why] => drop(answer.try_send(Err(chat::printable(why)))),
            _ => log::warn!("not understood: {datagram:?}"),
        }
    }
}

/// Asks the server, one question after the other.
struct Talk {
    socket: Arc<UdpSocket>,
    answers: mpsc::Receiver<Result<(), String>>,
    name: String,
    partner: String,
    timeout: Duration,
}

impl Talk {
    /// Says hello, then what is typed, to the end of the input.
    fn type_lines(mut self) -> io::Result<()> {
        self.ask(&format!("hello\t{}", self.name))?
            .map_err(io::Error::other)?;
        println!("connected to {} as {}", self.socket.peer_addr()?, self.name);
        while let Some(line) = chat::read_line()? {
            let Some(text) = chat::addressed(&line, &mut self.partner) else {
                continue;
            };
            let request = format!("say\t{}\t{}\t{text}", self.name, self.partner);
            // The rules are the server's. This one is checked here too, as a datagram has a limit of its own.
            let answer = match chat::text(text) {
                Ok(_) => self.ask(&request)?,
                Err(why) => Err(why),
            };
            if let Err(why) = answer {
                eprintln!("error: {why}");
            }
        }
        Ok(())
    }

    /// The server's answer, or that there was none.
    fn ask(&self, request: &str) -> io::Result<Result<(), String>> {
        // What came too late for the question before.
        while self.answers.try_recv().is_ok() {}
        self.socket.send(request.as_bytes())?;
        let lost = |_| Err("no answer from the server: it may not have heard that".to_owned());
        Ok(self.answers.recv_timeout(self.timeout).unwrap_or_else(lost))
    }
}
