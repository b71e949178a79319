//! The address book: names and where they are, bounded, each forgotten when it was silent for long.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Book {
    /// By name in lower case.
    entries: HashMap<String, Entry>,
    /// An address has one name.
    names: HashMap<SocketAddr, String>,
    names_max: usize,
    idle: Duration,
}

#[derive(Debug)]
struct Entry {
    name: String,
    address: SocketAddr,
    heard: Instant,
}

impl Book {
    pub(super) fn new(names_max: usize, idle: Duration) -> Book {
        Book {
            entries: HashMap::new(),
            names: HashMap::new(),
            names_max,
            idle,
        }
    }

    /// Writes a name down; whoever had another one gives that back. Refused, it keeps the one that it has.
    pub(super) fn register(
        &mut self,
        name: &str,
        address: SocketAddr,
        now: Instant,
    ) -> Result<(), String> {
        let key = name.to_ascii_lowercase();
        let owner = self.entries.get(&key);
        let is_other = |entry: &Entry| entry.address != address && !self.is_silent(entry, now);
        if owner.is_some_and(is_other) {
            return Err(format!("{name} is taken"));
        }
        let is_known = self.names.contains_key(&address);
        if !is_known && owner.is_none() && self.entries.len() >= self.names_max {
            self.forget_silent(now);
            if self.entries.len() >= self.names_max {
                return Err(format!(
                    "the address book is full: {} names",
                    self.names_max
                ));
            }
        }
        self.forget(address);
        if let Some(silent) = self.entries.remove(&key) {
            self.names.remove(&silent.address);
        }
        let entry = Entry {
            name: name.to_owned(),
            address,
            heard: now,
        };
        self.entries.insert(key.clone(), entry);
        self.names.insert(address, key);
        Ok(())
    }

    /// The name of who sent something, which proves that it is there.
    pub(super) fn hear(&mut self, address: SocketAddr, now: Instant) -> Option<String> {
        let (key, idle) = (self.names.get(&address)?, self.idle);
        let entry = self.entries.get_mut(key)?;
        if now.saturating_duration_since(entry.heard) >= idle {
            self.forget(address);
            return None;
        }
        entry.heard = now;
        Some(entry.name.clone())
    }

    pub(super) fn find(&self, name: &str, now: Instant) -> Option<SocketAddr> {
        let entry = self.entries.get(&name.to_ascii_lowercase());
        let entry = entry.filter(|entry| !self.is_silent(entry, now))?;
        Some(entry.address)
    }

    pub(super) fn forget(&mut self, address: SocketAddr) {
        if let Some(key) = self.names.remove(&address) {
            self.entries.remove(&key);
        }
    }

    /// Everybody who is there, by name.
    pub(super) fn all(&mut self, now: Instant) -> Vec<(String, SocketAddr)> {
        self.forget_silent(now);
        let entries = self.entries.values();
        let mut all: Vec<_> = entries
            .map(|entry| (entry.name.clone(), entry.address))
            .collect();
        all.sort();
        all
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn is_silent(&self, entry: &Entry, now: Instant) -> bool {
        now.saturating_duration_since(entry.heard) >= self.idle
    }

    fn forget_silent(&mut self, now: Instant) {
        let idle = self.idle;
        let is_there = |entry: &Entry| now.saturating_duration_since(entry.heard) < idle;
        self.entries.retain(|_, entry| is_there(entry));
        let entries = &self.entries;
        self.names.retain(|_, key| entries.contains_key(key));
    }
}

#[cfg(test)]
mod tests {
    use super::Book;
    use std::net::SocketAddr;
    use std::time::{Duration, Instant};

    fn at(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    #[test]
    fn book_is_bounded_and_forgets() {
        let (idle, now) = (Duration::from_secs(10), Instant::now());
        let mut book = Book::new(2, idle);
        assert_eq!(book.register("ada", at(1), now), Ok(()));
        assert_eq!(
            book.register("ADA", at(2), now),
            Err("ADA is taken".to_owned())
        );
        assert_eq!(book.register("bob", at(2), now), Ok(()));
        let full = Err("the address book is full: 2 names".to_owned());
        assert_eq!(book.register("eve", at(3), now), full);
        // A new name at a known address takes no room.
        assert_eq!(book.register("bert", at(2), now), Ok(()));
        assert_eq!(book.find("bob", now), None);
        let later = now + idle / 2;
        assert_eq!(book.hear(at(1), later).as_deref(), Some("ada"));
        // `bert` was silent for too long by now.
        let late = now + idle;
        assert_eq!(book.find("bert", late), None);
        assert_eq!(book.register("eve", at(3), late), Ok(()));
        assert_eq!(book.all(late).len(), 2);
        assert_eq!(book.all(late + idle).len(), 0);
        assert_eq!((book.len(), book.names.len()), (0, 0));
    }

    #[test]
    fn silent_owners_name_is_free() {
        let (idle, now) = (Duration::from_secs(10), Instant::now());
        let mut book = Book::new(2, idle);
        assert_eq!(book.register("ada", at(1), now), Ok(()));
        assert_eq!(book.register("ada", at(2), now + idle), Ok(()));
        assert_eq!(book.find("ada", now + idle), Some(at(2)));
        assert_eq!(book.hear(at(1), now + idle), None);
        assert_eq!((book.len(), book.names.len()), (1, 1));
    }
}
