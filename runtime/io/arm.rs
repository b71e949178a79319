//! A descriptor as an arm of a select: "is readable", "is writable", at the kernel's word.
//!
//! The gate is the source's lock. What needs system calls (asking the kernel, registering) is done
//! before any gate is taken; if an event has come, or the registration has gone, by the time the gates
//! are held, the select begins again. An OS thread has no epoll of its own: it registers with the least
//! loaded worker of the global runtime, whose events wake it by futex.

use super::evented::{Direction, Evented};
use crate::global::global;
use crate::park::choose::{Arm, Attempt, Patience};
use crate::sched::{current, enqueue, place};
use crate::sys::lock::Gate;
use crate::task::wait_queue::{Claimed, WaitQueue};
use std::io;
use std::os::fd::AsRawFd;

/// Waits until `evented` is ready.
#[derive(Debug)]
pub(crate) struct ReadyArm<'a> {
    evented: &'a Evented,
    direction: Direction,
    /// What the kernel said, if it was an error.
    error: Option<io::Error>,
}

impl<'a> ReadyArm<'a> {
    pub(crate) fn new(evented: &'a Evented, direction: Direction) -> ReadyArm<'a> {
        ReadyArm {
            evented,
            direction,
            error: None,
        }
    }

    /// After the arm has won.
    pub(crate) fn outcome(self) -> io::Result<()> {
        self.error.map_or(Ok(()), Err)
    }

    /// `true`: ready, or failed, which is worth waking up for too.
    fn settles(&mut self, result: io::Result<bool>) -> bool {
        result.unwrap_or_else(|error| {
            self.error = Some(error);
            true
        })
    }

    fn register(&self) -> io::Result<()> {
        let here = match current::worker() {
            Some(worker) if current::task().is_some() => &worker.shared.poller,
            _ => &place::least_loaded(global()).poller,
        };
        let raw = self.evented.as_fd().as_raw_fd();
        let mut stranded = Vec::new();
        let result =
            self.evented
                .source()
                .prepare(here, raw, self.evented.interest(), &mut stranded);
        stranded.into_iter().for_each(enqueue);
        result
    }
}

impl Arm for ReadyArm<'_> {
    fn gate(&self) -> Option<&dyn Gate> {
        Some(self.evented.source().waiters())
    }

    fn prepare(&mut self, patience: Patience) -> bool {
        // Registered before the look: an event after the look is then heard.
        if let Err(error) = self.register() {
            return self.settles(Err(error));
        }
        // A set bit may be stale, so the kernel is asked. A cleared one is trusted by those who wait: the
        // event will come. Who does not wait may never let the worker see it, and asks in any case.
        let seen = self.evented.source().ready.snapshot();
        if patience != Patience::None && !seen.is_ready(self.direction) {
            return false;
        }
        let result = self.evented.probe(self.direction);
        self.settles(result)
    }

    #[expect(unsafe_code, reason = "the engine holds the gate, without a guard")]
    fn attempt(&mut self, _wakes: &mut Vec<Claimed>) -> Attempt {
        let source = self.evented.source();
        // SAFETY: called with the gate held; the reference ends with the expression.
        let is_registered = unsafe { &*source.waiters().as_ptr() }.is_registered();
        if is_registered && !source.ready.snapshot().is_ready(self.direction) {
            Attempt::NotReady
        } else {
            Attempt::Again
        }
    }

    #[expect(unsafe_code, reason = "the engine holds the gate, without a guard")]
    fn with_queue(&self, body: &mut dyn FnMut(&mut WaitQueue)) {
        let waiters = self.evented.source().waiters().as_ptr();
        // SAFETY: called with the gate held, and the reference ends with the call.
        body(unsafe { &mut *waiters }.queue(self.direction));
    }

    fn accept(&mut self) -> bool {
        let result = self.evented.probe(self.direction);
        self.settles(result)
    }
}
