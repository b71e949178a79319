//! The server under test. Called by `bench http-server`, on a runtime of one worker.
//!
//! `GET /` is the plaintext; with a root, other paths are its files. A request's head has a limit of
//! time, which `bench loris` is about; an idle connection may stay.

use super::plain::{Answer, answer_all};
use greenroom::Runtime;
use greenroom::net::{TcpListener, TcpStream};
use greenroom::thread;
use std::io::{self, Read, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Options of the server's process.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ServerArgs {
    #[arg(long)]
    port: u16,
    /// A directory to serve.
    #[arg(long)]
    root: Option<PathBuf>,
    /// For a request's head.
    #[arg(long, default_value_t = 30_000)]
    head_limit_ms: u64,
}

/// Serves until a signal.
pub(crate) fn serve(args: &ServerArgs) -> io::Result<()> {
    crate::sys::process::raise_nofile()?;
    let args = args.clone();
    let runtime = Runtime::builder().workers(1).build()?;
    runtime.run(move || serve_http(&args))
}

/// The one place that knows the server's API.
///
/// A stand-in: requests of a read answered by one write, a limit for the head, and files read whole.
fn serve_http(args: &ServerArgs) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port))?;
    let head_limit = Duration::from_millis(args.head_limit_ms);
    let root = args.root.clone().map(Arc::<Path>::from);
    loop {
        let (stream, _) = listener.accept()?;
        let root = root.clone();
        thread::spawn(move || drop(talk(&stream, root.as_deref(), head_limit)));
    }
}

/// `Err` at the limit of time, which closes the connection.
fn talk(mut stream: &TcpStream, root: Option<&Path>, head_limit: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = vec![0; 4096];
    let (mut filled, mut begun) = (0, None::<Instant>);
    let (mut answer, mut out) = (Answer::new(), Vec::new());
    let other = |path: &str, out: &mut Vec<u8>| add_file(root, path, out);
    loop {
        if filled == input.len() {
            return Err(io::Error::other("the head is too long"));
        }
        if let Some(begun) = begun {
            let left = head_limit.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            stream.set_read_timeout(Some(left))?;
        }
        let got = stream.read(&mut input[filled..])?;
        if got == 0 {
            return Ok(());
        }
        filled += got;
        out.clear();
        answer.refresh();
        let used = answer_all(&input[..filled], &answer, &mut out, other)?;
        input.copy_within(used..filled, 0);
        filled -= used;
        if filled > 0 && (used > 0 || begun.is_none()) {
            begun = Some(Instant::now());
        } else if filled == 0 && begun.take().is_some() {
            stream.set_read_timeout(None)?;
        }
        stream.write_all(&out)?;
    }
}

fn add_file(root: Option<&Path>, path: &str, out: &mut Vec<u8>) -> bool {
    let Some(root) = root else { return false };
    let Ok(bytes) = std::fs::read(root.join(path.trim_start_matches('/'))) else {
        return false;
    };
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len());
    out.extend_from_slice(head.as_bytes());
    out.extend_from_slice(&bytes);
    true
}
