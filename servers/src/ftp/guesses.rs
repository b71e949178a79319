//! Wrong passwords by address, over all its connections: whoever guesses has so many tries in a while.
//!
//! The table is bounded: full, it forgets what is over, and then the oldest. Addresses are as in the limit of clients:
//! of IPv6, networks.

use super::settings::Settings;
use crate::framework::gate::network;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Some 500 kB.
const ADDRESSES_MAX: usize = 10_000;

/// The wrong passwords of an [`Ftp`](super::Ftp)'s clients.
#[derive(Debug)]
pub(super) struct Guesses {
    /// Of one address, in one window.
    max: u32,
    window: Duration,
    by_address: Mutex<HashMap<IpAddr, Guessed>>,
}

#[derive(Clone, Copy, Debug)]
struct Guessed {
    count: u32,
    /// The first of them.
    since: Instant,
}

impl Guesses {
    pub(super) fn new(settings: &Settings) -> Guesses {
        Guesses {
            max: settings.address_tries_max,
            window: settings.address_window,
            by_address: Mutex::default(),
        }
    }

    /// Whether the address has had all its tries for now. Never parks.
    pub(super) fn are_used_up(&self, address: IpAddr) -> bool {
        let address = network(address);
        self.with_table(|table| {
            let guessed = table.get(&address);
            guessed.is_some_and(|guessed| !self.is_over(guessed) && guessed.count >= self.max)
        })
    }

    /// There was one more; whether it was the last for now. Never parks.
    pub(super) fn note(&self, address: IpAddr) -> bool {
        let address = network(address);
        let now = Guessed {
            count: 0,
            since: Instant::now(),
        };
        self.with_table(|table| {
            if table.len() >= ADDRESSES_MAX && !table.contains_key(&address) {
                self.make_room(table);
            }
            let guessed = table.entry(address).or_insert(now);
            if self.is_over(guessed) {
                *guessed = now;
            }
            guessed.count += 1;
            guessed.count == self.max
        })
    }

    fn make_room(&self, table: &mut HashMap<IpAddr, Guessed>) {
        table.retain(|_, guessed| !self.is_over(guessed));
        let oldest = table.iter().min_by_key(|(_, guessed)| guessed.since);
        if let Some(oldest) = oldest.map(|(address, _)| *address)
            && table.len() >= ADDRESSES_MAX
        {
            table.remove(&oldest);
        }
    }

    fn is_over(&self, guessed: &Guessed) -> bool {
        guessed.since.elapsed() >= self.window
    }

    fn with_table<T>(&self, call: impl FnOnce(&mut HashMap<IpAddr, Guessed>) -> T) -> T {
        call(
            &mut self
                .by_address
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn guesses(address_tries_max: u32, address_window: Duration) -> Guesses {
        Guesses::new(&Settings {
            address_tries_max,
            address_window,
            ..Settings::default()
        })
    }

    fn address(number: u32) -> IpAddr {
        Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn each_address_has_its_tries() {
        let guesses = guesses(3, Duration::from_secs(3600));
        let (one, other) = (address(1), address(2));
        for is_last in [false, false, true, false] {
            assert_eq!(guesses.note(one), is_last);
        }
        assert!(guesses.are_used_up(one));
        assert!(!guesses.are_used_up(other));
        let mapped = Ipv4Addr::from_bits(1).to_ipv6_mapped();
        assert!(guesses.are_used_up(mapped.into()));
    }

    #[test]
    fn tries_come_back_when_the_window_is_over() {
        let guesses = guesses(1, Duration::from_millis(5));
        guesses.note(address(1));
        let start = Instant::now();
        while guesses.are_used_up(address(1)) {
            assert!(start.elapsed() < Duration::from_secs(30));
            std::thread::yield_now();
        }
        assert!(guesses.note(address(1)), "the first of a new window");
    }

    #[test]
    fn table_is_bounded_and_forgets_the_oldest() {
        let guesses = guesses(1, Duration::from_secs(3600));
        let max = u32::try_from(ADDRESSES_MAX).expect("because it is small");
        for number in 0..max + 5 {
            guesses.note(address(number));
        }
        assert_eq!(guesses.with_table(|table| table.len()), ADDRESSES_MAX);
        assert!(!guesses.are_used_up(address(4)));
        assert!(guesses.are_used_up(address(5)));
        assert!(guesses.are_used_up(address(max + 4)));
    }

    #[test]
    fn table_forgets_what_is_over_first() {
        let guesses = guesses(1, Duration::ZERO);
        let max = u32::try_from(ADDRESSES_MAX).expect("because it is small");
        for number in 0..=max {
            guesses.note(address(number));
        }
        assert_eq!(guesses.with_table(|table| table.len()), 1);
    }
}
