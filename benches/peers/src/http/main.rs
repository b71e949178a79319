//! Other runtimes as plaintext servers for `bench http`: `peers-http hyper|may PORT`, on one thread.
//!
//! Every path gets the same 13 bytes, with Content-Type, Content-Length and Date; connections are kept
//! and have TCP_NODELAY. They end by a signal. Who starts this binds it to a core.

mod hyper_server;
mod may_server;

use std::io;
use std::process::ExitCode;

const BODY: &str = "Hello, World!";

fn serve(args: &[String]) -> io::Result<()> {
    let usage = || io::Error::other("usage: peers-http hyper|may PORT");
    let [name, port] = args else {
        return Err(usage());
    };
    let port = port.parse().map_err(|_| usage())?;
    match name.as_str() {
        "hyper" => hyper_server::serve(port),
        "may" => may_server::serve(port),
        _ => Err(usage()),
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match serve(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers-http: {error}");
            ExitCode::FAILURE
        }
    }
}
