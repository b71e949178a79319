//! A WebSocket echo server: tungstenite, a blocking crate that knows nothing of green threads.
//!
//! Its handshake and its frames read and write a `greenroom::net::TcpStream` as they would std's. One
//! green thread per connection; a thousand of them need two OS threads.
//!
//! Run: `cargo run --release --example websocket_echo -- [--port 8002] [--workers N] [--serve-seconds S]`
//!
//! Proof: `cargo run --release --example websocket_echo -- --client 1000 --rounds 10` adds the clients
//! to the process, all connected at once, and ends with them; the exit code says whether every echo
//! was right. A browser can be a client too: `new WebSocket("ws://127.0.0.1:8002")`. End with Ctrl-C.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:8002
//! 1000 connections are open
//! 1000 clients got 10000 echoes, 35012000 bytes, all equal, in 235.79ms
//! served 1000 connections, 10000 echoes
//! ```

#[path = "support/proof.rs"]
mod proof;

use greenroom::net::TcpStream;
use proof::{Error, Protocol};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tungstenite::handshake::{HandshakeError, HandshakeRole};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket};

/// For the handshake, and between two messages.
const PATIENCE: Duration = Duration::from_secs(60);

/// The largest message that is echoed; a larger one ends its connection.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

const NO_HANDSHAKE: &str = "no handshake in time";

fn main() -> ExitCode {
    proof::main(|| Ok(WebSockets))
}

struct WebSockets;

impl Protocol for WebSockets {
    const NAME: &'static str = "websocket_echo";
    const PORT: u16 = 8002;
    type Client = WebSocket<TcpStream>;

    fn serve(&self, stream: TcpStream, echoes: &AtomicU64) -> Result<(), Error> {
        stream.set_nodelay(true)?;
        let socket = greenroom::timeout(PATIENCE, || {
            tungstenite::accept_with_config(stream, Some(config())).map_err(failure)
        });
        let mut socket = socket.map_err(|_elapsed| NO_HANDSHAKE)??;
        socket.get_ref().set_read_timeout(Some(PATIENCE))?;
        socket.get_ref().set_write_timeout(Some(PATIENCE))?;
        loop {
            match socket.read() {
                Ok(message) if message.is_text() || message.is_binary() => {
                    socket.send(message)?;
                    echoes.fetch_add(1, Ordering::Relaxed);
                }
                // Pings and the close frame: the next `read` sends the answer first.
                Ok(_) => {}
                Err(tungstenite::Error::ConnectionClosed) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn connect(&self, stream: TcpStream) -> Result<Self::Client, Error> {
        stream.set_nodelay(true)?;
        let request = format!("ws://{}/", stream.peer_addr()?);
        let (socket, _response) =
            tungstenite::client::client_with_config(request, stream, Some(config()))
                .map_err(failure)?;
        Ok(socket)
    }

    fn echo(client: &mut Self::Client, message: &[u8]) -> Result<Vec<u8>, Error> {
        client.send(Message::binary(message.to_vec()))?;
        Ok(client.read()?.into_data().to_vec())
    }

    /// Close frame, its answer, and then the server closes the connection.
    fn close(mut client: Self::Client) -> Result<(), Error> {
        client.close(None)?;
        loop {
            match client.read() {
                Ok(Message::Close(_)) => {}
                Ok(other) => return Err(format!("{other} after the close frame").into()),
                Err(tungstenite::Error::ConnectionClosed) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Small buffers, because there are thousands of them; the default is 128 KiB each way.
fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(4 * 1024)
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX))
}

/// A handshake that did not succeed. "Interrupted" is how tungstenite names a socket's own timeout.
fn failure<R: HandshakeRole>(error: HandshakeError<R>) -> Error {
    match error {
        HandshakeError::Failure(error) => error.into(),
        HandshakeError::Interrupted(_) => NO_HANDSHAKE.into(),
    }
}
