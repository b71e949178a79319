//! What a server does for each client.

use super::client::Client;
use std::io;

/// What is said on a connection: socketserver's `BaseRequestHandler`. One value serves all clients, at
/// the same time; what belongs to one client lives in the variables of `handle`.
///
/// Any `Fn(&mut Client) -> io::Result<()>` is a handler.
///
/// An error is counted and logged, and ends the client; so does a panic. The connection is closed when
/// the last of its methods has returned.
pub trait Handler: Send + Sync + 'static {
    /// Before `handle`. After an error neither `handle` nor `finish` is called.
    ///
    /// # Errors
    /// Whatever ends the client.
    fn setup(&self, client: &mut Client) -> io::Result<()> {
        let _ = client;
        Ok(())
    }

    /// Serves the client until it, or this server, has had enough.
    ///
    /// # Errors
    /// Whatever ends the client.
    fn handle(&self, client: &mut Client) -> io::Result<()>;

    /// After `handle`, however that ended: by an error, a panic or a cancel too.
    fn finish(&self, client: &mut Client) {
        let _ = client;
    }
}

impl<F> Handler for F
where
    F: Fn(&mut Client) -> io::Result<()> + Send + Sync + 'static,
{
    fn handle(&self, client: &mut Client) -> io::Result<()> {
        self(client)
    }
}
