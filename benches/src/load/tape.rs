//! The bytes the clients send: windows of one pseudo-random tape, so that neither making nor
//! checking a message costs more than touching it.
//!
//! Every connection reads the tape from its own place on, as an endless stream. The period is a
//! prime larger than any message, hence bytes that are lost, doubled, swapped or delivered to the
//! wrong connection do not match what the receiver expects at that position.

/// A prime just below 64 KiB: the tape stays in the L2 cache.
const PERIOD: u64 = 65_521;
/// The longest window, equal to the receive buffer.
pub(crate) const WINDOW_MAX: usize = 64 * 1024;

/// The tape, long enough that every window is contiguous.
#[derive(Debug)]
pub(crate) struct Tape {
    bytes: Box<[u8]>,
}

impl Tape {
    pub(crate) fn new() -> Tape {
        let mut random = Random::new(0x6772_6565_6e72_6f6f);
        let one: Vec<u8> = (0..PERIOD)
            .map(|_| random.next().to_le_bytes()[3])
            .collect();
        let bytes = one
            .iter()
            .copied()
            .cycle()
            .take(one.len() + WINDOW_MAX)
            .collect();
        Tape { bytes }
    }

    /// `len` (at most [`WINDOW_MAX`]) bytes from stream position `position` on.
    #[inline]
    pub(crate) fn window(&self, position: u64, len: usize) -> &[u8] {
        let start = usize::try_from(position % PERIOD).expect("because the period fits");
        &self.bytes[start..start + len]
    }

    /// Where the stream of connection number `index` begins.
    pub(crate) fn start_of(index: usize) -> u64 {
        index as u64 * 9_973
    }
}

/// splitmix64: reproducible, without state worth mentioning.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    /// A number in (0, 1].
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_across_the_seam_continues_the_stream() {
        let tape = Tape::new();
        let seam = tape.window(PERIOD - 10, 20);
        assert_eq!(seam[..10], *tape.window(PERIOD - 10, 10));
        assert_eq!(seam[10..], *tape.window(0, 10));
        assert_eq!(tape.window(5, WINDOW_MAX).len(), WINDOW_MAX);
    }

    #[test]
    fn windows_of_neighbours_and_successors_differ() {
        let tape = Tape::new();
        for index in 0..8_000 {
            let start = Tape::start_of(index);
            assert_ne!(tape.window(start, 64), tape.window(start + 64, 64));
            assert_ne!(
                tape.window(start, 64),
                tape.window(Tape::start_of(index + 1), 64)
            );
        }
    }
}
