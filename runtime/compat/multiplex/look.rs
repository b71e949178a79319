//! The one wait of `select` and `Poll`: look by `poll(2)`, park until an alarm, look again.
//!
//! The last look is the answer, so it is always of one moment, and exactly the kernel's. What the numbers
//! stand for is found out by each look anew.

use super::alarm::Alarm;
use crate::park::interrupt;
use crate::sched::run::spend_budget_by;
use crate::sys::clock::{NEVER_NS, deadline_after, now_ns};
use crate::sys::multiplex::{PollFd, poll};
use crate::task::WaitReason;
use std::io;
use std::time::Duration;

/// Rows that cost the kernel as much as a small operation of ours.
const ROWS_PER_UNIT: usize = 16;

/// The most that one look costs: a task's whole budget is a little more.
const UNITS_MAX: usize = 100;

/// Looks at `list` until a row `counts`, or `timeout` is over. The rows then hold what the last look
/// has found. Parks; unwinds for an interrupt.
pub(super) fn look_until(
    list: &mut [PollFd],
    counts: impl Fn(&PollFd) -> bool,
    reason: WaitReason,
    timeout: Option<Duration>,
) -> io::Result<()> {
    interrupt::check();
    let deadline_ns = timeout.map_or(NEVER_NS, deadline_after);
    let units = 1 + (list.len() / ROWS_PER_UNIT).min(UNITS_MAX);
    let units = u32::try_from(units).unwrap_or(u32::MAX);
    let mut alarm = None;
    loop {
        spend_budget_by(units);
        poll(list, 0)?;
        if list.iter().any(&counts) || now_ns() >= deadline_ns {
            return Ok(());
        }
        let alarm = alarm.get_or_insert_with(|| Alarm::over(list));
        alarm.wait(reason, deadline_ns);
    }
}
