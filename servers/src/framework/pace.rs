//! How slowly a client may read: patience that waiting spends and bytes earn.
//!
//! A client begins with as much patience as the idle time-out. A write that waits for it spends what it waits;
//! each byte that leaves earns `1 / rate` seconds, up to the idle time-out again. So who reads nothing is cut after
//! that time, who reads faster than the rate never, and who reads more slowly, however steadily, a little later
//! than who reads nothing. Pure: who uses it brings the times.
//!
//! Rejected: a limit for a whole answer (right for no size of file); the time since the last byte only (a byte a
//! minute keeps a connection for years).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Of the patience a client has at first, the part that it always has, or a write that need not wait at all
/// would find the time over.
const REMAINDER: u32 = 60;

/// One client's patience.
#[derive(Debug)]
pub(super) struct Pace {
    /// In nanoseconds. Relaxed: if two write at the same time, both waits count, or one; none orders anything.
    left_ns: AtomicU64,
    most: Duration,
    rate_min: u64,
}

impl Pace {
    /// `rate_min`: bytes per second; with 0 any byte earns all.
    pub(super) fn new(most: Duration, rate_min: u64) -> Pace {
        Pace {
            left_ns: AtomicU64::new(nanoseconds(most)),
            most,
            rate_min,
        }
    }

    /// How long a write that begins now may wait.
    pub(super) fn left(&self) -> Duration {
        Duration::from_nanos(self.left_ns.load(Ordering::Relaxed))
    }

    /// Whether that is all there ever is.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.left_ns.load(Ordering::Relaxed) == nanoseconds(self.most)
    }

    /// A write has waited, and so many bytes have left. `false`: the client reads too slowly.
    pub(super) fn note(&self, waited: Duration, bytes: u64) -> bool {
        let earned = match self.rate_min {
            0 if bytes > 0 => self.most,
            0 => Duration::ZERO,
            rate => Duration::from_nanos(bytes.saturating_mul(1_000_000_000) / rate),
        };
        let sum = self.left().saturating_add(earned);
        let is_kept = sum > waited;
        let left = sum.saturating_sub(waited).max(self.most / REMAINDER);
        let left = left.min(self.most);
        self.left_ns.store(nanoseconds(left), Ordering::Relaxed);
        is_kept
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// How many waits of a second it takes to lose a client that reads so many bytes in each.
    fn seconds(rate_min: u64, bytes: u64) -> Option<usize> {
        let pace = Pace::new(MINUTE, rate_min);
        (1..100_000).find(|_| !pace.note(Duration::from_secs(1), bytes))
    }

    #[test]
    fn reader_is_lost_only_below_the_rate() {
        assert_eq!(seconds(500, 0), Some(60));
        assert_eq!(seconds(500, 1), Some(61));
        assert_eq!(seconds(500, 250), Some(119));
        assert_eq!(seconds(500, 490), Some(2951));
        assert_eq!(seconds(500, 500), None);
        assert_eq!(seconds(0, 1), None);
        assert_eq!(seconds(0, 0), Some(60));
    }

    #[test]
    fn patience_that_was_lost_is_earned_again_and_never_hoarded() {
        let pace = Pace::new(MINUTE, 500);
        assert!(pace.is_full());
        assert!(pace.note(Duration::from_secs(50), 0));
        assert_eq!(pace.left(), Duration::from_secs(10));
        assert!(pace.note(Duration::ZERO, 5000));
        assert_eq!(pace.left(), Duration::from_secs(20));
        assert!(pace.note(Duration::ZERO, u64::MAX));
        assert!(pace.is_full());
        assert!(!pace.note(MINUTE, 0));
        // Enough for a write that need not wait.
        assert_eq!(pace.left(), Duration::from_secs(1));
    }

    #[test]
    fn patience_without_end_stays_so() {
        let pace = Pace::new(Duration::MAX, 500);
        assert!(pace.note(MINUTE, 0));
        assert!(pace.left() > MINUTE * 1_000_000);
    }
}
