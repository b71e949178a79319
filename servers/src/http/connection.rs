//! The loop of a connection: read, take all requests that are there, answer them with one write.
//!
//! In the fast path (requests that came whole) a request costs no timer, no allocation and a share of two
//! system calls. Deadlines begin when something is incomplete after a read: a head ([`HttpLimits`]) or a
//! body ([`Limits`](crate::Limits)).
//!
//! [`HttpLimits`]: super::HttpLimits

use super::access;
use super::answer::{After, Answering};
use super::body::Rest;
use super::content;
use super::encode::{self, Clock, Context};
use super::events::{Presence, presence};
use super::head::{self, NoHead, SLOTS};
use super::input::Input;
use super::output::Output;
use super::refusal::Refusal;
use super::request::Version;
use super::response::Response;
use super::server::Http;
use super::status::reason;
use super::upgraded::Upgraded;
use crate::Client;
use greenroom::net::Shutdown;
use std::io::{self, ErrorKind, Read};
use std::mem::MaybeUninit;
use std::time::Instant;

/// Empty lines before a request that are skipped; RFC 9112 asks for one.
const EMPTY_LINES_MAX: u32 = 8;

/// Bytes that are read of a client that goes on sending after an answer that ends the connection.
const LINGER_BYTES_MAX: usize = 1 << 20;

/// One client's conversation.
#[derive(Debug)]
pub(super) struct Connection<'s> {
    http: &'s Http,
    client: &'s mut Client,
    input: Input,
    output: Output,
    clock: Clock<'s>,
    /// Bytes of the head under way that were parsed in vain.
    judged: usize,
    empty_lines: u32,
    served: u64,
}

/// What came of looking at the buffer.
enum Step {
    Served,
    /// There is no whole head in it.
    Incomplete,
    /// Nothing more is read.
    Close,
}

impl<'s> Connection<'s> {
    pub(super) fn new(http: &'s Http, client: &'s mut Client) -> Connection<'s> {
        Connection {
            http,
            client,
            input: Input::default(),
            output: Output::default(),
            clock: Clock::new(&http.server_line),
            judged: 0,
            empty_lines: 0,
            served: 0,
        }
    }

    /// Serves until one of the two has had enough. A peer that vanishes is no error.
    pub(super) fn serve(&mut self) -> io::Result<()> {
        match self.serve_all() {
            Err(error) if is_gone(&error) => {
                log::debug!("{}: {error}", self.client.peer());
                Ok(())
            }
            Err(error) => {
                // An answer failed in its midst: those before it did not.
                let _ = self.output.flush(self.client);
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    fn serve_all(&mut self) -> io::Result<()> {
        loop {
            match self.step()? {
                Step::Served => {
                    if self.output.bytes.len() >= self.http.limits.gather_bytes_max {
                        self.output.flush(self.client)?;
                    }
                }
                Step::Incomplete => {
                    self.output.flush(self.client)?;
                    if !self.receive()? {
                        return Ok(());
                    }
                }
                Step::Close => return Ok(()),
            }
        }
    }

    /// Reads more. `false`: the conversation is over.
    fn receive(&mut self) -> io::Result<bool> {
        let is_idle = self.input.unused().is_empty();
        self.output.rest();
        if !is_idle && self.judged > 0 && !self.client.is_in_request() {
            self.client
                .begin_request_within(self.http.limits.header_timeout);
        }
        let max = self.http.limits.header_bytes_max;
        match self.input.receive(self.client, max) {
            Ok(0) => {
                if !is_idle {
                    // What did not seem worth a parse may be malformed, and gets its answer.
                    self.judged = 0;
                    self.step()?;
                }
                Ok(false)
            }
            Ok(_) => {
                self.output.begin();
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                if !is_idle {
                    self.refuse(Refusal::new(408, "head too slow"), false)?;
                }
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes the next request out of the buffer, and answers it.
    fn step(&mut self) -> io::Result<Step> {
        if let Some(refusal) = self.skip_empty_lines() {
            return self.refuse(refusal, false);
        }
        if !self.is_worth_parsing() {
            return Ok(Step::Incomplete);
        }
        let bytes = self.input.unused();
        let limits = &self.http.limits;
        let mut slots = [const { MaybeUninit::uninit() }; SLOTS];
        let mut more_slots;
        let mut parsed = head::parse(bytes, &mut slots, limits);
        if let Err(NoHead::TooFewSlots) = parsed {
            more_slots = vec![MaybeUninit::uninit(); limits.headers_max];
            parsed = head::parse(bytes, &mut more_slots, limits);
        }
        // Subtle: looked at in its place; a move of what was just written field by field stalls.
        let head = match &parsed {
            Ok(head) => head,
            Err(NoHead::Refused(refusal)) => {
                let is_head = bytes.starts_with(b"HEAD ");
                return self.refuse(*refusal, is_head);
            }
            Err(NoHead::Partial | NoHead::TooFewSlots) => {
                self.judged = bytes.len();
                return Ok(Step::Incomplete);
            }
        };
        self.served += 1;
        if self.judged > 0 {
            self.client.end_request();
        }
        let is_last = self.served >= self.http.limits.keep_alive_requests_max.unwrap_or(u64::MAX);
        let mut answering = Answering {
            http: self.http,
            clock: &mut self.clock,
            is_last,
            begun: access::is_on(self.http.logs_access).then(Instant::now),
        };
        let buffered = &bytes[head.length..];
        let (length, is_head) = (head.length, head.method == "HEAD");
        let outcome = answering.answer(head, buffered, self.client, &mut self.output);
        (self.judged, self.empty_lines) = (0, 0);
        let (rest, after) = match outcome {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(refusal)) => return self.refuse(refusal, is_head),
            Err(error) => return Err(error),
        };
        match rest {
            Rest::Used(count) => self.input.consume(length + count),
            Rest::Spilled(bytes, used) => self.input.replace(&bytes[used..]),
        }
        self.go_on(after)
    }

    #[inline]
    fn go_on(&mut self, after: After) -> io::Result<Step> {
        match after {
            After::Keep => return Ok(Step::Served),
            After::Close => {
                self.output.flush(self.client)?;
                // It says more all the same: a close would reset the connection.
                let is_silent = self.input.unused().is_empty();
                if !is_silent || matches!(presence(self.client), Presence::Talks) {
                    self.linger()?;
                }
            }
            After::Linger => self.linger()?,
            After::Upgrade(run) => {
                self.output.flush(self.client)?;
                let early = self.input.unused().to_vec();
                self.input = Input::default();
                self.output.rest();
                run(Upgraded::new(self.client, early))?;
            }
        }
        Ok(Step::Close)
    }

    /// Skips CR LF before a request, as robust servers do, and not for ever.
    fn skip_empty_lines(&mut self) -> Option<Refusal> {
        while self.input.unused().starts_with(b"\r\n") {
            self.input.consume(2);
            self.empty_lines += 1;
            self.judged = 0;
        }
        if self.empty_lines > EMPTY_LINES_MAX {
            return Some(Refusal::bad("too many empty lines"));
        }
        let is_bare = self.input.unused().first() == Some(&b'\n');
        is_bare.then_some(Refusal::bad("line ends without CR"))
    }

    /// A head that was incomplete is so until there is another end of line, or it reaches a limit: bytes
    /// that trickle must not cost a parse each.
    fn is_worth_parsing(&mut self) -> bool {
        let bytes = self.input.unused();
        if self.judged == 0 {
            return !bytes.is_empty() && bytes != b"\r";
        }
        let limits = &self.http.limits;
        let reaches = |limit: usize| self.judged < limit && bytes.len() >= limit;
        let is_worth = bytes[self.judged.min(bytes.len())..].contains(&b'\n')
            || reaches(head::line_bytes_max(limits))
            || reaches(limits.header_bytes_max);
        if !is_worth {
            self.judged = bytes.len();
        }
        is_worth
    }

    /// Answers what cannot be served, and ends the connection.
    fn refuse(&mut self, refusal: Refusal, is_head: bool) -> io::Result<Step> {
        let Refusal {
            status,
            reason: why,
        } = refusal;
        self.client.end_request();
        log::info!("{}: {status} {why}", self.client.peer());
        self.clock.tick();
        let text = format!("{status} {}: {why}\n", reason(status));
        let response = Response::text(text).with_status(status);
        let follows = encode::plan(&response, Version::Http11);
        let context = Context {
            version: Version::Http11,
            is_head,
            keeps: false,
            clock: &self.clock,
        };
        encode::head(&mut self.output.bytes, &response, follows, context);
        let before = self.output.total();
        if !is_head {
            content::send(response.body, follows, self.client, &mut self.output)?;
        }
        if access::is_on(self.http.logs_access) {
            let bytes = self.output.total() - before;
            access::line_of_refusal(self.client.peer(), status, bytes);
        }
        self.linger()?;
        Ok(Step::Close)
    }

    /// Ends the connection so that the client sees the answer: to close while it sends would make the
    /// kernel reset the connection, and the reset may overtake the answer.
    fn linger(&mut self) -> io::Result<()> {
        self.output.flush(self.client)?;
        self.client.shutdown(Shutdown::Write)?;
        let client = &mut *self.client;
        let drain = || {
            let (mut left, mut scratch) = (LINGER_BYTES_MAX, vec![0; 4 << 10]);
            while left > 0 {
                match client.read(&mut scratch) {
                    Ok(count) if count > 0 => left = left.saturating_sub(count),
                    _ => return,
                }
            }
        };
        // It had its time, however it used it.
        let _ = greenroom::timeout(self.http.limits.linger_timeout, drain);
        Ok(())
    }
}

/// Whether an error only says that the peer has left.
fn is_gone(error: &io::Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected
    )
}
