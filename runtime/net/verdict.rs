//! What a failed accept means for a server: nothing for good.
//!
//! Pure: an error in, a verdict out. `serve` asks.

use crate::sys::socket::is_out_of_descriptors;
use std::io;

/// What a failed accept means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The process or the machine is out of something: the connection stays queued, try later.
    Pause,
    /// One connection is gone (reset before it was accepted, a failed handshake): count it, go on.
    Count,
}

/// No error of accept(2) is fatal for a server: what is not a shortage concerns one connection.
pub(super) fn verdict(error: &io::Error) -> Verdict {
    if is_out_of_descriptors(error) {
        Verdict::Pause
    } else {
        Verdict::Count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_errors_pause_or_are_counted_and_are_never_fatal() {
        // EMFILE, ENFILE, ENOBUFS, ENOMEM.
        for code in [24, 23, 105, 12] {
            assert_eq!(verdict(&io::Error::from_raw_os_error(code)), Verdict::Pause);
        }
        // ECONNABORTED, ECONNRESET, EPROTO, EPERM (a firewall's word), ENETDOWN.
        for code in [103, 104, 71, 1, 100] {
            assert_eq!(verdict(&io::Error::from_raw_os_error(code)), Verdict::Count);
        }
    }
}
