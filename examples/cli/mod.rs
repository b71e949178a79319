//! What the examples' command lines have in common: `--name value`, flags, `--help`, how errors are shown.
//!
//! Not an example. A real program would take clap; the examples of the root need nothing but greenroom and
//! a logger, so that they build in seconds. Whoever reads an example can skip this file.
#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "every example uses its own part"
)]

use std::fmt::{Arguments, Display};
use std::io::{self, Write};
use std::process::{ExitCode, exit};
use std::str::FromStr;
use std::time::Duration;

/// The default of an option that takes no value and is off.
pub(crate) const OFF: &str = "off";

/// A parsed command line.
#[derive(Debug)]
pub(crate) struct Args {
    usage: &'static str,
    options: Vec<(&'static str, String)>,
    given: Vec<&'static str>,
    operands: Vec<String>,
}

/// Parses the program's arguments: each of `options` is a name with its default. Prints and exits with 2
/// for what is not in there, with 0 for `--help`.
pub(crate) fn parse(usage: &'static str, options: &[(&'static str, &str)]) -> Args {
    let defaults = options
        .iter()
        .map(|(name, value)| (*name, (*value).to_owned()));
    let mut args = Args {
        usage,
        options: defaults.collect(),
        given: Vec::new(),
        operands: Vec::new(),
    };
    let mut given = std::env::args().skip(1);
    while let Some(word) = given.next() {
        if word == "--help" || word == "-h" {
            println!("{usage}");
            exit(0);
        }
        let (name, inline) = match word.split_once('=') {
            Some((name, value)) if word.starts_with("--") => (name, Some(value.to_owned())),
            _ => (word.as_str(), None),
        };
        let Some(at) = args.options.iter().position(|(option, _)| *option == name) else {
            if word.starts_with("--") {
                args.refuse(format!("{word}: unknown option"));
            }
            args.operands.push(word);
            continue;
        };
        args.given.push(options[at].0);
        let is_flag = options[at].1 == OFF;
        args.options[at].1 = match (is_flag, inline) {
            (true, None) => "on".to_owned(),
            (true, Some(_)) => args.refuse(format!("{name}: takes no value")),
            (false, Some(value)) => value,
            (false, None) => match given.next() {
                Some(value) => value,
                None => args.refuse(format!("{name}: a value is missing")),
            },
        };
    }
    args
}

impl Args {
    /// The text of an option.
    pub(crate) fn text(&self, name: &str) -> &str {
        let found = self.options.iter().find(|(option, _)| *option == name);
        &found
            .unwrap_or_else(|| panic!("{name} is not among the options"))
            .1
    }

    /// The value of an option; exits if it is none of its type.
    pub(crate) fn get<T: FromStr>(&self, name: &str) -> T {
        let text = self.text(name);
        text.parse()
            .unwrap_or_else(|_| self.refuse(format!("{name} {text}: not a value in range")))
    }

    /// The value of an option in seconds, with or without a fraction.
    pub(crate) fn seconds(&self, name: &str) -> Duration {
        Duration::try_from_secs_f64(self.get(name)).unwrap_or_else(|error| {
            self.refuse(format!("{name} {}: {error}", self.text(name)));
        })
    }

    /// Whether an option without a value was given.
    pub(crate) fn is_on(&self, name: &str) -> bool {
        self.text(name) != OFF
    }

    /// Whether an option was given, be it with its default.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.given.contains(&name)
    }

    /// `--host` and `--port`, ready to bind or connect to.
    pub(crate) fn address(&self) -> (&str, u16) {
        (self.text("--host"), self.get("--port"))
    }

    /// What is no option.
    pub(crate) fn operands(&self) -> &[String] {
        &self.operands
    }

    /// Says what is wrong with the arguments, and ends the program.
    pub(crate) fn refuse(&self, complaint: impl Display) -> ! {
        eprintln!("{complaint}\n{}", self.usage);
        exit(2)
    }
}

/// Runs an example's body in a green thread and shows its error.
pub(crate) fn run(name: &str, body: impl FnOnce() -> io::Result<()> + Send) -> ExitCode {
    env_logger::init();
    run_green(name, body)
}

/// As [`run`], for servers that are left alone: logs warnings and what was done even without `RUST_LOG`.
pub(crate) fn run_logged(name: &str, body: impl FnOnce() -> io::Result<()> + Send) -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    run_green(name, body)
}

fn run_green(name: &str, body: impl FnOnce() -> io::Result<()> + Send) -> ExitCode {
    match greenroom::run(body) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{name}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// For `map_err`: puts what was tried in front of the error, and keeps its kind.
pub(crate) fn context(tried: impl Display) -> impl FnOnce(io::Error) -> io::Error {
    move |error| io::Error::new(error.kind(), format!("{tried}: {error}"))
}

/// Whether a terminal only draws it. Escape sequences begin with a control character; the others reverse the
/// direction of what follows, or break the line.
pub(crate) fn is_harmless(c: char) -> bool {
    let is_format = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    !c.is_control() && !is_format
}

/// For what is shown although a stranger wrote it and nobody has checked it.
pub(crate) fn printable(text: &str) -> String {
    let show = |c: char| {
        if is_harmless(c) {
            c.to_string()
        } else {
            c.escape_default().to_string()
        }
    };
    text.chars().map(show).collect()
}

/// `println!` for servers: a line that cannot be shown, say because of `server | head -1`, is no reason to leave the
/// clients. It is lost.
macro_rules! say {
    ($($arg:tt)*) => {
        $crate::cli::say_line(format_args!($($arg)*))
    };
}
pub(crate) use say;

/// What [`say`] expands to.
pub(crate) fn say_line(line: Arguments<'_>) {
    // In one call, so that lines of several green threads do not mix.
    let _ = greenroom::io::stdout().write_fmt(format_args!("{line}\n"));
}
