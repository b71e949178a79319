//! An HTTPS echo server: rustls and httparse, blocking crates that know nothing of green threads.
//!
//! `rustls::StreamOwned` wraps a `greenroom::net::TcpStream` at both ends. The certificate is made at the
//! start. A request's body comes back as the answer's; connections are kept alive; head, body and
//! patience have limits.
//!
//! Run: `cargo run --release --example https_echo -- [--port 8443] [--workers N] [--serve-seconds S]`
//!
//! Try: `curl -k --data hello https://127.0.0.1:8443/`; end with Ctrl-C.
//!
//! Proof: `cargo run --release --example https_echo -- --client 1000 --rounds 10` adds the clients to
//! the process, all connected at once, and ends with them; the exit code says whether every echo was
//! right.
//!
//! Output:
//! ```text
//! listening on 127.0.0.1:8443
//! 1000 connections are open
//! 1000 clients got 10000 echoes, 35012000 bytes, all equal, in 437.56ms
//! served 1000 connections, 10000 echoes
//! ```

#[path = "support/proof.rs"]
mod proof;

use greenroom::net::{Shutdown, TcpStream};
use proof::{Error, Protocol};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const HEAD_BYTES_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 64;
const BODY_BYTES_MAX: usize = 1 << 20;

/// For a whole request, the handshake and the wait for it included.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long, and how much, a refused client may go on sending, so that it gets to read why.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: u64 = 8 << 20;

fn main() -> ExitCode {
    proof::main(Https::new)
}

/// Both ends' settings: the server's certificate, and the client that trusts it alone.
struct Https {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
}

impl Https {
    fn new() -> Result<Https, Error> {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names)?;
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Https {
            server: Arc::new(server),
            client: Arc::new(client),
        })
    }
}

/// A TLS connection, and what was read from it and belongs to the next message.
struct Link<T> {
    tls: T,
    buffer: Vec<u8>,
}

impl Protocol for Https {
    const NAME: &'static str = "https_echo";
    const PORT: u16 = 8443;
    type Client = Link<StreamOwned<ClientConnection, TcpStream>>;

    fn serve(&self, stream: TcpStream, echoes: &AtomicU64) -> Result<(), Error> {
        stream.set_nodelay(true)?;
        // A client that does not read its answer must not keep this green thread for ever.
        stream.set_write_timeout(Some(PATIENCE))?;
        let connection = ServerConnection::new(Arc::clone(&self.server))?;
        let mut link = Link {
            tls: StreamOwned::new(connection, stream),
            buffer: Vec::new(),
        };
        let mut is_refused = false;
        loop {
            match greenroom::timeout(PATIENCE, || link.request()) {
                Ok(Ok(Some(request))) => {
                    link.answer("200 OK", &request.body, request.keeps_alive)?;
                    echoes.fetch_add(1, Ordering::Relaxed);
                    if !request.keeps_alive {
                        break;
                    }
                }
                Ok(Err(Refusal::Status(status))) => {
                    link.answer(status, status.as_bytes(), false)?;
                    is_refused = true;
                    break;
                }
                Ok(Err(Refusal::Io(error))) => return Err(error.into()),
                // The end of the stream, or a client too slow or idle for too long.
                Ok(Ok(None)) | Err(_) => break,
            }
        }
        link.tls.conn.send_close_notify();
        link.tls.flush()?;
        if is_refused {
            linger(&link.tls.sock)?;
        }
        Ok(())
    }

    fn connect(&self, stream: TcpStream) -> Result<Self::Client, Error> {
        stream.set_nodelay(true)?;
        let name = ServerName::from(stream.peer_addr()?.ip());
        let connection = ClientConnection::new(Arc::clone(&self.client), name)?;
        let mut tls = StreamOwned::new(connection, stream);
        // The handshake, which would otherwise come with the first byte.
        tls.flush()?;
        Ok(Link {
            tls,
            buffer: Vec::new(),
        })
    }

    fn echo(client: &mut Self::Client, message: &[u8]) -> Result<Vec<u8>, Error> {
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
            message.len()
        );
        client.tls.write_all(&[head.as_bytes(), message].concat())?;
        let answer = client.response();
        Ok(answer?.ok_or("the server closed the connection")?)
    }

    /// Each side says that no more will come; a stream that just ends would be an error.
    fn close(mut client: Self::Client) -> Result<(), Error> {
        client.tls.conn.send_close_notify();
        client.tls.flush()?;
        match client.tls.read(&mut [0; 16])? {
            0 => Ok(()),
            n => Err(format!("{n} bytes after the last answer").into()),
        }
    }
}

/// What stands between a client and its answer.
#[derive(Debug)]
enum Refusal {
    Status(&'static str),
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Refusal {
        Refusal::Io(error)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        match refusal {
            Refusal::Status(status) => status.into(),
            Refusal::Io(error) => error.into(),
        }
    }
}

const BAD_REQUEST: Refusal = Refusal::Status("400 Bad Request");

struct Request {
    body: Vec<u8>,
    keeps_alive: bool,
}

/// What a head says about what follows it.
struct Head {
    bytes: usize,
    body_bytes: usize,
    keeps_alive: bool,
    expects_continue: bool,
    has_no_body: bool,
}

impl<T: Read + Write> Link<T> {
    /// The next request; `None` at the end of the stream.
    fn request(&mut self) -> Result<Option<Request>, Refusal> {
        let Some(head) = self.head(parse_request)? else {
            return Ok(None);
        };
        if head.body_bytes > BODY_BYTES_MAX {
            return Err(Refusal::Status("413 Content Too Large"));
        }
        if head.expects_continue && self.buffer.is_empty() {
            self.tls.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            self.tls.flush()?;
        }
        let mut body = self.body(head.body_bytes)?;
        if head.has_no_body {
            body.clear();
        }
        let keeps_alive = head.keeps_alive;
        Ok(Some(Request { body, keeps_alive }))
    }

    /// The body of the next response; `None` at the end of the stream.
    fn response(&mut self) -> Result<Option<Vec<u8>>, Refusal> {
        match self.head(parse_response)? {
            Some(head) => Ok(Some(self.body(head.body_bytes)?)),
            None => Ok(None),
        }
    }

    /// Reads until `parse` has a whole head, and takes it from the buffer.
    fn head(
        &mut self,
        parse: impl Fn(&[u8]) -> Result<Option<Head>, Refusal>,
    ) -> Result<Option<Head>, Refusal> {
        loop {
            if let Some(head) = parse(&self.buffer)? {
                self.buffer.drain(..head.bytes);
                return Ok(Some(head));
            }
            if self.buffer.len() >= HEAD_BYTES_MAX {
                return Err(Refusal::Status("431 Request Header Fields Too Large"));
            }
            let mut some = [0; 2048];
            match self.tls.read(&mut some)? {
                0 if self.buffer.is_empty() => return Ok(None),
                0 => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                n => self.buffer.extend_from_slice(&some[..n]),
            }
        }
    }

    fn body(&mut self, bytes: usize) -> io::Result<Vec<u8>> {
        let missing = bytes.saturating_sub(self.buffer.len());
        let mut rest = Read::take(&mut self.tls, missing as u64);
        if rest.read_to_end(&mut self.buffer)? < missing {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let next = self.buffer.split_off(bytes);
        Ok(std::mem::replace(&mut self.buffer, next))
    }

    fn answer(&mut self, status: &str, body: &[u8], keeps_alive: bool) -> io::Result<()> {
        let connection = if keeps_alive { "keep-alive" } else { "close" };
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: {connection}\r\n\r\n",
            body.len()
        );
        self.tls.write_all(&[head.as_bytes(), body].concat())?;
        self.tls.flush()
    }
}

fn parse_request(bytes: &[u8]) -> Result<Option<Head>, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let Some(length) = complete(request.parse(bytes))? else {
        return Ok(None);
    };
    let mut head = Head::new(length, request.version, request.headers)?;
    head.has_no_body = request.method == Some("HEAD");
    Ok(Some(head))
}

fn parse_response(bytes: &[u8]) -> Result<Option<Head>, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    match complete(response.parse(bytes))? {
        Some(length) if response.code == Some(200) => {
            Head::new(length, response.version, response.headers).map(Some)
        }
        Some(_) => Err(Refusal::Status("the server refused")),
        None => Ok(None),
    }
}

fn complete(parsed: httparse::Result<usize>) -> Result<Option<usize>, Refusal> {
    match parsed {
        Ok(httparse::Status::Complete(length)) => Ok(Some(length)),
        Ok(httparse::Status::Partial) => Ok(None),
        Err(httparse::Error::TooManyHeaders) => {
            Err(Refusal::Status("431 Request Header Fields Too Large"))
        }
        Err(_) => Err(BAD_REQUEST),
    }
}

impl Head {
    fn new(
        bytes: usize,
        version: Option<u8>,
        headers: &[httparse::Header<'_>],
    ) -> Result<Head, Refusal> {
        let mut head = Head {
            bytes,
            body_bytes: 0,
            keeps_alive: version == Some(1),
            expects_continue: false,
            has_no_body: false,
        };
        let mut length = None;
        for header in headers {
            let value = header.value.trim_ascii();
            let is = |name: &str| header.name.eq_ignore_ascii_case(name);
            if is("content-length") {
                // Two lengths are a way to smuggle requests past a proxy.
                if length.replace(decimal(value).ok_or(BAD_REQUEST)?).is_some() {
                    return Err(BAD_REQUEST);
                }
            } else if is("transfer-encoding") {
                return Err(Refusal::Status("501 Not Implemented"));
            } else if is("connection") && value.eq_ignore_ascii_case(b"close") {
                head.keeps_alive = false;
            } else if is("expect") {
                head.expects_continue = value.eq_ignore_ascii_case(b"100-continue");
            }
        }
        head.body_bytes = length.unwrap_or(0);
        Ok(head)
    }
}

/// Digits only: `usize::from_str` would take a sign.
fn decimal(text: &[u8]) -> Option<usize> {
    let is_digits = text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| is_digits)?;
    text.parse().ok()
}

/// Reads on for a while: a socket closed with unread bytes is reset, and its last answer lost.
fn linger(stream: &TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    let rest = || io::copy(&mut stream.take(LINGER_BYTES_MAX), &mut io::sink());
    greenroom::timeout(LINGER, rest).unwrap_or(Ok(0)).map(drop)
}
