//! When free stacks have been idle long enough to lose their memory.
//!
//! A free list is used from one end, so the lowest length it had during a window says how many stacks
//! nobody needed in all that time. Pure logic, no clock of its own: used by `cache` (which trims in
//! place) and by `pool`.

use std::time::{Duration, Instant};

/// Length of a window. Shorter ones would trim between two bursts of work, and a stack costs 3 µs to
/// warm up again; longer ones keep memory that others could use.
pub(super) const WINDOW: Duration = Duration::from_secs(1);

/// When to come back after the time for trimming ran out: about a tenth of an idle worker's time.
pub(super) const PAUSE: Duration = Duration::from_millis(10);

/// What to do about a free list.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing, until the list grows.
    Nothing,
    /// Look again after this time.
    Later(Duration),
    /// This many, the longest unused, may go.
    Trim(usize),
}

/// Watches one free list.
#[derive(Debug)]
pub(super) struct Watch {
    since: Option<Instant>,
    low: usize,
}

impl Watch {
    pub(super) const fn new() -> Watch {
        Watch {
            since: None,
            low: 0,
        }
    }

    /// The list has become this short.
    #[inline]
    pub(super) fn note(&mut self, len: usize) {
        self.low = self.low.min(len);
    }

    /// How short the list was since the window began: below this index nothing has changed.
    pub(super) fn low(&self) -> usize {
        self.low
    }

    /// Judges a list of `len` free stacks, the first `cold` of which are trimmed already, and of which
    /// `keep` may stay warm. Half of the excess goes per window, so that a single quiet second does
    /// not undo a working set.
    pub(super) fn judge(&mut self, now: Instant, len: usize, cold: usize, keep: usize) -> Verdict {
        if len.saturating_sub(cold) <= keep {
            self.since = None;
            return Verdict::Nothing;
        }
        let Some(since) = self.since else {
            self.restart(now, len);
            return Verdict::Later(WINDOW);
        };
        let elapsed = now.saturating_duration_since(since);
        if elapsed < WINDOW {
            return Verdict::Later(WINDOW - elapsed);
        }
        let idle = self.low.saturating_sub(cold);
        self.restart(now, len);
        if idle <= keep {
            return Verdict::Later(WINDOW);
        }
        Verdict::Trim((idle - keep).min(idle.div_ceil(2)))
    }

    fn restart(&mut self, now: Instant, len: usize) {
        self.since = Some(now);
        self.low = len;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watch_trims_half_of_what_stayed_idle_for_a_window() {
        let mut watch = Watch::new();
        let start = Instant::now();
        assert_eq!(watch.judge(start, 256, 0, 256), Verdict::Nothing);
        assert_eq!(watch.judge(start, 1000, 0, 256), Verdict::Later(WINDOW));
        watch.note(700);
        watch.note(900);
        let half = start + WINDOW / 2;
        assert_eq!(watch.judge(half, 900, 0, 256), Verdict::Later(WINDOW / 2));
        assert_eq!(watch.judge(start + WINDOW, 900, 0, 256), Verdict::Trim(350));
        assert_eq!(watch.low(), 900);
    }

    #[test]
    fn watch_of_a_busy_list_trims_nothing() {
        let mut watch = Watch::new();
        let start = Instant::now();
        assert_eq!(watch.judge(start, 4000, 0, 256), Verdict::Later(WINDOW));
        watch.note(10);
        assert_eq!(
            watch.judge(start + 2 * WINDOW, 4000, 0, 256),
            Verdict::Later(WINDOW)
        );
    }

    #[test]
    fn watch_ends_when_only_the_kept_ones_are_warm() {
        let mut watch = Watch::new();
        let mut now = Instant::now();
        let mut cold = 0;
        let mut windows = 0;
        loop {
            match watch.judge(now, 4096, cold, 256) {
                Verdict::Nothing => break,
                Verdict::Later(wait) => now += wait,
                Verdict::Trim(stacks) => cold += stacks,
            }
            windows += 1;
            assert!(windows < 32, "{cold} cold");
        }
        assert_eq!(cold, 4096 - 256);
    }

    #[test]
    fn watch_that_keeps_none_trims_the_last_one() {
        let mut watch = Watch::new();
        let start = Instant::now();
        assert_eq!(watch.judge(start, 1, 0, 0), Verdict::Later(WINDOW));
        assert_eq!(watch.judge(start + WINDOW, 1, 0, 0), Verdict::Trim(1));
        assert_eq!(watch.judge(start + WINDOW, 1, 1, 0), Verdict::Nothing);
    }
}
