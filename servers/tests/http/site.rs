//! The server that the tests talk to.

use super::logs;
use greenroom::Runtime;
use greenroom_servers::http::{Http, HttpLimits, Request, Response, Router};
use greenroom_servers::{Limits, Running, TcpServer, Totals};
use std::io::{self, Cursor, Write};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

static TURN: Mutex<()> = Mutex::new(());

/// A server on a runtime of its own.
pub(crate) struct Site {
    runtime: Runtime,
    running: Option<Running>,
    /// One site at a time: log lines are told apart by the client's port, which is unique to a server.
    _turn: MutexGuard<'static, ()>,
    pub(crate) address: SocketAddr,
}

/// Limits that no test runs into unless it means to.
pub(crate) fn patient() -> (Limits, HttpLimits) {
    let long = Some(Duration::from_secs(60));
    let limits = Limits {
        idle_timeout: long,
        request_timeout: long,
        ..Limits::default()
    };
    let http = HttpLimits {
        header_timeout: long,
        ..HttpLimits::default()
    };
    (limits, http)
}

/// Limits to run into.
pub(crate) fn impatient() -> (Limits, HttpLimits) {
    let limits = Limits {
        idle_timeout: Some(Duration::from_millis(300)),
        request_timeout: Some(Duration::from_millis(100)),
        ..Limits::default()
    };
    let http = HttpLimits {
        header_timeout: Some(Duration::from_millis(100)),
        ..HttpLimits::default()
    };
    (limits, http)
}

impl Site {
    pub(crate) fn start(workers: usize, (limits, http): (Limits, HttpLimits)) -> Site {
        Site::with(workers, limits, Http::new(router()).limits(http))
    }

    pub(crate) fn with(workers: usize, limits: Limits, http: Http) -> Site {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        logs::keep();
        let runtime = Runtime::builder().workers(workers).build().unwrap();
        let running = runtime.run(|| {
            let server = TcpServer::bind("127.0.0.1:0")?.limits(limits);
            server.serve_in_background(http)
        });
        let running = running.unwrap();
        Site {
            address: running.local_addr(),
            running: Some(running),
            _turn: turn,
            runtime,
        }
    }

    pub(crate) fn totals(&self) -> Totals {
        self.running.as_ref().unwrap().totals()
    }

    /// Shuts down.
    pub(crate) fn end(mut self, grace: Duration) -> Totals {
        let running = self.running.take().unwrap();
        self.runtime.run(|| running.shutdown(grace))
    }
}

/// The site of the table in `docs/servers/http.md`.
pub(crate) fn router() -> Router {
    let echo = |request: &mut Request<'_>| request.read_body().map(Response::bytes);
    Router::new()
        .get("/", |_| Response::text("root"))
        .get("/hello/:name", |request| {
            Response::text(request.param("name").unwrap().to_owned())
        })
        .post("/echo", echo)
        .post("/small", echo)
        .body_limit(10)
        .post("/ignore", |_| Response::text("ignored"))
        .any("/any", |request| {
            Response::text(request.method().to_owned())
        })
        .get("/none", |_| Response::new(204))
        .get("/reset", |_| Response::text("left out").with_status(205))
        .get("/same", |_| Response::text("left out").with_status(304))
        .get("/stream", |_| Response::stream(Cursor::new("one two")))
        .get("/sized", |_| Response::text("x".repeat(300_000)))
        .get("/endless", |_| {
            Response::writer(|out| {
                loop {
                    out.write_all(&[b'x'; 1_000])?;
                }
            })
        })
        .get("/torn", |_| {
            Response::writer(|out| {
                out.write_all(b"begun")?;
                Err(io::Error::other("on purpose"))
            })
        })
        .get("/panic", |_| -> Response { panic!("on purpose") })
        .get("/error", |_| -> io::Result<Response> {
            Err(io::Error::other("on purpose"))
        })
}
