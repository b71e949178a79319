//! Reading from a client until something else happens.
//!
//! A green thread in `read` hears of nothing but bytes. Who may be sent away by others waits for both, and reads
//! when there is something to read.

use crate::{Client, Stream};
use greenroom::select;
use greenroom::sync::Event;
use std::io::{self, Read};
use std::time::Duration;

/// The client's bytes, until the event is set: then the end of the stream.
pub(crate) struct Ear<'a> {
    pub(crate) client: &'a Client,
    pub(crate) is_closed: &'a Event,
}

impl Read for Ear<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let idle = self.client.limits().idle_timeout.unwrap_or(Duration::MAX);
        macro_rules! wait_for {
            ($stream:expr) => {
                select! {
                    biased;
                    wait(self.is_closed) => return Ok(0),
                    readable($stream) -> ready => ready?,
                    after(idle) => {
                        return Err(self.client.out_of_time())
                    }
                }
            };
        }
        match self.client.stream() {
            Stream::Tcp(stream) => wait_for!(stream),
            Stream::Unix(stream) => wait_for!(stream),
        }
        let mut client = self.client;
        client.read(buf)
    }
}
