//! `select(2)` itself, with its sets of 1,024 bits.
//!
//! For `compat/raw` only: the `select` that parks is made of `poll(2)`, which has no such limit.
#![expect(unsafe_code, reason = "the select system call and its sets")]

use crate::sys::check;
use crate::sys::clock::{NEVER_NS, now_ns};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

/// How many numbers a set has room for: 0 to 1,023. Source: `FD_SETSIZE`, select(2).
pub(crate) const FD_NUMBERS: usize = libc::FD_SETSIZE;

/// The longest time-out of one call; a longer one is repeated. A day: any number that `timeval` holds.
const CALL_NS_MAX: u64 = 86_400_000_000_000;

/// Read, write and exceptional conditions, in this order.
#[derive(Clone, Copy)]
pub(crate) struct Sets([libc::fd_set; 3]);

impl Sets {
    pub(crate) fn new() -> Sets {
        // SAFETY: a set is an array of integers, for which zero is a value.
        Sets(unsafe { MaybeUninit::zeroed().assume_init() })
    }

    /// # Panics
    /// For a number that no set has room for.
    pub(crate) fn insert(&mut self, set: usize, fd: RawFd) {
        assert!(
            has_room_for(fd),
            "no room for fd {fd} in a set of select(2)"
        );
        // SAFETY: the number is within the set.
        unsafe { libc::FD_SET(fd, &raw mut self.0[set]) };
    }

    pub(crate) fn contains(&self, set: usize, fd: RawFd) -> bool {
        // SAFETY: the number is within the set.
        has_room_for(fd) && unsafe { libc::FD_ISSET(fd, &raw const self.0[set]) }
    }
}

fn has_room_for(fd: RawFd) -> bool {
    usize::try_from(fd).is_ok_and(|fd| fd < FD_NUMBERS)
}

/// Waits until a number below `end` in one of the sets is ready, or `deadline_ns` has come (0: only looks), and
/// leaves what is ready.
pub(crate) fn select(end: RawFd, sets: &mut Sets, deadline_ns: u64) -> io::Result<usize> {
    let asked = *sets;
    loop {
        *sets = asked;
        match select_once(end, sets, deadline_ns) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) if deadline_ns != 0 && now_ns() < deadline_ns => {}
            done => {
                let count = done?;
                return Ok(usize::try_from(count).expect("because a checked count is positive"));
            }
        }
    }
}

fn select_once(end: RawFd, sets: &mut Sets, deadline_ns: u64) -> io::Result<i32> {
    let left_us = match deadline_ns {
        0 => 0,
        _ => {
            let left_ns = deadline_ns.saturating_sub(now_ns());
            // Rounded up: a wait is never short.
            left_ns.min(CALL_NS_MAX).div_ceil(1000)
        }
    };
    let mut timeout = libc::timeval {
        tv_sec: i64::try_from(left_us / 1_000_000).unwrap_or(i64::MAX),
        tv_usec: i64::try_from(left_us % 1_000_000).unwrap_or(0),
    };
    let limit = if deadline_ns == NEVER_NS {
        std::ptr::null_mut()
    } else {
        &raw mut timeout
    };
    let [read, write, exceptional] = &mut sets.0;
    // SAFETY: three whole sets and the time-out outlive the call; `end` is at most the room of a set, because
    // its caller has inserted `end - 1`.
    check(unsafe { libc::select(end, read, write, exceptional, limit) })
}
