//! select over I/O of different kinds: a listener, which is ready when somebody connects, and a file, which
//! always is.
//!
//! Port of: the notes, "select", the first listing (file 003, "I/O multiplexing")
//!
//! Run: `cargo run --example select_files -- [--host 127.0.0.1] [--port 8888] [--timeout 0.3] [--raw]`
//!
//! Try: `strace -f -e trace=select,pselect6,poll,epoll_wait` in front of the built program, with and without `--raw`, which makes
//! the system call itself and blocks the OS thread; the default parks the green thread.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:8888
//! a listener to read, a file to write: readable [], writable ["file"], exceptional []
//! a listener to read, for 300ms: readable [], writable [], exceptional []
//! a listener to read, after a connect: readable ["listener"], writable [], exceptional []
//! ```
//!
//! Differs: the notes ask once, with a file that is only open for reading: for select every regular file is
//! ready, writable or not, and so their three seconds never pass.

use greenroom::fs::File;
use greenroom::multiplex::select;
use greenroom::net::{TcpListener, TcpStream};
use greenroom::{println, raw};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::process::ExitCode;
use std::time::Duration;

mod cli;

const USAGE: &str = "usage: select_files [--host HOST] [--port PORT] [--timeout SECONDS] [--raw]";

fn main() -> ExitCode {
    let options = [
        ("--host", "127.0.0.1"),
        ("--port", "8888"),
        ("--timeout", "0.3"),
        ("--raw", cli::OFF),
    ];
    let args = cli::parse(USAGE, &options);
    let timeout = Duration::try_from_secs_f64(args.get("--timeout"))
        .unwrap_or_else(|_| args.refuse("--timeout: not a time"));
    cli::run("select_files", || {
        watch(args.address(), timeout, args.is_on("--raw"))
    })
}

fn watch(address: (&str, u16), timeout: Duration, is_raw: bool) -> io::Result<()> {
    let listener = TcpListener::bind(address).map_err(cli::context(format!(
        "cannot listen on {}:{}",
        address.0, address.1
    )))?;
    let address = listener.local_addr()?;
    println!("listening on {address}");
    // Any regular file will do: the program itself is one.
    let file = File::open(std::env::current_exe()?)?;

    let names = [
        (listener.as_raw_fd(), "listener"),
        (file.as_raw_fd(), "file"),
    ];
    let show = |asked: &str, rlist: &[RawFd], wlist: &[RawFd]| -> io::Result<()> {
        let lists = match is_raw {
            true => raw::select(rlist, wlist, rlist, Some(timeout))?,
            false => parked(rlist, wlist, rlist, timeout)?,
        };
        let [r, w, x] = <[Vec<RawFd>; 3]>::from(lists).map(|list| named(&list, &names));
        println!("{asked}: readable {r:?}, writable {w:?}, exceptional {x:?}");
        Ok(())
    };
    let reading = [listener.as_raw_fd()];
    show(
        "a listener to read, a file to write",
        &reading,
        &[file.as_raw_fd()],
    )?;
    show(
        &format!("a listener to read, for {timeout:?}"),
        &reading,
        &[],
    )?;
    // The kernel completes the handshake; nobody has to accept for that.
    let _client = TcpStream::connect(address)?;
    show("a listener to read, after a connect", &reading, &[])
}

/// The lists that are ready, waited for by a green thread that is parked.
fn parked(
    rlist: &[RawFd],
    wlist: &[RawFd],
    xlist: &[RawFd],
    timeout: Duration,
) -> io::Result<(Vec<RawFd>, Vec<RawFd>, Vec<RawFd>)> {
    let (r, w, x) = select(rlist, wlist, xlist, Some(timeout))?;
    // References to the items of our lists: they could be lists of sockets as well.
    let numbers = |list: Vec<&RawFd>| list.into_iter().copied().collect();
    Ok((numbers(r), numbers(w), numbers(x)))
}

fn named(list: &[RawFd], names: &[(RawFd, &'static str)]) -> Vec<&'static str> {
    let is_in = |fd: RawFd| list.contains(&fd);
    let found = names.iter().filter(|(fd, _)| is_in(*fd));
    found.map(|(_, name)| *name).collect()
}
