//! Reading what the page cache holds, on the worker: a system call in place of a trip to the pool.
//!
//! `RWF_NOWAIT` returns what is in memory and never waits for a disk. A read that comes back short is
//! finished on the pool, unless it met the end of the file: a regular file's read is full but there.
//!
//! Subtle: that makes two calls of one, and another reader of the same position could come between them
//! and tear a record. So reads at the file's own position come here only if nobody shares it.

use super::patience::may_block;
use crate::park::interrupt;
use crate::sched::run::spend_budget_by;
use crate::sys::file;
use crate::unblock::{Interrupted, Lane, lend, try_lend};
use std::fs::File;
use std::io::{self, IoSliceMut, Read, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

/// Copied in half the time that a trip to the pool takes; more would keep neighbours waiting.
const BYTES_MAX: usize = 64 * 1024;

/// What a read costs of a task's budget, and each KiB of it: so that a turn of nothing but reads takes
/// about 4 µs. Halved, neighbours of many readers wait twice as long; doubled, small reads yield at
/// every fifth.
const READ_UNITS: u32 = 8;
const KIB_UNITS: u32 = 1;

/// As `read(2)`, at a position that nobody else moves.
pub(super) fn read(file: &File, buf: &mut [u8]) -> io::Result<usize> {
    let nowait = |buf: &mut [u8]| file::read_nowait(file.as_fd(), &mut [IoSliceMut::new(buf)]);
    let is_at_end = |_| Some((&*file).stream_position().ok()? >= file.metadata().ok()?.len());
    let on_pool = |buf: &mut [u8], _| (&*file).read(buf);
    read_by(buf, |buf, _| nowait(buf), is_at_end, on_pool)
}

/// As `pread(2)`.
pub(super) fn read_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    let position = |count: usize| offset.saturating_add(count as u64);
    let nowait = |buf: &mut [u8], count| file::read_nowait_at(file.as_fd(), buf, position(count));
    let is_at_end = |count| Some(position(count) >= file.metadata().ok()?.len());
    let on_pool = |buf: &mut [u8], count| file.read_at(buf, position(count));
    read_by(buf, nowait, is_at_end, on_pool)
}

/// Both are called with the rest of the buffer, and how much was read before.
fn read_by(
    buf: &mut [u8],
    nowait: impl Fn(&mut [u8], usize) -> io::Result<usize>,
    is_at_end: impl Fn(usize) -> Option<bool>,
    on_pool: impl Fn(&mut [u8], usize) -> io::Result<usize> + Sync,
) -> io::Result<usize> {
    if may_block() || buf.len() > BYTES_MAX {
        return lend(Lane::Brief, || on_pool(buf, 0));
    }
    interrupt::check();
    spend_budget_by(
        READ_UNITS + KIB_UNITS * u32::try_from(buf.len() / 1024).expect("because it is at most 64"),
    );
    let count = match nowait(buf, 0) {
        Ok(count) if count == buf.len() => return Ok(count),
        Ok(count) => count,
        // Also what std shall put into words.
        Err(_) => return lend(Lane::Brief, || on_pool(buf, 0)),
    };
    // Subtle: Linux 5.9 and 5.10 may return 0 though there is more, so the length is asked.
    if is_at_end(count) == Some(true) {
        return Ok(count);
    }
    match try_lend(Lane::Brief, || on_pool(&mut buf[count..], count)) {
        Ok(Ok(more)) => Ok(count + more),
        // What was read is the caller's; the next call meets the error or the interrupt.
        Ok(Err(_)) | Err(Interrupted) if count != 0 => Ok(count),
        Ok(Err(error)) => Err(error),
        Err(Interrupted) => interrupt::raise(),
    }
}
