//! Comparing a password with its hash: off the workers, few at a time, in memory that is used again.
//!
//! Subtle: the memory is kept. Freed, it would stay with the thread of the blocking pool that had it, as
//! the allocator has it, and each further thread would take as much again.

use argon2::password_hash::PasswordHash;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use greenroom::sync::{Semaphore, SemaphoreGuard};
use std::sync::{Arc, Mutex, PoisonError};

/// Passwords that are compared at one time, 19 MiB each: more would let strangers fill the memory.
const AT_ONCE: usize = 2;

/// Where passwords wait for their comparison.
pub(super) struct Comparing {
    turns: Semaphore,
    /// What nobody uses now: as many as were used at one time.
    memory: Mutex<Vec<Vec<Block>>>,
}

impl Comparing {
    pub(super) fn new() -> Arc<Comparing> {
        Arc::new(Comparing {
            turns: Semaphore::new(AT_ONCE),
            memory: Mutex::default(),
        })
    }

    /// Waits until one may be compared. Parks.
    pub(super) fn turn(&self) -> SemaphoreGuard<'_> {
        self.turns.acquire()
    }

    /// Whether it is the password of that hash: in one's turn. Parks.
    pub(super) fn is_right(self: &Arc<Comparing>, hash: String, password: &[u8]) -> bool {
        let (comparing, password) = (Arc::clone(self), password.to_vec());
        greenroom::unblock(move || {
            let mut blocks = comparing.with_memory(Vec::pop).unwrap_or_default();
            let is_right = Parts::of(&hash).is_some_and(|hash| hash.is_of(&password, &mut blocks));
            comparing.with_memory(|memory| memory.push(blocks));
            is_right
        })
    }

    fn with_memory<T>(&self, call: impl FnOnce(&mut Vec<Vec<Block>>) -> T) -> T {
        call(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether a password can be compared with it. A hash that is cut off has the form, too, but is nobody's.
pub(super) fn is_hash(text: &str) -> bool {
    Parts::of(text).is_some()
}

/// What a hash says.
struct Parts {
    argon: Argon2<'static>,
    salt: Vec<u8>,
    expected: argon2::password_hash::Output,
}

impl Parts {
    fn of(text: &str) -> Option<Parts> {
        let hash = PasswordHash::new(text).ok()?;
        let algorithm = Algorithm::try_from(hash.algorithm).ok()?;
        let version = match hash.version {
            None => Version::default(),
            Some(number) => Version::try_from(number).ok()?,
        };
        let params = Params::try_from(&hash).ok()?;
        let mut salt = [0; 64];
        Some(Parts {
            salt: hash.salt?.decode_b64(&mut salt).ok()?.to_vec(),
            expected: hash.hash?,
            argon: Argon2::new(algorithm, version, params),
        })
    }

    fn is_of(&self, password: &[u8], blocks: &mut Vec<Block>) -> bool {
        let mut found = vec![0; self.expected.len()];
        blocks.resize(self.argon.params().block_count(), Block::new());
        let made = self.argon.hash_password_into_with_memory(
            password,
            &self.salt,
            &mut found,
            &mut blocks[..],
        );
        // `Output` compares in constant time.
        let found = made.ok().and_then(|()| {
            let found = argon2::password_hash::Output::new(&found);
            found.ok()
        });
        found.is_some_and(|found| found == self.expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::{PasswordHasher, SaltString};

    #[test]
    fn passwords_are_compared_in_the_same_memory() {
        let params = Params::new(64, 1, 1, None).expect("because it is allowed");
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let salt = SaltString::encode_b64(b"salt and pepper").expect("because it is short");
        let hash = argon.hash_password(b"pw", &salt);
        let hash = hash.expect("because it is short").to_string();
        let comparing = Comparing::new();
        for _ in 0..5 {
            assert!(comparing.is_right(hash.clone(), b"pw"));
            assert!(!comparing.is_right(hash.clone(), b"pW"));
            assert!(!comparing.is_right(hash.clone(), b""));
        }
        let sizes = comparing.with_memory(|memory| memory.iter().map(Vec::len).collect::<Vec<_>>());
        assert_eq!(sizes, [64]);
        // The decoy of a list of nobody.
        assert!(!comparing.is_right(String::new(), b""));
    }

    #[test]
    fn hashes_that_are_cut_off_are_none() {
        let whole = "$argon2id$v=19$m=8,t=1,p=1$c2FsdCBhbmQgcGVwcGVy$9sWGxbbEDq9IaLcpCWQ3+A";
        assert!(is_hash(whole));
        let end = whole.rfind('$').expect("because it is there");
        for part in [
            &whole[..end],
            "$argon2id$v=19",
            "$argon2id$x",
            "$5$salt$x",
            "",
        ] {
            assert!(!is_hash(part), "{part}");
        }
    }
}
