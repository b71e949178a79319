//! Downloads from slow servers, one after the other and all at once: the waits overlap.
//!
//! Port of: the notes, "synchronous and asynchronous compared" (file 002, section 3.3 of the second count).
//!
//! Run: `cargo run --release --example gevent_fetch -- [--downloads 5] [--delay-ms 200] [--bytes 30000]`
//!
//! Try: `--downloads 1000`: one after the other takes minutes, all at once as long as one.
//!
//! Output:
//! ```text
//! 3 servers, each answers after 200 ms
//! GET http://127.0.0.1:…/0
//! 30000 bytes from http://127.0.0.1:…/0
//! GET http://127.0.0.1:…/1
//! 30000 bytes from http://127.0.0.1:…/1
//! GET http://127.0.0.1:…/2
//! 30000 bytes from http://127.0.0.1:…/2
//! one after the other: … ms
//! GET http://127.0.0.1:…
//! …
//! all at once: … ms
//! ratio … (3 downloads)
//! ```
//! Differs: the notes fetch from the internet; here the servers are local, and slow on purpose, so that the
//! comparison is the same everywhere. Nothing has to be patched.

mod cli;

use greenroom::gevent;
use greenroom::net::{TcpListener, TcpStream};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Beyond it a list of URLs is no longer read by anybody.
const SHOWN_MAX: usize = 10;

fn main() -> ExitCode {
    let args = cli::parse(
        "usage: gevent_fetch [--downloads N] [--delay-ms MS] [--bytes N]",
        &[
            ("--downloads", "5"),
            ("--delay-ms", "200"),
            ("--bytes", "30000"),
        ],
    );
    let delay_ms = args.get("--delay-ms");
    let downloads = args.get("--downloads");
    let bytes = args.get("--bytes");
    cli::run("gevent_fetch", move || compare(downloads, delay_ms, bytes))
}

fn compare(downloads: usize, delay_ms: u64, bytes: usize) -> io::Result<()> {
    let servers = (0..downloads)
        .map(|_| slow_server(Duration::from_millis(delay_ms), bytes))
        .collect::<io::Result<Vec<SocketAddr>>>()?;
    let urls = servers.iter().enumerate();
    let urls: Vec<(SocketAddr, String)> = urls
        .map(|(number, address)| (*address, format!("/{number}")))
        .collect();
    let is_shown = downloads <= SHOWN_MAX;
    println!("{downloads} servers, each answers after {delay_ms} ms");

    let begun = Instant::now();
    for (address, path) in &urls {
        fetch(*address, path, is_shown)?;
    }
    let in_turn = begun.elapsed();
    println!("one after the other: {} ms", in_turn.as_millis());

    let begun = Instant::now();
    let fetching: Vec<_> = urls
        .into_iter()
        .map(|(address, path)| gevent::spawn(move || fetch(address, &path, is_shown).is_ok()))
        .collect();
    gevent::joinall(&fetching, None, true, None).map_err(io::Error::other)?;
    let at_once = begun.elapsed();
    if fetching
        .iter()
        .any(|greenlet| greenlet.value() != Some(true))
    {
        return Err(io::Error::other("a download has failed"));
    }
    println!("all at once: {} ms", at_once.as_millis());
    let ratio = in_turn.as_secs_f64() / at_once.as_secs_f64();
    println!("ratio {ratio:.1} ({downloads} downloads)");
    Ok(())
}

/// One request, by hand: what the library of any language does behind `urlopen`.
fn fetch(address: SocketAddr, path: &str, is_shown: bool) -> io::Result<()> {
    if is_shown {
        greenroom::println!("GET http://{address}{path}");
    }
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = BufReader::new(stream);
    // The head ends with an empty line, the body with the connection.
    let mut head = String::new();
    while answer.read_line(&mut head)? > 2 {}
    let length = head.split_once("Content-Length: ");
    let length = length.and_then(|(_, rest)| rest.lines().next()?.parse().ok());
    let bytes = io::copy(&mut answer, &mut io::sink())?;
    if !head.starts_with("HTTP/1.0 200 ") || length != Some(bytes) {
        let status = head.lines().next().unwrap_or("nothing");
        let text = format!("http://{address}{path}: {status:?}, {bytes} of {length:?} bytes");
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    if is_shown {
        greenroom::println!("{bytes} bytes from http://{address}{path}");
    }
    Ok(())
}

/// Answers every request with so many bytes, after a while.
fn slow_server(delay: Duration, bytes: usize) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let address = listener.local_addr()?;
    gevent::spawn(move || {
        for stream in listener.incoming().flatten() {
            gevent::spawn(move || answer(&stream, delay, bytes));
        }
    });
    Ok(address)
}

fn answer(stream: &TcpStream, delay: Duration, bytes: usize) {
    let mut request = BufReader::new(stream.take(8 * 1024));
    let mut line = String::new();
    while request.read_line(&mut line).is_ok_and(|n| n > 2) {
        line.clear();
    }
    gevent::sleep(delay);
    let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {bytes}\r\n\r\n");
    let mut to_client = stream;
    let sent = to_client.write_all(head.as_bytes());
    if let Err(error) = sent.and_then(|()| to_client.write_all(&vec![b'x'; bytes])) {
        log::info!("a client has left: {error}");
    }
}
