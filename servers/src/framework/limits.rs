//! What a server grants its clients, in numbers.

use serde::{Deserialize, Serialize};
use std::io;
use std::time::Duration;

/// Bounds of a server. `Limits::default()` suits a server on the open network; change single fields with
/// `Limits { idle_timeout: …, ..Limits::default() }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Clients at one time; those beyond are refused at once.
    pub clients_max: usize,
    /// Clients at one time from one IP address; of IPv6, from one network of 64 bits. Unix clients have
    /// no address.
    pub clients_per_address_max: usize,
    /// How long a read or write may wait for the peer; `None`: for ever.
    pub idle_timeout: Option<Duration>,
    /// Bytes per second that a peer must take of what is written to it, or it counts as idle: writes that wait
    /// spend the idle timeout, each byte that leaves gives `1 / write_rate_min` seconds of it back. So a peer that
    /// takes nothing is cut after the idle timeout, one at half this rate after twice that time, one above it never.
    /// What the socket's buffer holds counts as taken. 0, or no idle timeout: any rate will do.
    pub write_rate_min: u64,
    /// How long one request may take as a whole, from its first byte; `None`: for ever. It is up to the
    /// protocol to say where requests begin and end: `Client::begin_request`.
    pub request_timeout: Option<Duration>,
}

impl Limits {
    /// # Errors
    /// `InvalidInput` for a time-out of zero: no wait could ever end well.
    pub(crate) fn check(&self) -> io::Result<()> {
        let limits = [self.idle_timeout, self.request_timeout];
        if limits.contains(&Some(Duration::ZERO)) {
            let text = "a time-out of zero: None means without limit";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        Ok(())
    }
}

impl Default for Limits {
    /// 10,000 clients, as many from one address, a minute of silence, 500 bytes per second, half a minute per
    /// request.
    fn default() -> Limits {
        Limits {
            clients_max: 10_000,
            clients_per_address_max: 10_000,
            idle_timeout: Some(Duration::from_secs(60)),
            // Twice as much would cut six downloads at the same time over the slowest mobile networks (30 kbit/s).
            write_rate_min: 500,
            request_timeout: Some(Duration::from_secs(30)),
        }
    }
}
