//! Reading standard output and standard error of a child to their ends, both at the same time.
//!
//! One after the other would hang: a child that floods the second waits for room in its pipe, and its
//! parent for the end of the first. No helper thread: whichever is ready is read, a green thread by a
//! select over both, an OS thread by `poll(2)`. A stream ends when nobody has its other end any more, be
//! it a grandchild.

use super::{ChildStderr, ChildStdout};
use crate::io::arm::ReadyArm;
use crate::io::descriptor::Descriptor;
use crate::io::evented::{Direction, Evented, Stop, is_unpollable};
use crate::park::choose::{Order, Patience, choose};
use crate::park::interrupt;
use crate::park::wait_list::{Mask, Outcome};
use crate::sched::current;
use crate::sys::clock::NEVER_NS;
use crate::sys::poll;
use std::io;

/// As much as a pipe holds by default, pipe(7). Doubling it saves a call for pipes that were enlarged.
const PIECE_BYTES: usize = 64 << 10;

/// Parks until both streams have ended. Unwinds for an interrupt; what was read is lost then.
pub(super) fn to_the_end(
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
) -> io::Result<(Vec<u8>, Vec<u8>)> {
    if stdout.is_none() && stderr.is_none() {
        return Ok((Vec::new(), Vec::new()));
    }
    let mut piece = vec![0; PIECE_BYTES];
    let mut out = Stream::of(stdout.as_ref().map(ChildStdout::descriptor));
    let mut err = Stream::of(stderr.as_ref().map(ChildStderr::descriptor));
    loop {
        let next = match (out.open, err.open) {
            (Some(first), Some(second)) => match either(first.evented(), second.evented())? {
                0 => &mut out,
                _ => &mut err,
            },
            (Some(_), None) => &mut out,
            (None, Some(_)) => &mut err,
            (None, None) => return Ok((out.bytes, err.bytes)),
        };
        next.read(&mut piece)?;
    }
}

struct Stream<'a> {
    /// Until its end.
    open: Option<&'a Descriptor>,
    bytes: Vec<u8>,
}

impl<'a> Stream<'a> {
    fn of(open: Option<&'a Descriptor>) -> Stream<'a> {
        Stream {
            open,
            bytes: Vec::new(),
        }
    }

    fn read(&mut self, piece: &mut [u8]) -> io::Result<()> {
        let count = self.open.map_or(Ok(0), |open| open.read(piece))?;
        self.bytes.extend_from_slice(&piece[..count]);
        if count == 0 {
            self.open = None;
        }
        Ok(())
    }
}

/// Parks until one of two is readable; which. What cannot be polled never keeps anybody waiting.
fn either(first: &Evented, second: &Evented) -> io::Result<usize> {
    if current::task().is_none() {
        return poll_either(first, second).map_err(Stop::into_error);
    }
    let mut arms = [first, second].map(|evented| ReadyArm::new(evented, Direction::Read));
    let [one, other] = &mut arms;
    match choose(&mut [one, other], Order::Fair, Patience::Until(NEVER_NS)) {
        Outcome::Ready(winner) => {
            let [one, other] = arms;
            let won = if winner == 0 { one } else { other };
            match won.outcome() {
                Err(error) if !is_unpollable(&error) => Err(error),
                _ => Ok(winner),
            }
        }
        Outcome::Interrupted => interrupt::raise(),
        Outcome::TimedOut => unreachable!("there is no limit to the wait"),
    }
}

/// An OS thread's wait.
fn poll_either(first: &Evented, second: &Evented) -> Result<usize, Stop> {
    interrupt::assert_may_park();
    loop {
        if interrupt::is_pending() {
            return Err(Stop::Interrupted);
        }
        let until_ns = interrupt::enter_park(Mask::Open);
        if let Some(ready) = poll::wait_either([first.as_fd(), second.as_fd()], until_ns)? {
            return Ok(ready);
        }
    }
}
