//! A web server: shows each request, and answers with the files of a directory, or says that there is nothing.
//!
//! Port of: the notes, "HTTP server" (file 001, day 29).
//!
//! Run: `cargo run --release --example http_server -- [--host HOST] [--port 8888] [--root DIR] [--grace-seconds 5]`
//!
//! Try: write an `index.html`, open `http://127.0.0.1:8888/` in a browser, or
//! `curl -i http://127.0.0.1:8888/index.html`; end with Ctrl-C.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:8888
//! GET /
//! GET /nothing
//! served 2 clients
//! ```
//!
//! Differs: the notes answer every request with `index.html`, whatever was asked, take what one `recv` returns for
//! the request, send without a length and never close. Here the path counts and stays below the directory; a
//! `404.html` in it is the page for what is not there. Logs (`RUST_LOG`, default `info`) go to stderr.

#[path = "../../examples/cli/mod.rs"]
mod cli;

use cli::{Args, say};
use greenroom::signal::{Signal, Signals};
use greenroom_servers::TcpServer;
use greenroom_servers::http::{Files, Http, Request, Router};
use greenroom_servers::root::Root;
use std::io;
use std::process::ExitCode;

const USAGE: &str =
    "usage: http_server [--host HOST] [--port PORT] [--root DIR] [--grace-seconds N]";

fn main() -> ExitCode {
    let args = cli::parse(
        USAGE,
        &[
            ("--host", "127.0.0.1"),
            ("--port", "8888"),
            ("--root", "."),
            ("--grace-seconds", "5"),
        ],
    );
    cli::run_logged("http_server", || server(&args))
}

/// Serves until SIGINT or SIGTERM, then lets answers that are under way finish.
fn server(args: &Args) -> io::Result<()> {
    let grace = args.seconds("--grace-seconds");
    let signals = Signals::new(&[Signal::Interrupt, Signal::Terminate])?;
    let root = args.text("--root");
    let root = Root::read_only(root).map_err(cli::context(format!("cannot serve {root}")))?;
    let (host, port) = args.address();
    let server = TcpServer::bind((host, port))
        .map_err(cli::context(format!("cannot listen on {host}:{port}")))?;
    let server = server.serve_in_background(Http::new(site(root)))?;
    say!("listening on {}", server.local_addr());
    signals.wait()?;
    say!("served {} clients", server.shutdown(grace).accepted);
    Ok(())
}

/// What is asked for is a stranger's text: shown without what a terminal would obey.
fn site(root: Root) -> Router {
    let files = Files::new(root);
    Router::new().get("/*path", move |request: &mut Request| {
        let target = cli::printable(request.raw_target());
        say!("{} {target}", request.method());
        files.answer(request, request.param("path").unwrap_or(""))
    })
}
