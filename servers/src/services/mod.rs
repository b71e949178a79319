//! Small services: [`echo`], [`upper`], and commands for clients, [`remote_command`].
//!
//! The first two have a second face for datagrams: a function from what came to what goes back.

pub mod echo;
pub mod remote_command;
pub mod upper;

use std::net::SocketAddr;

/// Ports that only servers have.
const WELL_KNOWN_END: u16 = 1024;

/// Where `greenroom-serve` has its `echo`, `upper` and `chat`, unless it is told otherwise.
pub const PORTS: [u16; 3] = [2007, 2008, 8081];

/// Whether a datagram may be answered with one like it. A datagram's source can be forged: if it names another
/// echo server, or this one, the two would answer each other for ever.
pub(crate) fn may_answer(peer: SocketAddr, own: SocketAddr) -> bool {
    // At whatever address: this machine has several, and others may have the same server.
    let port = peer.port();
    port >= WELL_KNOWN_END && port != own.port() && !PORTS.contains(&port)
}

#[cfg(test)]
mod tests {
    use super::may_answer;

    #[test]
    fn datagram_of_a_server_is_not_answered() {
        let own = "0.0.0.0:7000".parse().expect("because it is an address");
        for (peer, is_answered) in [
            ("192.0.2.1:40000", true),
            ("192.0.2.1:7000", false),
            ("192.0.2.1:7", false),
            ("192.0.2.1:2007", false),
            ("127.0.0.1:2008", false),
            ("127.0.0.1:7000", false),
            ("[::1]:7000", false),
        ] {
            let peer = peer.parse().expect("because it is an address");
            assert_eq!(may_answer(peer, own), is_answered, "{peer}");
        }
    }
}
