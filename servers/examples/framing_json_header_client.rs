//! The client of `framing_json_header`: uploads files, each on a connection of its own, with a progress bar.
//!
//! Port of: the notes, "Sticky packets, the second solution taken further" (file 002, section 1.5).
//!
//! Run: `cargo run --release --example framing_json_header_client -- [--host HOST] [--port 8080] [--name NAME]
//! [--idle-seconds 30] FILE...`
//!
//! Try: start `framing_json_header`, then `echo hello world > hello.txt` and upload that.
//!
//! Output:
//! ```text
//! stored hello.txt, 12 bytes, md5 6f5902ac237024bdd0c176cb93063dc4
//! ```
//!
//! Differs: the notes have no answer of the server; here it says what became of the file. The bar is shown on a terminal
//! only.

#[path = "../../examples/cli/mod.rs"]
mod cli;
mod framing;

use framing::{bad, explain, read_frame, set_idle_limit, write_json};
use greenroom::fs::File;
use greenroom::net::TcpStream;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use md5::{Digest, Md5};
use serde::Deserialize;
use std::io::{self, IsTerminal, Read, Seek, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "usage: framing_json_header_client [--host HOST] [--port PORT] [--name NAME] \
[--idle-seconds N] FILE...";

const PIECE_BYTES: usize = 64 << 10;
const REPLY_BYTES_MAX: i32 = 64 << 10;

fn main() -> ExitCode {
    let args = cli::parse(
        USAGE,
        &[
            ("--host", "127.0.0.1"),
            ("--port", "8080"),
            ("--name", ""),
            ("--idle-seconds", "30"),
        ],
    );
    let files = args.operands();
    if files.is_empty() {
        args.refuse("no file to upload");
    }
    if files.len() > 1 && !args.text("--name").is_empty() {
        args.refuse("--name: one name for more than one file");
    }
    let (address, idle) = (args.address(), args.seconds("--idle-seconds"));
    if idle.is_zero() {
        args.refuse("--idle-seconds 0: nobody is that fast");
    }
    cli::run("framing_json_header_client", || {
        for path in files {
            let path = Path::new(path);
            let name = match args.text("--name") {
                "" => path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
                name => name.to_owned(),
            };
            let outcome = upload(address, path, &name, idle).map_err(|error| explain(error, idle));
            let message = outcome.map_err(cli::context(path.display()))?;
            greenroom::println!("{}", cli::printable(&message));
        }
        Ok(())
    })
}

#[derive(Deserialize)]
struct Reply {
    status: String,
    message: String,
}

/// What the server made of it.
fn upload(address: (&str, u16), path: &Path, name: &str, idle: Duration) -> io::Result<String> {
    let mut file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(bad("not a regular file"));
    }
    // The sum goes ahead of the content, so the file is read twice, with a bar each time.
    let (size, md5) = sum(&mut file)?;
    file.rewind()?;
    let tried = cli::context(format!("cannot connect to {}:{}", address.0, address.1));
    let stream = TcpStream::connect(address).map_err(tried)?;
    set_idle_limit(&stream, idle)?;
    let header = serde_json::json!({ "file_size": size, "file_name": name, "md5": md5 });
    write_json(&stream, &header)?;
    let sent = send(&stream, &mut file, size);
    // A server that refuses stops reading: its reason is worth more than the error of the write.
    match (read_frame(&stream, "reply", REPLY_BYTES_MAX), sent) {
        (Ok(Some(reply)), _) => {
            let Reply { status, message } = serde_json::from_slice(&reply)?;
            if status == "ok" {
                Ok(message)
            } else {
                Err(bad(format!("refused: {}", cli::printable(&message))))
            }
        }
        (_, Err(error)) | (Err(error), Ok(())) => Err(error),
        (Ok(None), Ok(())) => Err(bad("the server left without an answer")),
    }
}

fn sum(file: &mut File) -> io::Result<(u64, String)> {
    let bar = bar("md5", file.metadata()?.len());
    let mut sum = Md5::new();
    let mut piece = vec![0; PIECE_BYTES];
    let mut size = 0;
    loop {
        let n = file.read(&mut piece)?;
        if n == 0 {
            bar.finish_and_clear();
            let digits = sum
                .finalize()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            return Ok((size, digits));
        }
        sum.update(&piece[..n]);
        size += n as u64;
        bar.inc(n as u64);
    }
}

fn send(mut stream: &TcpStream, file: &mut File, size: u64) -> io::Result<()> {
    let bar = bar("send", size);
    let mut piece = vec![0; PIECE_BYTES];
    let mut content = file.take(size);
    let mut left = size;
    while left > 0 {
        let n = content.read(&mut piece)?;
        if n == 0 {
            // The server waits for the rest, and would wait on.
            stream.shutdown(greenroom::net::Shutdown::Write)?;
            return Err(bad(format!("the file has shrunk by {left} bytes")));
        }
        stream.write_all(&piece[..n])?;
        left -= n as u64;
        bar.inc(n as u64);
    }
    bar.finish_and_clear();
    Ok(())
}

fn bar(doing: &'static str, size: u64) -> ProgressBar {
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template(
        "{msg:4} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
    );
    ProgressBar::with_draw_target(Some(size), target)
        .with_style(style.expect("because the template is a constant that was tried"))
        .with_message(doing)
}
