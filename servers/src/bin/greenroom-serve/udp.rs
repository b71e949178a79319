//! `--udp`: datagrams instead of connections. Same first line, same end.

use crate::listen::Listen;
use crate::run::{Ending, say};
use greenroom::net::{SocketAddr, UdpSocket};
use greenroom::sync::Event;
use greenroom::{select, thread};
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};

/// As long as any datagram.
const DATAGRAM_BYTES_MAX: usize = 65_535;

/// Runs `body` on a socket at each of `places` until a signal.
pub(crate) fn serve(
    places: &[Listen],
    body: impl Fn(&UdpSocket, &Event) -> io::Result<()> + Sync,
) -> io::Result<()> {
    let ending = Ending::new()?;
    let sockets: io::Result<Vec<UdpSocket>> = places.iter().map(bind).collect();
    let sockets = sockets?;
    for socket in &sockets {
        say(format_args!("listening on {}", socket.local_addr()?));
    }
    let stop = Event::new();
    thread::scope(|s| {
        let hearing: Vec<_> = sockets
            .iter()
            .map(|socket| s.spawn(|| body(socket, &stop)))
            .collect();
        let ended = ending.wait();
        stop.set();
        for one in hearing {
            one.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        ended
    })
}

fn bind(place: &Listen) -> io::Result<UdpSocket> {
    let socket = match place {
        Listen::Ip(_) => UdpSocket::bind(&place.addresses()?[..]),
        Listen::Unix(_) => Err(io::Error::new(
            ErrorKind::Unsupported,
            "--udp needs ADDRESS:PORT",
        )),
    };
    socket.map_err(|error| place.explain(error))
}

/// What a service does with one datagram, its sender's address and its own: the answer, or none.
pub(crate) type Answer = fn(&[u8], SocketAddr, SocketAddr) -> Option<Vec<u8>>;

/// Answers each datagram by itself.
pub(crate) fn serve_each(places: &[Listen], answer: Answer) -> io::Result<()> {
    let (answered, dropped) = (AtomicU64::new(0), AtomicU64::new(0));
    serve(places, |socket, stop| {
        let own = socket.local_addr()?;
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        loop {
            select! {
                biased;
                wait(stop) => return Ok(()),
                readable(socket) -> ready => ready?,
            }
            let Ok((length, peer)) = socket.recv_from(&mut buffer) else {
                // What the network says of an earlier answer: it concerns its receiver only.
                continue;
            };
            let sent = answer(&buffer[..length], peer, own)
                .is_some_and(|answer| socket.send_to(&answer, peer).is_ok());
            let counter = if sent { &answered } else { &dropped };
            if !sent {
                log::info!("{peer}: dropped: no answer to servers");
            }
            counter.fetch_add(1, Ordering::Relaxed);
        }
    })?;
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    say(format_args!(
        "answered {} datagrams, dropped {}",
        count(&answered),
        count(&dropped)
    ));
    Ok(())
}
