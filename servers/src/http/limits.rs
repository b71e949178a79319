//! What HTTP grants its clients, beside the server's [`Limits`](crate::Limits).

use std::time::Duration;

/// Bounds of requests and connections. Change single fields with
/// `HttpLimits { body_bytes_max: …, ..HttpLimits::default() }`.
///
/// # Examples
/// ```
/// use greenroom_servers::http::HttpLimits;
/// let limits = HttpLimits { body_bytes_max: 64 << 20, ..HttpLimits::default() };
/// assert_eq!(limits.headers_max, 100);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Bytes of the request line and the header lines together; beyond: 431.
    pub header_bytes_max: usize,
    /// Header lines; beyond: 431.
    pub headers_max: usize,
    /// Bytes of the request target; beyond: 414.
    pub target_bytes_max: usize,
    /// Bytes of a request's body, chunked or not; beyond: 413. A route may have its own
    /// ([`Router::body_limit`](super::Router::body_limit)).
    pub body_bytes_max: u64,
    /// Bytes of a body that no handler wanted which are read to keep the connection; beyond, it ends.
    pub drain_bytes_max: u64,
    /// Bytes of answers that are gathered before they are written.
    pub gather_bytes_max: usize,
    /// Requests on one connection; `None`: no bound.
    pub keep_alive_requests_max: Option<u64>,
    /// How long a head may take from its first byte; beyond: 408. `None`: as long as reads may wait.
    pub header_timeout: Option<Duration>,
    /// How long a client may take to close after an answer that ends the connection.
    pub linger_timeout: Duration,
}

impl Default for HttpLimits {
    /// 16 KiB of head in 100 lines, 8 KiB of target, 1 MiB of body, 10 s for a head.
    fn default() -> HttpLimits {
        HttpLimits {
            header_bytes_max: 16 << 10,
            headers_max: 100,
            target_bytes_max: 8 << 10,
            body_bytes_max: 1 << 20,
            drain_bytes_max: 64 << 10,
            gather_bytes_max: 64 << 10,
            keep_alive_requests_max: None,
            header_timeout: Some(Duration::from_secs(10)),
            linger_timeout: Duration::from_secs(2),
        }
    }
}
