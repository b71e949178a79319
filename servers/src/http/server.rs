//! [`Http`]: the protocol as a handler of connections.

use super::connection::Connection;
use super::limits::HttpLimits;
use super::response::is_token;
use super::router::Router;
use crate::{Client, Handler};
use std::io;

/// HTTP/1.1 (and 1.0) on each connection of a server.
///
/// Answers to requests that came together leave together: while a handler parks, the answers to the
/// requests before it on the same connection wait with it, unless it waits for its body or calls
/// [`Request::send_earlier`](super::Request::send_earlier).
///
/// # Examples
/// ```
/// use greenroom::net::TcpStream;
/// use greenroom_servers::TcpServer;
/// use greenroom_servers::http::{Http, Request, Response, Router};
/// use std::io::{Read, Write};
///
/// greenroom::run(|| {
///     let router = Router::new().get("/", |_: &mut Request| Response::text("hello\n"));
///     let server = TcpServer::bind("127.0.0.1:0")?.serve_in_background(Http::new(router))?;
///     let mut client = TcpStream::connect(server.local_addr())?;
///     client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
///     let mut answer = String::new();
///     client.read_to_string(&mut answer)?;
///     assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nhello\n"));
///     server.shutdown(std::time::Duration::from_secs(1));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Http {
    pub(super) router: Router,
    pub(super) limits: HttpLimits,
    /// The field as a line, or nothing.
    pub(super) server_line: String,
    pub(super) logs_access: bool,
}

impl Http {
    /// Serves what a router has, within the default limits.
    #[must_use]
    pub fn new(router: Router) -> Http {
        Http {
            router,
            limits: HttpLimits::default(),
            server_line: server_line("greenroom"),
            logs_access: false,
        }
    }

    /// With other limits.
    #[must_use]
    pub fn limits(mut self, limits: HttpLimits) -> Http {
        self.limits = limits;
        self
    }

    /// With another `Server` field; empty for none.
    ///
    /// # Panics
    /// The name has other characters than a product's name and version may have.
    #[must_use]
    pub fn server_name(mut self, name: &str) -> Http {
        self.server_line = server_line(name);
        self
    }

    /// One line of the combined log format per request and the time it took, at level info to the target
    /// `access`.
    #[must_use]
    pub fn access_log(mut self, on: bool) -> Http {
        self.logs_access = on;
        self
    }
}

/// What a server says to clients beyond its limits, for
/// [`TcpServer::reject_with`](crate::TcpServer::reject_with): 503.
pub const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\
                        Retry-After: 1\r\nConnection: close\r\n\r\n";

fn server_line(name: &str) -> String {
    if name.is_empty() {
        return String::new();
    }
    assert!(name.split('/').all(is_token), "{name:?} is no product name");
    format!("Server: {name}\r\n")
}

impl Handler for Http {
    fn handle(&self, client: &mut Client) -> io::Result<()> {
        Connection::new(self, client).serve()
    }
}
