//! What the green threads of a server's handlers are called, and where they say that they were spawned.
//!
//! A panic in a handler is reported by both. The place is the caller's who started the server, not the
//! accept loop. `serve` gives no name: it would be one allocation per connection.

use crate::thread::Builder;
use std::panic::Location;

/// How handlers are named.
#[derive(Clone, Debug)]
pub(crate) struct Naming {
    pub(crate) name: Option<String>,
    pub(crate) place: &'static Location<'static>,
}

impl Naming {
    /// A spawn of one of them.
    pub(crate) fn builder(&self) -> Builder {
        let builder = Builder::new().at(self.place);
        match &self.name {
            Some(name) => builder.name(name.clone()),
            None => builder,
        }
    }
}
