//! `greenroom-serve http`.

use crate::options::Options;
use crate::run::Plan;
use clap::Args;
use greenroom_servers::http::{self, Files, HttpLimits, Router};
use greenroom_servers::root::Root;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const PORT: u16 = 8000;
const IDLE: Duration = Duration::from_secs(60);

const EXAMPLES: &str = "\
Examples:
  greenroom-serve http                                   this folder, on http://127.0.0.1:8000/
  greenroom-serve http --root /srv/www --listen 0.0.0.0:8080 --access-log
  greenroom-serve http --list                            folders without an index.html as lists
Try it:
  curl -i http://127.0.0.1:8000/";

/// Serves the files of a folder over HTTP
///
/// GET and HEAD, with ranges and conditional requests. index.html stands for its folder; nothing leads out of the
/// root; names that begin with a dot are hidden.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Http {
    /// The folder whose files are served
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    root: PathBuf,

    /// Shows folders without an index.html as lists
    #[arg(long)]
    list: bool,

    /// Serves names that begin with a dot too
    #[arg(long)]
    hidden: bool,

    /// Logs a line for each request
    #[arg(long)]
    access_log: bool,

    #[command(flatten)]
    pub(crate) options: Options,
}

impl Http {
    pub(crate) fn run(&self) -> io::Result<()> {
        let root = Root::read_only(&self.root).map_err(|error| {
            let (root, kind) = (self.root.display(), error.kind());
            io::Error::new(
                kind,
                format!("cannot serve {root}: {error}; choose a folder with --root"),
            )
        })?;
        let files = Files::new(root).listing(self.list).hidden(self.hidden);
        let router = Router::new().files("/*path", files);
        let plan = Plan {
            options: &self.options,
            places: &self.options.listen_or(PORT),
            idle: IDLE,
            rejection: http::BUSY.as_bytes(),
            last_act: Box::new(|| {}),
        };
        let server = http::Http::new(router)
            .limits(self.limits())
            .access_log(self.access_log);
        plan.serve(&Arc::new(server), || {})
    }

    /// A head is a part of its request: it may not take longer than that.
    fn limits(&self) -> HttpLimits {
        let limits = HttpLimits::default();
        let of_request = self.options.limits(IDLE).request_timeout;
        HttpLimits {
            header_timeout: limits.header_timeout.into_iter().chain(of_request).min(),
            ..limits
        }
    }
}
