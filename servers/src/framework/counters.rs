//! What a server has seen, counted.

use super::idle::Idlers;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that every client of a server adds to. Each is exact by itself; a snapshot is not an instant.
#[derive(Debug, Default)]
pub struct Counters {
    pub(crate) accepted: AtomicU64,
    pub(crate) open: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) errors: AtomicU64,
    pub(crate) timeouts: AtomicU64,
    pub(crate) panics: AtomicU64,
    pub(crate) cut_off: AtomicU64,
    /// Here because this is what a server shares with each of its clients.
    pub(crate) idlers: Idlers,
}

/// A snapshot of [`Counters`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Clients let in; for a [`UdpServer`](crate::UdpServer), datagrams.
    pub accepted: u64,
    /// Clients whose handler has not ended.
    pub open: u64,
    /// Clients beyond a limit, sent away.
    pub rejected: u64,
    /// Bytes read from clients.
    pub bytes_in: u64,
    /// Bytes written to clients.
    pub bytes_out: u64,
    /// Handlers that ended with an error.
    pub errors: u64,
    /// Waits that ran into a limit of time.
    pub timeouts: u64,
    /// Handlers that panicked.
    pub panics: u64,
    /// Handlers that were ended at a shutdown, because its grace was over.
    pub cut_off: u64,
}

impl Counters {
    /// The numbers now. Never parks.
    ///
    /// # Examples
    /// ```
    /// let counters = greenroom_servers::Counters::default();
    /// assert_eq!(counters.totals(), greenroom_servers::Totals::default());
    /// ```
    pub fn totals(&self) -> Totals {
        // Relaxed: counters order nothing.
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals {
            accepted: count(&self.accepted),
            open: count(&self.open),
            rejected: count(&self.rejected),
            bytes_in: count(&self.bytes_in),
            bytes_out: count(&self.bytes_out),
            errors: count(&self.errors),
            timeouts: count(&self.timeouts),
            panics: count(&self.panics),
            cut_off: count(&self.cut_off),
        }
    }

    pub(crate) fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }

    pub(crate) fn subtract(counter: &AtomicU64, amount: u64) {
        counter.fetch_sub(amount, Ordering::Relaxed);
    }
}
