//! A standard stream without a buffer: the descriptor 0, 1 or 2, whatever it is at the time of the call.
//!
//! The program may put another file there at any time (`dup2`), so nothing about it is remembered: a
//! registration by number would go on hearing the old file. Each call tries first, which needs no
//! registration; if it would have to wait, it waits on a duplicate of its own, of the file that was
//! there when it was called, as `read(2)` does. A closed descriptor is an empty input and an output
//! that swallows everything, as in std.

use crate::io::descriptor::{Descriptor, READY_BYTES};
use crate::io::evented::Stop;
use crate::io::pieces;
use crate::park::interrupt;
use crate::park::pauses::Pauses;
use crate::sched::run::spend_budget;
use crate::sys::atomic::{AtomicU8, Ordering};
use crate::sys::clock::NEVER_NS;
use crate::sys::poll::Readiness;
use crate::sys::stdio::{Standard, is_closed};
use crate::sys::{file, poll, terminal};
use crate::task::WaitReason;
use crate::unblock::{Lane, try_lend};
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::BorrowedFd;

/// Between two questions, without a descriptor to wait on: how late input is seen then. Doubled, half the
/// system calls of a program that is in trouble already.
const PAUSE_NS_MIN: u64 = 1_000_000;
/// See [`PAUSE_NS_MIN`].
const PAUSE_NS_MAX: u64 = 20_000_000;

/// 1: the process exits. Nobody is there any more who could wake us, so calls block as they are.
static IS_EXITING: AtomicU8 = AtomicU8::new(0);

/// From now on nothing here parks.
pub(super) fn block_from_now_on() {
    // Relaxed: it matters to the thread that sets it; others may find out late.
    IS_EXITING.store(1, Ordering::Relaxed);
}

fn is_exiting() -> bool {
    IS_EXITING.load(Ordering::Relaxed) != 0
}

/// One of the three, unbuffered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raw(pub(super) Standard);

impl Raw {
    fn fill(self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        if is_exiting() {
            return file::read(self.0.fd(), bufs);
        }
        enter();
        match file::read_nowait(self.0.fd(), bufs) {
            Err(error) if has_to_wait(&error) => {}
            done => return done,
        }
        match self.duplicate() {
            Some(file) => file?.read_vectored(bufs),
            None => self
                .once_ready(Readiness::Readable, |fd| file::read(fd, bufs))
                .map_err(Stop::into_error),
        }
    }

    fn drain(self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        if is_exiting() {
            return file::write(self.0.fd(), bufs);
        }
        enter();
        let total = bufs
            .iter()
            .fold(0usize, |sum, buf| sum.saturating_add(buf.len()));
        let written = match file::write_nowait(self.0.fd(), bufs) {
            Err(error) if has_to_wait(&error) => 0,
            Ok(written) if written < total => written,
            done => return done,
        };
        let mut rest = bufs.to_vec();
        let mut rest = &mut rest[..];
        IoSlice::advance_slices(&mut rest, written);
        match self.drain_slowly(rest) {
            Ok(more) => Ok(written + more),
            // Progress wins: the next call meets the error or the interrupt.
            Err(_) if written > 0 => Ok(written),
            Err(stop) => Err(stop.into_error()),
        }
    }

    fn drain_slowly(self, bufs: &[IoSlice<'_>]) -> Result<usize, Stop> {
        match self.duplicate() {
            Some(file) => file?.try_write_vectored(bufs),
            // The rest is the next call's.
            None => {
                let piece = pieces::front(bufs, READY_BYTES);
                self.once_ready(Readiness::Writable, |fd| file::write(fd, &piece))
            }
        }
    }

    /// The process has no descriptor left to wait on: asks now and then, and runs `call` on the pool when
    /// the file is ready, so that cancels and timeouts are heard meanwhile.
    fn once_ready(
        self,
        what: Readiness,
        mut call: impl FnMut(BorrowedFd<'_>) -> io::Result<usize> + Send,
    ) -> Result<usize, Stop> {
        let fd = self.0.fd();
        let is_ready = || match what {
            Readiness::Readable if terminal::answers_without_input(fd) => Ok(true),
            _ => poll::is_ready(fd, what),
        };
        let reason = match what {
            Readiness::Readable => WaitReason::Readable(self.0.number()),
            Readiness::Writable => WaitReason::Writable(self.0.number()),
        };
        let mut pauses = Pauses::new(PAUSE_NS_MIN, PAUSE_NS_MAX);
        loop {
            if is_ready()? {
                let outcome = try_lend(Lane::Long, || match is_ready()? {
                    true => call(fd).map(Some),
                    false => Ok(None),
                })?;
                if let Some(count) = outcome? {
                    return Ok(count);
                }
            }
            pauses.pause(reason, NEVER_NS);
            if interrupt::is_pending() {
                return Err(Stop::Interrupted);
            }
        }
    }

    /// The file that is there now, to wait on. `None`: the process has no descriptor left.
    fn duplicate(self) -> Option<io::Result<Descriptor>> {
        match self.0.fd().try_clone_to_owned() {
            Ok(fd) => Some(Ok(Descriptor::adopt(fd))),
            Err(error) if is_closed(&error) => Some(Err(error)),
            Err(_) => None,
        }
    }
}

/// What every call begins with, as each does on a descriptor of ours.
fn enter() {
    interrupt::check();
    spend_budget();
}

fn has_to_wait(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Unsupported
    )
}

/// A closed descriptor does `instead`.
fn unless_closed(result: io::Result<usize>, instead: usize) -> io::Result<usize> {
    match result {
        Err(error) if is_closed(&error) => Ok(instead),
        result => result,
    }
}

impl Read for Raw {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.read_vectored(&mut [IoSliceMut::new(buf)])
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        unless_closed(self.fill(bufs), 0)
    }
}

impl Write for Raw {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let all = bufs.iter().map(|buf| buf.len()).sum();
        unless_closed(self.drain(bufs), all)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
