//! socket2 for the options that std has no methods for, on greenroom's sockets.
//!
//! A socket made and set up with socket2 becomes a greenroom listener through `OwnedFd`, whatever mode
//! it is in; `SockRef` reads and sets options of a greenroom stream in place.
//!
//! Run: `cargo run --release --example socket2_options`
//!
//! Output:
//! ```text
//! listening with a backlog of 16
//! keepalive after 30s, every 5s, 3 times; buffer for receiving at least 65536 bytes
//! hello
//! ```

use greenroom::net::{SocketAddr, TcpListener, TcpStream};
use greenroom::thread;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::time::Duration;

const BACKLOG: i32 = 16;
const RECEIVE_BYTES: usize = 64 * 1024;

fn main() -> io::Result<()> {
    greenroom::run(|| {
        let listener = listener()?;
        let address = listener.local_addr()?;
        let client = thread::spawn(move || TcpStream::connect(address)?.write_all(b"hello\n"));
        let (mut stream, _peer) = listener.accept()?;
        set_up(&stream)?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        print!("{text}");
        client.join().expect("because the client does not panic")
    })
}

/// What `TcpListener::bind` does not offer: a backlog of one's own.
fn listener() -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.listen(BACKLOG)?;
    println!("listening with a backlog of {BACKLOG}");
    Ok(TcpListener::from(OwnedFd::from(socket)))
}

fn set_up(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(Duration::from_secs(30))
        .with_interval(Duration::from_secs(5))
        .with_retries(3);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_recv_buffer_size(RECEIVE_BYTES)?;
    assert!(socket.recv_buffer_size()? >= RECEIVE_BYTES);
    println!(
        "keepalive after {:?}, every {:?}, {} times; buffer for receiving at least {RECEIVE_BYTES} bytes",
        socket.tcp_keepalive_time()?,
        socket.tcp_keepalive_interval()?,
        socket.tcp_keepalive_retries()?,
    );
    Ok(())
}
