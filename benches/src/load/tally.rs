//! What a run counted: messages, bytes and latencies of one client thread or of all together.

use hdrhistogram::Histogram;
use std::io;
use std::time::Instant;

/// The longest latency told apart, 60 s.
const LATENCY_MAX_NS: u64 = 60_000_000_000;

/// Nanoseconds since one common start, in the word size the hot loops want.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock {
            start: Instant::now(),
        }
    }

    #[inline]
    pub(crate) fn now_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Counters of one run.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) latency_ns: Histogram<u64>,
}

impl Tally {
    pub(crate) fn new() -> Tally {
        let latency_ns = Histogram::new_with_bounds(100, LATENCY_MAX_NS, 2)
            .expect("because the bounds are constants that hold the histogram's rules");
        Tally {
            messages: 0,
            bytes: 0,
            latency_ns,
        }
    }

    #[inline]
    pub(crate) fn record(&mut self, latency_ns: u64) {
        self.latency_ns.saturating_record(latency_ns);
    }

    pub(crate) fn add(&mut self, other: &Tally) -> io::Result<()> {
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.latency_ns
            .add(&other.latency_ns)
            .map_err(io::Error::other)
    }
}
