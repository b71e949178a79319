//! The global runtime: who starts it, when, and with how many workers.
//!
//! Started at its first use, from whatever thread, and never ended. A start that fails (no descriptors, no
//! threads) is told to whoever asked, and tried again by the next.

use crate::context::stack::StackSize;
use crate::instance::start;
use crate::sched::group::Group;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

/// Workers when nobody says how many: as many as the process may use processors.
pub(crate) fn default_workers() -> usize {
    let available = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let Some(value) = std::env::var_os("GREENROOM_WORKERS") else {
        return available;
    };
    match value
        .to_str()
        .and_then(|text| text.trim().parse::<usize>().ok())
    {
        Some(count) if (1..=WORKERS_MAX).contains(&count) => count,
        _ => {
            log::warn!(
                "GREENROOM_WORKERS={}: not a number from 1 to {WORKERS_MAX}; using {available}",
                value.display()
            );
            available
        }
    }
}

/// More workers than any machine this was written for has processors.
pub(crate) const WORKERS_MAX: usize = 1024;

/// The global runtime, started at first use.
///
/// # Panics
/// If it cannot start. The next use tries again.
pub(crate) fn global() -> &'static Arc<Group> {
    try_global().unwrap_or_else(|error| panic!("{error}"))
}

/// The global runtime, started at first use. An error is not kept: the next use tries again.
pub(crate) fn try_global() -> io::Result<&'static Arc<Group>> {
    static GLOBAL: OnceLock<Arc<Group>> = OnceLock::new();
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    if let Some(group) = GLOBAL.get() {
        return Ok(group);
    }
    // Before the lock: a bad setting is logged, and the logger is the user's.
    let workers = default_workers();
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(group) = GLOBAL.get() {
        return Ok(group);
    }
    match start("greenroom".to_owned(), workers, StackSize::DEFAULT) {
        Ok((group, _detached)) => Ok(GLOBAL.get_or_init(|| group)),
        Err(error) => Err(io::Error::new(
            error.kind(),
            format!("greenroom: the runtime cannot start its workers: {error}"),
        )),
    }
}
