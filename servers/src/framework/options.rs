//! What can be chosen about a server of connections, TCP or Unix.

use super::concurrency::Concurrency;
use super::control::{Control, Engine, Owner};
use super::handler::Handler;
use super::limits::Limits;
use super::service::Service;
use std::io;
use std::sync::Arc;

/// Choices, and the control that stoppers hold already.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) limits: Limits,
    pub(crate) concurrency: Concurrency,
    /// For clients beyond a limit; empty: nothing.
    pub(crate) farewell: Vec<u8>,
    pub(crate) control: Arc<Control>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            limits: Limits::default(),
            concurrency: Concurrency::default(),
            farewell: Vec::new(),
            control: Control::new(),
        }
    }
}

impl Options {
    /// Begins to serve.
    pub(crate) fn begin<H: Handler>(
        self,
        handler: H,
        start: impl FnOnce(Arc<Service<H>>) -> io::Result<Box<dyn Engine>>,
    ) -> io::Result<Owner> {
        let Options {
            limits,
            farewell,
            control,
            ..
        } = self;
        limits.check()?;
        let counters = Arc::clone(&control.counters);
        let service = Service::new(handler, limits, counters, farewell);
        control.begin(|| start(service))
    }
}
