//! What a socket can be asked and told: addresses, descriptor, timeouts, options. Python's names at the left.
//!
//! Port of: the notes, "functions of sockets" (file 002, section 1.3), and "attributes of sockets" (file 001)
//!
//! Run: `cargo run --example socket_options`
//!
//! Try: change an option that is not in the list, say `ttl`; compare with `ss -tno` while it runs.
//!
//! Output:
//! ```text
//! getsockname (listener)      127.0.0.1:…
//! bind (the same again)       Address already in use (os error 98)
//! getpeername (accepted)      is the client's getsockname: true
//! fileno                      listener …, client …, accepted …
//! gettimeout                  None
//! settimeout(0.5)             Some(500ms)
//! recv                        timed out: Resource temporarily unavailable (os error 11)
//! setblocking(False), recv    at once: Resource temporarily unavailable (os error 11)
//! getsockopt TCP_NODELAY      false
//! setsockopt TCP_NODELAY      true
//! setsockopt IP_TTL           42
//! setsockopt SO_BROADCAST     true
//! getsockopt SO_ERROR         None
//! makefile                    "first\n", "second\n"
//! shutdown(SHUT_WR)           the other side reads 0 bytes
//! connect_ex                  111: Connection refused (os error 111)
//! ```
//!
//! Differs: the notes list these without a program. SO_REUSEADDR needs no call: `bind` sets it, as std's does.

use greenroom::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use greenroom::println;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::process::ExitCode;
use std::time::{Duration, Instant};

mod cli;

fn main() -> ExitCode {
    cli::parse("usage: socket_options", &[]);
    cli::run("socket_options", || {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let client = TcpStream::connect(listener.local_addr()?)?;
        let (accepted, _) = listener.accept()?;
        names(&listener, &client, &accepted)?;
        waiting(&client)?;
        options(&client)?;
        streams(client, accepted)?;
        errors();
        Ok(())
    })
}

fn show(name: &str, value: &str) {
    println!("{name:27} {value}");
}

fn names(listener: &TcpListener, client: &TcpStream, accepted: &TcpStream) -> io::Result<()> {
    let address = listener.local_addr()?;
    show("getsockname (listener)", &address.to_string());
    if let Err(error) = TcpListener::bind(address) {
        show("bind (the same again)", &error.to_string());
    }
    let is_same = accepted.peer_addr()? == client.local_addr()?;
    show(
        "getpeername (accepted)",
        &format!("is the client's getsockname: {is_same}"),
    );
    let (listener, client) = (listener.as_raw_fd(), client.as_raw_fd());
    let accepted = accepted.as_raw_fd();
    show(
        "fileno",
        &format!("listener {listener}, client {client}, accepted {accepted}"),
    );
    Ok(())
}

/// Nobody sends, so a read waits for ever, for some time, or not at all.
fn waiting(mut client: &TcpStream) -> io::Result<()> {
    show("gettimeout", &format!("{:?}", client.read_timeout()?));
    client.set_read_timeout(Some(Duration::from_millis(500)))?;
    show("settimeout(0.5)", &format!("{:?}", client.read_timeout()?));
    let start = Instant::now();
    if let Err(error) = client.read(&mut [0; 8]) {
        let is_late = start.elapsed() >= Duration::from_millis(500);
        show(
            "recv",
            &format!(
                "{}: {error}",
                if is_late { "timed out" } else { "too early" }
            ),
        );
    }
    client.set_nonblocking(true)?;
    if let Err(error) = client.read(&mut [0; 8]) {
        show("setblocking(False), recv", &format!("at once: {error}"));
    }
    client.set_nonblocking(false)?;
    client.set_read_timeout(None)
}

/// std has a pair of methods for each option where Python has one call with a number.
fn options(client: &TcpStream) -> io::Result<()> {
    show("getsockopt TCP_NODELAY", &client.nodelay()?.to_string());
    client.set_nodelay(true)?;
    show("setsockopt TCP_NODELAY", &client.nodelay()?.to_string());
    client.set_ttl(42)?;
    show("setsockopt IP_TTL", &client.ttl()?.to_string());
    let datagrams = UdpSocket::bind("127.0.0.1:0")?;
    datagrams.set_broadcast(true)?;
    show(
        "setsockopt SO_BROADCAST",
        &datagrams.broadcast()?.to_string(),
    );
    show(
        "getsockopt SO_ERROR",
        &format!("{:?}", client.take_error()?),
    );
    Ok(())
}

fn streams(mut client: TcpStream, accepted: TcpStream) -> io::Result<()> {
    client.write_all(b"first\nsecond\n")?;
    let mut file = BufReader::new(accepted);
    let (mut first, mut second) = (String::new(), String::new());
    file.read_line(&mut first)?;
    file.read_line(&mut second)?;
    show("makefile", &format!("{first:?}, {second:?}"));
    // Half of the connection ends. We could still read what the other side sends.
    client.shutdown(Shutdown::Write)?;
    let n = file.read(&mut [0; 8])?;
    show(
        "shutdown(SHUT_WR)",
        &format!("the other side reads {n} bytes"),
    );
    Ok(())
}

/// connect_ex returns the number that the exception of connect would have.
fn errors() {
    // Nobody has listened there for decades.
    match TcpStream::connect("127.0.0.1:1") {
        Ok(_) => show("connect_ex", "0"),
        Err(error) => {
            let number = error.raw_os_error().unwrap_or(0);
            show("connect_ex", &format!("{number}: {error}"));
        }
    }
}
