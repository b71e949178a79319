//! A server that runs: its address, its numbers, its end.

use super::counters::{Counters, Totals};
use greenroom::net::{Server, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// A server that runs in the background. Dropping it stops accepting and leaves clients alone.
#[derive(Debug)]
pub struct Running {
    pub(crate) server: Server,
    pub(crate) counters: Arc<Counters>,
}

impl Running {
    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// What it has seen so far. Never parks.
    pub fn totals(&self) -> Totals {
        self.counters.totals()
    }

    /// Stops accepting, gives clients `grace` to end by themselves, and cancels the others. Parks.
    pub fn shutdown(self, grace: Duration) -> Totals {
        let Running { server, counters } = self;
        server.finish(grace);
        counters.totals()
    }
}
