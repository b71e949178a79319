//! The lanes of the blocking pool, and which of their jobs have begun.
//!
//! Here and not beside the pool, because a wait reason names lane and ticket, and whoever prints it looks
//! up what has become of the job without a lock: tickets are given in order and begun in order, so one
//! number per lane answers. Plain atomics of std, in the models too: a diagnostic is no protocol.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a call may wait for, and so which others it may keep waiting: a lane that is full for good
/// stops nobody but its own kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Closures of users.
    Closures,
    /// Calls that a disk answers.
    Brief,
    /// Host names.
    Names,
    /// Files that may let a call wait for ever: devices without readiness, opens of such.
    Long,
    /// Starts of child processes. Its threads never end: a child may have asked for a signal at the end
    /// of the *thread* that made it, `PR_SET_PDEATHSIG`.
    Children,
}

/// A job's number in its lane, counted from zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(pub(crate) u64);

/// In the order of the enumeration.
pub(crate) const LANES: [Lane; 5] = [
    Lane::Closures,
    Lane::Brief,
    Lane::Names,
    Lane::Long,
    Lane::Children,
];

/// Of each lane, the ticket after the last one that has begun.
static BEGUN: [AtomicU64; LANES.len()] = [const { AtomicU64::new(0) }; LANES.len()];

impl Lane {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Lane::Closures => "unblock",
            Lane::Brief => "files",
            Lane::Names => "host names",
            Lane::Long => "files that may wait for ever",
            Lane::Children => "starts of child processes",
        }
    }

    /// The job with this ticket begins, and none before it will.
    // Relaxed both ways: a diagnostic that may be a moment old and orders nothing.
    pub(crate) fn begin(self, ticket: Ticket) {
        BEGUN[self as usize].store(ticket.0 + 1, Ordering::Relaxed);
    }

    /// Whether the job with this ticket is still queued, if it has not been withdrawn.
    pub(crate) fn is_queued(self, ticket: Ticket) -> bool {
        ticket.0 >= BEGUN[self as usize].load(Ordering::Relaxed)
    }
}
