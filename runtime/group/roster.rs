//! The state behind a group and a pool: who is a member, how much room there is, who waits for either.
//!
//! ```text
//!   spawn                                       a member's end (task/watch)
//!   1. room? take it. None? queue up: whoever   1. lock; off the list; not there? done
//!      gives room back hands it over            2. hand its room to the first who waits, or keep it
//!   2. spawn; lock; on the list; unlock         3. was it the last? take all who join; unlock
//!   3. watch the member                         4. wake them
//! ```
//! *Race:* a member ends before step 2 or 3 of its spawn. Nobody has watched it, so nobody took it off;
//! step 3 finds it ended and runs the end itself. A member that runs before step 2 puts itself on the
//! list. It is there once, and its room goes back with it, so the end may be told twice: by the watch,
//! and by a join that saw it first.
//! *Bound:* room is free, or with one who was handed it, or with a member. So there are never more members
//! than room, and while somebody waits none is free: first come, first served.
//! *Cancelled* after it was handed the room, a spawn passes it on.
//! The list holds references to slots, the report texts: nothing of the user's is dropped under the lock
//! or on a worker's stack.

use super::member::{Body, Member};
use super::report::{Failure, Report};
use crate::park::interrupt;
use crate::park::wait_list::{self, Gift, Wait, Why};
use crate::sched::current;
use crate::sched::run::spend_budget;
use crate::sys::lock::Lock;
use crate::task::reason::{Address, At};
use crate::task::wait_queue::{Claimed, WaitQueue};
use crate::task::watch::Watcher;
use crate::task::{Header, TaskRef, WaitReason};
use crate::thread::{Builder, CancelOutcome, ThreadId, cancel, watch};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ptr;
use std::sync::Arc;

/// The size of a group.
pub(super) const UNBOUNDED: usize = usize::MAX;

/// See the module.
pub(super) struct Roster {
    size: usize,
    state: Lock<State>,
}

struct State {
    /// By id, so in the order of their spawns.
    members: BTreeMap<u64, TaskRef>,
    free: usize,
    /// Who waits for room.
    spawners: WaitQueue,
    /// Who waits for the last member's end.
    joiners: WaitQueue,
    report: Report,
}

impl State {
    fn is_mine(&self) -> bool {
        current::task().is_some_and(|task| self.members.contains_key(&task.id()))
    }

    fn give_back(&mut self) -> Option<Claimed> {
        let claimed = self.spawners.take_first();
        if claimed.is_none() {
            self.free += 1;
        }
        claimed
    }
}

impl Roster {
    pub(super) fn new(size: usize) -> Arc<Roster> {
        let state = State {
            members: BTreeMap::new(),
            free: size,
            spawners: WaitQueue::new(),
            joiners: WaitQueue::new(),
            report: Report::default(),
        };
        Arc::new(Roster {
            size,
            state: Lock::new(state),
        })
    }

    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().members.len()
    }

    pub(super) fn free(&self) -> usize {
        self.state.lock().free
    }

    fn wait_until(&self, deadline_ns: u64, what: At) -> Wait {
        Wait::until(deadline_ns, WaitReason::At(what, Address::of(self)))
    }

    /// Step 1 of a spawn. `None`: the time was up. Unwinds for an interrupt.
    pub(super) fn room(self: &Arc<Self>, deadline_ns: u64) -> Option<Room> {
        interrupt::check();
        spend_budget();
        let mut state = self.state.lock();
        if state.free > 0 {
            state.free -= 1;
            drop(state);
            return Some(Room::of(self));
        }
        let wait = self.wait_until(deadline_ns, At::Room);
        match wait_list::wait_given(
            &self.state,
            state,
            |state| &mut state.spawners,
            ptr::null_mut(),
            wait,
        ) {
            Gift::Given => {
                let room = Room::of(self);
                if interrupt::is_pending() {
                    drop(room);
                    interrupt::raise();
                }
                Some(room)
            }
            Gift::Withdrawn(why, state) => {
                drop(state);
                if why == Why::Interrupted {
                    interrupt::raise();
                }
                None
            }
        }
    }

    /// Room, if there is some now.
    pub(super) fn try_room(self: &Arc<Self>) -> Option<Room> {
        let mut state = self.state.lock();
        state.free = state.free.checked_sub(1)?;
        drop(state);
        Some(Room::of(self))
    }

    /// Steps 2 and 3 of a spawn.
    ///
    /// # Errors
    /// As [`Builder::spawn`].
    #[track_caller]
    pub(super) fn spawn<F, T>(
        self: &Arc<Self>,
        room: Room,
        builder: Builder,
        f: F,
    ) -> io::Result<Member<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let body = Body::new(f, Arc::clone(self));
        let handle = builder.spawn(move || body.run())?;
        let task = handle.task();
        self.enlist(task.header());
        room.taken();
        let watcher = Arc::clone(self) as Arc<dyn Watcher>;
        watch(task, watcher, task.header().id());
        Ok(Member::new(handle, Arc::clone(self)))
    }

    /// Puts a task on the list, if it is not there.
    pub(super) fn enlist(&self, task: &Header) {
        let mut state = self.state.lock();
        let place = state.members.entry(task.id());
        place.or_insert_with(|| TaskRef::of(task));
    }

    /// Whether the green thread that runs this is a member.
    pub(super) fn is_mine(&self) -> bool {
        self.state.lock().is_mine()
    }

    /// Waits until there is no member. `None`: the time was up. Unwinds for an interrupt.
    #[track_caller]
    pub(super) fn join(&self, deadline_ns: u64) -> Option<Report> {
        interrupt::check();
        let state = self.state.lock();
        if state.members.is_empty() {
            drop(state);
            return Some(self.take_report());
        }
        if state.is_mine() {
            drop(state);
            panic!("a member cannot join its own group: it would wait for itself");
        }
        let wait = self.wait_until(deadline_ns, At::Group);
        match wait_list::wait_given(
            &self.state,
            state,
            |state| &mut state.joiners,
            ptr::null_mut(),
            wait,
        ) {
            Gift::Given => Some(self.take_report()),
            Gift::Withdrawn(why, state) => {
                drop(state);
                if why == Why::Interrupted {
                    interrupt::raise();
                }
                None
            }
        }
    }

    /// The report, if there is no member.
    pub(super) fn try_join(&self) -> Option<Report> {
        (self.len() == 0).then(|| self.take_report())
    }

    fn take_report(&self) -> Report {
        std::mem::take(&mut self.state.lock().report)
    }

    /// The member that runs this has panicked.
    pub(super) fn failed(&self, failure: Failure) {
        self.state.lock().report.add(failure);
    }

    /// Somebody has the panic of this member from its handle.
    pub(super) fn handled(&self, id: ThreadId) {
        let _removed = self.state.lock().report.remove(id);
    }

    /// Asks every member to end. Returns how many had not ended.
    pub(super) fn cancel(&self) -> usize {
        let members: Vec<TaskRef> = self.state.lock().members.values().cloned().collect();
        let asked = |task: &&TaskRef| cancel(task) == CancelOutcome::Requested;
        members.iter().filter(asked).count()
    }
}

impl Watcher for Roster {
    fn ended(&self, id: u64) {
        let mut woken = Vec::new();
        let _member = {
            let mut state = self.state.lock();
            let Some(member) = state.members.remove(&id) else {
                return;
            };
            woken.extend(state.give_back());
            if state.members.is_empty() {
                while let Some(joiner) = state.joiners.take_first() {
                    woken.push(joiner);
                }
            }
            member
        };
        woken.into_iter().for_each(wait_list::wake);
    }
}

/// Room for one member; given back when it is dropped.
pub(super) struct Room {
    roster: Option<Arc<Roster>>,
}

impl Room {
    fn of(roster: &Arc<Roster>) -> Room {
        Room {
            roster: Some(Arc::clone(roster)),
        }
    }

    /// A member has it now.
    fn taken(mut self) {
        self.roster = None;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if let Some(roster) = self.roster.take() {
            let claimed = roster.state.lock().give_back();
            claimed.into_iter().for_each(wait_list::wake);
        }
    }
}

impl Roster {
    /// Shows the state under the name of its face; never blocks.
    pub(super) fn fmt_as(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct(name);
        if self.size != UNBOUNDED {
            text.field("size", &self.size);
        }
        // Taken down first: the formatter may be the user's, and does not write under the lock.
        let seen = self.state.try_lock().map(|state| {
            let waiting = (state.spawners.len(), state.joiners.len());
            (state.members.len(), waiting, state.report.count())
        });
        match seen {
            Some((members, (spawning, joining), failures)) => text
                .field("members", &members)
                .field("spawning", &spawning)
                .field("joining", &joining)
                .field("failures", &failures),
            None => text.field("state", &format_args!("<locked>")),
        };
        text.finish()
    }
}
