//! `greenroom-serve remote-command`.

use crate::count::{MOST, count};
use crate::duration::{Limit, limit};
use crate::listen::Listen;
use crate::options::Options;
use crate::run::{self, Plan};
use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use greenroom_servers::framing::write_json;
use greenroom_servers::services::remote_command::{self, ALLOWED, OfficeLimits, RunLimits};
use std::io::{self, ErrorKind};
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

const PORT: u16 = 8082;
const IDLE: Duration = Duration::from_secs(300);
/// For `--limit-time 0`.
const NEVER: Duration = Duration::from_secs(1 << 32);

const EXAMPLES: &str = "\
Examples:
  greenroom-serve remote-command                         echo, ls, pwd, uname, uptime and whoami
  greenroom-serve remote-command --allow date,df --limit-time 2s
  greenroom-serve remote-command --allow-any             anything, by a shell: for this machine only
Try it:
  cargo run --example remote_command_client -- --port 8082 uname -a";

/// Runs commands for clients, and sends back output, errors and exit status
///
/// Whoever may connect may run commands as you. It listens on loopback addresses and Unix sockets only, unless
/// --allow-remote is given.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct RemoteCommand {
    /// Programs that may run, without a shell
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', default_values = ALLOWED, value_parser = NonEmptyStringValueParser::new())]
    allow: Vec<String>,

    /// Gives every command to a shell
    #[arg(long, conflicts_with = "allow")]
    allow_any: bool,

    /// Serves other machines too: they will be you
    #[arg(long)]
    allow_remote: bool,

    /// How long a command may run before it is killed, with its process group
    #[arg(long, value_name = "TIME", value_parser = limit, default_value = "10s")]
    limit_time: Limit,

    /// Bytes of output, after which a command is killed
    #[arg(long, value_name = "BYTES", default_value = "1048576", value_parser = clap::value_parser!(u32).range(0..1 << 30))]
    limit_output: u32,

    /// Commands at one time; others wait for their turn
    #[arg(long, value_name = "N", value_parser = count::<MOST>, default_value = "64")]
    max_running: NonZero<usize>,

    #[command(flatten)]
    pub(crate) options: Options,
}

impl RemoteCommand {
    pub(crate) fn run(&self) -> io::Result<()> {
        let places = self.options.listen_or(PORT);
        if !self.allow_remote {
            places.iter().try_for_each(check)?;
        }
        let service = match self.allow_any {
            true => remote_command::RemoteCommand::allowing_any(),
            false => remote_command::RemoteCommand::allowing(self.allow.iter().cloned()),
        };
        let defaults = OfficeLimits::default();
        let mut service = service.limits(OfficeLimits {
            run: RunLimits {
                output_bytes_max: usize::try_from(self.limit_output).unwrap_or(usize::MAX),
                time: self.limit_time.0.unwrap_or(NEVER),
            },
            running_max: self.max_running.get(),
            ..defaults
        });
        if self.allow_remote {
            service = service.open_to_others();
        }
        let service = Arc::new(service);
        let mut rejection = Vec::new();
        let busy = serde_json::json!({ "error": "busy: too many clients" });
        write_json(&mut rejection, &busy)?;
        let plan = Plan {
            options: &self.options,
            places: &places,
            idle: IDLE,
            rejection: &rejection,
            last_act: {
                let service = Arc::clone(&service);
                Box::new(move || service.kill_all())
            },
        };
        plan.serve(&service, || service.close())?;
        // Of clients on OS threads, which cannot be cancelled.
        service.kill_all();
        let (commands, refused) = service.counts();
        run::say(format_args!("commands {commands}, refused {refused}"));
        Ok(())
    }
}

/// Whether only this machine can connect there.
fn check(place: &Listen) -> io::Result<()> {
    let is_near = |address: &std::net::SocketAddr| address.ip().to_canonical().is_loopback();
    if place.addresses()?.iter().all(is_near) {
        return Ok(());
    }
    let why = format!(
        "cannot listen on {place}: other machines could run commands here; \
         listen on a loopback address, or give --allow-remote"
    );
    Err(io::Error::new(ErrorKind::PermissionDenied, why))
}
