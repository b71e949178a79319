//! Who is let in: how many clients at one time, and how many of them from one address.
//!
//! A [`Place`] is held from the accept to the close, and given back by its drop, however the client ends.
//! The table of addresses has an entry per address that has a place *now*, so `clients_max` bounds it.

use super::counters::Counters;
use super::episode::Episode;
use super::limits::Limits;
use super::stream::Peer;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// The bits of an IPv6 address that one customer has: who has a network has all of its 2^64 addresses.
const V6_NETWORK: u128 = !0 << 64;

/// Counts clients against the limits.
#[derive(Debug)]
pub(crate) struct Gate {
    limits: Arc<Limits>,
    counters: Arc<Counters>,
    inside: Mutex<Inside>,
    rejections: Episode,
}

#[derive(Debug, Default)]
struct Inside {
    clients: usize,
    /// Empty if an address may have as many as all together.
    by_address: HashMap<IpAddr, usize>,
}

/// One client's place.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Arc<Gate>,
    address: Option<IpAddr>,
}

impl Gate {
    pub(crate) fn new(limits: Arc<Limits>, counters: Arc<Counters>) -> Arc<Gate> {
        Arc::new(Gate {
            limits,
            counters,
            inside: Mutex::default(),
            rejections: Episode::default(),
        })
    }

    /// A place for a client, counted as accepted and open; or it is counted as rejected. Never parks.
    pub(crate) fn admit(self: &Arc<Gate>, peer: &Peer) -> Option<Place> {
        let is_each_counted = self.limits.clients_per_address_max < self.limits.clients_max;
        let address = peer.ip().filter(|_| is_each_counted).map(network);
        let refusal = self.enter(address);
        if let Some((limit, whose)) = refusal {
            Counters::add(&self.counters.rejected, 1);
            if self.rejections.begins() {
                log::warn!("{limit} clients {whose}: sending {peer} away, and whoever else comes");
            }
            return None;
        }
        Counters::add(&self.counters.accepted, 1);
        Counters::add(&self.counters.open, 1);
        Some(Place {
            gate: Arc::clone(self),
            address,
        })
    }

    /// The limit that stands against it.
    fn enter(&self, address: Option<IpAddr>) -> Option<(usize, &'static str)> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        if inside.clients >= self.limits.clients_max {
            return Some((self.limits.clients_max, "are here"));
        }
        if let Some(address) = address {
            let limit = self.limits.clients_per_address_max;
            let already = inside.by_address.get(&address).copied().unwrap_or(0);
            if already >= limit {
                return Some((limit, "have come from one address"));
            }
            inside.by_address.insert(address, already + 1);
        }
        inside.clients += 1;
        None
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let gate = &self.gate;
        let mut inside = gate.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.clients -= 1;
        if let Some(address) = self.address
            && let Some(count) = inside.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                inside.by_address.remove(&address);
            }
        }
        drop(inside);
        Counters::subtract(&gate.counters.open, 1);
    }
}

/// What counts as one address: an IPv6 network of 64 bits does.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & V6_NETWORK).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(clients_max: usize, clients_per_address_max: usize) -> Arc<Gate> {
        let limits = Limits {
            clients_max,
            clients_per_address_max,
            ..Limits::default()
        };
        Gate::new(Arc::new(limits), Arc::default())
    }

    fn peer(text: &str) -> Peer {
        Peer::Ip(text.parse().expect("because the test wrote it"))
    }

    #[test]
    fn place_given_back_is_free_for_others() {
        let gate = gate(3, 2);
        let first = gate.admit(&peer("10.0.0.1:1"));
        let second = gate.admit(&peer("10.0.0.1:2"));
        assert!(first.is_some() && second.is_some());
        assert!(gate.admit(&peer("[::ffff:10.0.0.1]:3")).is_none());
        let third = gate.admit(&peer("10.0.0.2:1"));
        assert!(third.is_some());
        assert!(gate.admit(&peer("10.0.0.3:1")).is_none(), "all are taken");
        assert!(gate.admit(&Peer::Unix(1)).is_none(), "for these as well");
        drop(first);
        assert!(gate.admit(&peer("10.0.0.1:4")).is_some());
        let totals = gate.counters.totals();
        assert_eq!(
            (totals.accepted, totals.rejected, totals.open),
            (4, 3, 2),
            "{totals:?}"
        );
    }

    #[test]
    fn table_of_addresses_keeps_none_that_has_left() {
        let gate = gate(10, 2);
        for host in 0..=255 {
            let place = gate.admit(&peer(&format!("10.0.0.{host}:1")));
            assert!(place.is_some());
        }
        let inside = gate.inside.lock().expect("because nobody panicked");
        assert_eq!((inside.clients, inside.by_address.len()), (0, 0));
    }

    #[test]
    fn neighbours_of_one_ipv6_network_count_as_one() {
        let gate = gate(10, 1);
        let _one = gate.admit(&peer("[2001:db8:0:1::1]:1"));
        assert!(gate.admit(&peer("[2001:db8:0:1:f::2]:1")).is_none());
        assert!(gate.admit(&peer("[2001:db8:0:2::1]:1")).is_some());
    }
}
