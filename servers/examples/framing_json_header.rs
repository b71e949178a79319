//! Uploads of any size: four bytes of length, a JSON header with name, size and MD5, then the file. Stores what arrives whole.
//!
//! One upload per connection, in constant memory. A file is written under a temporary name and renamed when its sum is
//! right, so there is never half a file; it replaces a file of that name. Of two uploads of one name at the same time,
//! each is stored whole, and the one that ends last stays.
//!
//! Port of: the notes, "Sticky packets, the second solution taken further" (file 002, section 1.5).
//!
//! Run: `cargo run --release --example framing_json_header -- [--host HOST] [--port 8080] [--dir uploads]
//! [--max-bytes N] [--idle-seconds 30] [--grace-seconds 10]`
//!
//! Try: `cargo run --release --example framing_json_header_client -- FILE...` in a second terminal; end with Ctrl-C.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:8080
//! stored hello.txt, 12 bytes, md5 6f5902ac237024bdd0c176cb93063dc4
//! served 1 uploads, refused 0
//! ```
//!
//! Differs: the notes only sketch this. They take what one `recv` returns for a header and for a file of 1 TB, and trust
//! name and length. Logs (`RUST_LOG`, default `info`) go to stderr.

#[path = "../../examples/cli/mod.rs"]
mod cli;
mod framing;

use cli::say;
use framing::{bad, close_gently, explain, read_frame, set_idle_limit, write_json};
use greenroom::fs::{self, File};
use greenroom::net::{TcpListener, TcpStream, serve};
use greenroom::signal::{Signal, Signals};
use md5::{Digest, Md5};
use serde::Deserialize;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const USAGE: &str = "usage: framing_json_header [--host HOST] [--port PORT] [--dir DIR] [--max-bytes N] \
[--idle-seconds N] [--grace-seconds N]";

const HEADER_BYTES_MAX: i32 = 8 << 10;
/// As file systems have it, NAME_MAX.
const NAME_BYTES_MAX: usize = 255;
const PIECE_BYTES: usize = 64 << 10;

fn main() -> ExitCode {
    let args = cli::parse(
        USAGE,
        &[
            ("--host", "127.0.0.1"),
            ("--port", "8080"),
            ("--dir", "uploads"),
            ("--max-bytes", "1099511627776"),
            ("--idle-seconds", "30"),
            ("--grace-seconds", "10"),
        ],
    );
    let store = Store {
        dir: args.get("--dir"),
        bytes_max: args.get("--max-bytes"),
        idle: args.seconds("--idle-seconds"),
        serial: AtomicU64::new(0),
        stored: AtomicU64::new(0),
        refused: AtomicU64::new(0),
    };
    if store.idle.is_zero() {
        args.refuse("--idle-seconds 0: nobody is that fast");
    }
    let grace = args.seconds("--grace-seconds");
    cli::run_logged("framing_json_header", || {
        server(args.address(), store, grace)
    })
}

/// Serves until SIGINT or SIGTERM, then lets open uploads finish.
fn server(address: (&str, u16), store: Store, grace: Duration) -> io::Result<()> {
    let signals = Signals::new(&[Signal::Interrupt, Signal::Terminate])?;
    let tried = cli::context(format!("cannot use the folder {}", store.dir.display()));
    fs::create_dir_all(&store.dir).map_err(tried)?;
    let tried = cli::context(format!("cannot listen on {}:{}", address.0, address.1));
    let listener = TcpListener::bind(address).map_err(tried)?;
    let store = Arc::new(store);
    let shared = Arc::clone(&store);
    let server = serve(listener, move |stream, peer| {
        let outcome = set_idle_limit(&stream, shared.idle).and_then(|()| shared.receive(&stream));
        shared.answer(&stream, &peer.to_string(), outcome);
    })?;
    say!("listening on {}", server.local_addr());

    let signal = signals.wait()?;
    log::info!("{signal:?}: finishing open uploads");
    let stats = server.finish(grace);
    if stats.cut_off > 0 {
        log::warn!("{} uploads were still open after {grace:?}", stats.cut_off);
    }
    let (stored, refused) = (&store.stored, &store.refused);
    let (stored, refused) = (
        stored.load(Ordering::Relaxed),
        refused.load(Ordering::Relaxed),
    );
    say!("served {stored} uploads, refused {refused}");
    Ok(())
}

/// The target folder, and what may go into it.
struct Store {
    dir: PathBuf,
    bytes_max: u64,
    idle: Duration,
    /// For temporary names.
    serial: AtomicU64,
    stored: AtomicU64,
    refused: AtomicU64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    file_size: u64,
    file_name: String,
    md5: String,
}

impl Store {
    /// Takes one upload; `None` if the client left without one.
    fn receive(&self, stream: &TcpStream) -> io::Result<Option<String>> {
        let Some(header) = read_frame(stream, "header", HEADER_BYTES_MAX)? else {
            return Ok(None);
        };
        let header: Header =
            serde_json::from_slice(&header).map_err(|error| bad(format!("header: {error}")))?;
        self.check(&header)?;
        let target = self.dir.join(&header.file_name);
        check_target(&target)?;

        let mut temporary = self.temporary()?;
        let sum = copy_and_sum(stream, &mut temporary.file, header.file_size)?;
        if !sum.eq_ignore_ascii_case(&header.md5) {
            let claimed = &header.md5;
            return Err(bad(format!("md5 is {sum}, the header says {claimed}")));
        }
        temporary.file.sync_all()?;
        // Somebody may have put something there meanwhile; a link itself would be replaced, not followed.
        check_target(&target)?;
        temporary.rename(&target)?;
        let Header {
            file_size,
            file_name,
            ..
        } = header;
        Ok(Some(format!(
            "stored {file_name}, {file_size} bytes, md5 {sum}"
        )))
    }

    /// Under a name that is free: one that was killed, and had this process's number, may have left its files.
    fn temporary(&self) -> io::Result<Temporary> {
        loop {
            let serial = self.serial.fetch_add(1, Ordering::Relaxed);
            let name = format!(".upload-{}-{serial}", greenroom::process::id());
            match Temporary::create(self.dir.join(name)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                outcome => return outcome,
            }
        }
    }

    fn check(&self, header: &Header) -> io::Result<()> {
        let name = &header.file_name;
        let complaint = if name.is_empty() {
            "is empty"
        } else if name.len() > NAME_BYTES_MAX {
            "is longer than 255 bytes"
        } else if name.starts_with('.') {
            // `.`, `..`, and this program's own temporary files.
            "begins with a dot"
        } else if name.contains('/') {
            "contains a slash"
        } else if !name.chars().all(cli::is_harmless) {
            "contains a control character"
        } else {
            ""
        };
        if !complaint.is_empty() {
            return Err(bad(format!("file_name {complaint}")));
        }
        if header.md5.len() != 32 || !header.md5.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(bad("md5 is not 32 hexadecimal digits"));
        }
        if header.file_size > self.bytes_max {
            let (size, max) = (header.file_size, self.bytes_max);
            return Err(bad(format!("file_size is {size}, allowed are {max}")));
        }
        Ok(())
    }

    /// Tells the client, then the log and the terminal.
    fn answer(&self, stream: &TcpStream, peer: &str, outcome: io::Result<Option<String>>) {
        let (status, message) = match outcome.map_err(|error| explain(error, self.idle)) {
            Ok(None) => return log::info!("{peer}: left without an upload"),
            Ok(Some(message)) => {
                self.stored.fetch_add(1, Ordering::Relaxed);
                ("ok", message)
            }
            Err(error) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                // It quotes the header, whatever that holds.
                ("error", cli::printable(&error.to_string()))
            }
        };
        let reply = serde_json::json!({ "status": status, "message": message });
        let told = write_json(stream, &reply);
        if status == "ok" {
            log::info!("{peer}: {message}");
            say!("{message}");
        } else {
            log::warn!("{peer}: {message}");
        }
        match told {
            Ok(()) => close_gently(stream),
            Err(error) => log::info!("{peer}: did not hear its answer: {error}"),
        }
    }
}

/// A file may be replaced; a link, a folder or a device may not.
fn check_target(target: &Path) -> io::Result<()> {
    match fs::symlink_metadata(target) {
        Ok(found) if !found.is_file() => {
            Err(bad("file_name is taken by something that is no file"))
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn copy_and_sum(mut stream: &TcpStream, file: &mut File, size: u64) -> io::Result<String> {
    let mut sum = Md5::new();
    let mut piece = vec![0; PIECE_BYTES];
    let mut left = size;
    while left > 0 {
        let want = usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
        let came = stream.read(&mut piece[..want])?;
        if came == 0 {
            let came = size - left;
            return Err(bad(format!("the stream ends after {came} of {size} bytes")));
        }
        sum.update(&piece[..came]);
        file.write_all(&piece[..came])?;
        left -= came as u64;
    }
    Ok(sum
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// A file that goes away when its upload does not end well, be it by a time-out or a signal.
struct Temporary {
    file: File,
    path: PathBuf,
}

impl Temporary {
    fn create(path: PathBuf) -> io::Result<Temporary> {
        Ok(Temporary {
            file: File::create_new(&path)?,
            path,
        })
    }

    fn rename(self, target: &Path) -> io::Result<()> {
        // Its own path is gone after this, so that dropping it removes nothing.
        fs::rename(&self.path, target)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // std's: a destructor should not park, and unlinking takes no time worth it.
        let _ = std::fs::remove_file(&self.path);
    }
}
