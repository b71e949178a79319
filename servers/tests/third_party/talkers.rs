//! Both ends of each protocol, over whatever stream there is.
//!
//! A client end sends and checks what comes back; a server end echoes until its peer is through. Both
//! end by the rules of their protocol, seen from both sides.

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::{Arc, OnceLock};
use tungstenite::handshake::{HandshakeError, HandshakeRole};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{Message, WebSocket};

pub(crate) type TlsClient<S> = StreamOwned<ClientConnection, S>;
pub(crate) type TlsServer<S> = StreamOwned<ServerConnection, S>;

/// The settings of a server and of a client that trusts it.
pub(crate) struct Trust {
    pub(crate) server: Arc<ServerConfig>,
    pub(crate) client: Arc<ClientConfig>,
}

/// Settings for the given versions of TLS.
pub(crate) fn trust(versions: &[&'static rustls::SupportedProtocolVersion]) -> Trust {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Trust {
        server: Arc::new(server),
        client: Arc::new(client),
    }
}

/// One pair of settings for all tests that do not care; a key costs a debug build milliseconds.
pub(crate) fn usual_trust() -> &'static Trust {
    static TRUST: OnceLock<Trust> = OnceLock::new();
    TRUST.get_or_init(|| trust(rustls::ALL_VERSIONS))
}

impl Trust {
    pub(crate) fn client<S: Read + Write>(&self, stream: S) -> TlsClient<S> {
        let name = ServerName::try_from("localhost").unwrap();
        let connection = ClientConnection::new(Arc::clone(&self.client), name).unwrap();
        StreamOwned::new(connection, stream)
    }

    pub(crate) fn server<S: Read + Write>(&self, stream: S) -> TlsServer<S> {
        let connection = ServerConnection::new(Arc::clone(&self.server)).unwrap();
        StreamOwned::new(connection, stream)
    }
}

/// Bytes in which a lost, doubled or swapped piece shows.
pub(crate) fn pattern(len: usize, seed: usize) -> Vec<u8> {
    let mut state = seed as u64;
    let next = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    };
    (0..len).map(next).collect()
}

/// Lengths around what matters: nothing, one byte, a record of TLS, several.
pub(crate) const LENGTHS: [usize; 6] = [1, 700, 4_096, 16_384, 16_385, 60_000];

/// Sends patterns and checks their echoes over a plain stream of bytes.
pub(crate) fn check_bytes(stream: &mut (impl Read + Write), lengths: &[usize], seed: usize) {
    for &len in lengths {
        let sent = pattern(len, seed);
        stream.write_all(&sent).unwrap();
        stream.flush().unwrap();
        let mut received = vec![0; len];
        stream.read_exact(&mut received).unwrap();
        assert!(received == sent, "{len} bytes");
    }
}

/// Echoes until the end of the stream; returns the bytes.
pub(crate) fn echo_bytes(stream: &mut (impl Read + Write)) -> usize {
    let mut bytes = 0;
    let mut some = vec![0; 5_000];
    loop {
        match stream.read(&mut some).unwrap() {
            0 => return bytes,
            n => {
                stream.write_all(&some[..n]).unwrap();
                stream.flush().unwrap();
                bytes += n;
            }
        }
    }
}

/// A whole visit over TLS, and its clean end.
pub(crate) fn tls_visit<S: Read + Write>(mut tls: TlsClient<S>, lengths: &[usize], seed: usize) {
    check_bytes(&mut tls, lengths, seed);
    tls.conn.send_close_notify();
    tls.flush().unwrap();
    // Only with the server's close_notify is this the end, and no error.
    assert_eq!(tls.read(&mut [0; 1]).unwrap(), 0);
}

/// The other end of [`tls_visit`].
pub(crate) fn tls_echo<S: Read + Write>(mut tls: TlsServer<S>) -> usize {
    let bytes = echo_bytes(&mut tls);
    tls.conn.send_close_notify();
    tls.flush().unwrap();
    bytes
}

/// Small buffers, because there are many.
pub(crate) fn small_buffers() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(4 * 1024)
        .write_buffer_size(4 * 1024)
}

/// The handshake of a client.
pub(crate) fn websocket<S: Read + Write>(stream: S) -> WebSocket<S> {
    tungstenite::client::client_with_config("ws://localhost/", stream, Some(small_buffers()))
        .map_err(failure)
        .unwrap()
        .0
}

/// The handshake of a server.
pub(crate) fn accept_websocket<S: Read + Write>(stream: S) -> WebSocket<S> {
    tungstenite::accept_with_config(stream, Some(small_buffers()))
        .map_err(failure)
        .unwrap()
}

/// A handshake over a blocking stream is never "interrupted".
pub(crate) fn failure<R: HandshakeRole>(error: HandshakeError<R>) -> tungstenite::Error {
    match error {
        HandshakeError::Failure(error) => error,
        HandshakeError::Interrupted(_) => panic!("would block"),
    }
}

/// A whole visit by WebSocket, and its clean end.
pub(crate) fn websocket_visit<S: Read + Write>(
    mut socket: WebSocket<S>,
    lengths: &[usize],
    seed: usize,
) {
    for &len in lengths {
        let sent = pattern(len, seed);
        socket.send(Message::binary(sent.clone())).unwrap();
        assert!(socket.read().unwrap().into_data() == sent, "{len} bytes");
    }
    socket.close(None).unwrap();
    assert!(socket.read().unwrap().is_close());
    let end = socket.read();
    assert!(
        matches!(end, Err(tungstenite::Error::ConnectionClosed)),
        "{end:?}"
    );
}

/// Echoes messages until the close frame; returns their number.
pub(crate) fn websocket_echo<S: Read + Write>(mut socket: WebSocket<S>) -> usize {
    let mut messages = 0;
    loop {
        match socket.read() {
            Ok(message) if message.is_text() || message.is_binary() => {
                socket.send(message).unwrap();
                messages += 1;
            }
            Ok(_) => {}
            Err(tungstenite::Error::ConnectionClosed) => return messages,
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// flate2 makes an encoder's tables, some 300 KiB, on the stack first, in debug builds.
pub(crate) fn encoder<W: Write>(to: W) -> GzEncoder<W> {
    const STACK_BYTES: usize = 1 << 20;
    greenroom::with_big_stack(STACK_BYTES, || GzEncoder::new(to, Compression::fast())).unwrap()
}

/// Sends lines compressed, flushed each, and checks what comes back, compressed too.
pub(crate) fn gzip_visit<R: Read, W: Write>(from: R, to: W, lines: usize, seed: usize) {
    let mut encoder = encoder(to);
    // Subtle: a decoder reads gzip's header when it is made, so the peer's encoder must have begun, and
    // that one waits for us.
    encoder.flush().unwrap();
    let mut decoder = BufReader::new(GzDecoder::new(from));
    for number in 0..lines {
        let sent = format!("line {number} of {seed}\n");
        encoder.write_all(sent.as_bytes()).unwrap();
        encoder.flush().unwrap();
        let mut received = String::new();
        decoder.read_line(&mut received).unwrap();
        assert_eq!(received, sent);
    }
    encoder.finish().unwrap().flush().unwrap();
    // The trailer has come as well, and its checksum is right.
    assert_eq!(decoder.read_line(&mut String::new()).unwrap(), 0);
}

/// Echoes compressed lines, compressed anew; returns their number.
pub(crate) fn gzip_echo<R: Read, W: Write>(from: R, to: W) -> usize {
    let mut encoder = encoder(to);
    encoder.flush().unwrap();
    let mut lines = 0;
    for line in BufReader::new(GzDecoder::new(from)).lines() {
        writeln!(encoder, "{}", line.unwrap()).unwrap();
        encoder.flush().unwrap();
        lines += 1;
    }
    encoder.finish().unwrap().flush().unwrap();
    lines
}
