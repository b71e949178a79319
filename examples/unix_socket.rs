//! A local server: its address is a file, which outlives a crash and must be told from one in use.
//!
//! Port of: the notes, "local sockets", the receiving side (file 000, "local sockets")
//!
//! Run: `cargo run --example unix_socket -- [--path ./sock]`
//!
//! Try: `ls -l sock` and `cargo run --example unix_socket_client`; end with Ctrl-C, and the file is gone. Kill it
//! with `kill -9`: the file stays, and the next start takes it over.
//!
//! Output:
//! ```text
//! listening on ./sock
//! client 1: connected
//! client 1: "hello\n"
//! client 1: closed
//! removed ./sock
//! ```
//!
//! Differs: the notes never remove the file, so that their second start fails with "address already in use".

use cli::say;
use greenroom::fs;
use greenroom::os::unix::net::{UnixListener, UnixStream};
use greenroom::signal::{Signal, Signals};
use greenroom::{eprintln, thread};
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::process::ExitCode;
use std::time::Duration;

mod cli;

const USAGE: &str = "usage: unix_socket [--path PATH]";

fn main() -> ExitCode {
    let args = cli::parse(USAGE, &[("--path", "./sock")]);
    cli::run("unix_socket", || server(args.text("--path")))
}

fn server(path: &str) -> io::Result<()> {
    // Before the file exists: a signal in between must not leave it behind.
    let signals = Signals::new(&[Signal::Interrupt, Signal::Terminate])?;
    let listener = bind(path).map_err(cli::context(format!("cannot listen on {path}")))?;
    say!("listening on {path}");
    // It ends with the program.
    thread::spawn(move || accept_clients(&listener));
    signals.wait()?;
    match fs::remove_file(path) {
        Ok(()) => say!("removed {path}"),
        // What was to be done is done.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            eprintln!("{path}: somebody has removed it already");
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Binds, also to the file that a crashed server left behind.
fn bind(path: &str) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
        other => return other,
    }
    // The file says only that somebody bound it once. Connecting says whether somebody listens still.
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "it exists and is no socket",
        ));
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "a running server has it",
        )),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            eprintln!("{path}: nobody listens, taking it over");
            fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        Err(error) => Err(error),
    }
}

/// One green thread for each client.
fn accept_clients(listener: &UnixListener) {
    for (stream, number) in listener.incoming().zip(1..) {
        match stream {
            Ok(stream) => drop(thread::spawn(move || receive(stream, number))),
            Err(error) => {
                // Out of descriptors, say. The client waits in the queue; so do we, a little.
                say!("client {number}: {error}");
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

fn receive(mut stream: UnixStream, number: usize) {
    // A client of a local socket has no address to be named by: it was not bound to a file.
    say!("client {number}: connected");
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return say!("client {number}: closed"),
            Ok(n) => say!(
                "client {number}: {:?}",
                String::from_utf8_lossy(&buffer[..n])
            ),
            Err(error) => return say!("client {number}: {error}"),
        }
    }
}
