//! One greenlet, without its type: its strand, its state, its parent.
//!
//! Counted by `Rc`: the last handle to go unwinds a suspended body, in its owner; elsewhere its stack leaks.

use super::GreenletExit;
use super::family::{self, Desk, Message};
use crate::compat::strand::{self, Locks, Strand};
use crate::context::fiber::{Fiber, Step};
use crate::context::stack::StackSize;
use crate::park::panics::raise_thrown;
use crate::sched::current;
use std::any::TypeId;
use std::cell::{Cell, RefCell};
use std::io;
use std::panic::{self, AssertUnwindSafe, Location};
use std::ptr;
use std::rc::Rc;
use std::thread;

/// Where a greenlet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Created,
    /// It has switched to another and will be switched to again; also the main one, while another runs.
    Suspended,
    Running,
    Dead,
}

pub(super) struct Node {
    /// Who made it; nobody else switches to it.
    pub(super) owner: u64,
    /// Where it was made.
    pub(super) locks: Locks,
    /// What it carries; `None` is the main greenlet, which is whoever made the others and has no type.
    pub(super) carries: Option<TypeId>,
    pub(super) state: Cell<State>,
    /// Nobody holds a handle any more.
    pub(super) is_dying: bool,
    /// Who goes on when this one ends. The main greenlet has none.
    pub(super) parent: RefCell<Option<Rc<Node>>>,
    pub(super) made_at: &'static Location<'static>,
    strand: Cell<Option<Strand>>,
    /// Set as the strand begins.
    fiber: Cell<Option<Fiber>>,
}

impl Node {
    /// Whoever is there without having been made.
    pub(super) fn main(owner: u64) -> Node {
        Node::unmade(owner, None, false)
    }

    fn unmade(owner: u64, carries: Option<TypeId>, is_dying: bool) -> Node {
        Node {
            owner,
            locks: Locks::now(),
            carries,
            state: Cell::new(State::Running),
            is_dying,
            parent: RefCell::new(None),
            made_at: Location::caller(),
            strand: Cell::new(None),
            fiber: Cell::new(None),
        }
    }

    /// A greenlet that will run `body`.
    ///
    /// # Errors
    /// No stack, or an OS thread at its end.
    #[expect(unsafe_code, reason = "makes a strand whose body borrows nothing")]
    pub(super) fn new<T: 'static>(
        size: StackSize,
        parent: Rc<Node>,
        made_at: &'static Location<'static>,
        body: impl FnOnce(T) -> T + 'static,
    ) -> io::Result<Rc<Node>> {
        let owner = current::prepare_strands()?;
        let first = move |fiber: Fiber| {
            let run = AssertUnwindSafe(move || match Desk::receive(fiber) {
                Message::Value(value) => body(value),
                Message::Raise(payload) => raise_thrown(payload),
                Message::Exited => panic::resume_unwind(Box::new(GreenletExit::begin())),
            });
            let outcome = match panic::catch_unwind(run) {
                Ok(value) => Message::Value(value),
                Err(payload) if payload.is::<GreenletExit>() => Message::Exited,
                Err(payload) => Message::Raise(payload),
            };
            Desk::leave(fiber, outcome);
        };
        // SAFETY: 'static throughout; `first` catches what unwinds.
        let strand = unsafe { Strand::new(size, strand::owner_of(owner, made_at), first) }?;
        Ok(Rc::new(Node {
            owner,
            locks: Locks::now(),
            carries: Some(TypeId::of::<T>()),
            state: Cell::new(State::Created),
            is_dying: false,
            parent: RefCell::new(Some(parent)),
            made_at,
            fiber: Cell::new(Some(strand.fiber())),
            strand: Cell::new(Some(strand)),
        }))
    }

    pub(super) fn is_main(&self) -> bool {
        self.carries.is_none()
    }

    /// Runs it until it switches away or ends.
    ///
    /// # Safety
    /// It is created or suspended, and whoever runs this owns it. The desk is of the type that it carries.
    #[expect(unsafe_code, reason = "resumes a strand")]
    pub(super) unsafe fn resume(&self, desk: &Desk) -> Step {
        let mut strand = self
            .strand
            .take()
            .expect("because a greenlet that is alive and does not run has its strand");
        self.state.set(State::Running);
        let context = current::context();
        // SAFETY: of whoever runs this.
        let context = unsafe { &*context };
        let mail = ptr::from_ref(desk).cast_mut().cast();
        // SAFETY: the caller's contract; the strand was here, so it neither runs nor has ended.
        let step = unsafe { strand.resume(context, mail) };
        match step {
            Step::Suspended => {
                self.state.set(State::Suspended);
                self.strand.set(Some(strand));
            }
            Step::Finished => {
                self.state.set(State::Dead);
                // SAFETY: just seen.
                unsafe { strand.finish() };
            }
        }
        step
    }

    /// What it suspends by, once it runs. Whoever suspends keeps no `Rc` of it meanwhile: it would never be
    /// dropped.
    pub(super) fn fiber(&self) -> Fiber {
        self.fiber
            .get()
            .expect("because only those that were made are suspended")
    }

    /// The next that lives, upwards; it is the parent from now on, so that nobody passes the dead again.
    pub(super) fn living_parent(&self) -> Option<Rc<Node>> {
        let mut next = self.parent.borrow().clone();
        while let Some(node) = next.take_if(|node| node.state.get() == State::Dead) {
            next = node.parent.borrow().clone();
        }
        // Only the dead are let go of, whose destructors run no user code.
        self.parent.replace(next.clone());
        next
    }

    /// Unwinds the body of a greenlet that nobody can switch to any more, where it stands.
    #[expect(unsafe_code, reason = "resumes a strand")]
    fn unwind(&self) {
        let was_panicking = thread::panicking();
        // Nobody looks into it: the outcome of one that was told to end is dropped.
        let desk = Desk::of_exit();
        // Whoever asks finds a greenlet that may not switch.
        let dying = Rc::new(Node::unmade(self.owner, self.carries, true));
        dying.parent.replace(self.parent.borrow().clone());
        let before = family::replace_current(Some(Rc::clone(&dying)));
        // SAFETY: the caller has compared the owner; it is suspended. The desk brings and takes nothing of
        // the greenlet's type.
        let step = unsafe { self.resume(&desk) };
        drop(family::replace_current(before));
        // The body may have kept a handle, or made others whose parent it is.
        dying.state.set(State::Dead);
        match (step, desk.take_panic()) {
            (Step::Suspended, _) => log::error!(
                "greenlet made at {} switches while it is unwound; its stack is leaked",
                self.made_at
            ),
            (Step::Finished, Some(payload)) if !was_panicking => panic::resume_unwind(payload),
            (Step::Finished, _) => {}
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
        // One by one: a chain of greenlets that only their children hold would overflow the stack.
        let mut next = self.parent.take();
        while let Some(mut node) = next {
            next = Rc::get_mut(&mut node).and_then(|last| last.parent.take());
        }
    }
}

impl Node {
    #[expect(unsafe_code, reason = "discards a strand")]
    fn end(&mut self) {
        let is_owner = self.owner == current::strand_owner() && self.locks == Locks::now();
        match self.state.get() {
            State::Created if is_owner => {
                if let Some(strand) = self.strand.take() {
                    // SAFETY: the state says that it was never resumed.
                    unsafe { strand.discard() };
                }
            }
            State::Suspended if is_owner && !self.is_main() && cfg!(panic = "unwind") => {
                self.unwind();
            }
            State::Created | State::Suspended if !self.is_main() => log::debug!(
                "greenlet made at {}, dropped by another than its owner, or under a queue's lock: its \
                 stack is leaked",
                self.made_at
            ),
            _ => {}
        }
    }
}
