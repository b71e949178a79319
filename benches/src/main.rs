//! `bench`: greenroom measured against hand-written floors. One subcommand per question.
//!
//! Every command prints tables and, with `--json FILE`, writes all samples. The commands hidden
//! from the help are the processes a measurement consists of.

mod child;
mod clock;
mod cmd_echo;
mod cmd_http;
mod cmd_loris;
mod cmd_micro;
mod cmd_modes;
mod cmd_scale;
mod cmd_sync;
mod compare;
mod echo;
mod http;
mod load;
mod machine;
mod micro;
mod report;
mod scale;
mod stats;
mod sync;
mod sys;

use clap::{Parser, Subcommand};
use std::io;
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(
    name = "bench",
    about = "Measures greenroom against hand-written floors"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Server CPU per message of the shipped echo server against a raw-epoll server
    Echo(cmd_echo::EchoArgs),
    /// Server CPU per HTTP request under wrk against a raw-epoll server and other runtimes
    Http(cmd_http::HttpArgs),
    /// Ten thousand HTTP clients while others trickle bytes: latencies, and when those are closed
    Loris(cmd_loris::LorisArgs),
    /// Nanoseconds per operation against bare coroutines, OS threads and std
    Micro(cmd_micro::MicroArgs),
    /// The framework's modes: a green thread, an OS thread, a process per client, a pool
    Modes(cmd_modes::ModesArgs),
    /// A million tasks, fifteen thousand connections: memory, times, timers
    Scale(cmd_scale::ScaleArgs),
    /// Locks, queues, select and events against std, crossbeam and bare coroutines
    Sync(cmd_sync::SyncArgs),
    /// An echo server of one mode
    #[command(hide = true)]
    ModesServer {
        #[arg(long)]
        mode: cmd_modes::Mode,
    },
    /// The raw-epoll echo server
    #[command(hide = true)]
    FloorServer {
        #[arg(long, default_value_t = 0)]
        port: u16,
        #[arg(long, default_value_t = 1)]
        threads: usize,
    },
    /// The HTTP server under test
    #[command(hide = true)]
    HttpServer(http::greenroom::ServerArgs),
    /// The raw-epoll HTTP server
    #[command(hide = true)]
    RawHttpServer {
        #[arg(long)]
        port: u16,
    },
    /// HTTP clients at a fixed rate
    #[command(hide = true)]
    HttpClients(http::steady::ClientsArgs),
    /// HTTP clients that trickle
    #[command(hide = true)]
    SlowClients(http::slow::SlowArgs),
    /// The load generator
    #[command(hide = true)]
    Load(load::LoadArgs),
    /// A crowd of tasks that measures itself
    #[command(hide = true)]
    ScaleChild(scale::ChildArgs),
    /// An echo server on a plain `main`
    #[command(hide = true)]
    PlainMainServer {
        #[arg(long, default_value_t = 0)]
        port: u16,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Echo(args) => cmd_echo::run(&args),
        Command::Http(args) => cmd_http::run(&args),
        Command::Loris(args) => cmd_loris::run(&args),
        Command::Micro(args) => cmd_micro::run(&args),
        Command::Modes(args) => cmd_modes::run(&args),
        Command::ModesServer { mode } => cmd_modes::serve_mode(mode).map(|()| true),
        Command::Scale(args) => cmd_scale::run(&args),
        Command::Sync(args) => cmd_sync::run(&args),
        Command::FloorServer { port, threads } => echo::floor::serve(port, threads).map(|()| true),
        Command::HttpServer(args) => http::greenroom::serve(&args).map(|()| true),
        Command::RawHttpServer { port } => http::raw::serve(port).map(|()| true),
        Command::HttpClients(args) => http::steady::serve_commands(&args).map(|()| true),
        Command::SlowClients(args) => http::slow::serve_commands(&args).map(|()| true),
        Command::Load(args) => load::serve_commands(&args).map(|()| true),
        Command::ScaleChild(args) => scale::run_child(&args).map(|()| true),
        Command::PlainMainServer { port } => scale::plain_main::serve(port).map(|()| true),
    };
    exit_code(&result)
}

/// 0: all gates hold (or are not asked for), 1: some do not, 2: the bench itself failed.
fn exit_code(result: &io::Result<bool>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::from(2)
        }
    }
}
