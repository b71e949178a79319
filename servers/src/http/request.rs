//! [`Request`]: what a handler is asked.

use super::body::RequestBody;
use super::head::Head;
use super::headers::Headers;
use super::router::Params;
use crate::Peer;
use std::io::{self, Read};

/// The two versions that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// One request. It borrows from the connection's buffer: nothing is copied that nobody asks for.
#[derive(Debug)]
pub struct Request<'c> {
    pub(super) head: &'c Head<'c>,
    pub(super) params: &'c Params<'c>,
    pub(super) body: RequestBody<'c>,
    pub(super) peer: &'c Peer,
}

impl<'c> Request<'c> {
    /// The method, as it was sent: methods are case-sensitive.
    #[must_use]
    pub fn method(&self) -> &'c str {
        self.head.method
    }

    /// The path, decoded once; `*` if the server as a whole is asked (OPTIONS).
    ///
    /// Dots are left as they came: see to it that a path with `..` leads nowhere it should not.
    #[must_use]
    pub fn path(&self) -> &'c str {
        &self.head.target.path
    }

    /// The target as it was sent.
    #[must_use]
    pub fn raw_target(&self) -> &'c str {
        self.head.raw_target
    }

    /// What follows the first `?`, as it was sent.
    #[must_use]
    pub fn query(&self) -> Option<&'c str> {
        self.head.target.query
    }

    /// The host it was sent to: of an absolute target, else of the `Host` field.
    #[must_use]
    pub fn host(&self) -> Option<&'c str> {
        let of_target = self.head.target.host;
        of_target.or_else(|| self.head.headers.get("host"))
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The header fields.
    #[must_use]
    pub fn headers(&self) -> Headers<'c> {
        self.head.headers
    }

    /// What stands in the path at a `:name` or `*name` of the route.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&'c str> {
        self.params.get(name)
    }

    /// Who asks.
    #[must_use]
    pub fn peer(&self) -> &'c Peer {
        self.peer
    }

    /// Sends the answers to the requests before this one, which else wait for its answer: for a handler that
    /// is about to wait for long. May park.
    ///
    /// # Errors
    /// What writing to the client reports.
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::http::{Request, Response, Router};
    /// use std::io;
    /// use std::time::Duration;
    /// let router = Router::new().get("/slow", |request: &mut Request| {
    ///     request.send_earlier()?;
    ///     greenroom::thread::sleep(Duration::from_secs(5));
    ///     Ok::<_, io::Error>(Response::text("at last"))
    /// });
    /// # drop(router);
    /// ```
    pub fn send_earlier(&mut self) -> io::Result<()> {
        self.body.send_earlier()
    }

    /// The body. Reading it may park.
    pub fn body(&mut self) -> &mut RequestBody<'c> {
        &mut self.body
    }

    /// All of the body, which is within its limit. May park.
    ///
    /// # Errors
    /// Those of [`RequestBody`]: `FileTooLarge`, `InvalidData`, `TimedOut`, or what reading reports. The
    /// client gets the right answer whatever the handler makes of it.
    pub fn read_body(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.body.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}
