//! The greenlets of one green thread or OS thread: who runs, and how they switch.
//!
//! Fibers go back to whoever resumed them, greenlets switch to each other. So all are resumed from one
//! loop, on the stack of the main greenlet: whoever is there without having been made.
//!
//! ```text
//!   main: g1.switch(v) ─► hub: resume g1 ◄─┐      g1: g2.switch(w): next = g2, suspend ─► hub: resume g2
//!                          next = main? ───┘ no   g2: main.switch(x), or its end ─────► hub returns x
//! ```
//! A value goes straight from the sender's frame to the receiver's: the sender is suspended, or a loop of
//! this file, until it is taken. All that take part carry one type, which is checked at each switch.
#![expect(unsafe_code, reason = "values go by pointer between suspended frames")]

use super::GreenletExit;
use super::error::Reason;
use super::node::{Node, State};
use crate::compat::strand::{Bar, Footing, Locks};
use crate::context::fiber::{Fiber, Step};
use crate::sched::current;
use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::ptr;
use std::rc::Rc;

/// What a switch brings.
pub(super) enum Message<T> {
    Value(T),
    /// To be raised in the receiver.
    Raise(Box<dyn Any + Send>),
    /// The one that went before has ended by `GreenletExit`, without a value.
    Exited,
}

/// What a greenlet that is resumed finds in its mailbox.
pub(super) struct Desk {
    /// `Cell<Option<Message<T>>>` in the frame of whoever switched; null: it is to end.
    message: *const (),
    /// `Cell<Option<Message<T>>>` in the hub's frame: for the outcome; null: nobody wants it.
    outcome: *const (),
    panic: RefCell<Option<Box<dyn Any + Send>>>,
    /// Who went before: the receiver lets go of it, after it has taken the message.
    previous: Cell<Option<Rc<Node>>>,
    footing: Footing,
}

impl Desk {
    fn new(message: *const (), outcome: *const (), previous: Option<Rc<Node>>) -> Desk {
        Desk {
            message,
            outcome,
            panic: RefCell::new(None),
            previous: Cell::new(previous),
            footing: current::with_context(Footing::new),
        }
    }

    /// For one that is to end.
    pub(super) fn of_exit() -> Desk {
        Desk::new(ptr::null(), ptr::null(), None)
    }

    /// How it ended, if it panicked and nobody wanted the outcome.
    pub(super) fn take_panic(&self) -> Option<Box<dyn Any + Send>> {
        self.panic.borrow_mut().take()
    }

    fn of<'a>(fiber: Fiber) -> &'a Desk {
        // SAFETY: it runs, so it is not finished.
        let mail = unsafe { fiber.mailbox() }.get();
        // SAFETY: greenlets are resumed with a desk that lives until they suspend or end; the callers
        // below do neither while they use it.
        unsafe { &*mail.cast::<Desk>() }
    }

    /// What the running greenlet of this fiber, which carries `T`, was brought.
    ///
    /// Lets go of whoever went before, in the receiver's name: if that was the last handle, its body unwinds
    /// here, and may do whatever its receiver may, but for switching away. Panics of it go on.
    pub(super) fn receive<T>(fiber: Fiber) -> Message<T> {
        let desk = Desk::of(fiber);
        let message = desk.message.cast::<Cell<Option<Message<T>>>>();
        let message = if message.is_null() {
            GreenletExit::message()
        } else {
            // SAFETY: the sender carries `T` too (checked at the switch), and waits beside the message.
            take(unsafe { &*message })
        };
        // The desk is not looked at any more.
        drop(desk.previous.take());
        message
    }

    /// The running greenlet of this fiber, which carries `T`, ends. Does not unwind.
    pub(super) fn leave<T>(fiber: Fiber, outcome: Message<T>) {
        let desk = Desk::of(fiber);
        let place = desk.outcome.cast::<Cell<Option<Message<T>>>>();
        if !place.is_null() {
            // SAFETY: the hub's type is that of all that it resumes.
            unsafe { &*place }.set(Some(outcome));
            return;
        }
        let panicked = match outcome {
            Message::Raise(payload) => Some(payload),
            unwanted => panic::catch_unwind(AssertUnwindSafe(|| drop(unwanted))).err(),
        };
        desk.panic.replace(panicked);
    }
}

fn take<T>(message: &Cell<Option<Message<T>>>) -> Message<T> {
    message
        .take()
        .expect("because whoever switches brings a message, which is taken once")
}

pub(super) struct Family {
    main: Rc<Node>,
    /// Who runs; the main one if `None`.
    current: RefCell<Option<Rc<Node>>>,
    /// Who runs next.
    next: RefCell<Option<Rc<Node>>>,
    /// What the next one is brought: a `Cell<Option<Message<T>>>`.
    message: Cell<*const ()>,
    /// What the main one waits for, while others run.
    main_carries: Cell<Option<TypeId>>,
}

crate::thread_local! {
    static FAMILY: Rc<Family> = Rc::new(Family {
        main: Rc::new(Node::main(current::strand_owner())),
        current: RefCell::new(None),
        next: RefCell::new(None),
        message: Cell::new(ptr::null()),
        main_carries: Cell::new(None),
    });
}

fn family() -> Result<Rc<Family>, Reason> {
    // The main node is its owner's, also on an OS thread that has made no strand yet.
    let _ = current::prepare_strands();
    FAMILY.try_with(Rc::clone).map_err(|_| Reason::Ending)
}

/// The running greenlet.
pub(super) fn running() -> Result<Rc<Node>, Reason> {
    let family = family()?;
    let running = family.current.borrow().clone();
    Ok(running.unwrap_or_else(|| Rc::clone(&family.main)))
}

/// Who counts as running; for the unwinding of one whose handles are gone.
pub(super) fn replace_current(node: Option<Rc<Node>>) -> Option<Rc<Node>> {
    family().ok()?.current.replace(node)
}

/// Whether the running greenlet may switch to `target` with a `T`.
pub(super) fn check<T: 'static>(target: &Node) -> Result<(), Reason> {
    if target.owner != current::strand_owner() {
        return Err(Reason::Foreign);
    }
    if target.state.get() == State::Dead {
        return Err(Reason::Dead);
    }
    let family = family()?;
    let running = running()?;
    if running.is_dying {
        return Err(Reason::Dying);
    }
    if !target.is_main() && target.locks != Locks::now() {
        return Err(Reason::Locked);
    }
    if !running.is_main() {
        Desk::of(running.fiber())
            .footing
            .check()
            .map_err(|bar| match bar {
                Bar::Locked => Reason::Locked,
                Bar::Unwinding => Reason::Unwinding,
            })?;
    }
    let carried = Some(TypeId::of::<T>());
    let is_carried = |node: &Node| match node.carries {
        Some(_) => node.carries == carried,
        // The main one takes what it is given, or has said what it waits for.
        None => ptr::eq(node, &*running) || family.main_carries.get() == carried,
    };
    if !is_carried(&running) || !is_carried(target) {
        return Err(Reason::OtherType);
    }
    Ok(())
}

/// Switches to `target`, which was [checked](check); returns when somebody switches back.
pub(super) fn switch<T: 'static>(
    target: &Rc<Node>,
    message: Message<T>,
) -> Result<Message<T>, Reason> {
    let family = family()?;
    let running = running()?;
    if Rc::ptr_eq(&running, target) {
        return Ok(message);
    }
    let message = Cell::new(Some(message));
    family.message.set((&raw const message).cast());
    family.next.replace(Some(Rc::clone(target)));
    if running.is_main() {
        return Ok(hub(&family));
    }
    let fiber = running.fiber();
    drop((family, running));
    // SAFETY: the running greenlet's: on its own stack, or on that of a strand which it has resumed and left
    // in the middle.
    unsafe { fiber.suspend() };
    Ok(Desk::receive(fiber))
}

/// While it lives, others than the main greenlet run.
struct Away<'a> {
    family: &'a Family,
    carries_before: Option<TypeId>,
}

impl<'a> Away<'a> {
    fn begin(family: &'a Family, carries: TypeId) -> Away<'a> {
        family.main.state.set(State::Suspended);
        Away {
            family,
            carries_before: family.main_carries.replace(Some(carries)),
        }
    }
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        self.family.main.state.set(State::Running);
        self.family.main_carries.set(self.carries_before);
        let last = self.family.current.take();
        // Runs user code, in the name of the main one, if this was the last handle.
        drop(last);
    }
}

/// Runs greenlets by turns until somebody switches to the main one. No user code runs in here but on the
/// greenlets' own stacks: what it did would be nobody's.
fn hub<T: 'static>(family: &Rc<Family>) -> Message<T> {
    let outcome = Cell::new(None::<Message<T>>);
    let _away = Away::begin(family, TypeId::of::<T>());
    let mut next = take_next(family);
    while !next.is_main() {
        // Subtle: whoever went before lives until its message was taken, even if this is its last handle.
        let previous = family.current.replace(Some(Rc::clone(&next)));
        let desk = Desk::new(family.message.get(), (&raw const outcome).cast(), previous);
        // SAFETY: `check` has compared the owner, which runs this, and the type. It is alive; one that runs
        // is never next, but for itself, and then nobody switches.
        let step = unsafe { next.resume(&desk) };
        if step == Step::Finished {
            // Subtle: made in a queue's lock, it may have a parent from outside, which must not run in there.
            let parent = next.living_parent();
            let parent = parent.filter(|node| node.is_main() || node.locks == Locks::now());
            let parent = parent.unwrap_or_else(|| Rc::clone(&family.main));
            family.next.replace(Some(parent));
            family.message.set((&raw const outcome).cast());
        }
        next = take_next(family);
    }
    // SAFETY: whoever switched to the main one carries `T`, and is suspended beside its message, or has
    // ended and left it in `outcome`.
    take(unsafe { &*family.message.get().cast::<Cell<Option<Message<T>>>>() })
}

fn take_next(family: &Family) -> Rc<Node> {
    family
        .next
        .take()
        .expect("because who suspends or ends has said who is next")
}

impl GreenletExit {
    /// As a message.
    pub(super) fn message<T>() -> Message<T> {
        Message::Raise(Box::new(GreenletExit::begin()))
    }
}
