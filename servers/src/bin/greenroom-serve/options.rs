//! The options that all servers have.

use crate::concurrency::Mode;
use crate::count::{MOST, count};
use crate::duration::{Limit, limit};
use crate::listen::Listen;
use clap::{ArgAction, Args};
use greenroom_servers::Limits;
use log::LevelFilter;
use std::io::Write;
use std::num::NonZero;
use std::time::Duration;

/// Options that say nothing to a server of datagrams.
pub(crate) const FOR_CLIENTS: [&str; 5] = [
    "concurrency",
    "max_clients",
    "max_clients_per_address",
    "idle_timeout",
    "request_timeout",
];

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Where to listen: ADDRESS:PORT, PORT on this machine only, or unix:/PATH. Port 0: any free one. May be
    /// given several times
    #[arg(long, value_name = "WHERE", help_heading = "Listening")]
    pub(crate) listen: Vec<Listen>,

    /// OS threads that run green threads [default: one per processor]
    #[arg(long, value_name = "N", value_parser = count::<255>, help_heading = "Listening")]
    pub(crate) workers: Option<NonZero<usize>>,

    /// What serves a client: green (a green thread), thread (of the OS), pool=N (N green threads for all), inline (one
    /// client after the other; not chat, ftp), process (echo, upper only)
    #[arg(
        long,
        value_name = "HOW",
        default_value = "green",
        help_heading = "Listening"
    )]
    pub(crate) concurrency: Mode,

    /// Clients at one time; those beyond are refused
    #[arg(
        long,
        value_name = "N",
        value_parser = count::<MOST>,
        default_value = "10000",
        help_heading = "Limits"
    )]
    max_clients: NonZero<usize>,

    /// Clients at one time from one IP address; those beyond are refused
    #[arg(
        long,
        value_name = "N",
        value_parser = count::<MOST>,
        default_value = "10000",
        help_heading = "Limits"
    )]
    max_clients_per_address: NonZero<usize>,

    /// How long a client may be silent, or not read: 500ms, 30s, 2m, 1h; 0 for no limit [default: 60s; ftp and
    /// remote-command 5m; chat 30m]
    #[arg(long, value_name = "TIME", value_parser = limit, help_heading = "Limits")]
    idle_timeout: Option<Limit>,

    /// How long one request may take to come, from its first byte (chat: a line); 0 for no limit
    #[arg(long, value_name = "TIME", value_parser = limit, default_value = "30s", help_heading = "Limits")]
    request_timeout: Limit,

    /// How long clients may finish after Ctrl-C or SIGTERM; 0 to cut them off at once
    #[arg(long, value_name = "TIME", value_parser = limit, default_value = "10s", help_heading = "Limits")]
    grace: Limit,

    /// Logs more: -v each datagram and connection that fails, -vv everything
    #[arg(short, long, action = ArgAction::Count, conflicts_with_all = ["quiet", "log_level"], help_heading = "Logging")]
    verbose: u8,

    /// Logs less: -q warnings, -qq errors, -qqq nothing
    #[arg(short, long, action = ArgAction::Count, conflicts_with = "log_level", help_heading = "Logging")]
    quiet: u8,

    /// Logs what is at least so important: off, error, warn, info, debug or trace [default: info, or RUST_LOG]
    #[arg(long, value_name = "LEVEL", help_heading = "Logging")]
    log_level: Option<LevelFilter>,
}

impl Options {
    /// What clients may do; `idle` if the user has not said.
    pub(crate) fn limits(&self, idle: Duration) -> Limits {
        let timed = Limits {
            idle_timeout: self.idle_timeout.map_or(Some(idle), |limit| limit.0),
            request_timeout: self.request_timeout.0,
            ..Limits::default()
        };
        Limits {
            clients_max: self.max_clients.get(),
            clients_per_address_max: self.max_clients_per_address.get(),
            ..timed
        }
    }

    /// `0` is no time here, and no limit everywhere else: nobody wants a server that never ends.
    pub(crate) fn grace(&self) -> Duration {
        self.grace.0.unwrap_or_default()
    }

    /// Where to listen, or at the port of the program's choice on this machine.
    pub(crate) fn listen_or(&self, port: u16) -> Vec<Listen> {
        match self.listen.is_empty() {
            true => vec![Listen::Ip(format!("127.0.0.1:{port}"))],
            false => self.listen.clone(),
        }
    }

    pub(crate) fn start_logging(&self) {
        let level = match (self.log_level, self.verbose, self.quiet) {
            (Some(level), ..) => Some(level),
            (None, 0, 0) => None,
            (None, 0, 1) => Some(LevelFilter::Warn),
            (None, 0, 2) => Some(LevelFilter::Error),
            (None, 0, _) => Some(LevelFilter::Off),
            (None, 1, _) => Some(LevelFilter::Debug),
            (None, ..) => Some(LevelFilter::Trace),
        };
        let mut builder = match level {
            Some(level) => {
                let mut builder = env_logger::Builder::new();
                builder.filter_level(level);
                builder
            }
            None => {
                env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info"))
            }
        };
        let builder = builder.format(|out, record| {
            let level = record.level().as_str().to_ascii_lowercase();
            writeln!(out, "{level}: {}", record.args())
        });
        builder.init();
    }
}
