//! How many datagrams each address may send: a token bucket per address, in a table of bounded size.
//!
//! By IP address and not by port: whoever floods has 65,535 of those. Sources can be forged, so the table must
//! hold any number of them: when it is full, those whose bucket is full again are forgotten (which changes
//! nothing for them), and whoever finds no place shares one bucket with the others of his kind.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// A look through the whole table, at most so often.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Rates {
    buckets: HashMap<IpAddr, Bucket>,
    crowd: Bucket,
    addresses_max: usize,
    per_second: f64,
    burst: f64,
    swept: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
    is_refused: bool,
}

/// Whether a datagram may be obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    /// The first one too many: worth a log line.
    Refused,
    /// One more of them.
    StillRefused,
}

impl Rates {
    pub(super) fn new(addresses_max: usize, per_second: u32, burst: u32, now: Instant) -> Rates {
        let burst = f64::from(burst);
        Rates {
            buckets: HashMap::new(),
            crowd: Bucket::full(burst, now),
            addresses_max,
            per_second: f64::from(per_second),
            burst,
            swept: now,
        }
    }

    pub(super) fn spend(&mut self, ip: IpAddr, cost: u32, now: Instant) -> Verdict {
        let (per_second, burst) = (self.per_second, self.burst);
        let is_known = self.buckets.contains_key(&ip);
        if !is_known && self.buckets.len() >= self.addresses_max {
            self.sweep(now);
        }
        let bucket = if is_known || self.buckets.len() < self.addresses_max {
            let bucket = self.buckets.entry(ip);
            bucket.or_insert_with(|| Bucket::full(burst, now))
        } else {
            &mut self.crowd
        };
        bucket.tokens = bucket.filled(per_second, burst, now);
        bucket.at = now;
        let cost = f64::from(cost);
        if bucket.tokens >= cost {
            bucket.tokens -= cost;
            bucket.is_refused = false;
            return Verdict::Fine;
        }
        match std::mem::replace(&mut bucket.is_refused, true) {
            false => Verdict::Refused,
            true => Verdict::StillRefused,
        }
    }

    fn sweep(&mut self, now: Instant) {
        if now.saturating_duration_since(self.swept) < SWEEP_PAUSE {
            return;
        }
        self.swept = now;
        let (per_second, burst) = (self.per_second, self.burst);
        self.buckets
            .retain(|_, bucket| bucket.filled(per_second, burst, now) < burst);
    }
}

impl Bucket {
    fn full(burst: f64, now: Instant) -> Bucket {
        Bucket {
            tokens: burst,
            at: now,
            is_refused: false,
        }
    }

    fn filled(&self, per_second: f64, burst: f64, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        (self.tokens + passed * per_second).min(burst)
    }
}

#[cfg(test)]
mod tests {
    use super::{Rates, Verdict};
    use std::net::IpAddr;
    use std::time::{Duration, Instant};

    fn ip(number: u32) -> IpAddr {
        IpAddr::V4(number.into())
    }

    #[test]
    fn burst_is_fine_and_a_flood_is_not() {
        let now = Instant::now();
        let mut rates = Rates::new(10, 2, 3, now);
        let verdicts = [0; 5].map(|_| rates.spend(ip(1), 1, now));
        let [.., fourth, fifth] = verdicts;
        assert_eq!(verdicts[..3], [Verdict::Fine; 3]);
        assert_eq!([fourth, fifth], [Verdict::Refused, Verdict::StillRefused]);
        assert_eq!(rates.spend(ip(2), 1, now), Verdict::Fine);
        let later = now + Duration::from_millis(500);
        assert_eq!(rates.spend(ip(1), 1, later), Verdict::Fine);
        assert_eq!(rates.spend(ip(1), 1, later), Verdict::Refused);
    }

    #[test]
    fn table_is_bounded_and_strangers_share() {
        let now = Instant::now();
        let mut rates = Rates::new(4, 1, 2, now);
        let fine = (0..1000).filter(|i| rates.spend(ip(*i), 1, now) == Verdict::Fine);
        // Four with a place, and two tokens for all others.
        assert_eq!(fine.count(), 6);
        assert_eq!(rates.buckets.len(), 4);
        let later = now + Duration::from_secs(2);
        assert_eq!(rates.spend(ip(5000), 1, later), Verdict::Fine);
        assert_eq!(rates.buckets.len(), 1);
    }
}
