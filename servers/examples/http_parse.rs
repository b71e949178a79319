//! httparse over a `BufReader` over a green stream: pipelined requests, in whatever pieces they come.
//!
//! The client sends three requests in pieces of seven bytes. The server asks httparse after each line;
//! "partial" means to read on, which parks the green thread.
//!
//! Run: `cargo run --release --example http_parse`
//!
//! Output:
//! ```text
//! GET /one, 1 headers
//! GET /two, 2 headers
//! GET /three, 0 headers
//! ```

use greenroom::net::{TcpListener, TcpStream};
use greenroom::thread;
use std::io::{self, BufRead, BufReader, Write};

const REQUESTS: &str = "GET /one HTTP/1.1\r\nHost: a\r\n\r\n\
                        GET /two HTTP/1.1\r\nHost: a\r\nAccept: */*\r\n\r\n\
                        GET /three HTTP/1.0\r\n\r\n";

fn main() -> io::Result<()> {
    greenroom::run(|| {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let client = thread::spawn(move || send(TcpStream::connect(address)?));
        let mut reader = BufReader::new(listener.accept()?.0);
        while let Some(line) = request(&mut reader)? {
            println!("{line}");
        }
        client.join().expect("because the client does not panic")
    })
}

fn send(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    for piece in REQUESTS.as_bytes().chunks(7) {
        stream.write_all(piece)?;
        thread::yield_now();
    }
    Ok(())
}

/// The next request in a line; `None` at the end of the stream.
fn request(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    loop {
        if reader.read_until(b'\n', &mut head)? == 0 {
            return Ok(None);
        }
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut request = httparse::Request::new(&mut headers);
        let parsed = request.parse(&head).map_err(io::Error::other)?;
        if parsed.is_complete() {
            let (method, path) = (request.method.unwrap_or("?"), request.path.unwrap_or("?"));
            let count = request.headers.len();
            return Ok(Some(format!("{method} {path}, {count} headers")));
        }
    }
}
