//! Reading from a client until something else happens.
//!
//! A green thread in `read` hears of nothing but bytes. Who may be sent away by others waits for both, and reads
//! when there is something to read.

use crate::{Client, Stream};
use greenroom::select;
use greenroom::sync::Event;
use std::io::{self, ErrorKind, Read};
use std::time::{Duration, Instant};

/// The client's bytes, until the event is set: then the end of the stream.
pub(crate) struct Ear<'a> {
    pub(crate) client: &'a Client,
    pub(crate) is_closed: &'a Event,
    /// When the request that has begun must be there, whole.
    deadline: Option<Instant>,
}

impl<'a> Ear<'a> {
    pub(crate) fn new(client: &'a Client, is_closed: &'a Event) -> Ear<'a> {
        Ear {
            client,
            is_closed,
            deadline: None,
        }
    }

    /// A request is over, and perhaps a part of the next one has come along with it. The time of a request begins with
    /// its first byte, so that who sends one now and then does not stay for ever.
    pub(crate) fn next_request(&mut self, has_begun: bool) {
        self.deadline = None;
        if has_begun {
            self.begin();
        }
    }

    /// Whether the time of a request is up.
    pub(crate) fn is_late(&self) -> bool {
        self.deadline.is_some_and(|at| at <= Instant::now())
    }

    fn begin(&mut self) {
        let limit = self.client.limits().request_timeout;
        self.deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    }

    /// Counted as the client's own.
    fn out_of_time(&self) -> io::Error {
        let error = self.client.out_of_time();
        match self.is_late() {
            true => io::Error::new(ErrorKind::TimedOut, "the request took too long"),
            false => error,
        }
    }
}

impl Read for Ear<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = |at: Instant| at.saturating_duration_since(Instant::now());
        let idle = self.client.limits().idle_timeout;
        let patience = self.deadline.map(left).into_iter().chain(idle).min();
        let patience = patience.unwrap_or(Duration::MAX);
        macro_rules! wait_for {
            ($stream:expr) => {
                select! {
                    biased;
                    wait(self.is_closed) => return Ok(0),
                    readable($stream) -> ready => ready?,
                    after(patience) => {
                        return Err(self.out_of_time())
                    }
                }
            };
        }
        match self.client.stream() {
            Stream::Tcp(stream) => wait_for!(stream),
            Stream::Unix(stream) => wait_for!(stream),
        }
        let mut client = self.client;
        let came = client.read(buf)?;
        if came > 0 && self.deadline.is_none() {
            self.begin();
        }
        Ok(came)
    }
}
