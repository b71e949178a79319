//! A record of fixed size on the wire: a number, five bytes of name and a height, packed as C and Python's `struct` do.
//!
//! Port of: the notes, "Structured data: the struct module" (file 000).
//!
//! Run: `cargo run --example struct_pack -- [receive | send] [--host HOST] [--port 8000] [--number 1] [--name zhang] [--height 1.75]`
//!
//! Try: `struct_pack receive` in one terminal and `struct_pack send` in another; without an operand it does both.
//!
//! Output:
//! ```text
//! i at 0, 5s at 4, 3 bytes of padding, f at 12: 16 bytes
//! packed 01 00 00 00 7a 68 61 6e 67 00 00 00 00 00 e0 3f
//! received (1, b'zhang', 1.75)
//! ```
//!
//! Differs: the notes take what one `recv` returns for a record; here exactly 16 bytes are read, however many reads that
//! takes. The block is that of a little-endian machine.

mod cli;

use greenroom::net::{TcpListener, TcpStream};
use greenroom::thread;
use std::fmt;
use std::io::{self, Read, Write};
use std::process::ExitCode;

const USAGE: &str = "usage: struct_pack [receive | send] [--host HOST] [--port PORT] [--number N] [--name NAME] [--height METRES]";

fn main() -> ExitCode {
    let args = cli::parse(
        USAGE,
        &[
            ("--host", "127.0.0.1"),
            ("--port", "8000"),
            ("--number", "1"),
            ("--name", "zhang"),
            ("--height", "1.75"),
        ],
    );
    let record = Record {
        number: args.get("--number"),
        name: padded(args.text("--name")),
        height: args.get("--height"),
    };
    match args.operands() {
        [] => cli::run("struct_pack", || both(record)),
        [mode] if mode == "receive" => cli::run("struct_pack", || receive(args.address())),
        [mode] if mode == "send" => cli::run("struct_pack", || send(args.address(), record)),
        _ => args.refuse("one of `receive` and `send`, or neither"),
    }
}

/// The record `'i5sf'`: an `int`, a string of five bytes, a `float`.
#[derive(Clone, Copy)]
struct Record {
    number: i32,
    name: [u8; 5],
    height: f32,
}

/// With `struct`'s native alignment each field begins at a multiple of its own size, as it would in a C
/// struct: the name ends at 9, so the float waits until 12. Python's `'<i5sf'` would have no padding, 13
/// bytes, and the same meaning on every machine: that is the one to send over a network.
const NAME_AT: usize = 4;
const NAME_END: usize = 9;
const HEIGHT_AT: usize = 12;
const RECORD_BYTES: usize = 16;

impl Record {
    fn pack(&self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..NAME_AT].copy_from_slice(&self.number.to_ne_bytes());
        bytes[NAME_AT..NAME_END].copy_from_slice(&self.name);
        bytes[HEIGHT_AT..].copy_from_slice(&self.height.to_ne_bytes());
        bytes
    }

    fn unpack(bytes: &[u8; RECORD_BYTES]) -> Record {
        let [n0, n1, n2, n3, name @ .., _, _, _, h0, h1, h2, h3] = *bytes;
        Record {
            number: i32::from_ne_bytes([n0, n1, n2, n3]),
            name,
            height: f32::from_ne_bytes([h0, h1, h2, h3]),
        }
    }
}

/// As Python shows the tuple.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Record {
            number,
            name,
            height,
        } = self;
        write!(f, "({number}, b'{}', {height})", name.escape_ascii())
    }
}

/// `5s` takes the first five bytes, and fills a shorter text up with zeros.
fn padded(text: &str) -> [u8; 5] {
    let mut name = [0; 5];
    for (to, from) in name.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    name
}

fn both(record: Record) -> io::Result<()> {
    println!(
        "i at 0, 5s at {NAME_AT}, {} bytes of padding, f at {HEIGHT_AT}: {RECORD_BYTES} bytes",
        HEIGHT_AT - NAME_END
    );
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let sender = thread::spawn(move || send(("127.0.0.1", address.port()), record));
    let (stream, _) = listener.accept()?;
    let received = receive_one(stream);
    sender.join().expect("because the sender does not panic")?;
    received
}

fn send(address: (&str, u16), record: Record) -> io::Result<()> {
    let (host, port) = address;
    let tried = cli::context(format!("cannot connect to {host}:{port}"));
    let mut stream = TcpStream::connect(address).map_err(tried)?;
    let bytes = record.pack();
    let shown: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    println!("packed {}", shown.join(" "));
    stream.write_all(&bytes)
}

/// Takes one record from one sender.
fn receive(address: (&str, u16)) -> io::Result<()> {
    let (host, port) = address;
    let tried = cli::context(format!("cannot listen on {host}:{port}"));
    let listener = TcpListener::bind(address).map_err(tried)?;
    println!("listening on {}", listener.local_addr()?);
    let (stream, _) = listener.accept()?;
    receive_one(stream)
}

fn receive_one(mut stream: TcpStream) -> io::Result<()> {
    let mut bytes = [0; RECORD_BYTES];
    let tried = cli::context("the sender left in the middle of a record");
    stream.read_exact(&mut bytes).map_err(tried)?;
    println!("received {}", Record::unpack(&bytes));
    Ok(())
}
