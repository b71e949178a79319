//! The server under test: `greenroom_servers::http` as its users write it. Called by `bench http-server`.
//!
//! One worker; `GET /` is the plaintext; with a root, other paths are its files. A request's head has a
//! limit of time, which `bench loris` is about; an idle connection may stay, and all may come from one
//! address.

use super::plain::BODY;
use greenroom::{Runtime, thread};
use greenroom_servers::http::{Http, HttpLimits, Response, Router};
use greenroom_servers::root::Root;
use greenroom_servers::{Limits, TcpServer};
use std::io;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;

/// Above what `bench loris` opens: descriptors are the limit.
const CLIENTS_MAX: usize = 100_000;

/// Options of the server's process.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ServerArgs {
    #[arg(long)]
    port: u16,
    /// A directory to serve.
    #[arg(long)]
    root: Option<PathBuf>,
    /// For a request's head.
    #[arg(long, default_value_t = 30_000)]
    head_limit_ms: u64,
}

/// Serves until a signal.
pub(crate) fn serve(args: &ServerArgs) -> io::Result<()> {
    crate::sys::process::raise_nofile()?;
    let args = args.clone();
    let runtime = Runtime::builder().workers(1).build()?;
    runtime.run(move || serve_http(&args))
}

fn serve_http(args: &ServerArgs) -> io::Result<()> {
    let mut router = Router::new().get("/", |_request| Response::text(BODY));
    if let Some(root) = &args.root {
        router = router.files("/*path", Root::read_only(root)?);
    }
    let head_limit = Duration::from_millis(args.head_limit_ms);
    let http = Http::new(router).limits(HttpLimits {
        header_timeout: Some(head_limit),
        ..HttpLimits::default()
    });
    // The head's limit is to be the one that ends a slow client.
    let limits = Limits {
        clients_max: CLIENTS_MAX,
        clients_per_address_max: CLIENTS_MAX,
        request_timeout: Some(head_limit * 10),
        ..Limits::default()
    };
    let server = TcpServer::bind((Ipv4Addr::LOCALHOST, args.port))?.limits(limits);
    let _running = server.serve_in_background(http)?;
    loop {
        thread::park();
    }
}
