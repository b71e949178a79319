//! `--udp`: datagrams instead of connections. Same first line, same end.

use crate::listen::Listen;
use crate::options::Options;
use crate::run::{Ending, Started, until_signal};
use greenroom::net::SocketAddr;
use greenroom_servers::{Concurrency, Datagram, DatagramHandler, UdpServer};
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// Serves at all of `places` until a signal. In line: no handler here parks for long, and the datagrams of one
/// sender stay in order.
pub(crate) fn serve<H: DatagramHandler>(
    options: &Options,
    places: &[Listen],
    handler: &Arc<H>,
) -> io::Result<()> {
    let ending = Ending::new()?;
    let starting = places
        .iter()
        .map(|place| start(place, Arc::clone(handler)).map_err(|error| place.explain(error)));
    let started = starting.collect::<io::Result<_>>()?;
    let nothing = Box::new(|| {});
    until_signal(options, ending, started, "datagrams", || {}, nothing)
}

fn start<H: DatagramHandler>(place: &Listen, handler: Arc<H>) -> io::Result<Started> {
    let Listen::Ip(address) = place else {
        let why = "--udp needs ADDRESS:PORT";
        return Err(io::Error::new(ErrorKind::Unsupported, why));
    };
    let server = UdpServer::bind(&address[..])?.concurrency(Concurrency::Inline);
    let hear = move |datagram: &Datagram| handler.handle(datagram);
    let running = server.serve_in_background(hear)?;
    Ok(Started {
        place: running.local_addr().to_string(),
        end: Box::new(|grace| running.shutdown(grace)),
    })
}

/// What a service does with one datagram, its sender's address and its own: the answer, or none.
pub(crate) type Answer = fn(&[u8], SocketAddr, SocketAddr) -> Option<Vec<u8>>;

/// Answers each datagram by itself.
pub(crate) fn serve_each(options: &Options, places: &[Listen], answer: Answer) -> io::Result<()> {
    let reply = move |datagram: &Datagram| {
        let own = datagram.socket().local_addr()?;
        match answer(datagram.bytes(), datagram.peer(), own) {
            Some(text) => datagram.reply(&text),
            None => {
                log::info!("{}: dropped: no answer to servers", datagram.peer());
                Ok(())
            }
        }
    };
    serve(options, places, &Arc::new(reply))
}
