//! Why a request is not served: a status and a reason, which is also the log line.
//!
//! Found by the judges (`head`, `framing`, `target`, `chunks`, `body`); answered, logged and followed by
//! the end of the connection in `connection`. The reasons are constant texts: nothing that a client sent
//! reaches an answer or a log this way.

/// A request that is answered with an error, after which the connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) reason: &'static str,
}

impl Refusal {
    pub(super) const fn new(status: u16, reason: &'static str) -> Refusal {
        Refusal { status, reason }
    }

    pub(super) const fn bad(reason: &'static str) -> Refusal {
        Refusal::new(400, reason)
    }
}
