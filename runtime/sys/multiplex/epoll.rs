//! An epoll instance with flags as the user wrote them and descriptors' numbers as data.
//!
//! Functions take the instance as a borrowed descriptor, because its owner may be `io/evented.rs`.
#![expect(unsafe_code, reason = "epoll system calls")]

use super::until;
use crate::sys::check;
use crate::sys::fd::above_standard;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Room for the events of one wait at most: 768 KiB. Whoever asks for more gets the rest from the next
/// call. The kernel would take 178 million.
const ROOM_MAX: usize = 65_536;

/// What `epoll_ctl(2)` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Add,
    Modify,
    Delete,
}

/// An epoll descriptor.
#[derive(Debug)]
pub(crate) struct UserEpoll(OwnedFd);

impl UserEpoll {
    pub(crate) fn new() -> io::Result<UserEpoll> {
        // SAFETY: no pointers are passed.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: the kernel just made this descriptor for us; nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(UserEpoll(above_standard(fd)?))
    }

    pub(crate) fn into_fd(self) -> OwnedFd {
        self.0
    }

    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Changes what the instance behind `epoll` watches of the descriptor `fd`.
pub(crate) fn control(
    epoll: BorrowedFd<'_>,
    change: Change,
    fd: RawFd,
    events: u32,
) -> io::Result<()> {
    let operation = match change {
        Change::Add => libc::EPOLL_CTL_ADD,
        Change::Modify => libc::EPOLL_CTL_MOD,
        Change::Delete => libc::EPOLL_CTL_DEL,
    };
    let mut event = libc::epoll_event {
        events,
        u64: u64::from(fd.cast_unsigned()),
    };
    // SAFETY: `event` outlives the call; a bad `fd` is an error, not undefined behaviour.
    check(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), operation, fd, &raw mut event) })?;
    Ok(())
}

/// Waits until there are events, at most `room` (not zero), or `deadline_ns` has come (0: only looks).
pub(crate) fn wait(
    epoll: BorrowedFd<'_>,
    room: usize,
    deadline_ns: u64,
) -> io::Result<Vec<(RawFd, u32)>> {
    let room = room.min(ROOM_MAX);
    let mut list: Vec<libc::epoll_event> = Vec::with_capacity(room);
    let entries = i32::try_from(room).expect("because the room is a small number");
    let filled = until(deadline_ns, |timeout_ms| {
        // SAFETY: `list` has room for `entries` events.
        check(unsafe {
            libc::epoll_wait(epoll.as_raw_fd(), list.as_mut_ptr(), entries, timeout_ms)
        })
    })?;
    // SAFETY: the kernel has filled so many.
    unsafe { list.set_len(filled) };
    let decode = |event: &libc::epoll_event| {
        let (events, data) = (event.events, event.u64);
        let fd = u32::try_from(data).map_or(-1, u32::cast_signed);
        (fd, events)
    };
    Ok(list.iter().map(decode).collect())
}
