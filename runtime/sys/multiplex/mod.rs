//! The three multiplexing calls as the user sees them: `select(2)`, `poll(2)`, `epoll(7)`.
//!
//! Beside `sys/epoll.rs` and `sys/poll.rs`, which the runtime waits with: here flags go through as the user
//! wrote them, descriptors are bare numbers (a closed one is an answer or an error, never undefined
//! behaviour), and errors stay the kernel's. Called by `compat/multiplex` with a time-out of zero, and by
//! `compat/raw` with any.

pub(crate) mod epoll;
mod poll;
mod select;

pub use poll::PollFd;
pub(crate) use poll::poll;
pub(crate) use select::{FD_NUMBERS, Sets, select};

use super::clock::{NEVER_NS, now_ns};

/// Milliseconds until `deadline_ns`, rounded up, at most what fits a call; -1: without limit.
fn left_ms(deadline_ns: u64) -> i32 {
    match deadline_ns {
        NEVER_NS => -1,
        _ => {
            let left_ms = deadline_ns.saturating_sub(now_ns()).div_ceil(1_000_000);
            i32::try_from(left_ms).unwrap_or(i32::MAX)
        }
    }
}

/// Repeats `call` until it says that something is ready, or fails, or `deadline_ns` has come: after a
/// signal, and after a time-out that did not fit one call. Zero only looks: the clock is not read.
fn until(
    deadline_ns: u64,
    mut call: impl FnMut(i32) -> std::io::Result<i32>,
) -> std::io::Result<usize> {
    loop {
        let left_ms = if deadline_ns == 0 {
            0
        } else {
            left_ms(deadline_ns)
        };
        match call(left_ms) {
            Ok(0) if left_ms != 0 && now_ns() < deadline_ns => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Ok(count) => {
                return Ok(usize::try_from(count).expect("because a checked count is positive"));
            }
            Err(error) => return Err(error),
        }
    }
}

/// What `select(2)` says of a number that is not open.
pub(crate) fn bad_descriptor() -> std::io::Error {
    std::io::Error::from_raw_os_error(libc::EBADF)
}

/// What `epoll_ctl(2)` says of a number that is not registered.
pub(crate) fn not_registered() -> std::io::Error {
    std::io::Error::from_raw_os_error(libc::ENOENT)
}
