//! Waiting for the end of one child: its pidfd says when, std's `try_wait` says how, and reaps.
//!
//! ```text
//!   1. try_wait: ended? done           3. try_wait again: not ended? then the pidfd is the child's
//!   2. open the pidfd of the number    4. wait until it is readable; from 1
//! ```
//! *Race:* where `SIGCHLD` is ignored the kernel reaps by itself, so between 1 and 2 the number may have
//! become another process's. *Argument:* then step 3 says that there is no such child, an error, as std's
//! wait would; a number that is still our child's after step 2 was so during step 2.
//! Without a pidfd (an old kernel, no descriptor left), and for a child that has ended but is held by a
//! tracer, the child is asked again and again, with pauses that grow. Never touches other children.

use crate::io::evented::{Direction, Evented, Kind, Stop};
use crate::park::interrupt;
use crate::park::pauses::Pauses;
use crate::sys::clock::{NEVER_NS, now_ns};
use crate::sys::process;
use crate::task::WaitReason;
use std::io;
use std::process::{Child, ExitStatus};

/// First pause between two questions.
const PAUSE_MIN_NS: u64 = 1_000_000;
/// Longest pause: how late the end of such a child may be noticed.
const PAUSE_MAX_NS: u64 = 64_000_000;

/// How the end of a child is noticed.
#[derive(Debug)]
pub(super) enum Watch {
    /// Nobody has waited yet, or nobody needs to any more.
    None,
    Pidfd(Evented),
    /// Asking, after a pause.
    Asking(Pauses),
}

impl Watch {
    const ASKING: Watch = Watch::Asking(Pauses::new(PAUSE_MIN_NS, PAUSE_MAX_NS));

    /// `None`: not ended by `deadline_ns`. An interrupt takes nothing away: the next wait finds the end.
    pub(super) fn wait(
        &mut self,
        child: &mut Child,
        deadline_ns: u64,
    ) -> Result<Option<ExitStatus>, Stop> {
        loop {
            if interrupt::is_pending() {
                return Err(Stop::Interrupted);
            }
            if let Some(status) = child.try_wait()? {
                *self = Watch::None;
                return Ok(Some(status));
            }
            if deadline_ns != NEVER_NS && now_ns() >= deadline_ns {
                return Ok(None);
            }
            self.pause(child.id(), deadline_ns)?;
        }
    }

    /// Until there is a reason to ask again.
    fn pause(&mut self, pid: u32, deadline_ns: u64) -> Result<(), Stop> {
        match self {
            Watch::None => {
                *self = match process::open(pid) {
                    Ok(fd) => Watch::Pidfd(Evented::new(fd, Kind::Stream)),
                    Err(_) => Watch::ASKING,
                };
            }
            Watch::Pidfd(pidfd) => {
                let reason = Some(WaitReason::Child(pid));
                match pidfd.try_wait_as(Direction::Read, reason, deadline_ns) {
                    Err(Stop::Interrupted) => return Err(Stop::Interrupted),
                    Err(Stop::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {}
                    // Its end, which the next question finds, unless a tracer has it first. Or no epoll
                    // takes the pidfd.
                    Ok(()) | Err(Stop::Io(_)) => *self = Watch::ASKING,
                }
            }
            Watch::Asking(pauses) => pauses.pause(WaitReason::Child(pid), deadline_ns),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::clock::deadline_after;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    fn ended(watch: &mut Watch, child: &mut Child, deadline_ns: u64) -> Option<ExitStatus> {
        watch
            .wait(child, deadline_ns)
            .map_err(Stop::into_error)
            .unwrap()
    }

    fn asks_until_the_end() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let mut watch = Watch::ASKING;
        let soon_ns = deadline_after(Duration::from_millis(10));
        assert_eq!(ended(&mut watch, &mut child, soon_ns), None);
        assert!(matches!(watch, Watch::Asking(_)));
        drop(child.stdin.take());
        assert!(ended(&mut watch, &mut child, NEVER_NS).unwrap().success());
        assert!(matches!(watch, Watch::None));
    }

    #[test]
    fn child_without_a_pidfd_is_asked_until_it_ends() {
        asks_until_the_end();
        crate::run(asks_until_the_end);
    }

    #[test]
    fn child_with_a_pidfd_is_asked_when_it_has_ended() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let mut watch = Watch::None;
        let soon_ns = deadline_after(Duration::from_millis(1));
        assert_eq!(ended(&mut watch, &mut child, soon_ns), None);
        assert!(matches!(watch, Watch::Pidfd(_)));
        drop(child.stdin.take());
        assert!(ended(&mut watch, &mut child, NEVER_NS).unwrap().success());
    }
}
