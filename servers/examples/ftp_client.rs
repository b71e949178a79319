//! An FTP client: one command of its arguments, or a shell that reads them.
//!
//! `resume` goes on where an earlier `get` was cut off. On a terminal a bar shows the progress.
//!
//! Port of: the notes, "Exercise: an FTP server" (file 003, "threads")
//!
//! Run: `cargo run --example ftp_client -- [--host HOST] [--port 2121] [--user anonymous] [--password PASSWORD]
//! [list [DIR] | get FILE [LOCAL] | resume FILE [LOCAL] | put LOCAL [FILE]]`
//!
//! Try: in the shell `list`, `get Cargo.toml copy.toml`, `quit`; works with other servers, too.
//!
//! Output:
//! ```text
//! -rw-… 1 ftp ftp … a.txt
//! a.txt: 6 bytes
//! ```
//!
//! Differs: the exercise has no directories, no passwords and no resuming.

#[path = "../../examples/cli/mod.rs"]
mod cli;

use cli::say;
use greenroom::fs::File;
use greenroom_servers::ftp::client::{Answer, FtpClient};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, BufRead, ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: ftp_client [--host HOST] [--port PORT] [--user NAME] [--password PASSWORD] \
[list [DIR] | get FILE [LOCAL] | resume FILE [LOCAL] | put LOCAL [FILE]]";

const HELP: &str = "list [DIR] | get FILE [LOCAL] | resume FILE [LOCAL] | put LOCAL [FILE] | cd DIR | pwd \
| mkdir DIR | rm FILE | mv FROM TO | quit";

fn main() -> ExitCode {
    let args = cli::parse(
        USAGE,
        &[
            ("--host", "127.0.0.1"),
            ("--port", "2121"),
            ("--user", "anonymous"),
            ("--password", "ftp_client@"),
        ],
    );
    let words: Vec<&str> = args.operands().iter().map(String::as_str).collect();
    let is_known = matches!(
        words.first(),
        None | Some(&("list" | "get" | "resume" | "put"))
    );
    if !is_known || words.len() > 3 {
        args.refuse(format!("{}: not a command", words.join(" ")));
    }
    cli::run("ftp_client", || client(&args, &words))
}

fn client(args: &cli::Args, words: &[&str]) -> io::Result<()> {
    let (host, port) = args.address();
    let connected = FtpClient::connect((host, port));
    let mut ftp = connected.map_err(cli::context(format!("{host}:{port}")))?;
    ftp.login(args.text("--user"), args.text("--password"))?;
    match words {
        [] => shell(&mut ftp)?,
        words => obey(&mut ftp, words)?,
    }
    ftp.quit()
}

/// Commands, one a line, until `quit` or the end of the input.
fn shell(ftp: &mut FtpClient) -> io::Result<()> {
    let is_terminal = io::stdin().is_terminal();
    let mut input = greenroom::io::stdin().lock();
    loop {
        if is_terminal {
            eprint!("ftp> ");
        }
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            [] => {}
            ["quit"] => return Ok(()),
            _ => match obey(ftp, &words) {
                Err(error) if is_over(&error) => return Err(error),
                // The server said no, or this machine did: the next command may do better.
                Err(error) => eprintln!("{error}"),
                Ok(()) => {}
            },
        }
    }
}

/// Whether the connection is lost, or nobody knows which answer comes next.
fn is_over(error: &io::Error) -> bool {
    match Answer::of(error) {
        Some(answer) => answer.code == 421,
        None => matches!(
            error.kind(),
            ErrorKind::BrokenPipe
                | ErrorKind::ConnectionAborted
                | ErrorKind::ConnectionReset
                | ErrorKind::InvalidData
                | ErrorKind::TimedOut
                | ErrorKind::UnexpectedEof
        ),
    }
}

fn obey(ftp: &mut FtpClient, words: &[&str]) -> io::Result<()> {
    match *words {
        ["list"] => list(ftp, ""),
        ["list", directory] => list(ftp, directory),
        ["get", file] => get(ftp, file, last_name(file)?),
        ["get", file, local] => get(ftp, file, local),
        ["resume", file] => resume(ftp, file, last_name(file)?),
        ["resume", file, local] => resume(ftp, file, local),
        ["put", local] => put(ftp, local, last_name(local)?),
        ["put", local, file] => put(ftp, local, file),
        ["cd", directory] => ftp.cwd(directory),
        ["pwd"] => ftp.pwd().map(|path| say!("{}", cli::printable(&path))),
        ["mkdir", directory] => ftp.mkdir(directory),
        ["rm", file] => ftp.delete(file),
        ["mv", from, to] => ftp.rename(from, to),
        _ => {
            eprintln!("{HELP}");
            Ok(())
        }
    }
}

fn list(ftp: &mut FtpClient, directory: &str) -> io::Result<()> {
    for line in ftp.list(directory)?.lines() {
        say!("{}", cli::printable(line));
    }
    Ok(())
}

fn get(ftp: &mut FtpClient, file: &str, local: &str) -> io::Result<()> {
    let bar = bar();
    let mut sink = Late {
        path: local,
        file: None,
    };
    let bytes = ftp.get(file, &mut sink, |so_far, total| show(&bar, so_far, total))?;
    sink.file()?;
    bar.finish_and_clear();
    say!("{local}: {bytes} bytes");
    Ok(())
}

/// A file that is made, or emptied, when the first byte comes: not if the server has nothing.
struct Late<'a> {
    path: &'a str,
    file: Option<File>,
}

impl Late<'_> {
    fn file(&mut self) -> io::Result<&File> {
        if self.file.is_none() {
            let made = File::create(self.path).map_err(cli::context(self.path))?;
            self.file = Some(made);
        }
        self.file.as_ref().ok_or_else(|| ErrorKind::NotFound.into())
    }
}

impl Write for Late<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn resume(ftp: &mut FtpClient, file: &str, local: &str) -> io::Result<()> {
    let bar = bar();
    let progress = |so_far, total| show(&bar, so_far, total);
    let bytes = ftp.resume_get(file, Path::new(local), progress)?;
    bar.finish_and_clear();
    say!("{local}: {bytes} bytes more");
    Ok(())
}

fn put(ftp: &mut FtpClient, local: &str, file: &str) -> io::Result<()> {
    let source = File::open(local).map_err(cli::context(local))?;
    let total = source.metadata()?.len();
    let bar = bar();
    let bytes = ftp.put(file, &source, |so_far| show(&bar, so_far, Some(total)))?;
    bar.finish_and_clear();
    say!("{file}: {bytes} bytes");
    Ok(())
}

/// Where a file of that name goes if nothing else is said: here, wherever it comes from.
fn last_name(path: &str) -> io::Result<&str> {
    let name = path.rsplit('/').next().unwrap_or_default();
    match name {
        "" | "." | ".." => Err(io::Error::new(
            ErrorKind::InvalidInput,
            format!("{path}: no name"),
        )),
        name => Ok(name),
    }
}

/// Draws on a terminal only.
fn bar() -> ProgressBar {
    let template = "{bar:40} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    let style = ProgressStyle::with_template(template).expect("because the template is right");
    ProgressBar::no_length().with_style(style)
}

fn show(bar: &ProgressBar, so_far: u64, total: Option<u64>) {
    if let Some(total) = total {
        bar.set_length(total);
    }
    bar.set_position(so_far);
}
