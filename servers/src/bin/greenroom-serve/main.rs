//! `greenroom-serve`: the library's servers as one program with subcommands.
//!
//! Each subcommand is a file: its options, its help, and the handler that it makes of them. What they share
//! (options, listening, signals, the end) is in `options`, `listen` and `run`. Exit codes: 0 after a signal,
//! 1 when something failed, 2 for a command line that makes no sense.

mod chat;
mod concurrency;
mod count;
mod duration;
mod echo;
mod ftp;
mod http;
mod listen;
mod options;
mod remote_command;
mod run;
mod udp;
mod upper;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use concurrency::Mode;
use greenroom_servers::{Concurrency, multiprocessing};
use listen::Listen;
use options::Options;
use std::io::{self, Write};
use std::process::ExitCode;

const EXAMPLES: &str = "\
Examples:
  greenroom-serve echo                              an echo server for this machine, on port 2007
  greenroom-serve chat --listen 0.0.0.0:8081        a chat for everybody; join with `nc HOST 8081`
  greenroom-serve http --root /srv/www --list       the files of a folder, for browsers
  greenroom-serve upper --udp                       datagrams instead of connections
  greenroom-serve remote-command --allow ls,uptime  two commands for clients of this machine
  greenroom-serve help chat                         what one of them can do";

/// Small servers, one green thread per client.
///
/// Each prints `listening on ADDRESS` when it is ready, logs to stderr, and ends by Ctrl-C or SIGTERM: it
/// takes no new clients, lets the others finish for a while (--grace), and prints what it has done. A second
/// signal ends it at once, with status 1; the same one within 200 ms counts as the first. SIGHUP changes nothing.
#[derive(Debug, Parser)]
#[command(name = "greenroom-serve", version, after_help = EXAMPLES, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    program: Program,
}

#[derive(Debug, Subcommand)]
enum Program {
    Echo(echo::Echo),
    Upper(upper::Upper),
    Chat(chat::Chat),
    Http(http::Http),
    Ftp(ftp::Ftp),
    RemoteCommand(remote_command::RemoteCommand),
}

impl Program {
    fn options(&self) -> &Options {
        match self {
            Program::Echo(program) => &program.options,
            Program::Upper(program) => &program.options,
            Program::Chat(program) => &program.options,
            Program::Http(program) => &program.options,
            Program::Ftp(program) => &program.options,
            Program::RemoteCommand(program) => &program.options,
        }
    }

    /// What no parser of one option can see.
    fn check(&self) -> Result<(), String> {
        let is_unix = |place: &Listen| matches!(place, Listen::Unix(_));
        if let (Program::Ftp(_), Some(place)) =
            (self, self.options().listen.iter().find(|at| is_unix(at)))
        {
            return Err(format!(
                "--listen {place} is not for this server: its data connections come to an address"
            ));
        }
        let mode = self.options().concurrency;
        let is_for_it = match (self, mode) {
            (Program::Echo(echo), Mode::Process) => !echo.udp,
            (Program::Upper(upper), Mode::Process) => !upper.udp,
            // Its clients must meet, and more than one at a time.
            (
                Program::Chat(_),
                Mode::Process | Mode::Here(Concurrency::Inline | Concurrency::Pool(1)),
            ) => false,
            (Program::Http(_) | Program::Ftp(_) | Program::RemoteCommand(_), Mode::Process) => {
                false
            }
            // Its clients stay connected.
            (Program::Ftp(_), Mode::Here(Concurrency::Inline | Concurrency::Pool(1))) => false,
            _ => true,
        };
        match is_for_it {
            true => Ok(()),
            false => Err(format!("--concurrency {mode} is not for this server")),
        }
    }

    fn run(&self) -> io::Result<()> {
        match self {
            Program::Echo(program) => program.run(),
            Program::Upper(program) => program.run(),
            Program::Chat(program) => program.run(),
            Program::Http(program) => program.run(),
            Program::Ftp(program) => program.run(),
            Program::RemoteCommand(program) => program.run(),
        }
    }
}

fn main() -> ExitCode {
    let program = Cli::parse().program;
    if let Err(why) = program.check() {
        Cli::command().error(ErrorKind::ValueValidation, why).exit();
    }
    let options = program.options();
    options.start_logging();
    let outcome = match options.concurrency {
        // Before there is any other thread.
        Mode::Process => multiprocessing::run(|| run(&program)).flatten(),
        Mode::Here(_) => run(&program),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not `eprintln!`, which panics where nobody listens.
            let _ = writeln!(io::stderr(), "greenroom-serve: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(program: &Program) -> io::Result<()> {
    let mut builder = greenroom::Runtime::builder();
    if let Some(workers) = program.options().workers {
        builder = builder.workers(workers.get());
    }
    builder.build()?.run(|| program.run())
}
