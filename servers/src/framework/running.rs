//! A server that runs: its address, its numbers, its end.

use super::control::{Owner, Stopper};
use super::counters::Totals;
use greenroom::net::SocketAddr;
use std::time::Duration;

/// A server that runs in the background. Dropping it stops accepting and leaves clients alone.
///
/// `A` is its kind of address.
#[derive(Debug)]
pub struct Running<A = SocketAddr> {
    pub(crate) owner: Owner,
    pub(crate) address: A,
}

impl<A> Running<A> {
    /// Where it listens.
    pub fn local_addr(&self) -> A
    where
        A: Clone,
    {
        self.address.clone()
    }

    /// What it has seen so far. Never parks.
    pub fn totals(&self) -> Totals {
        self.owner.0.counters.totals()
    }

    /// Ends it from elsewhere.
    pub fn stopper(&self) -> Stopper {
        self.owner.0.stopper()
    }

    /// Stops accepting, gives clients `grace` to end by themselves, and cancels the others; see
    /// [`Stopper::shutdown`]. Parks.
    pub fn shutdown(self, grace: Duration) -> Totals {
        self.owner.0.shutdown(grace)
    }
}
