//! Links: callbacks that run when a greenlet has ended, each in a green thread of its own.
//!
//! Kept in a list until the end, which takes it as a whole; a link that comes later runs at once. The
//! outcome is written before the list is closed, so every callback finds the greenlet ready.

use super::greenlet::Greenlet;
use super::shared::{Fault, Shared};
use crate::thread::Builder;
use std::panic::Location;
use std::sync::Arc;

/// Names a link, to take it off again. Source: gevent's `unlink(callback)`, which compares functions.
///
/// # Examples
/// ```
/// use greenroom::gevent::{self, LinkId};
/// let greenlet = gevent::spawn(greenroom::thread::park);
/// let id: LinkId = greenlet.link(|_| ());
/// assert!(greenlet.unlink(id));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkId(u64);

/// Which ends a callback is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    Any,
    /// A value or a kill.
    Success,
    Exception,
}

type Callback<T> = Box<dyn FnOnce(Greenlet<T>) + Send>;

pub(super) struct Link<T> {
    id: LinkId,
    on: On,
    callback: Callback<T>,
    /// Where it was linked: there its green thread says that it was spawned.
    place: &'static Location<'static>,
}

impl<T> Link<T> {
    #[track_caller]
    pub(super) fn new(on: On, callback: Callback<T>) -> Link<T> {
        Link {
            id: LinkId(0),
            on,
            callback,
            place: Location::caller(),
        }
    }

    /// Whether it is for an end as that of `shared`.
    pub(super) fn is_meant(&self, shared: &Shared<T>) -> bool {
        let has_raised = matches!(shared.outcome.get(), Some(Err(Fault::Raised(_))));
        match self.on {
            On::Any => true,
            On::Success => !has_raised,
            On::Exception => has_raised,
        }
    }
}

pub(super) struct Links<T> {
    waiting: Vec<Link<T>>,
    is_over: bool,
    next_id: u64,
}

impl<T> Links<T> {
    pub(super) fn new() -> Links<T> {
        Links {
            waiting: Vec::new(),
            is_over: false,
            next_id: 0,
        }
    }

    /// Keeps a link; the link back, if the greenlet has ended.
    pub(super) fn add(&mut self, mut link: Link<T>) -> (LinkId, Option<Link<T>>) {
        let id = LinkId(self.next_id);
        self.next_id += 1;
        if self.is_over {
            return (id, Some(link));
        }
        link.id = id;
        self.waiting.push(link);
        (id, None)
    }

    pub(super) fn remove(&mut self, id: LinkId) -> Option<Link<T>> {
        let place = self.waiting.iter().position(|link| link.id == id)?;
        Some(self.waiting.remove(place))
    }

    /// All that wait; later ones wait as before.
    pub(super) fn take_all(&mut self) -> Vec<Link<T>> {
        std::mem::take(&mut self.waiting)
    }

    /// All that wait; later ones are given back.
    pub(super) fn end(&mut self) -> Vec<Link<T>> {
        self.is_over = true;
        self.take_all()
    }
}

/// Runs a link of a greenlet that has ended. Never parks.
pub(super) fn run_link<T: Send + Sync + 'static>(shared: &Arc<Shared<T>>, link: Link<T>) {
    let greenlet = Greenlet::of(Arc::clone(shared));
    let builder = Builder::new()
        .name(format!("link of {}", shared.name))
        .at(link.place);
    let callback = link.callback;
    if let Err(error) = builder.spawn(move || callback(greenlet)) {
        log::warn!("no green thread for a link of '{}': {error}", shared.name);
    }
}
