//! Trouble that comes in crowds, and is logged once per crowd.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// An episode is over when nothing happened for this long; longer than any pause in between.
const GAP: Duration = Duration::from_secs(2);

/// When the trouble was last seen.
#[derive(Debug, Default)]
pub(crate) struct Episode(Mutex<Option<Instant>>);

impl Episode {
    /// It happened. `true`: it had not for a while, so that it is news. Never parks.
    pub(crate) fn begins(&self) -> bool {
        self.begins_at(Instant::now())
    }

    fn begins_at(&self, now: Instant) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = last.replace(now);
        before.is_none_or(|before| now.saturating_duration_since(before) > GAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn episode_begins_anew_only_after_a_gap_without_trouble() {
        let episode = Episode::default();
        let start = Instant::now();
        let at = |seconds| episode.begins_at(start + Duration::from_secs(seconds));
        assert_eq!(
            [0, 1, 3, 5, 8, 9].map(at),
            [true, false, false, false, true, false]
        );
    }
}
