//! One request, one answer: route, handler, head and body, and what becomes of the connection.
//!
//! The answer goes into the output, not to the client, unless it is long or takes its time. Called by
//! `connection` only, with a head that was judged.

use super::access;
use super::body::{Progress, RequestBody, Rest};
use super::content;
use super::encode::{self, Clock, Context, Follows};
use super::framing::Length;
use super::head::Head;
use super::output::Output;
use super::refusal::Refusal;
use super::request::{Request, Version};
use super::response::{Body, Response, UpgradeFn};
use super::router::Found;
use super::server::Http;
use super::writer::Coding;
use crate::panic_text::panic_text;
use crate::printable::printable;
use crate::{Client, Counters};
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
pub(super) struct Answering<'s, 'c> {
    pub(super) http: &'s Http,
    pub(super) clock: &'s mut Clock<'c>,
    /// No more requests are wanted.
    pub(super) is_last: bool,
    /// When, if there is an access log.
    pub(super) begun: Option<Instant>,
}

/// What the next request begins with, and whether there is one.
type Outcome = Result<(Rest, After), Refusal>;

impl Answering<'_, '_> {
    /// Runs the handler and puts its answer into the output. May park.
    pub(super) fn answer(
        &mut self,
        head: &Head<'_>,
        buffered: &[u8],
        client: &mut Client,
        output: &mut Output,
    ) -> io::Result<Outcome> {
        let found = self.http.router.find(head.method, &head.target.path);
        let limit = found
            .body_limit()
            .unwrap_or(self.http.limits.body_bytes_max);
        let is_whole = match head.framing.length {
            Length::Sized(length) if length > limit => {
                return Ok(Err(Refusal::new(413, "body too long")));
            }
            Length::Sized(length) => length <= buffered.len() as u64,
            Length::Chunked => false,
        };
        if !is_whole {
            client.begin_request();
        }
        let mut progress = Progress::new(head.framing, limit);
        let mut place = None;
        let response = run(
            head,
            &found,
            client,
            output,
            buffered,
            &mut progress,
            &mut place,
        );
        // The answer may take as long as the client reads.
        client.end_request();
        if let Some(refusal) = progress.refusal() {
            return Ok(Err(refusal));
        }
        if let Some(error) = response.cause.take() {
            let (method, path) = (head.method, &head.target.path);
            let error = printable(&error.to_string());
            log::error!("{}: {method} {path:?}: {error}", client.peer());
        }
        let sent = self.send(head, response, client, output, buffered, &mut progress)?;
        Ok(sent.map(|after| (progress.into_rest(), after)))
    }

    /// Puts an answer into the output, or sends it.
    fn send(
        &mut self,
        head: &Head<'_>,
        response: &mut Response,
        client: &mut Client,
        output: &mut Output,
        buffered: &[u8],
        progress: &mut Progress,
    ) -> io::Result<Result<After, Refusal>> {
        let follows = encode::plan(response, head.version);
        let is_upgrade = follows == Follows::Upgrade;
        if is_upgrade && (head.version == Version::Http10 || !progress.is_done()) {
            return Ok(Err(Refusal::bad("upgrade of a request that cannot be")));
        }
        let drain_max = self.http.limits.drain_bytes_max;
        if output.bytes.is_empty() {
            // Once per batch, as late as can be: the handler may have taken its time.
            self.clock.tick();
        }
        let context = Context {
            version: head.version,
            is_head: head.method == "HEAD",
            keeps: head.framing.keeps
                && !self.is_last
                && !client.is_stopping()
                && !response.closes
                && follows != Follows::Coded(Coding::Close)
                && progress.is_drainable(drain_max),
            clock: self.clock,
        };
        encode::head(&mut output.bytes, response, follows, context);
        let before = output.total();
        let (mut upgrade, mut sent) = (None, Ok(()));
        let has_content =
            !context.is_head && !matches!(follows, Follows::Nothing | Follows::Sized(0));
        match content::short(&response.body) {
            Some(bytes) if has_content => output.bytes.extend_from_slice(bytes),
            Some(_) => {}
            None => match std::mem::replace(&mut response.body, Body::Empty) {
                Body::Upgrade(run) => upgrade = Some(run),
                content if has_content => {
                    sent = send_content(content, follows, head, client, output);
                }
                content => drop(content),
            },
        }
        if let Some(begun) = self.begun {
            let (status, bytes) = (response.status, output.total() - before);
            access::line(client.peer(), head, status, bytes, begun.elapsed());
        }
        sent?;
        let mut is_drained = progress.is_done();
        if context.keeps && !is_drained {
            client.begin_request();
            let mut body = RequestBody::new(client, output, buffered, progress);
            is_drained = body.drain(drain_max);
            client.end_request();
        }
        let after = match upgrade {
            Some(run) => After::Upgrade(run),
            None if context.keeps && is_drained => After::Keep,
            // The client knows that it was the last one.
            None if !head.framing.keeps && is_drained => After::Close,
            None => After::Linger,
        };
        Ok(Ok(after))
    }
}

/// Runs the handler that was found, if any; its answer is put into `place`.
fn run<'p>(
    head: &Head<'_>,
    found: &Found<'_>,
    client: &Client,
    output: &mut Output,
    buffered: &[u8],
    progress: &mut Progress,
    place: &'p mut Option<Response>,
) -> &'p mut Response {
    let Found::Handler(handler, _, params) = found else {
        return place.insert(found.answer());
    };
    let mut request = Request {
        head,
        params,
        body: RequestBody::new(client, output, buffered, progress),
        peer: client.peer(),
    };
    if let Err(text) = caught(client, || handler(&mut request, place)) {
        let (method, path) = (head.method, &head.target.path);
        log::error!("{}: {method} {path:?}: {text}", client.peer());
        *place = None;
    }
    place.get_or_insert_with(|| Response::status_page(500).close())
}

/// Sends a body; the panic of whoever writes it is an error.
fn send_content(
    content: Body,
    follows: Follows,
    head: &Head<'_>,
    client: &Client,
    output: &mut Output,
) -> io::Result<()> {
    let sent = caught(client, || content::send(content, follows, client, output));
    sent.unwrap_or_else(|text| {
        let (method, path) = (head.method, &head.target.path);
        Err(io::Error::other(format!("{method} {path:?}: {text}")))
    })
}

/// Runs what is the user's. Of a panic, which is counted, there is the text; a cancellation goes on.
fn caught<T>(client: &Client, user: impl FnOnce() -> T) -> Result<T, String> {
    panic::catch_unwind(AssertUnwindSafe(user)).map_err(|payload| {
        if greenroom::is_interrupt(payload.as_ref()) {
            panic::resume_unwind(payload);
        }
        Counters::add(&client.counters().panics, 1);
        format!("the handler panicked: {:?}", panic_text(payload.as_ref()))
    })
}
