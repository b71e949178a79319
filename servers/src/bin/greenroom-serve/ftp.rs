//! `greenroom-serve ftp`.

use crate::options::Options;
use crate::run::Plan;
use clap::Args;
use greenroom_servers::ftp::{self, BUSY, Settings, Users, hash_password};
use greenroom_servers::root::{Root, VirtualPath};
use std::io::{self, BufRead, Write};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const PORT: u16 = 2121;
const IDLE: Duration = Duration::from_secs(300);

const EXAMPLES: &str = "\
Examples:
  greenroom-serve ftp                                    this folder, for reading, on 127.0.0.1:2121
  greenroom-serve ftp --root /srv/ftp --users users.txt --no-anonymous
  greenroom-serve ftp --listen 0.0.0.0:2121 --passive-ports 50000-50100
Try it:
  curl ftp://127.0.0.1:2121/

A line of the users' file is NAME:HASH:RIGHTS:HOME, as in ada:$argon2id$...:rw:/home/ada.
greenroom-serve ftp --hash-password makes a HASH; RIGHTS are ro or rw; HOME is a folder of the root.";

/// Serves the files of a folder over FTP
///
/// Whoever logs in as `anonymous` may read. Users of a file may write, if it says so, each in a home that nothing
/// leads out of. Passwords and files cross the network as they are.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Ftp {
    /// The folder whose files are served
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    root: PathBuf,

    /// The file of users and their rights; read once, at the start
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,

    /// Read a password from standard input, print its hash for the users' file, and end
    #[arg(long, exclusive = true)]
    hash_password: bool,

    /// Nobody reads without a password
    #[arg(long, requires = "users")]
    no_anonymous: bool,

    /// Ports for data connections, for firewalls [default: any]
    #[arg(long, value_name = "FIRST-LAST", value_parser = ports)]
    passive_ports: Option<RangeInclusive<u16>>,

    /// Bytes that an uploaded file may have
    #[arg(long, value_name = "BYTES", default_value = "4294967296")]
    max_upload: u64,

    #[command(flatten)]
    pub(crate) options: Options,
}

impl Ftp {
    pub(crate) fn run(&self) -> io::Result<()> {
        if self.hash_password {
            return print_hash();
        }
        let mut settings = Settings {
            anonymous: (!self.no_anonymous).then(VirtualPath::root),
            passive_ports: self.passive_ports.clone(),
            upload_bytes_max: self.max_upload,
            ..Settings::default()
        };
        // Without users nobody may write: then the tree itself need not allow it.
        let root = match &self.users {
            None => Root::read_only(&self.root),
            Some(file) => {
                settings.users = Users::load(file).map_err(|error| {
                    let why = format!("cannot read the users of {}: {error}", file.display());
                    io::Error::new(error.kind(), why)
                })?;
                Root::writable(&self.root)
            }
        };
        let root = root.map_err(|error| {
            let (root, kind) = (self.root.display(), error.kind());
            io::Error::new(
                kind,
                format!("cannot serve {root}: {error}; choose a folder with --root"),
            )
        })?;
        let ftp = ftp::Ftp::new(root, settings);
        let stopper = ftp.stopper();
        let plan = Plan {
            options: &self.options,
            places: &self.options.listen_or(PORT),
            idle: IDLE,
            rejection: BUSY,
            last_act: Box::new(|| {}),
        };
        plan.serve(&Arc::new(ftp), || stopper.stop())
    }
}

fn print_hash() -> io::Result<()> {
    let mut password = String::new();
    greenroom::io::stdin().lock().read_line(&mut password)?;
    let hash = hash_password(password.trim_end_matches(['\r', '\n']))?;
    writeln!(greenroom::io::stdout(), "{hash}")
}

fn ports(text: &str) -> Result<RangeInclusive<u16>, String> {
    let range = text.split_once('-').and_then(|(first, last)| {
        let range: RangeInclusive<u16> = first.parse().ok()?..=last.parse().ok()?;
        (*range.start() > 0 && !range.is_empty()).then_some(range)
    });
    range.ok_or_else(|| "give FIRST-LAST, as in 50000-50100".to_owned())
}
