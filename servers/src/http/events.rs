//! Server-sent events: an answer that goes on, event by event, until one of the two has had enough.
//!
//! The format is that of the HTML standard. What a handler sends cannot break it: data is split into
//! lines, and a name or an id with a line break is refused.

use super::request::Request;
use super::response::Response;
use super::writer::BodyWriter;
use crate::{Client, Stream};
use greenroom::select::{Select, Source};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use std::fmt::Write as _;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::time::Duration;

/// How often a silent stream says that it lives. Doubled, some proxies give it up; halved, ten thousand
/// idle clients cost twice as much.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// One event.
///
/// # Examples
/// ```
/// use greenroom_servers::http::Event;
/// let event = Event::new("line one\nline two").name("news").id("7");
/// # drop(event);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    data: String,
    name: Option<String>,
    id: Option<String>,
}

/// Where [`Response::events`]' closure sends its events. Each leaves at once.
#[derive(Debug)]
pub struct Events<'w, 'c> {
    writer: &'w mut BodyWriter<'c>,
    heartbeat: Duration,
    /// The client's side of the connection tells whether it is there.
    is_watched: bool,
}

/// What a wait has ended by.
enum Woken<T> {
    Item(T),
    Ended,
    Readable,
}

impl Event {
    /// A message with that text; of several lines, if it has them.
    #[must_use]
    pub fn new(data: impl Into<String>) -> Event {
        Event {
            data: data.into(),
            ..Event::default()
        }
    }

    /// With a name: the browser calls its listeners of that name, not `onmessage`.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Event {
        self.name = Some(name.into());
        self
    }

    /// With an id: the browser sends the last one it got when it connects again.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Event {
        self.id = Some(id.into());
        self
    }

    /// As it is sent.
    fn text(&self) -> io::Result<String> {
        let mut text = String::new();
        for (field, value) in [("event", &self.name), ("id", &self.id)] {
            let Some(value) = value else { continue };
            if value.contains(['\r', '\n', '\0']) {
                let what = format!("{field} {value:?} has a line break or a NUL");
                return Err(io::Error::new(ErrorKind::InvalidInput, what));
            }
            let _ = writeln!(text, "{field}: {value}");
        }
        for line in lines(&self.data) {
            let _ = writeln!(text, "data: {line}");
        }
        text.push('\n');
        Ok(text)
    }
}

/// Lines, by all that ends one for a browser. At least one.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .flat_map(|line| line.split('\r'))
}

impl Events<'_, '_> {
    /// Sends an event. Parks while the client's window is full.
    ///
    /// # Errors
    /// `InvalidInput` for a name or an id with a line break or a NUL; `BrokenPipe`, `ConnectionReset`
    /// when the client is gone; `TimedOut` when it takes nothing.
    pub fn send(&mut self, event: &Event) -> io::Result<()> {
        self.say(&event.text()?)
    }

    /// How long the browser shall wait before it connects again. Parks.
    ///
    /// # Errors
    /// As [`Events::send`].
    pub fn retry(&mut self, after: Duration) -> io::Result<()> {
        self.say(&format!("retry: {}\n\n", after.as_millis()))
    }

    /// How often a comment is sent while [`Events::next`] waits; every 15 s unless set.
    pub fn heartbeat(&mut self, every: Duration) {
        self.heartbeat = every;
    }

    /// The next item of a queue; `None` when it gives no more, when the client has gone, or when the server
    /// stops (if the client has sent its next request already: at the next heartbeat). Parks.
    ///
    /// # Errors
    /// As [`Events::send`], for the heartbeat.
    ///
    /// # Cancel
    /// Loses no item.
    pub fn next<S: Source>(&mut self, queue: &S) -> io::Result<Option<S::Item>> {
        let client = self.writer.client();
        // A shutdown ends what comes from the client, which is a reason to look.
        if !client.stay_idle() {
            return Ok(None);
        }
        let next = self.wait(queue);
        client.be_busy();
        next
    }

    fn wait<S: Source>(&mut self, queue: &S) -> io::Result<Option<S::Item>> {
        loop {
            let client = self.writer.client();
            let mut select = Select::new();
            select.recv(queue, |item| item.map_or(Woken::Ended, Woken::Item));
            match client.stream() {
                Stream::Tcp(stream) if self.is_watched => {
                    select.readable(stream, |_| Woken::Readable);
                }
                Stream::Unix(stream) if self.is_watched => {
                    select.readable(stream, |_| Woken::Readable);
                }
                _ => {}
            }
            match select.wait_timeout(self.heartbeat) {
                Some(Woken::Item(item)) => return Ok(Some(item)),
                Some(Woken::Ended) => return Ok(None),
                Some(Woken::Readable) => match presence(client) {
                    Presence::Gone => return Ok(None),
                    // The next request is here already; what comes after it cannot be seen.
                    Presence::Talks => self.is_watched = false,
                    Presence::Silent => {}
                },
                None if client.is_stopping() => return Ok(None),
                None => self.say(":\n\n")?,
            }
        }
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        self.writer.write_all(text.as_bytes())?;
        self.writer.flush()
    }
}

/// What the client's side of a connection says.
pub(super) enum Presence {
    Gone,
    Talks,
    Silent,
}

/// Looks without taking anything away.
pub(super) fn presence(client: &Client) -> Presence {
    let mut byte = [0];
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    match recv(client.as_fd(), &mut byte[..], flags) {
        Ok((0, _)) => Presence::Gone,
        Ok(_) => Presence::Talks,
        Err(Errno::AGAIN | Errno::INTR) => Presence::Silent,
        Err(_) => Presence::Gone,
    }
}

impl Response {
    /// 200 with server-sent events, as long as the closure runs. It may park.
    ///
    /// # Examples
    /// ```
    /// use greenroom::queue::Queue;
    /// use greenroom_servers::http::{Event, Request, Response, Router};
    /// let router = Router::new().get("/events", |request: &mut Request| {
    ///     let last = request.last_event_id().unwrap_or("none").to_owned();
    ///     let news = Queue::bounded(16);
    ///     news.put(format!("you have seen {last}")).unwrap();
    ///     Response::events(move |events| {
    ///         while let Some(text) = events.next(&news)? {
    ///             events.send(&Event::new(text).id("1"))?;
    ///         }
    ///         Ok(())
    ///     })
    /// });
    /// # drop(router);
    /// ```
    #[must_use]
    pub fn events(
        run: impl FnOnce(&mut Events<'_, '_>) -> io::Result<()> + Send + 'static,
    ) -> Response {
        let response = Response::writer(move |writer| {
            // The head shall not wait for the first event.
            writer.write_all(b":\n\n")?;
            writer.flush()?;
            run(&mut Events {
                writer,
                heartbeat: HEARTBEAT,
                is_watched: true,
            })
        });
        response
            .header("Content-Type", "text/event-stream")
            .header("Cache-Control", "no-store")
    }
}

impl<'c> Request<'c> {
    /// The id of the last event that a browser got before it lost the connection.
    #[must_use]
    pub fn last_event_id(&self) -> Option<&'c str> {
        self.headers().get("last-event-id")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_keeps_its_form_whatever_it_says() {
        for (event, expected) in [
            (Event::new(""), "data: \n\n"),
            (Event::new("one"), "data: one\n\n"),
            (
                Event::new("one\ntwo\r\nthree\rfour\n"),
                "data: one\ndata: two\ndata: three\ndata: four\ndata: \n\n",
            ),
            (
                Event::new("id: 7\n\nevent: x"),
                "data: id: 7\ndata: \ndata: event: x\n\n",
            ),
            (
                Event::new("x").name("news").id("7"),
                "event: news\nid: 7\ndata: x\n\n",
            ),
        ] {
            assert_eq!(event.text().unwrap(), expected);
        }
        for event in [
            Event::new("x").name("a\nb"),
            Event::new("x").name("a\rb"),
            Event::new("x").id("a\0b"),
        ] {
            assert_eq!(event.text().unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }
}
