//! One request, one answer: route, handler, head and body, and what becomes of the connection.
//!
//! The answer goes into the output, not to the client, unless it is long or takes its time. Called by
//! `connection` only, with a head that was judged.

use super::access;
use super::body::{RequestBody, Rest};
use super::content;
use super::encode::{self, Clock, Context, Follows};
use super::framing::Length;
use super::head::Head;
use super::output::Output;
use super::refusal::Refusal;
use super::request::{Request, Version};
use super::response::{Body, Response, UpgradeFn};
use super::router::{Found, HandlerFn};
use super::server::Http;
use super::writer::Coding;
use crate::{Client, Counters};
use std::any::Any;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::time::Instant;

/// What follows an answer.
pub(super) enum After {
    Keep,
    Close,
    /// And the client may still be sending.
    Linger,
    Upgrade(UpgradeFn),
}

/// What the answer to one request depends on, beside the request.
pub(super) struct Answering<'s> {
    pub(super) http: &'s Http,
    pub(super) clock: &'s Clock,
    /// No more requests are wanted.
    pub(super) is_last: bool,
}

/// What the next request begins with, and whether there is one.
type Outcome = Result<(Rest, After), Refusal>;

impl Answering<'_> {
    /// Runs the handler and puts its answer into the output. May park.
    pub(super) fn answer(
        &self,
        head: &Head<'_>,
        buffered: &[u8],
        client: &mut Client,
        output: &mut Output,
    ) -> io::Result<Outcome> {
        let is_whole = match head.framing.length {
            Length::Sized(length) => length <= buffered.len() as u64,
            Length::Chunked => false,
        };
        if is_whole {
            return self.answer_within(head, buffered, client, output);
        }
        client.begin_request();
        let outcome = self.answer_within(head, buffered, client, output);
        client.end_request();
        outcome
    }

    fn answer_within(
        &self,
        head: &Head<'_>,
        buffered: &[u8],
        client: &Client,
        output: &mut Output,
    ) -> io::Result<Outcome> {
        let begun = access::is_on(self.http.logs_access).then(Instant::now);
        let found = self.http.router.find(head.method, &head.target.path);
        let limit = found
            .body_limit()
            .unwrap_or(self.http.limits.body_bytes_max);
        if matches!(head.framing.length, Length::Sized(length) if length > limit) {
            return Ok(Err(Refusal::new(413, "body too long")));
        }
        let body = RequestBody::new(client, output, buffered, head.framing, limit);
        let (response, body) = match found {
            Found::Handler(handler, _, params) => {
                let peer = client.peer();
                let mut request = Request {
                    head,
                    params,
                    body,
                    peer,
                };
                let response = call(handler, &mut request);
                (response, request.body)
            }
            found => (found.answer(), body),
        };
        if let Some(refusal) = body.refusal() {
            return Ok(Err(refusal));
        }
        self.send(head, response, body, begun)
    }

    /// Puts an answer into the output, or sends it.
    fn send(
        &self,
        head: &Head<'_>,
        mut response: Response,
        mut body: RequestBody<'_>,
        begun: Option<Instant>,
    ) -> io::Result<Outcome> {
        let follows = encode::plan(&response, head.version);
        let is_upgrade = follows == Follows::Upgrade;
        if is_upgrade && (head.version == Version::Http10 || !body.is_done()) {
            return Ok(Err(Refusal::bad("upgrade of a request that cannot be")));
        }
        let drain_max = self.http.limits.drain_bytes_max;
        let context = Context {
            version: head.version,
            is_head: head.method == "HEAD",
            keeps: head.framing.keeps
                && !self.is_last
                && !body.client.is_stopping()
                && !response.closes
                && follows != Follows::Coded(Coding::Close)
                && body.is_drainable(drain_max),
            server_line: &self.http.server_line,
            clock: self.clock,
        };
        encode::head(&mut body.output.bytes, &response, follows, context);
        let before = body.output.total();
        let mut upgrade = None;
        match std::mem::replace(&mut response.body, Body::Empty) {
            Body::Upgrade(run) => upgrade = Some(run),
            content if context.is_head || follows == Follows::Nothing => drop(content),
            content => content::send(content, follows, body.client, body.output)?,
        }
        if let Some(begun) = begun {
            let (status, bytes) = (response.status, body.output.total() - before);
            access::line(body.client.peer(), head, status, bytes, begun.elapsed());
        }
        let after = match upgrade {
            Some(run) => After::Upgrade(run),
            None if context.keeps && body.drain(drain_max) => After::Keep,
            // The client knows that it was the last one.
            None if !head.framing.keeps && body.is_done() => After::Close,
            None => After::Linger,
        };
        Ok(Ok((body.into_rest(), after)))
    }
}

/// Runs a handler. Its panic is a 500, and the end of the connection; a cancellation goes on.
fn call(handler: &HandlerFn, request: &mut Request<'_>) -> Response {
    let result = panic::catch_unwind(AssertUnwindSafe(|| handler(request)));
    result.unwrap_or_else(|payload| {
        if greenroom::is_interrupt(payload.as_ref()) {
            panic::resume_unwind(payload);
        }
        let (method, path) = (request.method(), request.path());
        let text = panic_text(payload.as_ref());
        log::error!(
            "{}: {method} {path:?}: the handler panicked: {text:?}",
            request.peer()
        );
        Counters::add(&request.body.client.counters().panics, 1);
        Response::status_page(500).close()
    })
}

/// What a panic said.
fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("not a text")
}
