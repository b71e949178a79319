//! WebSockets (RFC 6455) on the same port: the handshake here, the frames by `tungstenite`.
//!
//! [`Router::websocket`] takes a handler of connections; it gets a [`WebSocket`] and the [`Opening`] that
//! made it. `socket` waits for the peer, and never inside `tungstenite`: a connection that is cancelled
//! is between two frames.
//!
//! | an opening that | gets |
//! |---|---|
//! | is no upgrade to `websocket`, or of HTTP/1.0 | 426 |
//! | has another version than 13 | 426, with the right one |
//! | has no key, two, or one that is not 16 bytes in base64 | 400 |
//! | comes from a page of another origin, by the policy of [`Origins`] | 403 |

mod pipe;
mod socket;

pub use socket::{Message, Next, WebSocket};

use super::headers::tokens;
use super::request::{Request, Version};
use super::response::Response;
use super::router::Router;
use crate::Peer;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tungstenite::handshake::derive_accept_key;

/// Pages that may open a connection, by their `Origin`. Browsers always send one; programs need not, and
/// without it every opening is let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Pages of this very host and port, as the `Host` field names it.
    Same,
    /// These, each as `https://example.org`.
    These(Vec<String>),
    /// All: for what anybody may read and nobody is logged in to.
    Any,
}

/// Bounds of a WebSocket. Change single fields with
/// `WebSocketLimits { message_bytes_max: …, ..WebSocketLimits::default() }`.
///
/// # Examples
/// ```
/// use greenroom_servers::http::WebSocketLimits;
/// let limits = WebSocketLimits { message_bytes_max: 4096, ..WebSocketLimits::default() };
/// assert_eq!(limits.frame_bytes_max, 1 << 20);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketLimits {
    /// Bytes of a message; beyond, the connection is closed with 1009.
    pub message_bytes_max: usize,
    /// Bytes of one frame; beyond: 1009.
    pub frame_bytes_max: usize,
    /// After so much silence the peer is pinged; after as much again it is given up.
    pub ping_interval: Duration,
    /// How long the peer may take to answer a close frame.
    pub close_timeout: Duration,
    /// Whose pages may connect.
    pub origins: Origins,
    /// Subprotocols that the handler speaks: the first one that the client offers and that is among them is
    /// agreed on. A browser that offers some and gets none gives up.
    pub protocols: Vec<String>,
}

impl Default for WebSocketLimits {
    /// 1 MiB per message and frame, a ping after 20 s, 2 s for a close, pages of this host only.
    fn default() -> WebSocketLimits {
        WebSocketLimits {
            message_bytes_max: 1 << 20,
            frame_bytes_max: 1 << 20,
            ping_interval: Duration::from_secs(20),
            close_timeout: Duration::from_secs(2),
            origins: Origins::Same,
            protocols: Vec::new(),
        }
    }
}

/// The request that opened a WebSocket.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Opening {
    /// Its path, decoded.
    pub path: String,
    /// What followed the `?`.
    pub query: Option<String>,
    /// Where the page came from, if a browser asked.
    pub origin: Option<String>,
    /// The subprotocol that was agreed on; see [`WebSocketLimits::protocols`].
    pub protocol: Option<String>,
    /// Who asked.
    pub peer: Peer,
}

impl Router {
    /// A handler of WebSockets, within the default limits: only pages of the same host may connect.
    ///
    /// When it returns, the connection is closed, with a close frame first. It may park.
    ///
    /// # Panics
    /// As [`Router::method`].
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::http::{Router, WebSocket};
    /// let router = Router::new().websocket("/echo", |socket: &mut WebSocket, _opening| {
    ///     while let Some(message) = socket.receive()? {
    ///         socket.send(message)?;
    ///     }
    ///     Ok(())
    /// });
    /// # drop(router);
    /// ```
    #[must_use]
    pub fn websocket(
        self,
        pattern: &'static str,
        handler: impl Fn(&mut WebSocket<'_>, &Opening) -> io::Result<()> + Send + Sync + 'static,
    ) -> Router {
        self.websocket_with(pattern, WebSocketLimits::default(), handler)
    }

    /// As [`Router::websocket`], with other limits.
    ///
    /// # Panics
    /// As [`Router::method`].
    ///
    /// # Examples
    /// ```
    /// use greenroom_servers::http::{Origins, Router, WebSocketLimits};
    /// let limits = WebSocketLimits { origins: Origins::Any, ..WebSocketLimits::default() };
    /// let router = Router::new().websocket_with("/time", limits, |socket, opening| {
    ///     socket.send(format!("hello, {}", opening.peer))
    /// });
    /// # drop(router);
    /// ```
    #[must_use]
    pub fn websocket_with(
        self,
        pattern: &'static str,
        limits: WebSocketLimits,
        handler: impl Fn(&mut WebSocket<'_>, &Opening) -> io::Result<()> + Send + Sync + 'static,
    ) -> Router {
        let (limits, handler) = (Arc::new(limits), Arc::new(handler));
        self.get(pattern, move |request: &mut Request<'_>| {
            let accept = match judge(request, &limits.origins) {
                Ok(accept) => accept,
                Err(status) => return refusal(status),
            };
            let opening = opening_of(request, &limits.protocols);
            let protocol = opening.protocol.clone();
            let (limits, handler) = (Arc::clone(&limits), Arc::clone(&handler));
            let response = Response::upgrade("websocket", move |upgraded| {
                socket::run(upgraded, &limits, |socket| handler(socket, &opening))
            });
            let response = response.header("Sec-WebSocket-Accept", accept);
            match protocol {
                Some(protocol) => response.header("Sec-WebSocket-Protocol", protocol),
                None => response,
            }
        })
    }
}

/// The value of `Sec-WebSocket-Accept`, or the status of a refusal.
fn judge(request: &Request<'_>, origins: &Origins) -> Result<String, u16> {
    let headers = request.headers();
    let is_upgrade = request.method() == "GET"
        && request.version() == Version::Http11
        && headers.has_token("connection", "upgrade")
        && headers.has_token("upgrade", "websocket");
    if !is_upgrade || headers.get("sec-websocket-version") != Some("13") {
        return Err(426);
    }
    let mut keys = headers.get_all("sec-websocket-key");
    let key = match (keys.next(), keys.next()) {
        (Some(key), None) if is_key(key) => key,
        _ => return Err(400),
    };
    if !admits(origins, headers.get_bytes("origin"), request.host()) {
        return Err(403);
    }
    Ok(derive_accept_key(key))
}

fn refusal(status: u16) -> Response {
    match status {
        426 => Response::status_page(426)
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13"),
        _ => Response::status_page(status),
    }
}

/// Sixteen bytes in base64.
fn is_key(key: &[u8]) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    key.len() == 24 && key.ends_with(b"==") && key[..22].iter().all(is_digit)
}

fn admits(origins: &Origins, origin: Option<&[u8]>, host: Option<&str>) -> bool {
    let Some(origin) = origin else {
        return true;
    };
    let Ok(origin) = std::str::from_utf8(origin) else {
        return *origins == Origins::Any;
    };
    match origins {
        Origins::Any => true,
        Origins::These(list) => list.iter().any(|each| each.eq_ignore_ascii_case(origin)),
        Origins::Same => origin
            .split_once("://")
            .zip(host)
            .is_some_and(|((_, own), host)| own.eq_ignore_ascii_case(host)),
    }
}

fn opening_of(request: &Request<'_>, protocols: &[String]) -> Opening {
    let offers = request.headers();
    let mut offers = offers.get_all("sec-websocket-protocol").flat_map(tokens);
    let spoken = |offer: &[u8]| protocols.iter().find(|own| own.as_bytes() == offer);
    Opening {
        path: request.path().to_owned(),
        query: request.query().map(str::to_owned),
        origin: request.headers().get("origin").map(str::to_owned),
        protocol: offers.find_map(spoken).cloned(),
        peer: request.peer().clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_is_judged_by_the_policy() {
        let these = Origins::These(vec![String::from("https://a.org")]);
        for (origins, origin, expected) in [
            (&Origins::Same, None, true),
            (&Origins::Same, Some("http://h:80"), true),
            (&Origins::Same, Some("https://H:80"), true),
            (&Origins::Same, Some("http://h"), false),
            (&Origins::Same, Some("http://h:80.evil.org"), false),
            (&Origins::Same, Some("null"), false),
            (&these, Some("https://a.org"), true),
            (&these, Some("http://a.org"), false),
            (&these, Some("https://a.org.evil.org"), false),
            (&Origins::Any, Some("null"), true),
        ] {
            let found = admits(origins, origin.map(str::as_bytes), Some("h:80"));
            assert_eq!(found, expected, "{origins:?} {origin:?}");
        }
        assert!(!admits(&Origins::Same, Some(b"http://\xff"), Some("h")));
    }
}
