//! `--concurrency`: what serves a client.

use crate::count::{POOL_MOST, count};
use greenroom_servers::Concurrency;
use std::fmt;
use std::str::FromStr;

/// What serves a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Of the framework.
    Here(Concurrency),
    /// A process for each.
    Process,
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Mode, String> {
        let complaint = "give green, inline, thread, process, or pool=N with N from 1 to 100000";
        Ok(match text.split_once('=').unwrap_or((text, "")) {
            ("green", "") => Mode::Here(Concurrency::GreenThread),
            ("inline", "") => Mode::Here(Concurrency::Inline),
            ("thread", "") => Mode::Here(Concurrency::OsThread),
            ("process", "") => Mode::Process,
            ("pool", number) => {
                let number = count::<POOL_MOST>(number).map_err(|_| complaint)?;
                Mode::Here(Concurrency::Pool(number.get()))
            }
            _ => return Err(complaint.to_owned()),
        })
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::Here(Concurrency::GreenThread) => f.write_str("green"),
            Mode::Here(Concurrency::Inline) => f.write_str("inline"),
            Mode::Here(Concurrency::OsThread) => f.write_str("thread"),
            Mode::Here(Concurrency::Pool(number)) => write!(f, "pool={number}"),
            Mode::Process => f.write_str("process"),
        }
    }
}

impl Mode {
    /// For the framework; a process is a matter of the handler.
    pub(crate) fn here(self) -> Concurrency {
        match self {
            Mode::Here(concurrency) => concurrency,
            Mode::Process => Concurrency::GreenThread,
        }
    }
}
