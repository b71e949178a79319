//! One piece of work, six servers: blocking, non-blocking, multiplexed, a thread per client, a process per
//! client, and a green thread per client. All but the last make the system calls themselves.
//!
//! Port of: the notes, "The five I/O models" (file 002, section 5) and the review of them in file 003
//!
//! Run: `cargo run --release --example io_models -- [--clients 8] [--rounds 3] [--think 20]`
//!
//! Try: `--clients 100`. `green_threads` at the end is the first server, `blocking`, with a `spawn` in it.
//!
//! Output:
//! ```text
//! 8 clients, 3 messages each, 20 ms of thought before each
//! blocking      … ms, one client after the other
//! non-blocking  … ms, … calls for nothing
//! multiplexed   … ms, … waits in epoll
//! threads       … ms, 8 OS threads
//! processes     … ms, 8 processes
//! green threads … ms, 8 green threads
//! ```
//!
//! Differs: the notes describe the models in prose; here they run. Asynchronous I/O, which tells when a transfer
//! is over instead of when it can begin, is left out: on Linux that is io_uring.

use greenroom::net::TcpStream as Client;
use greenroom::{println, raw, thread};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

mod cli;

const USAGE: &str = "usage: io_models [--clients N] [--rounds N] [--think MILLISECONDS]";

fn main() -> ExitCode {
    let options = [
        ("--clients", "8"),
        ("--rounds", "3"),
        ("--think", "20"),
        ("--serve-stdin", cli::OFF),
    ];
    let args = cli::parse(USAGE, &options);
    if args.is_on("--serve-stdin") {
        return one_of_the_processes();
    }
    let work = Work {
        clients: args.get("--clients"),
        rounds: args.get("--rounds"),
        think: Duration::from_millis(args.get("--think")),
    };
    if !(1..=CLIENTS_MAX).contains(&work.clients) {
        args.refuse(format!(
            "--clients {}: not 1 to {CLIENTS_MAX}",
            work.clients
        ));
    }
    cli::run("io_models", || compare(work))
}

/// So many connections wait in a listener's queue, and with the blocking server they must.
const CLIENTS_MAX: usize = 128;

/// What every server is asked to do.
#[derive(Clone, Copy)]
struct Work {
    clients: usize,
    rounds: usize,
    think: Duration,
}

/// Echoes to so many clients, and says what it took.
type Server = fn(TcpListener, usize) -> io::Result<String>;

fn compare(work: Work) -> io::Result<()> {
    let Work {
        clients,
        rounds,
        think,
    } = work;
    println!(
        "{clients} clients, {rounds} messages each, {} ms of thought before each",
        think.as_millis()
    );
    let on_os_threads: [(&str, Server); 5] = [
        ("blocking", blocking),
        ("non-blocking", non_blocking),
        ("multiplexed", multiplexed),
        ("threads", os_threads),
        ("processes", processes),
    ];
    for (name, server) in on_os_threads {
        // These block: not on a worker, but on a thread of the pool for such code.
        measure(name, work, move |listener| {
            greenroom::unblock(move || server(listener, clients))
        })?;
    }
    measure("green threads", work, move |listener| {
        green_threads(listener, clients)
    })
}

fn measure(
    name: &str,
    work: Work,
    server: impl FnOnce(TcpListener) -> io::Result<String> + Send + 'static,
) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    let begin = Instant::now();
    let server = thread::spawn(move || server(listener));
    let clients: Vec<_> = (0..work.clients)
        .map(|_| thread::spawn(move || client(address, work)))
        .collect();
    let outcomes: Vec<_> = clients.into_iter().map(|client| client.join()).collect();
    let outcome = outcomes.into_iter().collect::<Result<io::Result<()>, _>>();
    let outcome = outcome.expect("because a client does not panic");
    if outcome.is_err() && !server.is_finished() {
        // It waits for clients that will not come.
        return outcome;
    }
    // If it has failed, that is why its clients have.
    let remark = server.join().expect("because a server does not panic")?;
    outcome?;
    println!("{name:13} {:4} ms, {remark}", begin.elapsed().as_millis());
    Ok(())
}

fn client(address: SocketAddr, work: Work) -> io::Result<()> {
    let mut stream = Client::connect(address)?;
    for _ in 0..work.rounds {
        thread::sleep(work.think);
        stream.write_all(b"hello")?;
        stream.read_exact(&mut [0; 5])?;
    }
    Ok(())
}

/// Reads, writes, to the end. Whether it blocks an OS thread or parks a green one is the stream's affair.
fn echo(mut stream: impl Read + Write) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n])?,
        }
    }
}

/// While one client thinks, the others wait.
fn blocking(listener: TcpListener, clients: usize) -> io::Result<String> {
    for stream in listener.incoming().take(clients) {
        echo(stream?)?;
    }
    Ok("one client after the other".to_owned())
}

/// Nobody waits: each socket is asked again and again, and the processor is hot.
fn non_blocking(listener: TcpListener, clients: usize) -> io::Result<String> {
    listener.set_nonblocking(true)?;
    let (mut streams, mut ended, mut for_nothing): (Vec<TcpStream>, _, u64) = (Vec::new(), 0, 0);
    while ended < clients {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(true)?;
                streams.push(stream);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => for_nothing += 1,
            Err(error) => return Err(error),
        }
        for at in (0..streams.len()).rev() {
            match echo_once(&streams[at]) {
                Ok(true) => {}
                Ok(false) => {
                    streams.remove(at);
                    ended += 1;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => for_nothing += 1,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(format!("{for_nothing} calls for nothing"))
}

/// One read and its echo; whether there will be more. A few bytes always fit into the send buffer of a client
/// that waits for them; `epoll_echo` shows what a server must do otherwise.
fn echo_once(mut stream: &TcpStream) -> io::Result<bool> {
    let mut buffer = [0; 1024];
    let n = stream.read(&mut buffer)?;
    stream.write_all(&buffer[..n])?;
    Ok(n > 0)
}

/// One call waits for all.
fn multiplexed(listener: TcpListener, clients: usize) -> io::Result<String> {
    use greenroom::multiplex::EPOLLIN;
    let epoll = raw::Epoll::new()?;
    epoll.add(listener.as_raw_fd(), EPOLLIN)?;
    let mut streams: std::collections::HashMap<RawFd, TcpStream> = Default::default();
    let (mut ended, mut waits) = (0, 0);
    while ended < clients {
        waits += 1;
        for (fd, _) in epoll.wait(64, None)? {
            if fd == listener.as_raw_fd() {
                let (stream, _) = listener.accept()?;
                epoll.add(stream.as_raw_fd(), EPOLLIN)?;
                streams.insert(stream.as_raw_fd(), stream);
            } else if !echo_once(&streams[&fd])? {
                epoll.delete(fd)?;
                streams.remove(&fd);
                ended += 1;
            }
        }
    }
    Ok(format!("{waits} waits in epoll"))
}

/// An OS thread per client.
fn os_threads(listener: TcpListener, clients: usize) -> io::Result<String> {
    let mut threads = Vec::new();
    for stream in listener.incoming().take(clients) {
        let stream = stream?;
        threads.push(std::thread::spawn(move || echo(stream)));
    }
    for thread in threads {
        thread.join().expect("because echo does not panic")?;
    }
    Ok(format!("{clients} OS threads"))
}

/// A process per client. Not by fork(2): in the copy only the thread that called it lives on, and the locks
/// that the others held stay locked. A new program gets the socket as its standard input instead.
fn processes(listener: TcpListener, clients: usize) -> io::Result<String> {
    let mut children = Vec::new();
    for stream in listener.incoming().take(clients) {
        let stdin = OwnedFd::from(stream?);
        let program = std::env::current_exe()?;
        children.push(
            Command::new(program)
                .arg("--serve-stdin")
                .stdin(stdin)
                .spawn()?,
        );
    }
    for mut child in children {
        // Reaped, or it would stay as a zombie.
        child.wait()?;
    }
    Ok(format!("{clients} processes"))
}

fn one_of_the_processes() -> ExitCode {
    let socket = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map(TcpStream::from);
    match socket.and_then(echo) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("io_models: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The code of `blocking`, at the speed of `multiplexed`: reading parks, and the worker's epoll waits for all.
fn green_threads(listener: TcpListener, clients: usize) -> io::Result<String> {
    let listener = greenroom::net::TcpListener::from(OwnedFd::from(listener));
    for stream in listener.incoming().take(clients) {
        let stream = stream?;
        thread::spawn(move || echo(stream));
    }
    Ok(format!("{clients} green threads"))
}
