//! [`WebSocket`]: messages in and out, pings, and a close that both sides have said.

use super::WebSocketLimits;
use super::pipe::Pipe;
use crate::Stream;
use crate::http::Upgraded;
use greenroom::net::Shutdown;
use greenroom::select::{Select, Source};
use std::fmt;
use std::io::{self, ErrorKind, Read};
use std::time::Duration;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Error, Message as Frame, error::ProtocolError};

/// Small buffers, because there may be thousands of connections.
const BUFFER_BYTES: usize = 4 << 10;

/// "Going away" (1001), as a frame.
const GOING_AWAY: [u8; 4] = [0x88, 2, 0x03, 0xE9];

/// A message, whole: frames are put together, and text is UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
}

impl From<String> for Message {
    fn from(text: String) -> Message {
        Message::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Message {
        Message::Text(text.to_owned())
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Message {
        Message::Binary(bytes)
    }
}

/// What a wait has ended by.
enum Woken<T> {
    Readable,
    Item(T),
    /// The queue gives no more.
    Ended,
}

/// A connection that speaks in messages. See [`Router::websocket`](crate::http::Router::websocket).
///
/// Pings are answered while it waits; a peer that is silent is pinged, and given up if it stays so.
pub struct WebSocket<'c> {
    socket: tungstenite::WebSocket<Pipe<'c>>,
    ping_interval: Duration,
    is_pinged: bool,
    /// The peer has broken the protocol, and was told.
    is_broken: bool,
}

impl WebSocket<'_> {
    /// The next message; `None` when the peer has closed. Parks.
    ///
    /// # Errors
    /// `InvalidData` when the peer breaks the protocol or a limit (it is told by a close frame);
    /// `TimedOut` when it answers no ping; `ConnectionReset` when it is gone without a close.
    ///
    /// # Cancel
    /// Loses nothing, and tells the peer that the server goes away.
    pub fn receive(&mut self) -> io::Result<Option<Message>> {
        let nobody: Option<&greenroom::queue::Queue<()>> = None;
        loop {
            match self.try_receive() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(nobody)?,
                result => return result,
            };
        }
    }

    /// The next message, or the next item of a queue, whichever is first: for whoever sends what others
    /// have to say. Parks. A queue that gives no more is an end like the peer's close.
    ///
    /// # Errors
    /// As [`WebSocket::receive`].
    ///
    /// # Cancel
    /// Loses nothing.
    ///
    /// # Examples
    /// ```
    /// use greenroom::queue::Queue;
    /// use greenroom_servers::http::{Next, Router};
    /// let router = Router::new().websocket("/feed", |socket, _opening| {
    ///     let news = Queue::bounded(16);
    ///     news.put("something has happened").unwrap();
    ///     while let Some(next) = socket.receive_or(&news)? {
    ///         match next {
    ///             Next::Message(message) => println!("{message:?}"),
    ///             Next::Item(text) => socket.send(text)?,
    ///         }
    ///     }
    ///     Ok(())
    /// });
    /// # drop(router);
    /// ```
    pub fn receive_or<S: Source>(&mut self, queue: &S) -> io::Result<Option<Next<S::Item>>> {
        loop {
            match self.try_receive() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => return Ok(result?.map(Next::Message)),
            }
            match self.wait(Some(queue))? {
                Woken::Item(item) => return Ok(Some(Next::Item(item))),
                Woken::Ended => return Ok(None),
                Woken::Readable => {}
            }
        }
    }

    /// Sends a message. Parks while the peer's window is full.
    ///
    /// # Errors
    /// `TimedOut` when the peer takes nothing for the server's idle limit; `BrokenPipe`,
    /// `ConnectionReset` when it is gone.
    pub fn send(&mut self, message: impl Into<Message>) -> io::Result<()> {
        let frame = match message.into() {
            Message::Text(text) => Frame::text(text),
            Message::Binary(bytes) => Frame::binary(bytes),
        };
        self.socket.send(frame).map_err(io_error)
    }

    /// A message of those that have come.
    fn try_receive(&mut self) -> io::Result<Option<Message>> {
        loop {
            return match self.socket.read() {
                Ok(Frame::Text(text)) => Ok(Some(Message::Text(text.as_str().to_owned()))),
                Ok(Frame::Binary(bytes)) => Ok(Some(Message::Binary(bytes.to_vec()))),
                // Their answers are sent by the next `read`.
                Ok(Frame::Ping(_) | Frame::Pong(_) | Frame::Close(_) | Frame::Frame(_)) => continue,
                Err(Error::ConnectionClosed | Error::AlreadyClosed) => Ok(None),
                Err(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake))
                    if self.is_sent_away() =>
                {
                    Ok(None)
                }
                Err(error) => {
                    self.complain(&error);
                    Err(io_error(error))
                }
            };
        }
    }

    /// Whether the connection has ended because the server stops; the peer is told.
    fn is_sent_away(&mut self) -> bool {
        let pipe = self.socket.get_ref();
        let is_stopping = pipe.client.is_stopping();
        if is_stopping {
            pipe.send_now(&GOING_AWAY);
            self.is_broken = true;
        }
        is_stopping
    }

    /// Tells the peer what it did wrong.
    fn complain(&mut self, error: &Error) {
        let code = match error {
            Error::Capacity(_) => CloseCode::Size,
            Error::Utf8(_) => CloseCode::Invalid,
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return,
            Error::Protocol(_) | Error::AttackAttempt => CloseCode::Protocol,
            _ => return,
        };
        let reason = "".into();
        let _ = self.socket.close(Some(CloseFrame { code, reason }));
        self.is_broken = true;
    }

    /// Parks until something came, from the peer or from the queue. Pings a silent peer.
    fn wait<S: Source>(&mut self, queue: Option<&S>) -> io::Result<Woken<S::Item>> {
        loop {
            if std::mem::take(&mut self.socket.get_mut().is_heard) {
                self.is_pinged = false;
            }
            let mut select = Select::new();
            let client = self.socket.get_ref().client;
            match client.stream() {
                Stream::Tcp(stream) => select.readable(stream, |_| Woken::Readable),
                Stream::Unix(stream) => select.readable(stream, |_| Woken::Readable),
            }
            if let Some(queue) = queue {
                select.recv(queue, |item| item.map_or(Woken::Ended, Woken::Item));
            }
            if let Some(woken) = select.wait_timeout(self.ping_interval) {
                return Ok(woken);
            }
            if self.is_pinged {
                return Err(client.out_of_time());
            }
            self.is_pinged = true;
            let ping = Frame::Ping(Vec::new().into());
            self.socket.send(ping).map_err(io_error)?;
        }
    }

    /// Says goodbye, and waits a little for the answer.
    fn close(&mut self, code: CloseCode, limit: Duration) {
        if self.socket.get_ref().is_writing {
            // Half a frame is out, and the rest found no room: nothing can follow.
            return;
        }
        if self.is_broken {
            return self.linger(limit);
        }
        let reason = "".into();
        if self
            .socket
            .close(Some(CloseFrame { code, reason }))
            .is_err()
        {
            return;
        }
        // Whatever it had to say, it is too late now.
        let _ = greenroom::timeout(limit, || while let Ok(Some(_)) = self.receive() {});
    }

    /// Ends the connection so that the peer sees the close frame: to close while it sends would make the
    /// kernel reset the connection, and the reset may overtake the frame.
    fn linger(&mut self, limit: Duration) {
        let mut client = self.socket.get_ref().client;
        let _ = client.shutdown(Shutdown::Write);
        let mut scratch = [0; 2 << 10];
        let _ = greenroom::timeout(limit, || {
            while matches!(client.read(&mut scratch), Ok(count) if count > 0) {}
        });
    }
}

/// What came first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<T> {
    /// A message of the peer's.
    Message(Message),
    /// An item of the queue's.
    Item(T),
}

/// Runs a handler over an upgraded connection, and closes it.
pub(super) fn run(
    mut upgraded: Upgraded<'_>,
    limits: &WebSocketLimits,
    handler: impl FnOnce(&mut WebSocket<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let early = upgraded.take_early();
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_message_size(Some(limits.message_bytes_max))
        .max_frame_size(Some(limits.frame_bytes_max));
    let is_wanted = upgraded.client().stay_idle();
    let pipe = Pipe::new(upgraded.client(), early);
    let mut socket = WebSocket {
        socket: tungstenite::WebSocket::from_raw_socket(pipe, Role::Server, Some(config)),
        ping_interval: limits.ping_interval,
        is_pinged: false,
        is_broken: false,
    };
    if !is_wanted {
        socket.close(CloseCode::Away, limits.close_timeout);
        return Ok(());
    }
    let result = handler(&mut socket);
    let code = match result {
        Ok(()) => CloseCode::Normal,
        Err(_) => CloseCode::Error,
    };
    socket.close(code, limits.close_timeout);
    result
}

impl Drop for WebSocket<'_> {
    fn drop(&mut self) {
        // Cancelled, or a panic of the handler's: there is no time for more.
        if std::thread::panicking() {
            self.socket.get_ref().send_now(&GOING_AWAY);
        }
    }
}

fn io_error(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        Error::ConnectionClosed | Error::AlreadyClosed => ErrorKind::BrokenPipe.into(),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            ErrorKind::ConnectionReset.into()
        }
        Error::Protocol(ProtocolError::SendAfterClosing) => ErrorKind::BrokenPipe.into(),
        error => io::Error::new(ErrorKind::InvalidData, error.to_string()),
    }
}

impl fmt::Debug for WebSocket<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("peer", self.socket.get_ref().client.peer())
            .finish_non_exhaustive()
    }
}
