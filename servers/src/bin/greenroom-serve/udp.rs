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
    let bound = places
        .iter()
        .map(|place| bind(place).map_err(|error| place.explain(error)));
    let bound = bound.collect::<io::Result<Vec<_>>>()?;
    let ports = bound
        .iter()
        .map(|server| Ok(server.local_addr()?.port()))
        .collect::<io::Result<Arc<[u16]>>>()?;
    let starting = bound
        .into_iter()
        .map(|server| start(server, Arc::clone(handler), Arc::clone(&ports)));
    let started = starting.collect::<io::Result<_>>()?;
    let nothing = Box::new(|| {});
    until_signal(options, ending, started, "datagrams", || {}, nothing)
}

fn bind(place: &Listen) -> io::Result<UdpServer> {
    match place {
        Listen::Ip(address) => UdpServer::bind(&address[..]),
        Listen::Unix(_) => {
            let why = "--udp needs ADDRESS:PORT";
            Err(io::Error::new(ErrorKind::Unsupported, why))
        }
    }
}

fn start<H: DatagramHandler>(
    server: UdpServer,
    handler: Arc<H>,
    ports: Arc<[u16]>,
) -> io::Result<Started> {
    // Two of this server's sockets must not answer each other.
    let hear = move |datagram: &Datagram| match ports.contains(&datagram.peer().port()) {
        true => drop_unanswered(datagram),
        false => handler.handle(datagram),
    };
    let running = server
        .concurrency(Concurrency::Inline)
        .serve_in_background(hear)?;
    Ok(Started {
        place: running.local_addr().to_string(),
        end: Box::new(|grace| running.shutdown(grace)),
    })
}

/// Quiet: whoever forges one can forge a million.
fn drop_unanswered(datagram: &Datagram) -> io::Result<()> {
    log::debug!("{}: dropped: no answer to servers", datagram.peer());
    Ok(())
}

/// What a service does with one datagram, its sender's address and its own: the answer, or none.
pub(crate) type Answer = fn(&[u8], SocketAddr, SocketAddr) -> Option<Vec<u8>>;

/// Answers each datagram by itself.
pub(crate) fn serve_each(options: &Options, places: &[Listen], answer: Answer) -> io::Result<()> {
    let reply = move |datagram: &Datagram| {
        let own = datagram.socket().local_addr()?;
        match answer(datagram.bytes(), datagram.peer(), own) {
            Some(text) => datagram.reply(&text),
            None => drop_unanswered(datagram),
        }
    };
    serve(options, places, &Arc::new(reply))
}
