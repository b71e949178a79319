//! An end that does not destroy what was said last.
//!
//! A close with bytes unread resets the connection, and the reset can overtake the answer that says what was
//! wrong. So: no more from this side, then take what still comes, bounded in bytes and time.

use crate::Client;
use greenroom::net::Shutdown;
use std::io::{self, Read};
use std::time::Duration;

/// How long, and how much, a peer that was refused may go on sending before it is cut off.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: u64 = 16 << 20;

/// Ends a connection whose peer may still be sending. Parks, for 2 seconds at most.
pub(crate) fn close_gently(client: &Client) {
    if client.shutdown(Shutdown::Write).is_ok() {
        // What comes of it matters to nobody.
        let _ = greenroom::timeout(LINGER, || {
            io::copy(&mut client.take(LINGER_BYTES_MAX), &mut io::sink())
        });
    }
}
