//! Two clocks: CPU time of this process, which other programs do not disturb, and time on the wall.
//!
//! CPU time is for work on one core, while nothing else of this process runs; the wall's is for work
//! between threads, where the sleeping is what is asked about.

use crate::sys::process;
use std::time::Instant;

/// CPU time of this process; exact for the calling thread, and nothing else runs.
pub(crate) fn cpu_ns() -> u64 {
    process::cpu_ns(std::process::id()).expect("because every process may read its own clock")
}

/// CPU nanoseconds that `work` takes for each of `operations`.
pub(crate) fn cpu_per(operations: usize, work: impl FnOnce()) -> f64 {
    Clock::Cpu.per(operations, work)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock {
    Cpu,
    Wall,
}

impl Clock {
    /// Nanoseconds that `work` takes.
    pub(crate) fn time(self, work: impl FnOnce()) -> u64 {
        match self {
            Clock::Cpu => {
                let begun = cpu_ns();
                work();
                cpu_ns() - begun
            }
            Clock::Wall => {
                let begun = Instant::now();
                work();
                u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
            }
        }
    }

    /// Nanoseconds that `work` takes for each of `operations`.
    pub(crate) fn per(self, operations: usize, work: impl FnOnce()) -> f64 {
        self.time(work) as f64 / operations as f64
    }
}
