//! Why a task waits: every park names its reason.
//!
//! One word, so that a task stores it without a lock and anybody may read it at any time (it may be
//! a moment old). It feeds dumps, the deadlock report and the inspector.

use crate::sys::atomic::{AtomicU64, Ordering};
use std::fmt;

/// What a parked task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitReason {
    /// Not waiting.
    None,
    /// Data, an end of stream, or a connection on this descriptor.
    Readable(i32),
    /// Room in the send buffer of this descriptor, or the end of a connect.
    Writable(i32),
    /// A point in time.
    Sleep,
    /// `Thread::unpark`.
    Unpark,
    /// The end of the task with this id.
    Join(u64),
    /// The children of a scope.
    Scope,
    /// A closure on the blocking pool.
    Unblock,
    /// A signal.
    Signal,
    /// Connections that are still served.
    Serve,
    /// The workers of a runtime that ends.
    Shutdown,
}

const PAYLOAD_BITS: u32 = 56;
const PAYLOAD: u64 = (1 << PAYLOAD_BITS) - 1;

impl WaitReason {
    fn pack(self) -> u64 {
        let (kind, payload) = match self {
            WaitReason::None => (0u64, 0u64),
            WaitReason::Readable(fd) => (1, u64::from(fd.cast_unsigned())),
            WaitReason::Writable(fd) => (2, u64::from(fd.cast_unsigned())),
            WaitReason::Sleep => (3, 0),
            WaitReason::Unpark => (4, 0),
            WaitReason::Join(id) => (5, id),
            WaitReason::Scope => (6, 0),
            WaitReason::Unblock => (7, 0),
            WaitReason::Signal => (8, 0),
            WaitReason::Serve => (9, 0),
            WaitReason::Shutdown => (10, 0),
        };
        (kind << PAYLOAD_BITS) | (payload & PAYLOAD)
    }

    fn unpack(word: u64) -> WaitReason {
        let payload = word & PAYLOAD;
        let fd = || u32::try_from(payload).map_or(-1, u32::cast_signed);
        match word >> PAYLOAD_BITS {
            1 => WaitReason::Readable(fd()),
            2 => WaitReason::Writable(fd()),
            3 => WaitReason::Sleep,
            4 => WaitReason::Unpark,
            5 => WaitReason::Join(payload),
            6 => WaitReason::Scope,
            7 => WaitReason::Unblock,
            8 => WaitReason::Signal,
            9 => WaitReason::Serve,
            10 => WaitReason::Shutdown,
            _ => WaitReason::None,
        }
    }
}

impl fmt::Display for WaitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WaitReason::None => f.write_str("not waiting"),
            WaitReason::Readable(fd) => write!(f, "reading fd {fd}"),
            WaitReason::Writable(fd) => write!(f, "writing fd {fd}"),
            WaitReason::Sleep => f.write_str("sleeping"),
            WaitReason::Unpark => f.write_str("parked until unpark"),
            WaitReason::Join(id) => write!(f, "joining green thread #{id}"),
            WaitReason::Scope => f.write_str("waiting for the children of a scope"),
            WaitReason::Unblock => f.write_str("waiting for the blocking pool"),
            WaitReason::Signal => f.write_str("waiting for a signal"),
            WaitReason::Serve => f.write_str("waiting for open connections"),
            WaitReason::Shutdown => f.write_str("waiting for the workers of a runtime"),
        }
    }
}

/// A [`WaitReason`] that one task writes and anybody reads.
#[derive(Debug)]
pub(crate) struct ReasonCell(AtomicU64);

impl ReasonCell {
    pub(crate) fn new() -> ReasonCell {
        ReasonCell(AtomicU64::new(0))
    }

    // Relaxed both ways: a diagnostic that may be a moment old and orders nothing.
    pub(crate) fn set(&self, reason: WaitReason) {
        self.0.store(reason.pack(), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> WaitReason {
        WaitReason::unpack(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_survives_packing() {
        for reason in [
            WaitReason::None,
            WaitReason::Readable(0),
            WaitReason::Writable(i32::MAX),
            WaitReason::Sleep,
            WaitReason::Unpark,
            WaitReason::Join(PAYLOAD),
            WaitReason::Scope,
            WaitReason::Unblock,
            WaitReason::Signal,
            WaitReason::Serve,
            WaitReason::Shutdown,
        ] {
            let cell = ReasonCell::new();
            cell.set(reason);
            assert_eq!(cell.get(), reason);
        }
    }
}
