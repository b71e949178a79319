//! `select(2)` as Python has it: three lists in, three lists out.
//!
//! Answers are made of those of `poll(2)` by the kernel's own table (`fs/select.c`): readable is data, a
//! hang-up or an error; writable is room or an error; exceptional is urgent data. So there is no limit of
//! 1,024 descriptors.

use super::flags::{
    POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, POLLPRI, POLLRDBAND, POLLRDNORM, POLLWRBAND,
    POLLWRNORM, PollFlags,
};
use super::look::look_until;
use crate::sys::multiplex::PollFd;
use crate::task::WaitReason;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::time::Duration;

/// An empty list for [`select`](fn@select), with a type.
///
/// # Examples
/// ```
/// use greenroom::multiplex::{NO_FDS, select};
/// let nap = std::time::Duration::from_millis(1);
/// let (readable, ..) = select(&NO_FDS, &NO_FDS, &NO_FDS, Some(nap))?;
/// assert!(readable.is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub const NO_FDS: [RawFd; 0] = [];

/// What is asked for each list. Source: `POLLIN_SET`, `POLLOUT_SET` and `POLLEX_SET` of the kernel.
const ASKED: [PollFlags; 3] = [
    PollFlags::from_bits(POLLIN.bits() | POLLRDNORM.bits() | POLLRDBAND.bits()),
    PollFlags::from_bits(POLLOUT.bits() | POLLWRNORM.bits() | POLLWRBAND.bits()),
    POLLPRI,
];

/// What counts for each list.
const COUNTED: [PollFlags; 3] = [
    PollFlags::from_bits(ASKED[0].bits() | POLLHUP.bits() | POLLERR.bits()),
    PollFlags::from_bits(ASKED[1].bits() | POLLERR.bits()),
    POLLPRI,
];

/// Waits until one of the descriptors in `rlist` is readable, in `wlist` writable, or in `xlist` in an
/// exceptional condition, and returns those that are, in the order of the lists. Parks a green thread,
/// blocks an OS thread.
///
/// A hang-up and an error count as readable, an error as writable: the next call will not wait. `None` waits
/// without limit, zero does not wait; a time-out with three empty lists sleeps. With a time-out that is over
/// the lists are empty. A descriptor may be in several lists and several times in one. There is no limit
/// of 1,024. A list is of one type: sockets, `Arc`s of sockets, or bare numbers, for what is mixed.
///
/// Source: Python's `select.select`.
///
/// # Errors
/// `InvalidInput` for a negative number (Python's `ValueError`), or for more rows than the process may have
/// open files; `EBADF` for a number that is not open.
///
/// # Cancel
/// Takes nothing: what was ready stays ready.
///
/// # Examples
/// ```
/// use greenroom::multiplex::{NO_FDS, select};
/// use std::io::Write;
/// greenroom::run(|| {
///     let (reader, mut writer) = greenroom::io::pipe()?;
///     greenroom::thread::spawn(move || writer.write_all(b"x"));
///     let sockets = [reader];
///     let (readable, writable, _) = select(&sockets, &NO_FDS, &NO_FDS, None)?;
///     assert_eq!((readable.len(), writable.len()), (1, 0));
///     Ok::<(), std::io::Error>(())
/// })?;
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn select<'a, R: AsRawFd, W: AsRawFd, X: AsRawFd>(
    rlist: &'a [R],
    wlist: &'a [W],
    xlist: &'a [X],
    timeout: Option<Duration>,
) -> io::Result<(Vec<&'a R>, Vec<&'a W>, Vec<&'a X>)> {
    let mut list = Vec::with_capacity(rlist.len() + wlist.len() + xlist.len());
    add(&mut list, rlist, ASKED[0])?;
    add(&mut list, wlist, ASKED[1])?;
    add(&mut list, xlist, ASKED[2])?;
    let bounds = (rlist.len(), rlist.len() + wlist.len());
    let fds = u32::try_from(list.len()).unwrap_or(u32::MAX);
    look_until(&mut list, counts, WaitReason::SelectOver(fds), timeout)?;
    if list.iter().any(|row| row.revents().contains(POLLNVAL)) {
        return Err(crate::sys::multiplex::bad_descriptor());
    }
    let (readable, rest) = list.split_at(bounds.0);
    let (writable, exceptional) = rest.split_at(bounds.1 - bounds.0);
    Ok((
        ready(rlist, readable, COUNTED[0]),
        ready(wlist, writable, COUNTED[1]),
        ready(xlist, exceptional, COUNTED[2]),
    ))
}

fn add<T: AsRawFd>(list: &mut Vec<PollFd>, from: &[T], asked: PollFlags) -> io::Result<()> {
    for item in from {
        let fd = item.as_raw_fd();
        check_number(fd)?;
        list.push(PollFd::new(fd, asked));
    }
    Ok(())
}

/// Python's `ValueError`.
pub(crate) fn check_number(fd: RawFd) -> io::Result<()> {
    if fd < 0 {
        let text = format!("file descriptor cannot be a negative integer ({fd})");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(())
}

fn ready<'a, T>(from: &'a [T], rows: &[PollFd], counted: PollFlags) -> Vec<&'a T> {
    let pairs = from.iter().zip(rows);
    let is_ready =
        |(item, row): (&'a T, &PollFd)| row.revents().intersects(counted).then_some(item);
    pairs.filter_map(is_ready).collect()
}

/// Whether a row ends the wait: by what is asked of it one knows its list.
fn counts(row: &PollFd) -> bool {
    let list = ASKED.iter().position(|&asked| asked == row.events());
    list.is_some_and(|list| row.revents().intersects(COUNTED[list] | POLLNVAL))
}
