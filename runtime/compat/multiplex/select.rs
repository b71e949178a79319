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
use crate::sys::multiplex::{PollFd, bad_descriptor};
use crate::task::WaitReason;
use std::collections::HashMap;
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
/// `InvalidInput` for a negative number (Python's `ValueError`), or for more numbers than the process may have
/// open files; `EBADF` for a number that is not open. Differs: also for one above the process's table of
/// descriptors, which the system call leaves out (BUGS in select(2)).
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
    let mut rows = Rows::default();
    let readers = rows.add(rlist, ASKED[0])?;
    let writers = rows.add(wlist, ASKED[1])?;
    let others = rows.add(xlist, ASKED[2])?;
    let list = &mut rows.list;
    let fds = u32::try_from(list.len()).unwrap_or(u32::MAX);
    look_until(list, counts, WaitReason::SelectOver(fds), timeout)?;
    if list.iter().any(|row| row.revents().contains(POLLNVAL)) {
        return Err(bad_descriptor());
    }
    Ok((
        rows.ready(rlist, &readers, COUNTED[0]),
        rows.ready(wlist, &writers, COUNTED[1]),
        rows.ready(xlist, &others, COUNTED[2]),
    ))
}

/// One row per number, whatever lists it is in: `poll(2)` takes no more rows than there may be open files.
#[derive(Default)]
struct Rows {
    list: Vec<PollFd>,
    places: HashMap<RawFd, usize>,
}

impl Rows {
    /// Returns the row of each item.
    fn add<T: AsRawFd>(&mut self, from: &[T], asked: PollFlags) -> io::Result<Vec<usize>> {
        let row_of = |item: &T| {
            let fd = item.as_raw_fd();
            check_number(fd)?;
            let place = *self.places.entry(fd).or_insert(self.list.len());
            match self.list.get_mut(place) {
                Some(row) => *row = PollFd::new(fd, row.events() | asked),
                None => self.list.push(PollFd::new(fd, asked)),
            }
            Ok(place)
        };
        from.iter().map(row_of).collect()
    }

    fn ready<'a, T>(&self, from: &'a [T], places: &[usize], counted: PollFlags) -> Vec<&'a T> {
        let is_ready = |place: usize| self.list[place].revents().intersects(counted);
        let pairs = from.iter().zip(places);
        let ready = pairs.filter(|&(_, &place)| is_ready(place));
        ready.map(|(item, _)| item).collect()
    }
}

/// Python's `ValueError`.
pub(crate) fn check_number(fd: RawFd) -> io::Result<()> {
    if fd < 0 {
        let text = format!("file descriptor cannot be a negative integer ({fd})");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(())
}

/// Whether a row ends the wait: what is asked of it says which lists it is in.
fn counts(row: &PollFd) -> bool {
    let answer = row.revents();
    let counts_for =
        |list: usize| row.events().intersects(ASKED[list]) && answer.intersects(COUNTED[list]);
    answer.contains(POLLNVAL) || (0..ASKED.len()).any(counts_for)
}
