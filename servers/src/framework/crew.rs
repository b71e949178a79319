//! Green threads that take clients from one source, as many as there are, and serve each before the next.
//!
//! A member waits (in `accept`, or for a datagram) or works. Steps of a member: 1. under the lock: take the
//! source, wait; 2. accept; 3. under the lock: no longer waiting, is there still a source? 4. give back the
//! source, serve. Steps of `stop`: a. under the lock: take the source away, cancel all who wait.
//! Race: `stop` comes between 2 and 3. The member is cancelled with a client in its hands; in 3 it finds no
//! source, drops the client, which might as well have stayed in the kernel's queue, and leaves. So whoever
//! serves is never cancelled by `stop`, and has the whole grace. Tests: `shutdown_races_*`.

use super::life::unharmed;
use greenroom::sync::Event;
use greenroom::thread::{Builder, JoinHandle};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long `finish` waits for members that it has cancelled; as `greenroom::net::serve` does.
const UNWIND_LIMIT: Duration = Duration::from_secs(5);

/// Members, and their source `S`.
#[derive(Debug)]
pub(crate) struct Crew<S> {
    inside: Mutex<Inside<S>>,
    /// Set while there are no members.
    is_empty: Event,
}

#[derive(Debug)]
struct Inside<S> {
    /// None: no more clients are taken.
    source: Option<Arc<S>>,
    members: Vec<Option<Member>>,
    free: Vec<usize>,
    /// How many members there have been.
    serial: u64,
}

#[derive(Debug)]
struct Member {
    serial: u64,
    /// None at the very beginning.
    handle: Option<JoinHandle<()>>,
    is_waiting: bool,
    is_cancelled: bool,
}

/// One member's place. Its drop is the member's end.
#[derive(Debug)]
pub(crate) struct Seat<S> {
    crew: Arc<Crew<S>>,
    index: usize,
    serial: u64,
}

impl Member {
    fn cancel(&mut self) {
        self.is_cancelled = true;
        if let Some(handle) = &self.handle {
            handle.cancel();
        }
    }
}

impl<S> Inside<S> {
    fn is_empty(&self) -> bool {
        self.members.len() == self.free.len()
    }

    fn member(&mut self, index: usize) -> &mut Member {
        self.members[index]
            .as_mut()
            .expect("because a seat is held")
    }
}

impl<S: Send + Sync + 'static> Crew<S> {
    pub(crate) fn new(source: S) -> Arc<Crew<S>> {
        let is_empty = Event::new();
        is_empty.set();
        Arc::new(Crew {
            inside: Mutex::new(Inside {
                source: Some(Arc::new(source)),
                members: Vec::new(),
                free: Vec::new(),
                serial: 0,
            }),
            is_empty,
        })
    }

    // std's mutex: nothing parks under it.
    fn lock(&self) -> MutexGuard<'_, Inside<S>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another member.
    ///
    /// # Errors
    /// No stack.
    pub(crate) fn spawn(
        self: &Arc<Crew<S>>,
        body: impl FnOnce(Seat<S>) + Send + 'static,
    ) -> io::Result<()> {
        let seat = self.seat();
        let (index, serial) = (seat.index, seat.serial);
        let handle = Builder::new().spawn(move || body(seat))?;
        let mut inside = self.lock();
        // It may have left already, and its place be another's.
        if let Some(member) = &mut inside.members[index]
            && member.serial == serial
        {
            if member.is_cancelled {
                handle.cancel();
            }
            member.handle = Some(handle);
        }
        Ok(())
    }

    fn seat(self: &Arc<Crew<S>>) -> Seat<S> {
        let mut inside = self.lock();
        if inside.is_empty() {
            self.is_empty.clear();
        }
        let index = inside.free.pop().unwrap_or(inside.members.len());
        if index == inside.members.len() {
            inside.members.push(None);
        }
        inside.serial += 1;
        let serial = inside.serial;
        inside.members[index] = Some(Member {
            serial,
            handle: None,
            is_waiting: false,
            is_cancelled: false,
        });
        Seat {
            crew: Arc::clone(self),
            index,
            serial,
        }
    }

    /// From now on nobody takes a client. Never parks.
    pub(crate) fn stop(&self) {
        let mut inside = self.lock();
        let source = inside.source.take();
        let members = inside.members.iter_mut().flatten();
        members
            .filter(|member| member.is_waiting)
            .for_each(Member::cancel);
        drop(inside);
        drop(source);
    }

    /// Stops, waits at most `grace` for those who work, cancels them and waits for their ends. Parks.
    pub(crate) fn finish(&self, grace: Duration) {
        self.stop();
        if self.is_empty.wait_timeout(grace) {
            return;
        }
        let mut inside = self.lock();
        inside.members.iter_mut().flatten().for_each(Member::cancel);
        drop(inside);
        if !self.is_empty.wait_timeout(UNWIND_LIMIT) {
            log::warn!("handlers that were cancelled go on");
        }
    }
}

impl<S: Send + Sync + 'static> Seat<S> {
    /// The member will wait, and may be cancelled. `None`: it is to leave.
    pub(crate) fn begin_wait(&self) -> Option<Arc<S>> {
        let mut inside = self.crew.lock();
        let source = inside.source.clone()?;
        inside.member(self.index).is_waiting = true;
        Some(source)
    }

    /// The member has got a client. `false`: it is to drop it, and leave.
    pub(crate) fn end_wait(&self) -> bool {
        let mut inside = self.crew.lock();
        inside.member(self.index).is_waiting = false;
        inside.source.is_some()
    }

    /// Serves one, and lets nothing out of it but a cancellation of this member: whatever else a handler unwinds
    /// with (an interrupt that it has caught and thrown again elsewhere, say) must not make the crew smaller.
    pub(crate) fn serve(&self, work: impl FnOnce()) {
        let Err(payload) = catch_unwind(AssertUnwindSafe(work)) else {
            return;
        };
        if self.crew.lock().member(self.index).is_cancelled {
            resume_unwind(payload);
        }
        if !greenroom::is_interrupt(payload.as_ref()) {
            unharmed(|| drop(payload));
        }
    }

    /// Everybody's crew.
    pub(crate) fn crew(&self) -> &Arc<Crew<S>> {
        &self.crew
    }
}

impl<S> Drop for Seat<S> {
    fn drop(&mut self) {
        let crew = &self.crew;
        let mut inside = crew.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let member = inside.members[self.index].take();
        inside.free.push(self.index);
        // Under the lock, as `clear` is: else a new member's might come first.
        if inside.is_empty() {
            crew.is_empty.set();
        }
        drop(inside);
        drop(member);
    }
}
