//! How fast one client may talk: a bucket of bytes that fills with time.
//!
//! Nobody is refused anything: whoever is too fast is read later, and TCP tells him. What he says is pushed to
//! everybody in his room, so without this the fastest decides who of the others is a slow reader.

use std::time::{Duration, Instant};

/// Seconds' worth that may come at once: a pasted text.
const BURST_SECONDS: f64 = 2.0;

#[derive(Debug)]
pub(super) struct Pace {
    per_second: f64,
    /// Below zero: so much was said too early.
    bytes: f64,
    at: Option<Instant>,
}

impl Pace {
    pub(super) fn new(bytes_per_second: u32) -> Pace {
        // None at all would be a pause without an end.
        let per_second = f64::from(bytes_per_second.max(1));
        Pace {
            per_second,
            bytes: per_second * BURST_SECONDS,
            at: None,
        }
    }

    /// Takes the bytes; how long to wait before the next ones.
    pub(super) fn spend(&mut self, bytes: usize, now: Instant) -> Duration {
        let before = self.at.replace(now).unwrap_or(now);
        let passed = now.saturating_duration_since(before).as_secs_f64();
        let full = self.per_second * BURST_SECONDS;
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.bytes = (self.bytes + passed * self.per_second).min(full) - f64::from(bytes);
        Duration::from_secs_f64((-self.bytes / self.per_second).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use std::time::{Duration, Instant};

    #[test]
    fn burst_is_free_and_the_rest_takes_its_time() {
        let now = Instant::now();
        let mut pace = Pace::new(100);
        let none = Duration::ZERO;
        assert_eq!([0; 2].map(|_| pace.spend(100, now)), [none; 2]);
        assert_eq!(pace.spend(50, now), Duration::from_millis(500));
        let later = now + Duration::from_secs(1);
        assert_eq!(pace.spend(50, later), none);
        assert_eq!(pace.spend(100, later), Duration::from_secs(1));
        // Silence is not saved up beyond the burst.
        let late = later + Duration::from_secs(1000);
        assert_eq!(pace.spend(300, late), Duration::from_secs(1));
        assert_eq!(Pace::new(0).spend(3, now), Duration::from_secs(1));
    }
}
