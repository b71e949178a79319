//! gzip over a socket: flate2's encoder writes to one end, its decoder reads from the other.
//!
//! Both are green threads; the bytes exist compressed on the wire only, and in no file or buffer as a
//! whole. `finish` writes gzip's trailer, without which the other end reports a truncated stream.
//!
//! Run: `cargo run --release --example gzip_pipe -- [LINES]`
//!
//! Output:
//! ```text
//! 100000 lines, 1300000 bytes, 217858 of them on the wire
//! ```

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use greenroom::net::{TcpListener, TcpStream};
use greenroom::thread;
use std::io::{self, BufRead, BufReader, Read, Write};

/// flate2 puts some 300 KiB of tables on the stack before it moves them to the heap, in debug builds.
const ENCODER_STACK_BYTES: usize = 1 << 20;

fn main() -> io::Result<()> {
    let lines = std::env::args()
        .nth(1)
        .map_or(Ok(100_000), |text| text.parse());
    let lines: u32 = lines.map_err(|_| io::Error::other("usage: gzip_pipe [LINES]"))?;
    greenroom::run(|| {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let sender = thread::spawn(move || send(TcpStream::connect(address)?, lines));
        let (stream, _peer) = listener.accept()?;
        let (lines, bytes, wire_bytes) = receive(stream)?;
        sender.join().expect("because the sender does not panic")?;
        println!("{lines} lines, {bytes} bytes, {wire_bytes} of them on the wire");
        Ok(())
    })
}

fn send(stream: TcpStream, lines: u32) -> io::Result<()> {
    let mut encoder = greenroom::with_big_stack(ENCODER_STACK_BYTES, || {
        GzEncoder::new(stream, Compression::fast())
    })?;
    for line in 0..lines {
        writeln!(encoder, "line {line:07}")?;
    }
    encoder.finish().map(drop)
}

fn receive(stream: TcpStream) -> io::Result<(usize, usize, usize)> {
    let mut decoder = BufReader::new(GzDecoder::new(Counted(stream, 0)));
    let mut line = String::new();
    let (mut lines, mut bytes) = (0, 0);
    loop {
        line.clear();
        match decoder.read_line(&mut line)? {
            0 => break,
            n => bytes += n,
        }
        assert_eq!(line.trim_end(), format!("line {lines:07}"));
        lines += 1;
    }
    let Counted(_, wire_bytes) = decoder.into_inner().into_inner();
    Ok((lines, bytes, wire_bytes))
}

/// A stream and how much was read from it.
struct Counted(TcpStream, usize);

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read(buf)?;
        self.1 += n;
        Ok(n)
    }
}
